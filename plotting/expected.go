package plotting

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// expected draws the speed-up that each compressed result has over its baseline against the one that its compression
// would allow. Below the diagonal is what was lost; where that went is what explain says.
func expected(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("expected", "colour"); err != nil {
		return nil, err
	}
	var pts []*point
	paired := map[*dlas.Result]bool{}
	for _, r := range rs {
		if e := r.Explained; e != nil && e.Expected > 0 && e.Speedup > 0 {
			paired[r] = true
			pts = append(pts, &point{r: r, x: Value{e.Expected, e.Expected, e.Expected}, y: Value{e.Speedup, e.Low, e.High}, lost: nearChance(r)})
			continue
		}
		base := baselineOf(rs, r)
		if base == nil || r.Latency == nil || base.Latency == nil || !(r.Latency.Low > 0) || !(base.Latency.Low > 0) {
			continue
		}
		x, ok := dlas.Expected(base, r)
		if !ok || !(x > 0) || math.IsInf(x, 0) {
			continue
		}
		paired[r] = !r.Unpaired && !base.Unpaired
		pts = append(pts, &point{
			r: r, x: Value{x, x, x}, lost: nearChance(r),
			y: Value{base.Latency.Median / r.Latency.Median, base.Latency.Low / r.Latency.High, base.Latency.High / r.Latency.Low},
		})
	}
	if len(pts) == 0 {
		return nil, &ir.Error{
			What: "no result is compressed and has its baseline beside it: the same choices with compress none and format dense",
			Try:  "sweep compress none|prune(0.8) x primitive \"direct dense\"|\"direct csr\", or explain a result first",
		}
	}
	drawn := make([]*dlas.Result, len(pts))
	apart := 0
	for i, p := range pts {
		drawn[i] = p.r
		if !paired[p.r] {
			apart++
		}
	}
	f := &Figure{Width: o.Width, font: o.Font}
	f.legend = append(giveStyles(pts, drawn, o), lineEntry(frontLine, "achieved = expected"))
	mx := Metric{Name: "expected", Label: "Expected speed-up (×)", Ratio: true}
	my := Metric{Name: "achieved", Label: "Achieved speed-up (×)", Ratio: true}
	var both []Value
	for _, p := range pts {
		both = append(both, p.x, p.y)
	}
	p := newPlot(o.Font)
	setAxis(&p.X, mx, both) // one range for both axes, so that the diagonal is one
	setAxis(&p.Y, my, both)
	p.Add(grid{true, true}, one{true, true}, diagonal{}, &cloud{pts, o.Font, 0, one{true, true}})
	f.Plots = append(f.Plots, p)
	f.tabulate(pts, mx, my)
	f.Caption = clean(strings.TrimSpace(fmt.Sprintf("Speed-up over the same choices uncompressed and dense. Expected: were each node to take its share of the work that is left, at the peak of its type. n = %d results. %s",
		len(pts), facts(drawn, Metric{Name: "speedup"}))))
	if apart > 0 && !strings.Contains(f.Caption, "unpaired") {
		f.Caption += fmt.Sprintf(" %d of %d unpaired.", apart, len(pts))
	}
	return f.finish(max(f.Width*0.62, 12*o.Font)), nil
}

// baselineOf is the result that a compressed one is judged by: all the same but nothing compressed, and no format but
// dense. nil for one that is not compressed and has no zeros of its own, or where there is none.
func baselineOf(rs []*dlas.Result, r *dlas.Result) *dlas.Result {
	native := uncompressed(r)
	algorithm, format, _ := strings.Cut(r.Spec.Primitive, " ")
	if native && (r.Model.Sparsity < 0.1 || format == "dense") {
		return nil
	}
	var found *dlas.Result
	for _, b := range rs {
		if !uncompressed(b) || b.Environment.Hash != r.Environment.Hash || b.Spec.With(ir.Compress, "").With(ir.Primitive, "") != r.Spec.With(ir.Compress, "").With(ir.Primitive, "") {
			continue
		}
		// Uncompressed, auto alone chooses among dense kernels, too.
		if b.Spec.Primitive == algorithm+" dense" || !native && b.Spec.Primitive == "auto" && algorithm == "auto" {
			found = b
		}
	}
	return found
}

// uncompressed reports whether L3 leaves a result as it is, as the first level of prune(0, .5, .8) does.
func uncompressed(r *dlas.Result) bool {
	return r.Spec.Compress == "none" || r.Spec.Compress == "prune(0)"
}

// diagonal is where both ratios are equal.
type diagonal struct{}

// Plot implements plot.Plotter.
func (diagonal) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	low, high := max(p.X.Min, p.Y.Min), min(p.X.Max, p.Y.Max)
	if high > low {
		c.StrokeLines(frontLine, []vg.Point{{X: trX(low), Y: trY(low)}, {X: trX(high), Y: trY(high)}})
	}
}
