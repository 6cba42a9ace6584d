package plotting

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxClasses is how many classes a matrix can show with their names.
const maxClasses = 40

// confusion draws how often each class was taken for each.
func confusion(rs []*dlas.Result, o Options) (*Figure, error) {
	if o.X != "" || o.Y != "" || o.Colour != "" || o.Panel != "" {
		return nil, &ir.Error{What: "confusion has no x=, y=, colour= or panel=", Try: "it has width= and font="}
	}
	if len(rs) != 1 {
		return nil, &ir.Error{What: fmt.Sprintf("confusion draws one result, not %d", len(rs)), Try: "name the one to draw"}
	}
	r := rs[0]
	if r.Seen == nil || len(r.Seen.Classes) == 0 {
		return nil, &ir.Error{What: "this result has no predicted classes", Try: "it needs data with labels and a trained model"}
	}
	classes := r.Seen.Classes
	if len(classes) > maxClasses {
		return nil, &ir.Error{What: fmt.Sprintf("confusion can show %d classes, and these are %d", maxClasses, len(classes))}
	}
	if len(r.Seen.Predicted) != len(r.Seen.Labels) {
		return nil, &ir.Error{What: fmt.Sprintf("%d predictions for %d labels", len(r.Seen.Predicted), len(r.Seen.Labels))}
	}
	m := &matrix{n: len(classes), count: make([]int, len(classes)*len(classes)), font: o.Font}
	images, right := 0, 0
	for i, want := range r.Seen.Labels {
		got := r.Seen.Predicted[i]
		if want < 0 {
			continue
		}
		if want >= m.n || got < 0 || got >= m.n {
			return nil, &ir.Error{What: fmt.Sprintf("class %d or %d is not one of %d", want, got, m.n)}
		}
		m.count[want*m.n+got]++
		images++
		if want == got {
			right++
		}
	}
	if images == 0 {
		return nil, &ir.Error{What: "no image of this result has a label"}
	}
	f := &Figure{
		Width: o.Width, font: o.Font, Columns: []string{"true class", "predicted class", "images", "share of the true class (%)"},
		Caption: clean(fmt.Sprintf("%s: n = %s images, %s right (%.2f %%). A row is a true class and sums to 100 %%.",
			labelsOf(rs)[0], thousands(images), thousands(right), 100*float64(right)/float64(images))),
	}
	ticks := plot.ConstantTicks{}
	downTicks := plot.ConstantTicks{}
	for i, name := range classes {
		for j, other := range classes {
			f.Rows = append(f.Rows, []string{clean(name), clean(other), fmt.Sprint(m.count[i*m.n+j]), csvNumber(100 * m.share(i, j))})
		}
		short := fit(clean(name), textStyle(o.Font*0.92, ink), o.Font*7)
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: short})
		downTicks = append(downTicks, plot.Tick{Value: -float64(i), Label: short})
	}
	p := newPlot(o.Font)
	p.X.Label.Text, p.Y.Label.Text = "Predicted class", "True class"
	p.X.Min, p.X.Max = -0.5, float64(m.n)-0.5
	p.Y.Min, p.Y.Max = -float64(m.n)+0.5, 0.5
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks, downTicks
	p.X.Tick.Label.Rotation = math.Pi / 4
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YTop
	p.X.Tick.Length, p.Y.Tick.Length = o.Font*0.2, o.Font*0.2
	p.Add(m)

	bar := newPlot(o.Font)
	bar.HideX()
	bar.Y.Label.Text = "Share of the true class (%)"
	bar.Y.Min, bar.Y.Max = 0, 100
	bar.X.Min, bar.X.Max = 0, 1
	bar.Add(colourBar{})
	f.Plots = []*plot.Plot{p, bar}

	f.body = func(c draw.Canvas) {
		left, right := c, c
		left.Max.X -= o.Font * 7
		right.Min.X = left.Max.X + o.Font*1.5
		left.Rectangle = squareData(p, left)
		// The bar stands beside the matrix, at its height.
		data := p.DataCanvas(left)
		own := bar.DataCanvas(right)
		right.Min.Y += data.Min.Y - own.Min.Y
		right.Max.Y += data.Max.Y - own.Max.Y
		right.Max.X = right.Min.X + o.Font*5
		p.Draw(left)
		bar.Draw(right)
	}
	names := vg.Length(0)
	for _, t := range ticks {
		names = max(names, textStyle(o.Font*0.92, ink).Width(t.Label))
	}
	side := o.Width - o.Font*1.4 - o.Font*7 - names - o.Font*2.5
	return f.finish(side + names*0.72 + o.Font*2.4), nil
}

