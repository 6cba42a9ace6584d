package display

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Handle is something shown that can be replaced. As the last expression of a cell it shows nothing more.
type Handle struct {
	id   string
	make func(v any) (data, metadata map[string]any)
}

// Update replaces what the handle shows. A string given to a handle of HTML, Markdown, LaTeX or SVG is taken as
// that; any other value is shown as [Show] would.
func (h *Handle) Update(v any) error {
	if h == nil || h.id == "" {
		return errors.New("display: this handle shows nothing that could be replaced")
	}
	data, metadata := h.make(v)
	if data == nil {
		return errors.New("display: Update wants a value, such as the text of an HTML; this one was shown in its own place already")
	}
	return sink().Update(data, metadata, h.id)
}

// show displays v and returns its handle.
func show(v any, make func(v any) (data, metadata map[string]any)) *Handle {
	data, metadata := make(v)
	if data == nil { // a handle: what it shows has been shown
		h, _ := v.(*Handle)
		return h
	}
	h := &Handle{id: newID(), make: make}
	if err := sink().Display(data, metadata, h.id); err != nil {
		// A cell has no use for this error: the session's pipe is gone and with it the reader of any answer.
		return h
	}
	return h
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Show shows values the way [Bundle] says, each as an output of its own. The handle is that of the last one.
func Show(v ...any) *Handle {
	var h *Handle
	for _, x := range v {
		h = show(x, Bundle)
	}
	return h
}

// HTML shows a piece of HTML. It is the caller's to escape what comes from elsewhere (html.EscapeString).
func HTML(s string) *Handle { return show(s, textual(htmlBundle)) }

// Markdown shows Markdown, formulas between dollar signs included.
func Markdown(s string) *Handle { return show(s, textual(sourceBundle("text/markdown"))) }

// LaTeX shows a formula; one without delimiters of its own stands in a line of its own.
func LaTeX(s string) *Handle { return show(s, textual(latexBundle)) }

// SVG shows a vector image.
func SVG(s string) *Handle { return show(s, textual(svgBundle)) }

// JavaScript runs a script in the page. A page that does not trust the notebook shows the text in its place.
func JavaScript(s string) *Handle {
	return show(s, textual(func(s string) map[string]any {
		return map[string]any{"application/javascript": s, plain: fmt.Sprintf("JavaScript, %d bytes", len(s))}
	}))
}

// PNG shows an image in PNG's format. An image.Image is shown by [Show].
func PNG(b []byte) *Handle { return show(b, picture("image/png", "PNG")) }

// JPEG shows an image in JPEG's format.
func JPEG(b []byte) *Handle { return show(b, picture("image/jpeg", "JPEG")) }

// JSON shows v as a tree that can be unfolded; a string that holds an object or a list of JSON is taken as that. What
// encoding/json refuses is shown as [Show] would, with the reason.
func JSON(v any) *Handle { return show(v, jsonBundle) }

// VegaLite shows a Vega-Lite specification: JSON as a string or []byte, or a value that encodes to it.
func VegaLite(spec any) *Handle { return show(spec, vegaBundle) }

// textual makes a bundle of a string by f and of anything else by Bundle.
func textual(f func(string) map[string]any) func(any) (map[string]any, map[string]any) {
	return func(v any) (map[string]any, map[string]any) {
		if s, ok := v.(string); ok {
			return f(s), nil
		}
		return Bundle(v)
	}
}

func htmlBundle(s string) map[string]any {
	return map[string]any{"text/html": s, plain: textOf(s)}
}

func sourceBundle(mime string) func(string) map[string]any {
	return func(s string) map[string]any { return map[string]any{mime: s, plain: s} }
}

func latexBundle(s string) map[string]any {
	body := strings.TrimSpace(s)
	if !strings.HasPrefix(body, "$") && !strings.HasPrefix(body, `\(`) && !strings.HasPrefix(body, `\[`) && !strings.HasPrefix(body, `\begin`) {
		body = "$$" + body + "$$"
	}
	return map[string]any{"text/latex": body, plain: s}
}

func svgBundle(s string) map[string]any {
	if !strings.Contains(s, "<svg") && !strings.Contains(s, ":svg") {
		return map[string]any{plain: fmt.Sprintf("display.SVG: these %d bytes have no <svg> element", len(s))}
	}
	return map[string]any{"image/svg+xml": s, plain: fmt.Sprintf("SVG image, %d bytes", len(s))}
}

// picture makes a bundle of an image's file, and of anything else by Bundle.
func picture(mime, name string) func(any) (map[string]any, map[string]any) {
	return func(v any) (map[string]any, map[string]any) {
		if b, ok := v.([]byte); ok {
			if t, _ := imageType(b); t != mime {
				return map[string]any{plain: fmt.Sprintf("display.%s: these %d bytes are no image in this format", name, len(b))}, nil
			}
		}
		return Bundle(v)
	}
}
