package plotting

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxScanned is how many layers sensitivity draws one by one: the most sensitive of more.
const maxScanned = 60

// sensitivity draws what compressing each layer alone costs in accuracy: a row a layer, a marker a level.
func sensitivity(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("sensitivity"); err != nil {
		return nil, err
	}
	var of scanOf
	for _, r := range rs { // the newest that there is; of a search with several passes, the first
		for _, s := range slices.Backward(r.Scans) {
			if s.Elbow == "" && len(s.Layers) > 0 {
				of = scanOf{r, s}
			}
		}
	}
	if of.scan == nil {
		return nil, &ir.Error{Layer: ir.Compress, What: "no result has a scan by layer", Try: "measure one with %dlas sensitivity prune"}
	}
	s := of.scan
	layers := s.Layers
	if len(layers) > maxScanned {
		worst := func(l dlas.ScanLayer) float64 {
			w := 0.0
			for _, p := range l.Points {
				w = min(w, p.Points)
			}
			return w
		}
		kept := slices.Clone(layers)
		slices.SortStableFunc(kept, func(a, b dlas.ScanLayer) int { return cmp.Compare(worst(a), worst(b)) })
		kept = kept[:maxScanned]
		layers = slices.DeleteFunc(slices.Clone(layers), func(l dlas.ScanLayer) bool {
			return !slices.ContainsFunc(kept, func(k dlas.ScanLayer) bool { return k.Name == l.Name })
		})
	}
	f := &Figure{
		Width: o.Width, font: o.Font,
		Columns: []string{"layer", "weights", "pass", "level", "top-1 on val (%)", "difference (points)", "difference low", "difference high", "sparsity", "bytes", "n", "spec", "environment"},
	}
	var levels []string
	for _, l := range layers {
		for _, p := range l.Points {
			if !slices.Contains(levels, p.Level) {
				levels = append(levels, p.Level)
			}
		}
	}
	if len(levels) > maxStyles {
		return nil, &ir.Error{What: fmt.Sprintf("%d levels cannot be told apart", len(levels)), Try: fmt.Sprintf("at most %d can", maxStyles)}
	}
	l := &rowMarks{font: o.Font, styles: map[string]style{}}
	for i, v := range levels {
		l.styles[v] = styleOf(i)
		name := s.Pass + " at " + v
		if v == "+" {
			name = s.Pass
		}
		f.legend = append(f.legend, markerEntry(styleOf(i), name))
	}
	var values []Value
	for row, layer := range layers {
		l.names = append(l.names, layer.Name)
		for _, p := range layer.Points {
			v := Value{p.Points, p.PointsLo, p.PointsHi}
			spread := 0.0
			if len(levels) > 1 {
				spread = 0.62 * (float64(slices.Index(levels, p.Level))/float64(len(levels)-1) - 0.5)
			}
			l.marks = append(l.marks, rowMark{float64(row) + spread, v, p.Level})
			values = append(values, v)
			f.Rows = append(f.Rows, []string{
				clean(layer.Name), strconv.FormatInt(layer.Weights, 10), clean(s.Pass), p.Level, csvNumber(100 * p.Top1), csvNumber(p.Points), csvNumber(p.PointsLo), csvNumber(p.PointsHi),
				csvNumber(p.Sparsity), strconv.FormatInt(p.Bytes, 10), fmt.Sprint(s.N), of.r.SpecHash, of.r.Environment.Hash,
			})
		}
	}
	p := newPlot(o.Font)
	setAxis(&p.X, Metric{Label: "Top-1 on val, difference from before (points)"}, append(values, Value{}))
	nameRows(p, l.names, o.Font, o.Width)
	p.Add(grid{x: true}, upright(0), l)
	f.Plots = append(f.Plots, p)
	f.Caption = clean(fmt.Sprintf("%s of each layer alone. Paired difference on n = %s images of val with its 95 %% interval; before: %.2f %%. %s, %s, compress %s.",
		s.Pass, thousands(s.N), 100*s.Before, of.r.Spec.Data, of.r.Spec.Model, s.After))
	if s.Caveat != "" {
		f.Caption += optimistic(s)
	}
	if len(layers) < len(s.Layers) {
		f.Caption += fmt.Sprintf(" The %d most sensitive of %d layers.", len(layers), len(s.Layers))
	}
	return f.finish(o.Font * (vg.Length(len(layers))*max(1.55, 0.42*vg.Length(len(levels))) + 4.2)), nil
}

// rowMarks are markers with whiskers in named rows.
type rowMarks struct {
	names  []string
	marks  []rowMark
	styles map[string]style
	font   vg.Length
}

type rowMark struct {
	row   float64
	value Value
	of    string // of styles
}

// Plot implements plot.Plotter.
func (l *rowMarks) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	r := l.font * 0.28
	for i := 1; i < len(l.names); i++ { // a line between rows
		y := trY(0.5 - float64(i))
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.5}, c.Min.X, y, c.Max.X, y)
	}
	for _, m := range l.marks {
		whisker(&c, draw.LineStyle{Color: l.styles[m.of].colour, Width: 0.7}, r*0.6, trX(m.value.Low), trY(-m.row), trX(m.value.High), trY(-m.row))
	}
	for _, m := range l.marks {
		drawMarker(&c, l.styles[m.of], r, vg.Point{X: trX(m.value.V), Y: trY(-m.row)})
	}
}

// upright is a line at a value of the horizontal axis.
type upright float64

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	trX, _ := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: soft, Width: 0.9}, trX(float64(u)), c.Min.Y, trX(float64(u)), c.Max.Y)
}
