package plotting

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bar is one of a horizontal bar plot. Row 0 is at the top.
type bar struct {
	row   float64 // of its middle, in rows
	high  float64 // its height, in rows
	value Value
	style style
	text  string // at its end
}

// barPlot draws horizontal bars, with the names of the rows left of them.
type barPlot struct {
	names []string
	bars  []bar
	from  float64 // where bars begin: 0, or 1 for a ratio
	font  vg.Length
}

// newBarPlot returns a plot of bars. The names are cut to a part of the width.
func newBarPlot(b *barPlot, m Metric, width vg.Length) *plot.Plot {
	p := newPlot(b.font)
	values := make([]Value, 0, len(b.bars)+1)
	for _, x := range b.bars {
		values = append(values, x.value)
	}
	setAxis(&p.X, m, values)
	if !m.Ratio {
		// The length of a bar is its value, so the axis is linear from zero.
		high := 0.0
		for _, v := range values {
			high = max(high, v.V, v.High)
		}
		if high == 0 {
			high = 1
		}
		p.X.Min, p.X.Max = 0, high*1.02
		p.X.Scale, p.X.Tick.Marker = plot.LinearScale{}, niceTicks{}
	}
	nameRows(p, b.names, b.font, width)
	p.Add(grid{x: true}, b)
	if m.Ratio {
		p.Add(one{x: true})
	}
	return p
}

func (b *barPlot) textStyle() draw.TextStyle { return textStyle(b.font*0.85, ink) }

// Plot implements plot.Plotter.
func (b *barPlot) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	sty := b.textStyle()
	for _, x := range b.bars {
		x0, x1 := trX(b.from), trX(x.value.V)
		y := trY(-x.row)
		half := (trY(-x.row+x.high/2) - trY(-x.row-x.high/2)) / 2
		drawBar(&c, x.style, vg.Rectangle{Min: vg.Point{X: min(x0, x1), Y: y - half}, Max: vg.Point{X: max(x0, x1), Y: y + half}})
		whisker(&c, draw.LineStyle{Color: ink, Width: 0.9}, min(half*0.5, b.font*0.3), trX(x.value.Low), y, trX(x.value.High), y)
		end := max(x0, x1, trX(x.value.High))
		c.FillText(sty, vg.Point{X: end + b.font*0.35, Y: y - sty.Font.Size*0.36}, x.text)
	}
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.6}, trX(b.from), c.Min.Y, trX(b.from), c.Max.Y)
}

// GlyphBoxes implements plot.GlyphBoxer: the texts at the ends need room.
func (b *barPlot) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	sty := b.textStyle()
	var boxes []plot.GlyphBox
	for _, x := range b.bars {
		end := max(b.from, x.value.V, x.value.High)
		boxes = append(boxes, plot.GlyphBox{
			X: p.X.Norm(end), Y: p.Y.Norm(-x.row),
			Rectangle: vg.Rectangle{Max: vg.Point{X: b.font*0.4 + sty.Width(x.text), Y: 1}},
		})
	}
	return boxes
}

// barRows is the height of a bar plot of rows of bars.
func barRows(rows float64, font vg.Length) vg.Length {
	return font * (vg.Length(rows)*1.55 + 4.2)
}
