package primitive

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file multiplies rows by a constant matrix: Gemm and MatMul. With few rows the time is that of reading the matrix,
// so it is packed in the order in which it is read, and the threads share it out.

// matrixKernels are the rows of Gemm and MatMul with constant weights.
func matrixKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		for _, o := range []struct{ op, name string }{{"Gemm", "linear"}, {"MatMul", "matmul"}} {
			ks = append(ks, ir.Kernel{
				Name: o.name + "_" + string(l.weight()) + "_dense__" + l.isa, Op: o.op, Format: Dense, Type: l.weight(), ISA: l.isa, Exact: ir.ExactF32,
				Fits: func(p ir.Problem) error {
					_, err := newMatrix(p, l)
					return err
				},
				Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindMatrix(p, l) },
			})
		}
	}
	return ks
}

// matrix is a product: n rows of k numbers by a k x m matrix, whose number (i, j) is w[i*rowStep+j*colStep], times alpha,
// plus beta times bias[j*biasStep].
type matrix struct {
	n, k, m          int
	w                *ir.Tensor
	bias             []float32
	rowStep, colStep int
	biasStep         int
	alpha, beta      float32
}

func newMatrix(p ir.Problem, l level) (matrix, error) {
	var x matrix
	if err := constant(1, 2)(p); err != nil {
		return x, err
	}
	w := p.In[1]
	if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 || p.Weights[1].Type != l.weight() {
		return x, fmt.Errorf("it runs f32 with weights of %s", l.weight())
	}
	if len(w) != 2 || len(p.In[0]) < 2 {
		return x, fmt.Errorf("%v by %v is no product of rows by a matrix", p.In[0], w)
	}
	x.k = p.In[0][len(p.In[0])-1]
	x.m = p.Out[0][len(p.Out[0])-1]
	if x.k == 0 || x.m == 0 || p.In[0].Elems() == 0 {
		return x, errors.New("it is empty")
	}
	x.n = p.In[0].Elems() / x.k
	x.w, x.alpha, x.beta = p.Weights[1], 1, 1
	x.rowStep, x.colStep = x.m, 1
	if p.Node.Op != "Gemm" {
		return x, nil
	}
	a := p.Node.Attrs
	if l.half && a.Float("alpha", 1) != 1 {
		return x, errors.New("alpha is not 1") // the product with it may be no float16
	}
	x.alpha, x.beta = float32(a.Float("alpha", 1)), float32(a.Float("beta", 1))
	if a.Int("transA", 0) != 0 {
		return x, errors.New("transA is not 0")
	}
	if a.Int("transB", 0) != 0 {
		x.rowStep, x.colStep = 1, x.k
	}
	if len(p.In) > 2 && p.In[2] != nil {
		x.bias = p.Weights[2].F32()
		switch {
		case len(x.bias) == 1:
		case len(x.bias) == x.m && p.In[2][len(p.In[2])-1] == x.m:
			x.biasStep = 1
		default:
			return x, fmt.Errorf("its bias' shape is %v", p.In[2])
		}
	}
	return x, nil
}

// linear is a product bound to the tiles.
type linear struct {
	matrix
	level   level
	weights packedWeights
	tile    asm.Tile
	tiles   []rowTile
	act     fusedAct
	parts   int
}

// rowTile is a number of neighbouring rows.
type rowTile struct{ first, rows int }

func bindMatrix(p ir.Problem, l level) (ir.Bound, error) {
	x, err := newMatrix(p, l)
	if err != nil {
		return ir.Bound{}, err
	}
	d := &linear{matrix: x, level: l, act: actFor(p.Node, l)}
	first := 0
	for _, n := range blocksOf(l, x.m, 0) {
		d.weights.groups = append(d.weights.groups, outGroup{
			first: first, blocks: n, macs: x.k * n * asm.Block, deep: chain{blocks: 1, depth: x.k, last: x.k},
		})
		first += n * asm.Block
	}
	if l.half {
		packMatrix(d, p, x.w.Data.([]uint16))
	} else {
		packMatrix(d, p, x.w.F32())
	}
	t := &d.tile
	t.KH, t.KW, t.Tiles = 1, 1, 1
	t.InPixel, t.OutBlock = 4*x.k, 4*asm.Block
	t.Lo, t.Hi = clampOf(p.Node)
	most := 14
	for _, g := range d.weights.groups {
		most = min(most, l.mostRows(g.blocks))
	}
	pieces := ceilDiv(x.n, most)
	for i := range pieces {
		from, to := part(x.n, pieces, i)
		d.tiles = append(d.tiles, rowTile{from, to - from})
	}
	d.parts = d.cut(p.Machine)
	return ir.Bound{
		Run: d.run, Phases: []int{d.parts}, Unpacked: p.Weights[0] != nil, PackedBytes: d.weights.bytes(),
		ScratchBytes: 4 * int64(most) * 3 * asm.Block,
		MACsExecuted: int64(x.k) * int64(first) * int64(x.n) / int64(max(1, p.Out[0][0])),
	}, nil
}

