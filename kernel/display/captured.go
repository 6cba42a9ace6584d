package display

import (
	"fmt"
	"os"
	"strings"
)

// Captured is output of a cell that was kept back, in order.
type Captured struct{ Parts []Part }

// Part is one piece of output: text of a stream, or something shown.
type Part struct {
	Stream         string // "stdout" or "stderr"; empty for what was shown
	Text           string // of the stream
	Data, Metadata map[string]any
	ID             string // of what was shown, for updates
}

// Stdout is what was printed to standard output.
func (c *Captured) Stdout() string { return c.stream("stdout") }

// Stderr is what was printed to standard error.
func (c *Captured) Stderr() string { return c.stream("stderr") }

func (c *Captured) stream(name string) string {
	var b strings.Builder
	if c != nil {
		for _, p := range c.Parts {
			if p.Stream == name {
				b.WriteString(p.Text)
			}
		}
	}
	return b.String()
}

// Text is all of it as text: of what was shown, the source if it is HTML or Markdown, else the text form.
func (c *Captured) Text() string {
	var b strings.Builder
	if c != nil {
		for _, p := range c.Parts {
			b.WriteString(p.String())
		}
	}
	return b.String()
}

// String is the part as text; what was shown ends in a newline.
func (p Part) String() string {
	if p.Stream != "" {
		return p.Text
	}
	for _, mime := range []string{"text/html", "text/markdown", plain} {
		if s, ok := p.Data[mime].(string); ok {
			return strings.TrimSuffix(s, "\n") + "\n"
		}
	}
	return ""
}

// String is Text.
func (c *Captured) String() string { return c.Text() }

// Show gives it out: what was printed is printed, and what was shown is shown.
func (c *Captured) Show() {
	if c == nil {
		return
	}
	for _, p := range c.Parts {
		switch s, ok := sink().(interface{ Print(stream, text string) }); {
		case p.Stream == "":
			_ = sink().Display(p.Data, p.Metadata, p.ID) // as for show: the error has no reader
		case ok:
			s.Print(p.Stream, p.Text)
		case p.Stream == "stderr":
			fmt.Fprint(os.Stderr, p.Text)
		default:
			fmt.Fprint(os.Stdout, p.Text)
		}
	}
}
