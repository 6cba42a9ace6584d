// Package plotting draws the figures of results: an accuracy against a latency,
// the time of a network's nodes, bars, confusion matrices, pictures with what a
// network makes of them. A figure is SVG, PNG, PDF and CSV of the same numbers,
// and the same results give the same bytes.
//
// Every figure names quantity and unit on its axes, has whiskers for intervals,
// says n in its caption and can be read in grey and by the colour-blind. It
// brings its own white paper, so that it is readable on a dark page too.
package plotting

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas/ir"
)

// Figure is a finished figure. Its plots may still be changed before it is
// shown or saved, for example to set a title.
type Figure struct {
	Kind    string       // name of the kind, such as pareto
	Plots   []*plot.Plot // the panels, in reading order
	Width   vg.Length
	Height  vg.Length
	Caption string
	Columns []string   // names of the numbers drawn
	Rows    [][]string // the numbers drawn, a row a mark
	Meta    []Property // what the figure was made from, written into the files

	legend []entry
	font   vg.Length
	body   func(c draw.Canvas) // draws the panels; nil: one plot
}

// Property is a named piece of a figure's metadata.
type Property struct{ Name, Value string }

// entry is a line of a legend.
type entry struct {
	text string
	draw func(c *draw.Canvas, r vg.Length, at vg.Point)
}

// layout says where the parts of a figure lie, in points from the bottom.
type layout struct {
	margin  vg.Length
	caption []string
	legend  [][]entry // lines
	body    vg.Length // height of the panels
	height  vg.Length // of everything
}

// lineHeight is the distance of lines of a font size.
func lineHeight(size vg.Length) vg.Length { return size * 1.35 }

func (f *Figure) captionStyle() draw.TextStyle { return textStyle(f.font*0.9, soft) }

// place breaks legend and caption into lines below a body of some height.
func (f *Figure) place(body vg.Length) layout {
	l := layout{margin: f.font * 0.7, body: body}
	width := f.Width - 2*l.margin
	l.caption = wrap(f.Caption, f.captionStyle(), width)
	x := width
	for _, e := range f.legend {
		e.text = fit(e.text, textStyle(f.font*0.95, ink), width-f.font*2)
		w := f.entryWidth(e)
		if x+w > width && (x > 0 || len(l.legend) == 0) {
			l.legend, x = append(l.legend, nil), 0
		}
		last := len(l.legend) - 1
		l.legend[last] = append(l.legend[last], e)
		x += w
	}
	l.height = body + 2*l.margin
	if n := len(l.legend); n > 0 {
		l.height += lineHeight(f.font*0.95)*vg.Length(n) + f.font*0.5
	}
	if n := len(l.caption); n > 0 {
		l.height += lineHeight(f.font*0.9)*vg.Length(n) + f.font*0.5
	}
	return l
}

func (f *Figure) entryWidth(e entry) vg.Length {
	return f.font*2.7 + textStyle(f.font*0.95, ink).Width(e.text)
}

// finish sets the height from that of the body.
func (f *Figure) finish(body vg.Length) *Figure {
	f.Height = f.place(body).height
	return f
}

