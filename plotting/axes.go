package plotting

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// setAxis gives an axis the label, the scale and the range for values. Ratios
// are logarithmic, and so are values that span more than a decade.
func setAxis(a *plot.Axis, m Metric, values []Value) {
	a.Label.Text = m.Label
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v.Low, v.V), max(high, v.High, v.V)
	}
	if m.Ratio {
		low, high = min(low, 1), max(high, 1)
	}
	if low > 0 && (m.Ratio || high > 12*low) {
		pad := math.Pow(high/low, 0.06)
		if pad < 1.02 {
			pad = 1.02
		}
		a.Scale, a.Tick.Marker = plot.LogScale{}, logTicks{}
		a.Min, a.Max = low/pad, high*pad
		return
	}
	pad := (high - low) * 0.07
	if pad == 0 {
		pad = max(math.Abs(high)*0.1, 1e-9)
	}
	a.Min, a.Max = low-pad, high+pad
	// A range that reaches down to near zero begins there, and one that ends
	// near a hundred percent does not go beyond.
	if low >= 0 && (a.Min < 0 || low < 0.25*high) {
		a.Min = 0
	}
	if percent(m) && a.Max > 94 {
		a.Max = 100
	}
	a.Scale, a.Tick.Marker = plot.LinearScale{}, niceTicks{}
}

func percent(m Metric) bool {
	n := len(m.Label)
	return n > 3 && m.Label[n-3:] == "(%)"
}

// grid draws light lines at the labelled ticks.
type grid struct{ x, y bool }

func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	line := draw.LineStyle{Color: faint, Width: 0.5}
	if g.x {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if x := trX(t.Value); !t.IsMinor() && c.ContainsX(x) {
				c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
			}
		}
	}
	if g.y {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if y := trY(t.Value); !t.IsMinor() && c.ContainsY(y) {
				c.StrokeLine2(line, c.Min.X, y, c.Max.X, y)
			}
		}
	}
}

// one draws the line at 1 of ratio axes.
type one struct{ x, y bool }

func (o one) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	line := draw.LineStyle{Color: soft, Width: 0.9}
	if o.x {
		c.StrokeLine2(line, trX(1), c.Min.Y, trX(1), c.Max.Y)
	}
	if o.y {
		c.StrokeLine2(line, c.Min.X, trY(1), c.Max.X, trY(1))
	}
}

// whisker draws an interval with caps from (x0, y0) to (x1, y1), which lie on
// one horizontal or vertical.
func whisker(c *draw.Canvas, l draw.LineStyle, cap, x0, y0, x1, y1 vg.Length) {
	if x0 == x1 && y0 == y1 {
		return
	}
	c.StrokeLine2(l, x0, y0, x1, y1)
	dx, dy := vg.Length(0), cap
	if x0 == x1 {
		dx, dy = cap, 0
	}
	c.StrokeLine2(l, x0-dx, y0-dy, x0+dx, y0+dy)
	c.StrokeLine2(l, x1-dx, y1-dy, x1+dx, y1+dy)
}

// tile draws plots in a grid of columns with their axes in line.
func tile(plots []*plot.Plot, columns int, gap vg.Length) func(draw.Canvas) {
	return func(c draw.Canvas) {
		rows := (len(plots) + columns - 1) / columns
		table := make([][]*plot.Plot, rows)
		for i := range table {
			table[i] = make([]*plot.Plot, columns)
			for j := range columns {
				if k := i*columns + j; k < len(plots) {
					table[i][j] = plots[k]
				}
			}
		}
		tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: gap, PadY: gap}
		for i, row := range plot.Align(table, tiles, c) {
			for j, cell := range row {
				if table[i][j] != nil {
					drawTitled(table[i][j], cell)
				}
			}
		}
	}
}

// drawTitled draws a plot with its title over the middle of the axes. That of the canvas, where gonum's stands, is far to
// the left of it where rows have long names.
func drawTitled(p *plot.Plot, c draw.Canvas) {
	if title, style := p.Title.Text, p.Title.TextStyle; title != "" {
		size, data := style.Rectangle(title).Size(), p.DataCanvas(c)
		x := min(max(data.Center().X, c.Min.X+size.X/2), c.Max.X-size.X/2)
		c.FillText(style, vg.Point{X: x, Y: c.Max.Y + style.FontExtents().Descent}, title)
		c.Max.Y -= size.Y + p.Title.Padding
		p.Title.Text = ""
		defer func() { p.Title.Text = title }()
	}
	p.Draw(c)
}
