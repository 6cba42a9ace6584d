package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteGemm is a quantised linear layer on the tile of the convolutions: images are the pixels, rows of inputs the blocks
// of channels. The tile writes into scratch, from which the results go to their rows.
type byteGemm struct {
	level   byteLevel
	n, k, m int
	wide    int // k up to whole blocks
	copied  bool
	signed  bool
	flip    byte
	weights ir.Memory
	bias    []int32
	scale   []float32
	point   []float64 // of sums in fixed point
	proto   asm.ByteTile
	strips  int
	pixels  int // of a tile
	vectors int
	parts   int
}

func byteGemmKernel(l byteLevel) ir.Kernel {
	return ir.Kernel{
		Name: "linear_i8_dense__" + l.isa, Op: "QGemm", Format: Dense, Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if err := constant(3, 4, 5, 6, 9)(p); err != nil {
				return err
			}
			if p.Weights[0] != nil || len(p.In[0]) != 2 {
				return fmt.Errorf("its input is constant, or no matrix")
			}
			return scalars(p, 1, 2, 7, 8)
		},
		Cost: func(p ir.Problem) float64 {
			return float64(p.Out[0].Elems()) * float64(p.In[0][1]) / l.rate
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindByteGemm(p, l) },
	}
}

func bindByteGemm(p ir.Problem, l byteLevel) (ir.Bound, error) {
	g := &byteGemm{level: l, n: p.In[0][0], k: p.In[0][1], m: p.Out[0][1], signed: p.TypeIn(0) == ir.I8}
	blocks, outs := ceilDiv(g.k, 16), ceilDiv(g.m, 16)
	g.wide = 16 * blocks
	if g.copied = g.wide != g.k || g.signed; g.signed {
		g.flip = 0x80
	}
	w := newByteMatrix(p.Weights[3], p.Weights[5], g.m, g.k, p.Node.Attrs.Int("transB", 0) == 0)
	passes := w.passes
	zero := int32(number(p, 2))
	if g.signed {
		zero += 128
	}
	g.bias, g.scale = mem.Alloc(64*outs).I32(), mem.F32(16*outs)
	sx, sy := scale32(p, 1), scale32(p, 7)
	for o, sum := range w.sums() {
		b := int32(0)
		if len(p.Weights) > 6 && p.Weights[6] != nil {
			b = p.Weights[6].Data.([]int32)[o]
		}
		g.bias[o] = b - zero*sum
		g.scale[o] = requantScale(sx, perChannel(p.Weights[4], o), sy)
		fits := func(most int64) bool { return fitsInt(2*(255*most+max(int64(b), -int64(b))), g.scale[o]) }
		// What the weights of an output come to at most needs no look at them, and mostly fits.
		if !fits(128*int64(len(passes)*g.k)) && !fits(w.most(o)) {
			return ir.Bound{}, fmt.Errorf("the scale of column %d is too large", o)
		}
	}
	if isFixed(p) {
		g.point = fixedPoints(g.m, func(o int) op.Fixed {
			return op.FixedProduct(p.Node, scale32(p, 1), perChannel(p.Weights[4], o), scale32(p, 7))
		})
	}
	g.pixels, g.vectors = l.tileOf(0, 0, len(passes)*g.wide)
	vectors := g.vectors
	g.strips = ceilDiv(outs, vectors)
	g.weights = mem.Alloc(g.strips * vectors * len(passes) * blocks * 256)
	w.pack(g.weights, p, vectors, g.wide)
	macs := len(g.weights) * g.n
	executed := int64(len(g.weights))
	g.weights = l.packed(g.weights)
	t := &g.proto
	*t = asm.ByteTile{
		Passes: len(passes), Blocks: blocks, BlockStep: 16, KH: 1, KW: 1, Pixel: g.wide, In2: asm.HalfTile * g.wide,
		Out2: 16 * asm.HalfTile, OutStep: 16 * asm.MostBytePixels, Zero: int32(number(p, 8)), Table: tableOf(p, 9),
	}
	t.Lo, t.Hi = clampBytes(p.Node, p.TypeOut(0))
	if p.TypeOut(0) == ir.I8 {
		t.Zero += 128
		t.Table = flipTable()
	}
	g.parts = max(1, ceilDiv(macs, 1<<24))
	if p.Machine.Threads > 1 && macs > 1<<18 {
		g.parts = max(g.parts, min(4, ceilDiv(macs, 1<<19))*p.Machine.Threads)
	}
	g.parts = min(g.parts, g.strips)
	bound := ir.Bound{
		Run: g.run, PackedBytes: int64(len(g.weights) + 8*len(g.bias)), MACsExecuted: executed,
		ScratchBytes: 2*16*asm.MostBytePixels + fixedScratch,
	}
	if g.copied {
		bound.WorkspaceBytes = int64(g.n * g.wide)
		bound.Phases = append(bound.Phases, 1)
	}
	bound.Phases = append(bound.Phases, g.parts)
	return bound, nil
}

// transposed is the transposed matrix of bytes.
func transposed(t *ir.Tensor) *ir.Tensor {
	k, m := t.Shape[0], t.Shape[1]
	out := &ir.Tensor{Shape: ir.Shape{m, k}, Type: t.Type}
	switch d := t.Data.(type) {
	case []int8:
		out.Data = transpose(d, k, m)
	case []uint8:
		out.Data = transpose(d, k, m)
	}
	return out
}

func transpose[T any](d []T, k, m int) []T {
	v := make([]T, len(d))
	for i := range k {
		for j := range m {
			v[j*k+i] = d[i*m+j]
		}
	}
	return v
}

func (g *byteGemm) run(call ir.Call) {
	x := call.In[0]
	if g.copied {
		if call.Phase == 0 {
			for n := range g.n {
				row := call.Workspace[n*g.wide : (n+1)*g.wide]
				clear(row[g.k:])
				for i, v := range x[n*g.k : (n+1)*g.k] {
					row[i] = v ^ g.flip
				}
			}
			return
		}
		x = call.Workspace
	}
	vectors := g.vectors
	outs := ceilDiv(g.m, 16)
	weights := g.weights.I8()
	t := g.proto
	t.Out = &call.Scratch[0]
	from, to := part(g.strips, g.parts, call.Part)
	for s := from; s < to; s++ {
		first := s * vectors
		v := min(vectors, outs-first)
		t.W = &weights[g.level.place(s*vectors*g.proto.Passes*g.proto.Blocks*256)]
		t.Bias, t.Scale = &g.bias[16*first], &g.scale[16*first]
		count := ceilDiv(g.n, g.pixels)
		for i := range count {
			n0, n1 := part(g.n, count, i)
			t.In = &x[n0*g.wide]
			if g.point != nil {
				g.level.fixedTile(&t, n1-n0, asm.HalfTile, v, 4, g.point[48*first:], call.Scratch[2*16*asm.MostBytePixels:])
			} else {
				g.level.tile(&t, n1-n0, asm.HalfTile, v, 4)
			}
			for n := n0; n < n1; n++ {
				for b := range v {
					at := (first + b) * 16
					copy(call.Out[0][n*g.m+at:n*g.m+min(g.m, at+16)], call.Scratch[b*t.OutStep+16*(n-n0):])
				}
			}
		}
	}
}