// squareData shrinks a plot's canvas so that its data area is square.
func squareData(p *plot.Plot, c draw.Canvas) vg.Rectangle {
	d := p.DataCanvas(c)
	w, h := d.Max.X-d.Min.X, d.Max.Y-d.Min.Y
	if w > h {
		c.Max.X -= w - h
	} else {
		c.Min.Y += h - w
	}
	return c.Rectangle
}

// matrix draws the counts, row by row from the top.
type matrix struct {
	n     int
	count []int // of true class i taken for j at i*n+j
	font  vg.Length
}

func (m *matrix) share(i, j int) float64 {
	sum := 0
	for _, n := range m.count[i*m.n : (i+1)*m.n] {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	return float64(m.count[i*m.n+j]) / float64(sum)
}

// Plot implements plot.Plotter.
func (m *matrix) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	// One size of text, at which the largest count fits.
	side := trX(1) - trX(0)
	sty := align(textStyle(m.font*0.82, ink), draw.XCenter, draw.YCenter)
	if w := sty.Width(thousands(slices.Max(m.count))); w > side*0.9 {
		sty.Font.Size *= max(side*0.9/w, 0.6)
	}
	for i := range m.n {
		for j := range m.n {
			r := vg.Rectangle{
				Min: vg.Point{X: trX(float64(j) - 0.5), Y: trY(-float64(i) - 0.5)},
				Max: vg.Point{X: trX(float64(j) + 0.5), Y: trY(-float64(i) + 0.5)},
			}
			s := m.share(i, j)
			c.SetColor(shade(s))
			c.Fill(r.Path())
			// Counts are written where they fit and say something.
			n := m.count[i*m.n+j]
			text := thousands(n)
			if n == 0 || sty.Width(text) > side*0.95 || sty.Font.Size > side {
				continue
			}
			sty.Color = ink
			if s > 0.45 {
				sty.Color = paper
			}
			c.FillText(sty, vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}, text)
		}
	}
	line := draw.LineStyle{Color: faint, Width: 0.4}
	for i := range m.n + 1 {
		x, y := trX(float64(i)-0.5), trY(-float64(i)+0.5)
		c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
		c.StrokeLine2(line, c.Min.X, y, c.Max.X, y)
	}
}

// shade goes from white to a dark blue with falling lightness, so that it reads
// the same in grey. The root shows the few mistakes of a good network.
func shade(share float64) color.NRGBA {
	t := math.Sqrt(max(0, min(1, share)))
	stops := []color.NRGBA{{255, 255, 255, 255}, {0xb5, 0xd7, 0xec, 255}, {0x3d, 0x8d, 0xc0, 255}, {0x08, 0x2f, 0x5c, 255}}
	x := t * float64(len(stops)-1)
	i := min(int(x), len(stops)-2)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (x-float64(i))*(float64(b)-float64(a)))) }
	a, b := stops[i], stops[i+1]
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// colourBar draws the shades from 0 to 100 %.
type colourBar struct{}

// Plot implements plot.Plotter.
func (colourBar) Plot(c draw.Canvas, p *plot.Plot) {
	const steps = 100
	h := (c.Max.Y - c.Min.Y) / steps
	for i := range steps {
		y := c.Min.Y + h*vg.Length(i)
		c.SetColor(shade((float64(i) + 0.5) / steps))
		// A little overlap, or the background shows between the steps.
		c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y}, Max: vg.Point{X: c.Max.X, Y: min(y+h*1.3, c.Max.Y)}}.Path())
	}
	c.SetLineStyle(draw.LineStyle{Color: ink, Width: 0.5})
	c.Stroke(c.Rectangle.Path())
}
