package plotting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxPanels is how many panels are still readable in one figure.
const maxPanels = 12

// pareto draws one metric against another, a point a result. Up to eight points
// have a marker each, and the legend names them; more are told apart by the
// choice in one layer, and the others are written beside the points.
func pareto(rs []*dlas.Result, o Options) (*Figure, error) {
	mx, err := metricNamed(cmp.Or(o.X, "latency"))
	if err != nil {
		return nil, err
	}
	my, err := metricNamed(cmp.Or(o.Y, "accuracy"))
	if err != nil {
		return nil, err
	}
	var pts []*point
	for _, r := range rs {
		x, okX := mx.value(r, rs[0])
		y, okY := my.value(r, rs[0])
		if okX && okY {
			pts = append(pts, &point{r: r, x: x, y: y, lost: nearChance(r)})
		}
	}
	if len(pts) == 0 {
		return nil, &ir.Error{What: fmt.Sprintf("no result has both %s and %s", mx.Name, my.Name), Try: "accuracy needs labels and trained weights"}
	}
	drawn := make([]*dlas.Result, len(pts))
	for i, p := range pts {
		drawn[i] = p.r
	}
	f := &Figure{Width: o.Width, font: o.Font}
	f.legend = giveStyles(pts, drawn, o)

	panels := []string{""}
	if o.Panel != "" {
		panels = choices(drawn, o.Panel)
		if len(panels) > maxPanels {
			return nil, &ir.Error{Layer: o.Panel, What: fmt.Sprintf("panel=%s makes %d panels", o.Panel, len(panels)), Try: fmt.Sprintf("at most %d are readable", maxPanels)}
		}
	}
	var xs, ys []Value
	for _, p := range pts {
		xs, ys = append(xs, p.x), append(ys, p.y)
	}
	columns := panelColumns(len(panels))
	for i, name := range panels {
		var here []*point
		for _, p := range pts {
			if o.Panel == "" || p.r.Spec.Layer(o.Panel) == name {
				here = append(here, p)
			}
		}
		markFront(here, mx.Better, my.Better)
		p := newPlot(o.Font)
		// The same axes in all panels, so that points compare across them.
		setAxis(&p.X, mx, xs)
		setAxis(&p.Y, my, ys)
		if o.Panel != "" {
			p.Title.Text = fit(clean(name), p.Title.TextStyle, o.Width/vg.Length(columns)*0.85)
			if i%columns != 0 {
				p.Y.Label.Text = ""
			}
		}
		p.Add(grid{true, true}, one{mx.Ratio, my.Ratio}, &cloud{here, o.Font, mx.Better, one{mx.Ratio, my.Ratio}})
		f.Plots = append(f.Plots, p)
	}
	front, lost := false, false
	for _, p := range pts {
		front = front || p.stairs
		lost = lost || p.lost
	}
	if front {
		f.legend = append(f.legend, lineEntry(frontLine, "Pareto front"))
	}
	f.Caption = facts(drawn, mx, my)
	if lost {
		c, _ := chance(drawn[0])
		f.Caption += fmt.Sprintf(" Grey: within 5 points of chance (%s %%).", number(c))
	}
	f.tabulate(pts, mx, my)

	rows := (len(panels) + columns - 1) / columns
	f.body = tile(f.Plots, columns, o.Font)
	// The labels beside the axes need their room whatever the width, and the
	// vertical one its length.
	label := textStyle(o.Font, ink).Width(my.Label)
	height := max(f.Width/vg.Length(columns)*0.5, label, 8*o.Font) + 4*o.Font
	if o.Panel != "" {
		height += 2.5 * o.Font
	}
	return f.finish(height * vg.Length(rows)), nil
}

func panelColumns(n int) int {
	switch {
	case n <= 3:
		return n
	case n == 4:
		return 2
	}
	return 3
}

// point is a result on the plane.
type point struct {
	r      *dlas.Result
	x, y   Value
	style  style
	label  string // written beside it
	lost   bool   // no better than chance
	front  bool   // nothing else is better in both
	stairs bool   // and a line joins it to others that are
}

// colourFirst is the order in which layers are considered for telling points
// apart by colour. Compression comes late: its levels are short beside a point.
var colourFirst = []ir.Layer{ir.Primitive, ir.Model, ir.Sched, ir.Hardware, ir.Compress, ir.Data}