// packMatrix packs the weights in pieces of the depth that stay in the cache, many of them on all threads.
func packMatrix[T weight](d *linear, problem ir.Problem, w []T) {
	p := &d.weights
	p.ahead = ahead
	p.alloc(d.m, int(unsafe.Sizeof(w[0])))
	for j := range d.m {
		if d.bias != nil {
			p.bias[j] = d.beta * d.bias[j*d.biasStep]
		}
	}
	threads := 1
	if len(p.data) > manyBytes {
		threads = max(1, min(problem.Machine.Threads, len(p.groups)))
	}
	var next atomic.Int32
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(p.groups); i = int(next.Add(1)) - 1 {
				g := &p.groups[i]
				packColumns(d, g, packedGroup[T](p, g), w)
				if n := min(g.blocks*asm.Block, d.m-g.first); problem.Spent != nil && problem.Weights[0] == nil && d.colStep == d.k {
					problem.Spent(ir.MemoryOf(w[g.first*d.k : (g.first+n)*d.k]))
				}
			}
		})
	}
	all.Wait()
	if d.alpha != 1 {
		for i, v := range p.data.F32() {
			p.data.F32()[i] = v * d.alpha
		}
	}
}

// manyBytes is from how many bytes on weights are packed on all threads.
const manyBytes = 8 << 20

// packColumns packs the weights of a group.
func packColumns[T weight](d *linear, g *outGroup, to, w []T) {
	const piece = 128
	width := g.blocks * asm.Block
	n := min(width, d.m-g.first)
	for k0 := 0; k0 < d.k; k0 += piece {
		k1 := min(d.k, k0+piece)
		if d.colStep == 1 {
			for k := k0; k < k1; k++ {
				copy(to[k*width:], w[k*d.rowStep+g.first:][:n])
			}
			continue
		}
		row := func(c int) []T { return w[(g.first+c)*d.colStep+k0:][:k1-k0] }
		for c := 0; c < n; c++ {
			if c+4 <= n {
				packFour(to[k0*width+c:], width, row(c), row(c+1), row(c+2), row(c+3))
				c += 3
				continue
			}
			for k, v := range row(c) {
				to[(k0+k)*width+c] = v
			}
		}
	}
}

// Rules of a product's parts.
const (
	leastBytes = 64 << 10 // of weights of a part that is worth handing to another thread
	mostBytes  = 4 << 20  // of a part: half a millisecond of reading
)

// cut shares the groups out among the threads.
func (d *linear) cut(m ir.Machine) int {
	bytes := len(d.weights.data) * max(1, d.n/8)
	want := ceilDiv(bytes, mostBytes)
	if d.level.isa == isaGo {
		want *= 16
	}
	if m.Threads > 1 && bytes >= 2*leastBytes {
		n := min(m.Threads*threadPart, bytes/leastBytes)
		want = max(want, (n+m.Threads-1)/m.Threads*m.Threads)
	}
	return max(1, min(want, len(d.weights.groups)))
}

// run is one part.
func (d *linear) run(call ir.Call) {
	g0, g1 := part(len(d.weights.groups), d.parts, call.Part)
	t := d.tile
	fetch := d.weights.fetching(g0, g1, g1)
	for i := g0; i < g1; i++ {
		g := &d.weights.groups[i]
		d.weights.load(&t, i, fetch.take(), len(d.tiles))
		n := min(g.blocks*asm.Block, d.m-g.first)
		for _, rt := range d.tiles {
			asm.Spread(&t.At, rt.rows, rt.rows, 4*d.k, 0)
			t.In = pointer(call.In[0], 4*rt.first*d.k)
			if n == g.blocks*asm.Block {
				asm.Spread(&t.To, rt.rows, rt.rows, 4*d.m, 0)
				t.OutPixel = 4 * d.m
				t.Out = pointer(call.Out[0], 4*(rt.first*d.m+g.first))
				d.level.run(&t, rt.rows, g.blocks)
			} else {
				d.runEdge(&t, &call, g, rt, n)
			}
			if d.act != nil {
				out := call.Out[0].F32()
				for r := range rt.rows {
					at := (rt.first+r)*d.m + g.first
					d.act(out[at : at+n])
				}
			}
		}
	}
}

// runEdge computes a group whose last features do not exist, by way of the scratch.
func (d *linear) runEdge(t *asm.Tile, call *ir.Call, g *outGroup, rt rowTile, n int) {
	width := g.blocks * asm.Block
	asm.Spread(&t.To, rt.rows, rt.rows, 4*width, 0)
	t.OutPixel = 4 * width
	t.Out = pointer(call.Scratch, 0)
	d.level.run(t, rt.rows, g.blocks)
	from, out := call.Scratch.F32(), call.Out[0].F32()
	for r := range rt.rows {
		copy(out[(rt.first+r)*d.m+g.first:][:n], from[r*width:])
	}
}
