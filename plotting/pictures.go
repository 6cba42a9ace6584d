package plotting

import (
	"fmt"
	"image"
	"math"

	xdraw "golang.org/x/image/draw"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas/ir"
)

// maxPictures is how many pictures a figure may have.
const maxPictures = 400

// Samples draws pictures in rows with a label under each. There may be fewer
// labels than pictures. The title, such as "fashion-mnist, test", goes into the
// caption.
func Samples(title string, pictures []image.Image, labels []string) (*Figure, error) {
	if len(pictures) == 0 {
		return nil, &ir.Error{What: "there is no picture to show"}
	}
	if len(pictures) > maxPictures {
		return nil, &ir.Error{What: fmt.Sprintf("%d pictures do not fit in a figure", len(pictures)), Try: fmt.Sprintf("at most %d do", maxPictures)}
	}
	columns := min(len(pictures), 8)
	if len(pictures) > 64 {
		columns = 16
	}
	f := &Figure{Kind: "samples", Width: DefaultWidth, font: DefaultFont, Columns: []string{"picture", "label"}}
	gap := f.font * 0.6
	sty := align(textStyle(f.font*0.85, ink), draw.XCenter, draw.YBottom)
	cell := (f.Width - f.font*1.4 - gap*vg.Length(columns-1)) / vg.Length(columns)
	if columns < 4 {
		cell = min(cell, 36*vg.Millimeter)
	}
	below := vg.Length(0)
	if len(labels) > 0 {
		below = lineHeight(sty.Font.Size)
	}
	for i := range pictures {
		if i < len(labels) {
			f.Rows = append(f.Rows, []string{fmt.Sprint(i), clean(labels[i])})
		} else {
			f.Rows = append(f.Rows, []string{fmt.Sprint(i), ""})
		}
	}
	f.Caption = clean(fmt.Sprintf("%s: n = %d", title, len(pictures)))
	rows := (len(pictures) + columns - 1) / columns
	// All pictures are drawn as one sheet: vgpdf writes several of one size in a
	// random order.
	dots := 96 / float64(cell)
	at := func(i int) vg.Point {
		return vg.Point{X: vg.Length(i%columns) * (cell + gap), Y: vg.Length(i/columns) * (cell + below + gap)}
	}
	end := vg.Point{X: vg.Length(columns)*(cell+gap) - gap, Y: vg.Length(rows)*(cell+below+gap) - gap - below}
	sheet := image.NewNRGBA(image.Rect(0, 0, int(math.Round(float64(end.X)*dots)), int(math.Round(float64(end.Y)*dots))))
	xdraw.Draw(sheet, sheet.Rect, image.White, image.Point{}, xdraw.Src)
	for i, p := range pictures {
		x, y := int(math.Round(float64(at(i).X)*dots)), int(math.Round(float64(at(i).Y)*dots))
		place(sheet, p, image.Rect(x, y, x+96, y+96))
	}
	f.body = func(c draw.Canvas) {
		c.DrawImage(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: c.Max.Y - end.Y}, Max: vg.Point{X: c.Min.X + end.X, Y: c.Max.Y}}, sheet)
		for i := range labels[:min(len(labels), len(pictures))] {
			p := at(i)
			c.FillText(sty, vg.Point{X: c.Min.X + p.X + cell/2, Y: c.Max.Y - p.Y - cell - below}, fit(clean(labels[i]), sty, cell+gap*0.8))
		}
	}
	return f.finish(vg.Length(rows)*(cell+below) + vg.Length(rows-1)*gap), nil
}