// giveStyles gives the points their styles and returns the legend.
func giveStyles(pts []*point, rs []*dlas.Result, o Options) []entry {
	layer := o.Colour
	vary := varying(rs)
	if layer == "" && (len(pts) > maxStyles || o.Panel != "") {
		for _, l := range colourFirst {
			if slices.Contains(vary, l) && l != o.Panel && len(choices(rs, l)) <= maxStyles {
				layer = l
				break
			}
		}
	}
	var legend []entry
	if layer == "" {
		if len(pts) > maxStyles {
			// Nothing to colour by: one style, and the names at the points.
			for i, name := range labelsOf(rs) {
				pts[i].label = name
			}
		} else {
			for i, name := range labelsOf(rs) {
				pts[i].style = styleOf(i)
				s := pts[i].style
				if pts[i].lost {
					s = greyed(s)
				}
				legend = append(legend, markerEntry(s, name))
			}
		}
		return greyLost(pts, legend)
	}
	left := []ir.Layer{layer}
	if o.Panel != "" {
		left = append(left, o.Panel)
	}
	if len(vary) > 1 {
		for i, name := range labelsOf(rs, left...) {
			pts[i].label = name
		}
	}
	for i, c := range choices(rs, layer) {
		for _, p := range pts {
			if p.r.Spec.Layer(layer) == c {
				p.style = styleOf(i)
			}
		}
		legend = append(legend, markerEntry(styleOf(i), c))
	}
	return greyLost(pts, legend)
}

func greyLost(pts []*point, legend []entry) []entry {
	for _, p := range pts {
		if p.lost {
			p.style = greyed(p.style)
		}
	}
	return legend
}

// markFront finds the points that no other beats in both metrics. Points no
// better than chance are neither on the front nor do they beat.
func markFront(pts []*point, bx, by int) {
	if bx == 0 || by == 0 {
		return
	}
	var front []*point
	for _, p := range pts {
		p.front = !p.lost && !slices.ContainsFunc(pts, func(q *point) bool {
			dx, dy := float64(bx)*(q.x.V-p.x.V), float64(by)*(q.y.V-p.y.V)
			return !q.lost && dx >= 0 && dy >= 0 && dx+dy > 0
		})
		if p.front {
			front = append(front, p)
		}
	}
	for _, p := range front {
		p.stairs = len(front) > 1
	}
}

var frontLine = draw.LineStyle{Color: soft, Width: 1, Dashes: []vg.Length{3, 2}}

// cloud draws the points of a panel.
type cloud struct {
	pts    []*point
	font   vg.Length
	better int // which way x is better
	ones   one // lines that labels keep off
}

// Plot implements plot.Plotter.
func (cl *cloud) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	var front []*point
	for _, pt := range cl.pts {
		if pt.stairs {
			front = append(front, pt)
		}
	}
	slices.SortStableFunc(front, func(a, b *point) int { return cmp.Compare(a.x.V, b.x.V) })
	// The front is a staircase: between two points there is only what one of
	// them attains.
	var stairs []vg.Point
	for i, pt := range front {
		at := vg.Point{X: trX(pt.x.V), Y: trY(pt.y.V)}
		if i > 0 {
			stairs = append(stairs, corner(stairs[len(stairs)-1], at, cl.better))
		}
		stairs = append(stairs, at)
	}
	r := cl.font * 0.42
	space := &placer{within: c.Rectangle}
	if cl.ones.x {
		space.take(vg.Rectangle{Min: vg.Point{X: trX(1) - 1, Y: c.Min.Y}, Max: vg.Point{X: trX(1) + 1, Y: c.Max.Y}})
	}
	if cl.ones.y {
		space.take(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: trY(1) - 1}, Max: vg.Point{X: c.Max.X, Y: trY(1) + 1}})
	}
	if len(stairs) > 1 {
		c.StrokeLines(frontLine, stairs)
		for i, b := range stairs[1:] {
			a := stairs[i]
			space.take(vg.Rectangle{Min: vg.Point{X: min(a.X, b.X) - 1, Y: min(a.Y, b.Y) - 1}, Max: vg.Point{X: max(a.X, b.X) + 1, Y: max(a.Y, b.Y) + 1}})
		}
	}
	for _, pt := range cl.pts {
		x, y := trX(pt.x.V), trY(pt.y.V)
		l := draw.LineStyle{Color: pt.style.colour, Width: 0.9}
		whisker(&c, l, r*0.6, trX(pt.x.Low), y, trX(pt.x.High), y)
		whisker(&c, l, r*0.6, x, trY(pt.y.Low), x, trY(pt.y.High))
		space.take(vg.Rectangle{Min: vg.Point{X: x - r, Y: y - r}, Max: vg.Point{X: x + r, Y: y + r}})
		space.take(vg.Rectangle{Min: vg.Point{X: trX(pt.x.Low), Y: y - r*0.6}, Max: vg.Point{X: trX(pt.x.High), Y: y + r*0.6}})
		space.take(vg.Rectangle{Min: vg.Point{X: x - r*0.6, Y: trY(pt.y.Low)}, Max: vg.Point{X: x + r*0.6, Y: trY(pt.y.High)}})
	}
	for _, pt := range cl.pts {
		drawMarker(&c, pt.style, r, vg.Point{X: trX(pt.x.V), Y: trY(pt.y.V)})
	}
	small := textStyle(cl.font*0.8, ink)
	for _, pt := range cl.pts {
		if pt.label == "" {
			continue
		}
		if at, ok := space.beside(vg.Point{X: trX(pt.x.V), Y: trY(pt.y.V)}, r*1.4, small.Width(pt.label), small.Font.Size); ok {
			small.Color = darker(pt.style.colour)
			c.FillText(small, at, pt.label)
		}
	}
}

