package compress

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"gonum.org/v1/gonum/floats"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

var lowrankForm = form{level: "share of the energy", lo: 0, hi: 1, example: "write lowrank(0.9)"}

// largestSide bounds the smaller side of a matrix that is decomposed: the time grows with its cube, 2048 takes some ten
// seconds of a core, 512 below one.
const largestSide = 2048

func lowrank() pass {
	o := ir.Option{
		Name: "lowrank",
		Help: "Splits a layer's weights, as a matrix of output channels by all else, into a product of two thinner ones of rank r: a convolution becomes one to r " +
			"channels and a 1x1 one from these, a linear layer two. r is the least that keeps this share of the energy, the sum of the squared singular values, " +
			"which is that of the squared weights. Only where the multiply-accumulates fall; the line says where. Grouped convolutions, layers that are mostly zeros " +
			"and very large ones stay. Without retraining.",
		Source: "Denton et al., Exploiting Linear Structure Within Convolutional Networks, NIPS 2014; Zhang et al., Accelerating Very Deep Convolutional Networks, 2015",
		Params: []ir.Param{{Help: "share of the energy that is kept, 0 to 1", Examples: []string{"0.9"}}},
	}
	return changing(o, lowrankForm.read, applyLowrank)
}

func applyLowrank(ctx context.Context, e *change, c ir.Choice, a given, t Tools) (*ir.Graph, string, error) {
	var split, large []string
	var todo []int // layers that are decomposed
	before, after, others := 0, 0, 0
	for i, w := range e.of {
		before += w.Elems()
		after += w.Elems()
		switch {
		case !splits(e.g, w) || 2*e.nonzero[i] < int64(w.Elems()):
			others++
		case min(w.Rows, w.Cols*w.Taps) > largestSide:
			large = append(large, fmt.Sprintf("%q", w.Name))
		default:
			todo = append(todo, i)
		}
	}
	made, err := e.factorAll(ctx, todo, a.level, t)
	if err != nil {
		return nil, "", err
	}
	for _, i := range todo {
		w, f := e.of[i], made[i]
		if f.r == 0 {
			others++
			continue
		}
		m, n := w.Rows, w.Cols*w.Taps
		e.split(ctx, w, f.left, f.right, f.r)
		after += (m+n)*f.r - m*n
		split = append(split, fmt.Sprintf("%q to rank %d of %d", w.Name, f.r, min(m, n)))
	}
	line := fmt.Sprintf("%s: %d of %s split", c, len(split), plural(len(e.of), "layer"))
	if len(split) > 0 {
		line += fmt.Sprintf(" (%s); %d conv and linear weights instead of %d", some(split), after, before)
	}
	if others > 0 {
		line += fmt.Sprintf("; %d left: grouped, mostly zeros, or their multiply-accumulates would not fall", others)
	}
	if len(large) > 0 {
		line += fmt.Sprintf("; %s left: decomposing them takes minutes", some(large))
	}
	if len(split) == 0 {
		return e.from, line, nil
	}
	return e.g, line, nil
}

// factorAll factors layers, as many at a time as there are cores, the largest first.
func (e *change) factorAll(ctx context.Context, layers []int, energy float64, t Tools) ([]factored, error) {
	order := slices.Clone(layers)
	work := func(i int) int {
		m, n := e.of[i].Rows, e.of[i].Cols*e.of[i].Taps
		return min(m, n) * m * n
	}
	slices.SortStableFunc(order, func(i, j int) int { return work(j) - work(i) })
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	made, done := make([]factored, len(e.of)), make(chan int)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(order)) {
		go func() {
			for k := int(next.Add(1)) - 1; k < len(order); k = int(next.Add(1)) - 1 {
				i := order[k]
				w := e.of[i]
				m, n := w.Rows, w.Cols*w.Taps
				made[i], made[i].err = factor(ctx, w, e.data[i], energy, (m*n-1)/(m+n))
				done <- i
			}
		}()
	}
	var first error // of the network's order
	for k := range order {
		t.tell("lowrank", k, len(order))
		if i := <-done; made[i].err != nil {
			stop(made[i].err)
		}
	}
	for _, i := range layers {
		if first == nil {
			first = made[i].err
		}
	}
	return made, first
}

// splits reports whether every layer that multiplies by these weights can be made two.
func splits(g *ir.Graph, w op.Weight) bool {
	for _, n := range w.Nodes {
		var ok bool
		switch n.Op {
		case "Conv":
			ok = n.Attrs.Int("group", 1) == 1
		case "Gemm":
			ok = n.In[1] == w.Name && n.Attrs.Int("transA", 0) == 0 && n.Attrs.Int("transB", 0) == w.Nodes[0].Attrs.Int("transB", 0)
		case "MatMul":
			ok = n.In[1] == w.Name && len(g.Weights[w.Name].Shape) == 2
		}
		if !ok || n.Op != w.Nodes[0].Op {
			return false
		}
	}
	return true
}

// factored is what becomes of a layer: left (rows x r) and right (r x cols*taps), whose product is the nearest of rank r to
// its weights; r is 0 where it stays.
type factored struct {
	left, right []float32
	r           int
	err         error
}