// Prediction draws a picture beside the names that a network gives it, the
// likeliest first, with their probabilities as fractions. truth is the true
// name, or empty where it is not known.
func Prediction(title string, picture image.Image, names []string, probabilities []float64, truth string) (*Figure, error) {
	if picture == nil {
		return nil, &ir.Error{What: "there is no picture to show"}
	}
	if len(names) == 0 || len(names) != len(probabilities) {
		return nil, &ir.Error{What: fmt.Sprintf("%d names with %d probabilities", len(names), len(probabilities))}
	}
	const most = 10
	names, probabilities = names[:min(most, len(names))], probabilities[:min(most, len(probabilities))]
	f := &Figure{Kind: "prediction", Width: DefaultWidth, font: DefaultFont, Columns: []string{"rank", "class", "probability (%)"}}
	b := &barPlot{font: f.font}
	for i, p := range probabilities {
		s := style{colour: okabeIto[5], hatch: 0}
		if names[i] == truth {
			s = style{colour: okabeIto[2], hatch: 1}
		}
		b.names = append(b.names, names[i])
		b.bars = append(b.bars, bar{row: float64(i), high: 0.72, value: Value{100 * p, 100 * p, 100 * p}, style: s, text: fmt.Sprintf("%.1f %%", 100*p)})
		f.Rows = append(f.Rows, []string{fmt.Sprint(i + 1), clean(names[i]), csvNumber(100 * p)})
	}
	caption := title + ": n = 1"
	switch {
	case truth == "":
	case truth == names[0]:
		caption += ", right: " + truth
	default:
		caption += ", wrong: it is " + truth
	}
	f.Caption = clean(caption)
	if truth != "" {
		f.legend = append(f.legend, barEntry(style{colour: okabeIto[2], hatch: 1}, "true class"), barEntry(style{colour: okabeIto[5]}, "other"))
	}
	height := max(barRows(float64(len(names)), f.font), 34*vg.Millimeter)
	side := min(height, f.Width*0.36)
	p := newBarPlot(b, Metric{Name: "probability", Label: "Probability (%)"}, f.Width-side)
	p.X.Max = 100
	f.Plots = []*plot.Plot{p}
	large := enlarged(picture, 192)
	f.body = func(c draw.Canvas) {
		drawPicture(&c, large, vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: c.Max.Y - side}, Max: vg.Point{X: c.Min.X + side, Y: c.Max.Y}})
		c.Min.X += side + f.font*1.5
		p.Draw(c)
	}
	return f.finish(height), nil
}

// drawPicture draws a picture as large as fits into a rectangle, in its middle.
func drawPicture(c *draw.Canvas, m image.Image, r vg.Rectangle) {
	w, h := vg.Length(m.Bounds().Dx()), vg.Length(m.Bounds().Dy())
	if w == 0 || h == 0 {
		return
	}
	scale := min((r.Max.X-r.Min.X)/w, (r.Max.Y-r.Min.Y)/h)
	mid := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
	half := vg.Point{X: w * scale / 2, Y: h * scale / 2}
	box := vg.Rectangle{Min: mid.Sub(half), Max: mid.Add(half)}
	c.DrawImage(box, m)
	c.SetLineStyle(draw.LineStyle{Color: faint, Width: 0.5})
	c.Stroke(box.Path())
}

// enlarged repeats the pixels of a small picture until it is at least size
// pixels wide or high, so that what draws it does not blur them.
func enlarged(m image.Image, size int) image.Image {
	b := m.Bounds()
	long := max(b.Dx(), b.Dy())
	if long == 0 {
		return m
	}
	scale := float64(max(1, (size+long-1)/long))
	if long > 4*size {
		scale = float64(4*size) / float64(long)
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(1, int(float64(b.Dx())*scale)), max(1, int(float64(b.Dy())*scale))))
	place(out, m, out.Rect)
	return out
}

// place draws a picture as large as fits into a part of another, in its middle
// and with the nearest of its pixels.
func place(to *image.NRGBA, m image.Image, r image.Rectangle) {
	b := m.Bounds()
	if b.Empty() || r.Empty() {
		return
	}
	scale := min(float64(r.Dx())/float64(b.Dx()), float64(r.Dy())/float64(b.Dy()))
	w, h := max(1, int(float64(b.Dx())*scale)), max(1, int(float64(b.Dy())*scale))
	x0, y0 := r.Min.X+(r.Dx()-w)/2, r.Min.Y+(r.Dy()-h)/2
	xdraw.NearestNeighbor.Scale(to, image.Rect(x0, y0, x0+w, y0+h), m, b, xdraw.Over, nil)
}