// corner is where the staircase turns between a point and the next to its
// right. If less is better, what a attains lasts up to b; else what b attains
// begins at a.
func corner(a, b vg.Point, better int) vg.Point {
	if better < 0 {
		return vg.Point{X: b.X, Y: a.Y}
	}
	return vg.Point{X: a.X, Y: b.Y}
}

// placer finds free places for labels. A label that fits nowhere is left out:
// the CSV has it.
type placer struct {
	within vg.Rectangle
	taken  []vg.Rectangle
}

func (s *placer) take(r vg.Rectangle) { s.taken = append(s.taken, r) }

func (s *placer) free(r vg.Rectangle) bool {
	if r.Min.X < s.within.Min.X || r.Max.X > s.within.Max.X || r.Min.Y < s.within.Min.Y || r.Max.Y > s.within.Max.Y {
		return false
	}
	return !slices.ContainsFunc(s.taken, func(t vg.Rectangle) bool {
		return r.Min.X < t.Max.X && t.Min.X < r.Max.X && r.Min.Y < t.Max.Y && t.Min.Y < r.Max.Y
	})
}

// beside returns the lower left corner for a text of a size near a point.
func (s *placer) beside(at vg.Point, gap, w, h vg.Length) (vg.Point, bool) {
	for _, far := range []vg.Length{1, 1.8, 2.8} {
		d := gap * far
		for _, p := range []vg.Point{
			{X: at.X + d, Y: at.Y - h - d*0.5},
			{X: at.X + d, Y: at.Y + d*0.4},
			{X: at.X - w - d, Y: at.Y + d*0.4},
			{X: at.X - w - d, Y: at.Y - h - d*0.5},
			{X: at.X - w/2, Y: at.Y + d},
			{X: at.X - w/2, Y: at.Y - h - d},
			{X: at.X + d, Y: at.Y - h/2},
			{X: at.X - w - d, Y: at.Y - h/2},
		} {
			r := vg.Rectangle{Min: p, Max: vg.Point{X: p.X + w, Y: p.Y + h}}
			if s.free(r) {
				s.take(r)
				return p, true
			}
		}
	}
	return vg.Point{}, false
}

// tabulate writes the drawn numbers.
func (f *Figure) tabulate(pts []*point, mx, my Metric) {
	f.Columns = []string{"name"}
	for _, m := range []Metric{mx, my} {
		f.Columns = append(f.Columns, m.Label, m.Name+" low", m.Name+" high")
	}
	f.Columns = append(f.Columns, "on front", "near chance")
	for _, l := range ir.Layers() {
		f.Columns = append(f.Columns, string(l))
	}
	f.Columns = append(f.Columns, "spec", "environment")
	for _, p := range pts {
		row := []string{clean(p.r.Name)}
		for _, v := range []Value{p.x, p.y} {
			row = append(row, csvNumber(v.V), csvNumber(v.Low), csvNumber(v.High))
		}
		row = append(row, fmt.Sprint(p.front), fmt.Sprint(p.lost))
		for _, l := range ir.Layers() {
			row = append(row, strings.TrimSpace(p.r.Spec.Layer(l)))
		}
		f.Rows = append(f.Rows, append(row, p.r.SpecHash, p.r.Environment.Hash))
	}
}
