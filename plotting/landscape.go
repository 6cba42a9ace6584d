package plotting

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxKinds is how many rows of nodes a landscape may have.
const maxKinds = 120

// landscape draws every candidate that a tuned schedule has measured: a row for each kind of node, a point for each
// candidate at its time over that of heuristic, coloured by kernel, the one that the network runs in a ring.
func landscape(rs []*dlas.Result, o Options) (*Figure, error) {
	if o.X != "" || o.Y != "" || o.Panel != "" || o.Colour != "" {
		return nil, &ir.Error{What: "landscape has neither x=, y=, colour= nor panel=", Try: "width= and font= are what it takes"}
	}
	// Of several the newest that has candidates.
	r := rs[len(rs)-1]
	for _, other := range rs {
		if other.Tuning != nil {
			r = other
		}
	}
	if r.Tuning == nil {
		return nil, &ir.Error{Layer: ir.Sched, What: "the result has no candidates: its schedule is " + r.Spec.Schedule, Try: "set schedule tuned(300) and run"}
	}
	l := &land{font: o.Font}
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"node", "nodes", "candidate", "kernel", "time (ms)", "median (ms)", "time / heuristic", "median / heuristic", "chosen", "spec", "environment"}}
	m := Metric{Name: "ratio", Label: "time of candidate / time of heuristic (ratio)", Ratio: true}
	var kernels []string
	var values []Value
	n := 0
	for _, node := range r.Tuning.Nodes {
		base := 0.0
		for _, c := range node.Candidates {
			if c.String() == node.Heuristic {
				base = c.MS
			}
		}
		if base <= 0 || len(node.Names) == 0 {
			continue
		}
		name := node.Names[0]
		if len(node.Names) > 1 {
			name = fmt.Sprintf("%s +%d", name, len(node.Names)-1)
		}
		row := len(l.names)
		l.names = append(l.names, name)
		for i, c := range node.Candidates {
			if !slices.Contains(kernels, c.Kernel) {
				kernels = append(kernels, c.Kernel)
			}
			v := Value{V: c.MS / base, Low: c.MS / base, High: max(c.MS, c.Median) / base}
			chosen := c.String() == node.Chosen
			// Candidates are spread over the height of their row in the order of the search.
			spread := 0.0
			if len(node.Candidates) > 1 {
				spread = 0.6 * (float64(i)/float64(len(node.Candidates)-1) - 0.5)
			}
			l.points = append(l.points, landPoint{row: float64(row) + spread, value: v, kernel: c.Kernel, chosen: chosen})
			values = append(values, v)
			n++
			f.Rows = append(f.Rows, []string{clean(name), fmt.Sprint(len(node.Names)), clean(c.String()), clean(c.Kernel), csvNumber(c.MS), csvNumber(c.Median), csvNumber(v.V), csvNumber(v.High), fmt.Sprint(chosen), r.SpecHash, r.Environment.Hash})
		}
	}
	if len(l.names) == 0 {
		return nil, &ir.Error{Layer: ir.Sched, What: "the search has measured no candidate beside heuristic", Try: "give it more, as in tuned(300)"}
	}
	if len(l.names) > maxKinds {
		return nil, &ir.Error{What: fmt.Sprintf("%d rows do not fit in a figure", len(l.names)), Try: fmt.Sprintf("at most %d do", maxKinds)}
	}
	slices.Sort(kernels)
	l.styles = map[string]style{}
	for i, k := range kernels {
		l.styles[k] = styleOf(i)
		f.legend = append(f.legend, markerEntry(styleOf(i), strings.ReplaceAll(clean(k), "__", ", ")))
	}
	f.legend = append(f.legend, entry{"what the network runs", func(c *draw.Canvas, r vg.Length, at vg.Point) { ring(c, r*1.5, at) }})
	p := newPlot(o.Font)
	setAxis(&p.X, m, values)
	nameRows(p, l.names, o.Font, o.Width)
	p.Add(grid{x: true}, one{x: true}, l)
	f.Plots = append(f.Plots, p)
	f.Caption = clean(fmt.Sprintf("Candidates: n = %s of %s, each the least of several runs inside the network; whiskers reach to the median. %s. %s.", thousands(n), thousands(r.Tuning.Space), r.Spec.Model, r.Spec.Hardware))
	return f.finish(barRows(float64(len(l.names)), o.Font)), nil
}

// nameRows makes the vertical axis one of named rows, the first at the top.
func nameRows(p *plot.Plot, names []string, font, width vg.Length) {
	p.Y.Min, p.Y.Max = -float64(len(names))+0.4, 0.6
	p.Y.Tick.Length = 0
	p.Y.Padding = font * 0.3
	p.Y.LineStyle.Width = 0
	p.Y.Tick.LineStyle.Width = 0
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		ticks[i] = plot.Tick{Value: -float64(i), Label: fitParts(clean(name), p.Y.Tick.Label, width*0.38)}
	}
	p.Y.Tick.Marker = ticks
}

// land is the points of a landscape.
type land struct {
	names  []string
	points []landPoint
	styles map[string]style
	font   vg.Length
}

type landPoint struct {
	row    float64
	value  Value
	kernel string
	chosen bool
}

// Plot implements plot.Plotter.
func (l *land) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	r := l.font * 0.3
	for i := range l.names { // a line between rows
		if i > 0 {
			y := trY(0.5 - float64(i))
			c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.5}, c.Min.X, y, c.Max.X, y)
		}
	}
	for _, pt := range l.points {
		s := l.styles[pt.kernel]
		whisker(&c, draw.LineStyle{Color: s.colour, Width: 0.6}, r*0.5, trX(pt.value.Low), trY(-pt.row), trX(pt.value.High), trY(-pt.row))
	}
	for _, pt := range l.points {
		drawMarker(&c, l.styles[pt.kernel], r, vg.Point{X: trX(pt.value.V), Y: trY(-pt.row)})
	}
	for _, pt := range l.points {
		if pt.chosen {
			ring(&c, r*1.8, vg.Point{X: trX(pt.value.V), Y: trY(-pt.row)})
		}
	}
}

func ring(c *draw.Canvas, r vg.Length, at vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: at.X + r, Y: at.Y})
	p.Arc(at, r, 0, 6.2832)
	p.Close()
	c.SetLineStyle(draw.LineStyle{Color: ink, Width: 1})
	c.Stroke(p)
}
