package symbols_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/cells/symbols"
	"github.com/godlas/godlas/kernel/interp"
)

// TestGonum uses each area of gonum in a cell, with types of the cell where gonum takes interfaces. What is wanted follows
// from the mathematics or was worked out by hand.
func TestGonum(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"mat", `import "gonum.org/v1/gonum/mat"
type hilbert int
func (h hilbert) Dims() (r, c int) { return int(h), int(h) }
func (h hilbert) At(i, j int) float64 { return 1 / float64(i+j+1) }
func (h hilbert) T() mat.Matrix { return h }
var eig mat.EigenSym
sym := mat.NewSymDense(2, []float64{2, 1, 1, 2})
ok := eig.Factorize(sym, true)
var lu mat.LU
lu.Factorize(hilbert(3))
var x mat.VecDense
err := x.SolveVec(mat.NewDense(2, 2, []float64{2, 0, 0, 4}), mat.NewVecDense(2, []float64{2, 2}))
fmt.Sprintf("%v %.0f %.6f %v %v", ok, eig.Values(nil), 1/lu.Det(), x.RawVector().Data, err)`, "true [1 3] 2160.000000 [1 0.5] <nil>"},
		{"floats", `import ("gonum.org/v1/gonum/floats"; "gonum.org/v1/gonum/floats/scalar"; "gonum.org/v1/gonum/cmplxs")
s := []float64{3, 1, 2}
inds := make([]int, 3)
floats.Argsort(s, inds)
fmt.Sprint(s, inds, floats.Sum(s), scalar.EqualWithinAbs(1, 1.05, 0.1), cmplxs.Norm([]complex128{3i, 4}, 2))`, "[1 2 3] [1 2 0] 6 true 5"},
		{"stat", `import ("gonum.org/v1/gonum/stat"; "gonum.org/v1/gonum/stat/distuv"; "gonum.org/v1/gonum/stat/distmv"; "gonum.org/v1/gonum/stat/combin"; "gonum.org/v1/gonum/stat/sampleuv"; "gonum.org/v1/gonum/mat"; "math/rand/v2")
a, b := stat.LinearRegression([]float64{1, 2, 3}, []float64{3, 5, 7}, nil, false)
n := distuv.Normal{Mu: 0, Sigma: 1}
mv, ok := distmv.NewNormal([]float64{0, 0}, mat.NewSymDense(2, []float64{1, 0, 0, 1}), nil)
w := sampleuv.NewWeighted([]float64{0, 1, 0}, rand.NewPCG(1, 2))
i, _ := w.Take()
fmt.Sprintf("%.3g %.3g %.4f %.4f %v %v %v", a, b, n.CDF(1.96), mv.Prob([]float64{0, 0}), ok, combin.Binomial(5, 2), i)`, "1 2 0.9750 0.1592 true 10 1"},
		{"own distribution", `import ("gonum.org/v1/gonum/stat/sampleuv"; "gonum.org/v1/gonum/stat/distuv"; "math/rand/v2")
type die struct{ r *rand.Rand }
func (d die) Rand() float64 { return float64(d.r.IntN(6) + 1) }
batch := make([]float64, 600)
sampleuv.IIDer{Dist: die{rand.New(rand.NewPCG(1, 2))}}.Sample(batch)
type half struct{}
func (half) LogProb(x float64) float64 { if x < 0 { return -1e300 }; return -x }
func (half) Quantile(p float64) float64 { return p }
sampleuv.LatinHypercube{Q: half{}, Src: rand.NewPCG(1, 2)}.Sample(batch[:10])
lo, hi := 9.0, 0.0
for _, v := range batch { lo, hi = min(lo, v), max(hi, v) }
var _ distuv.Rander = die{}
fmt.Sprint(lo >= 0, hi)`, "true 6"},
		{"optimize", `import ("gonum.org/v1/gonum/optimize"; "gonum.org/v1/gonum/optimize/functions"; "gonum.org/v1/gonum/optimize/convex/lp"; "gonum.org/v1/gonum/mat")
calls := 0
p := optimize.Problem{Func: func(x []float64) float64 { calls++; return (x[0]-1)*(x[0]-1) + 2*x[1]*x[1] }, Grad: func(g, x []float64) { g[0], g[1] = 2*(x[0]-1), 4*x[1] }}
res, err := optimize.Minimize(p, []float64{5, 5}, nil, &optimize.BFGS{})
r2, err2 := optimize.Minimize(optimize.Problem{Func: functions.Beale{}.Func}, []float64{1, 1}, nil, &optimize.NelderMead{})
f, x, err3 := lp.Simplex([]float64{-1, -2, 0, 0}, mat.NewDense(2, 4, []float64{-1, 2, 1, 0, 3, 1, 0, 1}), []float64{4, 9}, 0, nil)
fmt.Sprintf("%.2f %v %v %.2f %v %.0f %.0f %v", res.X, err, calls > 2, r2.X, err2, f, x, err3)`, "[1.00 0.00] <nil> true [3.00 0.50] <nil> -8 [2 3 0 0] <nil>"},
		{"graph", `import ("gonum.org/v1/gonum/graph"; "gonum.org/v1/gonum/graph/simple"; "gonum.org/v1/gonum/graph/path"; "gonum.org/v1/gonum/graph/topo"; "gonum.org/v1/gonum/graph/traverse"; "gonum.org/v1/gonum/graph/network"; "gonum.org/v1/gonum/graph/community")
type city struct { id int64; name string }
func (c city) ID() int64 { return c.id }
func (c city) String() string { return c.name }
g := simple.NewWeightedUndirectedGraph(0, 1e9)
cs := []city{{1, "A"}, {2, "B"}, {3, "C"}, {4, "D"}}
road := func(i, j int, w float64) { g.SetWeightedEdge(simple.WeightedEdge{F: cs[i], T: cs[j], W: w}) }
road(0, 1, 1); road(1, 2, 2); road(0, 2, 9); road(2, 3, 1)
short, w := path.DijkstraFrom(cs[0], g).To(4)
names := ""
for it := g.Nodes(); it.Next(); { names += it.Node().(city).name[:1] }
var bf traverse.BreadthFirst
last := bf.Walk(g, cs[3], func(n graph.Node, d int) bool { return d == 2 })
d := simple.NewDirectedGraph()
d.SetEdge(simple.Edge{F: cs[1], T: cs[0]}); d.SetEdge(simple.Edge{F: cs[2], T: cs[1]})
order, err := topo.Sort(d)
pr := network.PageRank(d, 0.85, 1e-6)
com := community.Modularize(g, 1, nil).Communities()
fmt.Sprint(short, w, len(names), last.(city).name == "A" || last.(city).name == "B", order, err, pr[1] > pr[2], len(com) > 0)`, "[A B C D] 4 4 true [C B A] <nil> true true"},
		{"own graph", `import ("gonum.org/v1/gonum/graph"; "gonum.org/v1/gonum/graph/path"; "gonum.org/v1/gonum/graph/iterator"; "gonum.org/v1/gonum/graph/encoding/dot"; "gonum.org/v1/gonum/graph/encoding"; "gonum.org/v1/gonum/graph/simple")
type cell int64
func (c cell) ID() int64 { return int64(c) }
func (c cell) DOTID() string { return fmt.Sprintf("n%d", int64(c)) }
func (c cell) Attributes() []encoding.Attribute { return []encoding.Attribute{{Key: "shape", Value: "box"}} }
type grid struct{ n int64 }
func (g grid) Node(id int64) graph.Node { return cell(id) }
func (g grid) Nodes() graph.Nodes {
	var ns []graph.Node
	for i := range g.n * g.n { ns = append(ns, cell(i)) }
	return iterator.NewOrderedNodes(ns)
}
func (g grid) From(id int64) graph.Nodes {
	var ns []graph.Node
	x, y := id%g.n, id/g.n
	if x+1 < g.n { ns = append(ns, cell(id+1)) }
	if y+1 < g.n { ns = append(ns, cell(id+g.n)) }
	if len(ns) == 0 { return graph.Empty }
	return iterator.NewOrderedNodes(ns)
}
func (g grid) HasEdgeBetween(x, y int64) bool { return g.Edge(x, y) != nil || g.Edge(y, x) != nil }
func (g grid) Edge(u, v int64) graph.Edge {
	for it := g.From(u); it.Next(); { if it.Node().ID() == v { return simple.Edge{F: cell(u), T: cell(v)} } }
	return nil
}
pt, _ := path.AStar(cell(0), cell(15), grid{4}, func(x, y graph.Node) float64 { return 0 })
_, cost := pt.To(15)
u := simple.NewUndirectedGraph()
u.SetEdge(simple.Edge{F: cell(1), T: cell(2)})
text, err := dot.Marshal(u, "G", "", " ")
fmt.Sprint(cost, err, strings.Contains(string(text), "n1 [shape=box]"), strings.Contains(string(text), "n1 -- n2"))`, "6 <nil> true true"},
		{"layout and dot", `import ("gonum.org/v1/gonum/graph/layout"; "gonum.org/v1/gonum/graph/simple"; "gonum.org/v1/gonum/graph/encoding/dot"; "gonum.org/v1/gonum/graph/coloring"; "gonum.org/v1/gonum/graph/flow"; "gonum.org/v1/gonum/graph/product")
g := simple.NewUndirectedGraph()
err := dot.Unmarshal([]byte("graph { a -- b; b -- c; }"), g)
eades := layout.EadesR2{Repulsion: 1, Rate: 0.05, Updates: 30, Theta: 0.2}
opt := layout.NewOptimizerR2(g, eades.Update)
n := 0
for opt.Update() { n++ }
k, colors, cerr := coloring.DsaturExact(nil, g)
prod := simple.NewUndirectedGraph()
product.Cartesian(prod, g, g)
dg := simple.NewDirectedGraph()
dot.Unmarshal([]byte("digraph { a -> b; b -> c; }"), dg)
var first int64 = -1
for it := dg.Nodes(); it.Next(); { if dg.To(it.Node().ID()).Len() == 0 { first = it.Node().ID() } }
dom := flow.Dominators(dg.Node(first), dg)
fmt.Sprint(err, n > 5, k, len(colors), cerr, prod.Nodes().Len(), dom.Root().ID() == first)`, "<nil> true 2 3 <nil> 9 true"},
		{"dsp", `import ("gonum.org/v1/gonum/dsp/fourier"; "gonum.org/v1/gonum/dsp/window"; "gonum.org/v1/gonum/dsp/transform"; "math/cmplx")
fft := fourier.NewFFT(4)
c := fft.Coefficients(nil, []float64{1, 0, -1, 0})
w := window.Hann([]float64{1, 1, 1})
h := transform.NewHilbert(4)
fmt.Sprintf("%.0f %.0f %.0f %d", cmplx.Abs(c[1]), real(c[0]), w, h.Len())`, "2 0 [0 1 0] 4"},
		{"spatial", `import ("gonum.org/v1/gonum/spatial/kdtree"; "gonum.org/v1/gonum/spatial/vptree"; "gonum.org/v1/gonum/spatial/r2"; "gonum.org/v1/gonum/spatial/r3"; "gonum.org/v1/gonum/spatial/curve"; "gonum.org/v1/gonum/spatial/barneshut"; "sort"; "math")
type place struct { name string; x, y float64 }
func (p place) Compare(c kdtree.Comparable, d kdtree.Dim) float64 { q := c.(place); if d == 0 { return p.x - q.x }; return p.y - q.y }
func (p place) Dims() int { return 2 }
func (p place) Distance(c kdtree.Comparable) float64 { q := c.(place); return (p.x-q.x)*(p.x-q.x) + (p.y-q.y)*(p.y-q.y) }
type places []place
func (p places) Index(i int) kdtree.Comparable { return p[i] }
func (p places) Len() int { return len(p) }
func (p places) Slice(start, end int) kdtree.Interface { return p[start:end] }
func (p places) Pivot(d kdtree.Dim) int { return plane{p, d}.Pivot() }
type plane struct { places; d kdtree.Dim }
func (p plane) Less(i, j int) bool { return p.places[i].Compare(p.places[j], p.d) < 0 }
func (p plane) Swap(i, j int) { p.places[i], p.places[j] = p.places[j], p.places[i] }
func (p plane) Slice(start, end int) kdtree.SortSlicer { p.places = p.places[start:end]; return p }
func (p plane) Pivot() int { sort.Sort(p); return len(p.places) / 2 }
tree := kdtree.New(places{{"a", 0, 0}, {"b", 5, 5}, {"c", 9, 1}, {"d", 2, 7}}, false)
got, dist := tree.Nearest(place{"", 8, 2})
keep := kdtree.NewNKeeper(2)
tree.NearestSet(keep, place{"", 0, 1})
type pt float64
func (p pt) Distance(c vptree.Comparable) float64 { return math.Abs(float64(p - c.(pt))) }
vt, err := vptree.New([]vptree.Comparable{pt(1), pt(5), pt(9)}, 2, nil)
near, _ := vt.Nearest(pt(6))
hb, _ := curve.NewHilbert2D(2)
type star struct{ p r2.Vec }
func (s star) Coord2() r2.Vec { return s.p }
func (s star) Mass() float64 { return 1 }
bh, _ := barneshut.NewPlane([]barneshut.Particle2{star{r2.Vec{X: 0}}, star{r2.Vec{X: 1}}})
force := bh.ForceOn(star{r2.Vec{X: 0}}, 0.5, barneshut.Gravity2)
fmt.Sprint(got.(place).name, dist, keep.Len(), near, err, r2.Norm(r2.Vec{X: 3, Y: 4}), r3.Cross(r3.Vec{X: 1}, r3.Vec{Y: 1}).Z, hb.Pos([]int{0, 0}), force.X > 0)`, "c2 2 5 <nil> 5 1 0 true"},
		{"interp and integrate", `import ("gonum.org/v1/gonum/interp"; "gonum.org/v1/gonum/integrate"; "gonum.org/v1/gonum/integrate/quad"; "gonum.org/v1/gonum/diff/fd"; "math")
var pl interp.AkimaSpline
err := pl.Fit([]float64{0, 1, 2, 3, 4}, []float64{0, 1, 4, 9, 16})
xs := []float64{0, 0.5, 1}
q := quad.Fixed(func(x float64) float64 { return x * x }, 0, 3, 5, nil, 0)
d := fd.Derivative(math.Sin, 0, &fd.Settings{Formula: fd.Central})
g := fd.Gradient(nil, func(x []float64) float64 { return x[0] * x[1] }, []float64{2, 3}, nil)
fmt.Sprintf("%v %.1f %.3f %.2f %.3f %.2f", err, pl.Predict(3), integrate.Trapezoidal(xs, xs), q, d, g)`, "<nil> 9.0 0.500 9.00 1.000 [3.00 2.00]"},
		{"num", `import ("gonum.org/v1/gonum/num/quat"; "gonum.org/v1/gonum/num/dual"; "gonum.org/v1/gonum/num/hyperdual"; "gonum.org/v1/gonum/num/dualquat")
x := dual.Mul(dual.Number{Real: 3, Emag: 1}, dual.Number{Real: 3, Emag: 1})
h := hyperdual.Mul(hyperdual.Number{Real: 2, E1mag: 1, E2mag: 1}, hyperdual.Number{Real: 2, E1mag: 1, E2mag: 1})
fmt.Sprint(quat.Mul(quat.Number{Imag: 1}, quat.Number{Jmag: 1}), x, h.E1E2mag, dualquat.Number{Real: quat.Number{Real: 1}})`, "(0+0i+0j+1k) (9+6ϵ) 2 ((1+0i+0j+0k)+(+0+0i+0j+0k)ϵ)"},
		{"unit, mathext", `import ("gonum.org/v1/gonum/unit"; "gonum.org/v1/gonum/unit/constant"; "gonum.org/v1/gonum/mathext"; "gonum.org/v1/gonum/mathext/prng")
u := unit.New(3, unit.Dimensions{unit.LengthDim: 1, unit.TimeDim: -1})
mt := prng.NewMT19937()
mt.Seed(5489)
fmt.Sprintf("%v %v %.3f %d %v", u, constant.LightSpeedInVacuum, mathext.Digamma(1), mt.Uint32(), 2*unit.Metre)`, "3 m s^-1 2.99792458e+08 m s^-1 -0.577 3499211612 2 m"},
		{"blas, lapack", `import ("gonum.org/v1/gonum/blas"; "gonum.org/v1/gonum/blas/blas64"; "gonum.org/v1/gonum/blas/blas32"; "gonum.org/v1/gonum/lapack/lapack64"; "gonum.org/v1/gonum/blas/gonum")
a := blas64.General{Rows: 2, Cols: 2, Stride: 2, Data: []float64{4, 0, 0, 9}}
y := blas64.Vector{N: 2, Inc: 1, Data: make([]float64, 2)}
blas64.Gemv(blas.NoTrans, 1, a, blas64.Vector{N: 2, Inc: 1, Data: []float64{1, 2}}, 0, y)
ch, ok := lapack64.Potrf(blas64.Symmetric{N: 2, Stride: 2, Data: []float64{4, 0, 0, 9}, Uplo: blas.Upper})
blas64.Use(gonum.Implementation{})
fmt.Sprint(y.Data, ch.Data[0], ch.Data[3], ok, blas32.Dot(blas32.Vector{N: 1, Inc: 1, Data: []float32{2}}, blas32.Vector{N: 1, Inc: 1, Data: []float32{3}}))`, "[4 18] 2 3 true 6"},
		{"plot", `import ("gonum.org/v1/plot"; "gonum.org/v1/plot/plotter"; "gonum.org/v1/plot/plotutil"; "gonum.org/v1/plot/vg"; "gonum.org/v1/plot/vg/draw"; "gonum.org/v1/plot/vg/vgsvg"; "gonum.org/v1/plot/vg/vgimg"; "gonum.org/v1/plot/vg/vgpdf"; "gonum.org/v1/plot/vg/recorder"; "gonum.org/v1/plot/palette"; "gonum.org/v1/plot/palette/moreland"; "gonum.org/v1/plot/font"; "bytes"; "image/color")
type mine struct{ color.Color }
func (m mine) Plot(c draw.Canvas, p *plot.Plot) { c.FillPolygon(m.Color, []vg.Point{{X: 1, Y: 1}, {X: 9, Y: 1}, {X: 5, Y: 9}}) }
type heat struct{}
func (heat) Dims() (c, r int) { return 3, 2 }
func (heat) X(c int) float64 { return float64(c) }
func (heat) Y(r int) float64 { return float64(r) }
func (heat) Z(c, r int) float64 { return float64(c * r) }
type ticks struct{}
func (ticks) Ticks(lo, hi float64) []plot.Tick { return []plot.Tick{{Value: lo, Label: "LOW"}, {Value: hi, Label: "HIGH"}} }
p := plot.New()
p.Title.Text = "Ours"
p.X.Tick.Marker = ticks{}
err := plotutil.AddLinePoints(p, "one", plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
p.Add(mine{color.RGBA{R: 255, A: 255}}, plotter.NewHeatMap(heat{}, palette.Heat(5, 1)), plotter.NewGrid())
cm := moreland.Kindlmann()
cm.SetMax(1)
svg := vgsvg.New(5*vg.Centimeter, 5*vg.Centimeter)
p.Draw(draw.New(svg))
var b bytes.Buffer
svg.WriteTo(&b)
img := vgimg.New(60, 40)
p.Draw(draw.New(img))
pdf := vgpdf.New(50, 50)
p.Draw(draw.New(pdf))
var rec recorder.Canvas
p.Draw(draw.NewCanvas(&rec, 100, 100))
fmt.Sprint(err, strings.Contains(b.String(), "Ours"), strings.Contains(b.String(), "HIGH"), img.Image().Bounds().Dx() > 50, len(rec.Actions) > 10, cm.Max(), font.Points(3))`, "<nil> true true true true 1 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			in := interp.New(interp.Options{
				Libraries: append([]interp.Library{interp.Std()}, symbols.Libraries()...),
				Stdout:    &out, Stderr: &out,
			})
			r, err := in.Eval(context.Background(), interp.Cell{N: 1, Source: c.src})
			if err != nil || len(r.Values) != 1 {
				t.Fatalf("%v, %d values\n%s", err, len(r.Values), out.String())
			}
			if got := strings.TrimSpace(fmt.Sprint(r.Values[0])); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}