// factor finds a tensor's factors, where r is the least rank that keeps that share of its energy; r is 0 where it is above
// most. The singular vectors of the shorter side are eigenvectors of the matrix times its transpose; all is in float64, so
// that each factor is off by what rounding it to float32 makes.
func factor(ctx context.Context, w op.Weight, data []float32, energy float64, most int) (f factored, err error) {
	m, n := w.Rows, w.Cols*w.Taps
	wide := m <= n
	a := matrix(min(m, n), max(m, n))
	for row := range m {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		for col := range w.Cols {
			for tap := range w.Taps {
				v := float64(data[w.At(row, col, tap)])
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return f, ir.Errorf(ir.Compress, "lowrank: %q has elements that are no numbers", w.Name)
				}
				if at := col*w.Taps + tap; wide {
					a[row][at] = v
				} else {
					a[at][row] = v
				}
			}
		}
	}
	g, err := gram(ctx, a)
	if err != nil {
		return f, err
	}
	s, err := newSymmetric(ctx, g)
	if err != nil {
		return f, err
	}
	values, err := s.values(ctx)
	if err != nil {
		return f, err
	}
	total, kept, r := 0.0, 0.0, 0
	for _, v := range values {
		total += max(v, 0)
	}
	for r < len(values) && (r == 0 || kept < energy*total) {
		kept += max(values[r], 0)
		r++
	}
	if r > most {
		return f, nil
	}
	short, values, err := s.vectors(ctx, r) // r x the shorter side
	if err != nil {
		return f, err
	}
	long, err := product(ctx, short, a) // r x the longer one
	if err != nil {
		return f, err
	}
	// Each factor takes the root of the singular values, so that neither has much larger numbers than the other.
	for k := range r {
		if root := math.Sqrt(math.Sqrt(max(values[k], 0))); root > 0 {
			floats.Scale(root, short[k])
			floats.Scale(1/root, long[k])
		}
	}
	f.r = r
	if f.left, f.right = columnsOf(short), rowsOf(long); !wide {
		f.left, f.right = columnsOf(long), rowsOf(short)
	}
	return f, nil
}

// rowsOf are the rows of a matrix one after the other, columnsOf its columns.
func rowsOf(a [][]float64) []float32 {
	out := make([]float32, 0, len(a)*len(a[0]))
	for _, row := range a {
		for _, v := range row {
			out = append(out, float32(v))
		}
	}
	return out
}

func columnsOf(a [][]float64) []float32 {
	out := make([]float32, len(a)*len(a[0]))
	for i, row := range a {
		for j, v := range row {
			out[j*len(a)+i] = float32(v)
		}
	}
	return out
}

// split replaces each layer that multiplies by w by two.
func (e *change) split(ctx context.Context, w op.Weight, left, right []float32, r int) {
	like := e.from.Weights[w.Name]
	convolution := w.Kernel != nil
	transposed := convolution || w.Nodes[0].Attrs.Int("transB", 0) != 0
	first, second := ir.Shape{r, w.Cols * w.Taps}, ir.Shape{w.Rows, r}
	if convolution {
		first = append(ir.Shape{r}, like.Shape[1:]...)
		for range w.Kernel {
			second = append(second, 1)
		}
	}
	if !transposed { // x W: the factors stand the other way round
		right, first = transpose(right, first)
		left, second = transpose(left, second)
	}
	of := func(data []float32, s ir.Shape) *ir.Tensor {
		return stored(ctx, &ir.Tensor{Shape: s, Type: like.Type}, data)
	}
	one, two := e.free(w.Name+" right"), e.free(w.Name+" left")
	e.g.Weights[one], e.g.Weights[two] = of(right, first), of(left, second)
	for _, from := range w.Nodes {
		e.splitNode(e.g.Node(from.Name), one, two)
	}
	for _, n := range e.g.Nodes {
		for _, in := range n.In {
			if in == w.Name {
				return // something else needs it
			}
		}
	}
	delete(e.g.Weights, w.Name)
}

// splitNode makes n multiply by the weights one, and lets a new node after it, which has its bias and its output, multiply
// by the weights two.
func (e *change) splitNode(n *ir.Node, one, two string) {
	middle := e.free(n.Out[0] + " rank")
	after := &ir.Node{Name: e.freeNode(n.Name + " left"), Op: n.Op, In: []string{middle, two}, Out: n.Out, Attrs: ir.Attrs{}}
	n.Out = []string{middle}
	if len(n.In) > 2 {
		after.In = append(after.In, n.In[2:]...)
		n.In = n.In[:2:2]
	}
	n.In[1] = one
	for _, a := range []string{"alpha", "beta", "transB", "act", "min", "max"} {
		if v, ok := n.Attrs[a]; ok {
			after.Attrs[a] = v
			if a != "transB" {
				delete(n.Attrs, a)
			}
		}
	}
	for i, m := range e.g.Nodes {
		if m == n {
			e.g.Nodes = append(e.g.Nodes[:i+1], append([]*ir.Node{after}, e.g.Nodes[i+1:]...)...)
			return
		}
	}
}

func transpose(data []float32, s ir.Shape) ([]float32, ir.Shape) {
	out := make([]float32, len(data))
	for i := range s[0] {
		for j := range s[1] {
			out[j*s[0]+i] = data[i*s[1]+j]
		}
	}
	return out, ir.Shape{s[1], s[0]}
}

// free is a name like that one which no value has.
func (e *change) free(name string) string {
	taken := func(s string) bool {
		if e.g.Weights[s] != nil {
			return true
		}
		for _, v := range e.g.Inputs {
			if v.Name == s {
				return true
			}
		}
		for _, n := range e.g.Nodes {
			for _, o := range n.Out {
				if o == s {
					return true
				}
			}
		}
		return false
	}
	return numbered(name, taken)
}

// freeNode is a name like that one which no node has.
func (e *change) freeNode(name string) string {
	return numbered(name, func(s string) bool { return e.g.Node(s) != nil })
}

func numbered(name string, taken func(string) bool) string {
	for i, s := 2, name; ; i++ {
		if !taken(s) {
			return s
		}
		s = fmt.Sprintf("%s %d", name, i)
	}
}
