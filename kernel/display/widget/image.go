package widget

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strings"
)

// Picture is an image.
type Picture struct{ *Model }

// Image shows a picture: an image.Image, or the bytes of a PNG, JPEG, GIF, WebP or SVG file.
func Image(v any) *Picture {
	w := &Picture{newModel("Image")}
	w.SetValue(v)
	return w
}

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Picture) Set(trait string, v any) *Picture { w.set(trait, v); return w }

// SetValue shows another picture; see [Image].
func (w *Picture) SetValue(v any) {
	format, b := "png", []byte(nil)
	switch v := v.(type) {
	case image.Image:
		var buf bytes.Buffer
		if err := png.Encode(&buf, v); err != nil {
			panic(fault("the image cannot be shown: %v", err))
		}
		b = buf.Bytes()
	case []byte:
		b = slices.Clone(v)
		kind, name, _ := strings.Cut(http.DetectContentType(v), "/")
		switch {
		case kind == "image":
			format = name
		case bytes.Contains(v[:min(len(v), 1024)], []byte("<svg")):
			format = "svg+xml"
		default:
			panic(fault("these %d bytes are no picture in PNG, JPEG, GIF, WebP or SVG", len(v)))
		}
	default:
		panic(fault("a picture is an image.Image or bytes, not a %T", v))
	}
	if err := w.change(map[string]any{"format": format, "value": b}, nil); err != nil {
		panic(err)
	}
}
