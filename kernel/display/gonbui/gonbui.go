// Package gonbui has the names of the package of GoNB, another Go kernel, by which its notebooks show things and ask for
// input; they do it by package display. In a cell it has the import path of GoNB's, so that such notebooks run unchanged.
//
// There is nothing of GoNB's widgets and messages between the page and a cell (SendData, OnCommValueUpdate, and the packages
// below gonbui).
package gonbui

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log"
	"strings"

	"github.com/godlas/godlas/kernel/display"
)

var (
	// IsNotebook says that what is shown has a notebook to appear in. Without one the functions here do nothing. A
	// session sets it.
	IsNotebook bool
	// Debug switches Logf on.
	Debug bool
)

// Logf logs a message if Debug is set.
func Logf(format string, args ...any) {
	if Debug {
		log.Printf(format, args...)
	}
}

// Error is nil: the session and its notebook end together.
func Error() error { return nil }

// Open fails where there is no notebook. It need not be called.
func Open() error {
	if !IsNotebook {
		return errors.New("gonbui: there is no notebook")
	}
	return nil
}

// Sync does nothing: what a cell shows is on its way, and in order, when the function that shows it returns.
func Sync() {}

// UniqueId makes a name for UpdateHTML that is not in use.
func UniqueId() string { return display.NewID()[:8] }

// UniqueID is UniqueId.
func UniqueID() string { return UniqueId() }

// DisplayHTML shows a piece of HTML.
func DisplayHTML(html string) {
	if IsNotebook {
		display.HTML(html)
	}
}

// DisplayHtml is DisplayHTML.
func DisplayHtml(html string) { DisplayHTML(html) }

// DisplayHTMLF shows HTML that is formatted as by fmt.Sprintf.
func DisplayHTMLF(htmlFormat string, args ...any) { DisplayHTML(fmt.Sprintf(htmlFormat, args...)) }

// DisplayHtmlf is DisplayHTMLF.
func DisplayHtmlf(htmlFormat string, args ...any) { DisplayHTMLF(htmlFormat, args...) }

// DisplayMarkdown shows Markdown, formulas between dollar signs included.
func DisplayMarkdown(markdown string) {
	if IsNotebook {
		display.Markdown(markdown)
	}
}

// UpdateHTML shows HTML as the output with the name id: the first time in a cell as new output, later in its place.
func UpdateHTML(id, html string) {
	if IsNotebook {
		display.Named(id).HTML(html)
	}
}

// UpdateHtml is UpdateHTML.
func UpdateHtml(id, html string) { UpdateHTML(id, html) }

// UpdateMarkdown is UpdateHTML for Markdown.
func UpdateMarkdown(id, markdown string) {
	if IsNotebook {
		display.Named(id).Markdown(markdown)
	}
}

// DisplayPng shows an image in PNG's format.
func DisplayPng(png []byte) {
	if IsNotebook {
		display.PNG(png)
	}
}

// DisplayPNG is DisplayPng.
func DisplayPNG(png []byte) { DisplayPng(png) }

// DisplayImage shows an image.
func DisplayImage(image image.Image) error {
	b, err := encode(image)
	if err == nil {
		DisplayPng(b)
	}
	return err
}

// DisplaySvg shows a vector image.
func DisplaySvg(svg string) {
	if IsNotebook {
		display.SVG(svg)
	}
}

// DisplaySVG is DisplaySvg.
func DisplaySVG(svg string) { DisplaySvg(svg) }

// EmbedImageAsPNGSrc returns an image as the src of an <img> of HTML.
func EmbedImageAsPNGSrc(img image.Image) (string, error) {
	b, err := encode(img)
	if err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b), nil
}

func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("gonbui: image as PNG: %w", err)
	}
	return b.Bytes(), nil
}

// ScriptJavascript runs a script in the page that shows the notebook.
func ScriptJavascript(js string) {
	if IsNotebook {
		display.Show(script(js))
	}
}

type script string

func (s script) MimeBundle() map[string]any {
	return map[string]any{"application/javascript": string(s), "text/plain": fmt.Sprintf("JavaScript, %d lines", strings.Count(string(s), "\n")+1)}
}

// RequestInput asks the user for a line, which the cell then reads from its standard input. Where the notebook's client takes
// none, there is nothing to read.
func RequestInput(prompt string, password bool) {
	if !IsNotebook {
		return
	}
	ask := display.Input
	if password {
		ask = display.Password
	}
	if line, err := ask(prompt); err == nil {
		display.Typed(line)
	}
}
