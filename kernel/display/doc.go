// Package display shows things under a notebook cell.
//
//	display.HTML("<b>bold</b>")
//	h := display.Show(img)            // anything: see [Bundle] for what a value looks like
//	h.Update(next)                    // replaces what h shows, also from a later cell
//	p := display.Progress(len(work))  // one live line with rate and time left
//	name, err := display.Input("Your name? ")
//
// A type shows itself by having a method MimeBundle() map[string]any, from MIME type to content; [Register] adds
// renderers for types of other packages. What is shown always carries a text/plain form.
//
// Outside a notebook (an ordinary program, go test) the text/plain form is printed to standard output.
package display