// Draw draws the figure on a canvas of its width and height.
func (f *Figure) Draw(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	if f.body == nil && f.font == 0 {
		// A plot of the user's own is as gonum draws it, with a border that keeps its text off the edge of the paper.
		const border = 2 * vg.Millimeter
		f.Plots[0].Draw(draw.Crop(c, border, -border, border, -border))
		return
	}
	l := f.place(0)
	l = f.place(f.Height - l.height)
	y := c.Min.Y + l.margin
	style := f.captionStyle()
	for i := len(l.caption) - 1; i >= 0; i-- {
		c.FillText(style, vg.Point{X: c.Min.X + l.margin, Y: y}, l.caption[i])
		y += lineHeight(f.font * 0.9)
	}
	if len(l.caption) > 0 {
		y += f.font * 0.5
	}
	style = textStyle(f.font*0.95, ink)
	for i := len(l.legend) - 1; i >= 0; i-- {
		x := c.Min.X + l.margin
		for _, e := range l.legend[i] {
			e.draw(&c, f.font*0.36, vg.Point{X: x + f.font*0.7, Y: y + style.Font.Size*0.36})
			c.FillText(style, vg.Point{X: x + f.font*1.8, Y: y}, e.text)
			x += f.entryWidth(e)
		}
		y += lineHeight(f.font * 0.95)
	}
	if len(l.legend) > 0 {
		y += f.font * 0.5
	}
	body := c
	body.Rectangle = vg.Rectangle{
		Min: vg.Point{X: c.Min.X + l.margin, Y: y},
		Max: vg.Point{X: c.Max.X - l.margin, Y: c.Max.Y - l.margin},
	}
	if f.body != nil {
		f.body(body)
	} else {
		f.Plots[0].Draw(body)
	}
}

// CSV returns the numbers drawn, with a line of names first.
func (f *Figure) CSV() ([]byte, error) {
	if len(f.Columns) == 0 {
		return nil, &ir.Error{What: fmt.Sprintf("a %s figure has no numbers to save", f.Kind), Try: "save it as svg, png or pdf"}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{f.Columns}, f.Rows...)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Save writes the figure to a file, as its extension says: svg, png, pdf or csv.
func (f *Figure) Save(path string) error {
	var data []byte
	var err error
	switch ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")); ext {
	case "svg":
		data, err = f.SVG()
	case "png":
		data, err = f.PNG()
	case "pdf":
		data, err = f.PDF()
	case "csv":
		data, err = f.CSV()
	default:
		return &ir.Error{What: fmt.Sprintf("a figure cannot be saved as %q", filepath.Base(path)), Try: "end the name in .svg, .png, .pdf or .csv"}
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return &ir.Error{What: "cannot write " + path, Err: err}
	}
	return nil
}

// MimeBundle shows the figure under a cell: as SVG with a PNG beside it.
func (f *Figure) MimeBundle() map[string]any {
	m := map[string]any{"text/plain": f.String()}
	svg, err := f.SVG()
	if err != nil {
		m["text/plain"] = f.Kind + ": " + err.Error()
		return m
	}
	m["image/svg+xml"] = string(svg)
	if png, err := f.PNG(); err == nil {
		m["image/png"] = base64String(png)
	}
	return m
}

// String is the figure where there are no pictures: kind, size and caption.
func (f *Figure) String() string {
	s := fmt.Sprintf("%s (%.0f x %.0f mm)", f.Kind, f.Width/vg.Millimeter, f.Height/vg.Millimeter)
	if f.Caption != "" {
		s += ": " + f.Caption
	}
	return s
}

// markerEntry is a legend line with a marker.
func markerEntry(s style, text string) entry {
	return entry{text: clean(text), draw: func(c *draw.Canvas, r vg.Length, at vg.Point) { drawMarker(c, s, r, at) }}
}

// barEntry is a legend line with a piece of a bar.
func barEntry(s style, text string) entry {
	return entry{text: clean(text), draw: func(c *draw.Canvas, r vg.Length, at vg.Point) {
		drawBar(c, s, vg.Rectangle{Min: vg.Point{X: at.X - r*1.9, Y: at.Y - r}, Max: vg.Point{X: at.X + r*1.9, Y: at.Y + r}})
	}}
}

// lineEntry is a legend line with a line.
func lineEntry(l draw.LineStyle, text string) entry {
	return entry{text: text, draw: func(c *draw.Canvas, r vg.Length, at vg.Point) {
		c.StrokeLine2(l, at.X-r*1.9, at.Y, at.X+r*1.9, at.Y)
	}}
}

func greyed(s style) style {
	s.colour = color.NRGBA(grey)
	return s
}
