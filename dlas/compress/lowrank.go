package compress

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

var lowrankForm = form{level: "share of the energy", lo: 0, hi: 1, example: "write lowrank(0.9)"}

// largestSide bounds the smaller side of a matrix that is decomposed: the time grows with its cube, 2048 takes half a
// minute.
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
	before, after, others := 0, 0, 0
	for i, w := range e.of {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		t.tell("lowrank", i, len(e.of))
		before += w.Elems()
		after += w.Elems()
		m, n := w.Rows, w.Cols*w.Taps
		switch {
		case !splits(e.g, w) || 2*e.nonzero[i] < int64(w.Elems()):
			others++
			continue
		case min(m, n) > largestSide:
			large = append(large, fmt.Sprintf("%q", w.Name))
			continue
		}
		left, right, r, err := factor(ctx, w, e.data[i], a.level, (m*n-1)/(m+n))
		if err != nil {
			return nil, "", err
		}
		if r == 0 {
			others++
			continue
		}
		e.split(w, left, right, r)
		after += (m+n)*r - m*n
		split = append(split, fmt.Sprintf("%q to rank %d of %d", w.Name, r, min(m, n)))
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

// factor returns left (rows x r) and right (r x cols*taps) whose product is the nearest of rank r to a tensor's weights,
// where r is the least rank that keeps that share of their energy; r is 0 where it is above most. The singular vectors of
// the shorter side are eigenvectors of the matrix times its transpose.
func factor(ctx context.Context, w op.Weight, data []float32, energy float64, most int) (left, right []float32, r int, err error) {
	m, n := w.Rows, w.Cols*w.Taps
	a := mat.NewDense(m, n, nil)
	for row := range m {
		for col := range w.Cols {
			for tap := range w.Taps {
				v := float64(data[w.At(row, col, tap)])
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, nil, 0, ir.Errorf(ir.Compress, "lowrank: %q has elements that are no numbers", w.Name)
				}
				a.Set(row, col*w.Taps+tap, v)
			}
		}
	}
	side := min(m, n)
	gram := mat.NewSymDense(side, nil)
	if m <= n {
		gram.SymOuterK(1, a)
	} else {
		gram.SymOuterK(1, a.T())
	}
	if ctx.Err() != nil {
		return nil, nil, 0, context.Cause(ctx)
	}
	var eig mat.EigenSym
	if !eig.Factorize(gram, true) {
		return nil, nil, 0, ir.Errorf(ir.Compress, "lowrank: the singular values of %q could not be found", w.Name)
	}
	values := eig.Values(nil) // ascending
	total, kept := 0.0, 0.0
	for _, v := range values {
		total += max(v, 0)
	}
	for r < side && (r == 0 || kept < energy*total) {
		r++
		kept += max(values[side-r], 0)
	}
	if r > most {
		return nil, nil, 0, nil
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	u := vectors.Slice(0, side, side-r, side) // of the largest values
	var short, long mat.Dense                 // u, and the rest of the product
	short.CloneFrom(u)
	if m <= n {
		long.Mul(u.T(), a)
	} else {
		long.Mul(a, u)
	}
	// Each factor takes the root of the singular values, so that neither has much larger numbers than the other.
	for k := range r {
		root := math.Sqrt(math.Sqrt(max(values[side-r+k], 0)))
		if root == 0 {
			continue
		}
		for i := range side {
			short.Set(i, k, short.At(i, k)*root)
		}
		for i := range max(m, n) {
			if m <= n {
				long.Set(k, i, long.At(k, i)/root)
			} else {
				long.Set(i, k, long.At(i, k)/root)
			}
		}
	}
	if m <= n {
		return flatten(&short), flatten(&long), r, nil
	}
	return flatten(&long), flatten(mat.DenseCopyOf(short.T())), r, nil
}

func flatten(m *mat.Dense) []float32 {
	rows, cols := m.Dims()
	out := make([]float32, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			out = append(out, float32(m.At(i, j)))
		}
	}
	return out
}

// split replaces each layer that multiplies by w by two.
func (e *change) split(w op.Weight, left, right []float32, r int) {
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
		return stored(&ir.Tensor{Shape: s, Type: like.Type}, data)
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
