package primitive

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// The rows of this file's family work in lanes of 16: the channels of a block where the map is in blocks, neighbours
// where it is plain. They take their inputs as they are made.

// laneKernels are the rows that run everything f32 that is neither a convolution with one group nor a matrix product.
func laneKernels() []ir.Kernel {
	levels := []string{"go"}
	if asm.HasAVX2() {
		levels = append(levels, "avx2")
	}
	if asm.HasAVX512() {
		levels = append(levels, "avx512")
	}
	var ks []ir.Kernel
	for _, isa := range levels {
		ks = append(ks, depthwiseRow(isa))
		ks = append(ks, unaryRows(isa)...)
		ks = append(ks, binaryRows(isa)...)
		ks = append(ks, poolRows(isa)...)
		ks = append(ks, affineRow(isa), softmaxRow(isa, "Softmax"), softmaxRow(isa, "LogSoftmax"), resizeRow(isa))
		ks = append(ks, rowKernels(isa)...)
		ks = append(ks, reduceRows(isa)...)
		ks = append(ks, powerRow(isa))
	}
	if asm.HasNEON() {
		ks = append(ks, depthwiseRow("neon"))
	}
	return append(ks, movingRows()...)
}

// laneRow is a row of this family. It wants inputs of type F32.
func laneRow(operator, name, isa string, fits func(ir.Problem) error, layouts func(ir.Problem) (in, out []ir.Layout), bind func(ir.Problem, asm.ISA) (ir.Bound, error)) ir.Kernel {
	return ir.Kernel{
		Name: name + "__" + isa, Op: operator, Type: ir.F32, ISA: isa, Exact: ir.ExactF32, Layouts: layouts,
		Fits: func(p ir.Problem) error {
			for i := range p.In {
				if p.In[i] != nil && p.TypeIn(i) != ir.F32 {
					return fmt.Errorf("it takes f32, not %s", p.TypeIn(i))
				}
			}
			return fits(p)
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bind(p, asm.ISAOf(isa)) },
	}
}

func always(ir.Problem) error { return nil }

// asFirst is the layouts of a kernel with one input, which it takes as it is.
func asFirst(p ir.Problem) (in, out []ir.Layout) {
	l := ir.Layout{Block: p.LayoutIn(0).Block}
	return []ir.Layout{l}, []ir.Layout{l}
}

// blocked is the layouts of a kernel that wants blocks whatever its first input has.
func blocked(ir.Problem) (in, out []ir.Layout) {
	return []ir.Layout{ir.Blocked}, []ir.Layout{ir.Blocked}
}

// Nanoseconds that rows take for 16 elements, by level: what parts are cut by.
func laneCost(isa asm.ISA, vector float64) float64 {
	switch isa {
	case asm.AVX512:
		return vector
	case asm.AVX2:
		return 1.5 * vector
	case asm.NEON:
		return 4 * vector
	}
	return 12 * vector
}

const (
	leastNanos = 5e3     // a part worth cutting finer than one a thread
	sharedOver = 1e3     // a phase that is worth handing to other threads: the handing over takes some 500
	mostNanos  = 4e5     // a part after which a run can be stopped
	partBytes  = 4 << 20 // bytes of such a part, which may come from memory
)

// movedBytes is what a node reads and writes of activations.
func movedBytes(p ir.Problem) int {
	n := 0
	for i, s := range p.In {
		if s != nil && (i >= len(p.Weights) || p.Weights[i] == nil) {
			n += s.Elems() * p.TypeIn(i).Size()
		}
	}
	for i, s := range p.Out {
		n += s.Elems() * p.TypeOut(i).Size()
	}
	return n
}

// partsFor is the number of parts of a phase of items that take that many nanoseconds in all: some for each thread, none
// too short to be worth it and none too long to wait for.
func partsFor(items int, nanos float64, m ir.Machine) int {
	n := int(math.Ceil(nanos / mostNanos))
	if t := m.Threads; t > 1 && nanos > sharedOver {
		n = max(n, t, min(4*t, int(nanos/leastNanos)))
		n = ceilDiv(n, t) * t
	}
	return min(items, max(1, n))
}

// shared is a phase of so many items, cut by their time; run does items from..to-1.
func shared(p ir.Problem, items int, nanos float64, run func(call ir.Call, from, to int)) ir.Bound {
	parts := partsFor(items, nanos, p.Machine)
	parts = min(items, max(parts, ceilDiv(movedBytes(p), partBytes)))
	return ir.Bound{Phases: []int{parts}, Unpacked: true, Run: func(call ir.Call) {
		from, to := part(items, parts, call.Part)
		run(call, from, to)
	}}
}

// sharedRows is a phase over the rows of a map with that many images and rows, cut by their time: run does rows y0..y1-1 of
// image n, all channels.
func sharedRows(p ir.Problem, s ir.Shape, nanos float64, run func(call ir.Call, n, y0, y1 int)) ir.Bound {
	rows, t := s[0]*s[2], p.Machine.Threads
	most := max(t, rows/leastRows/t*t, int(math.Ceil(nanos/mostNanos))) // few, so that windows meet few edges of parts
	parts := min(partsFor(rows, nanos, p.Machine), most)
	return ir.Bound{Phases: []int{parts}, Unpacked: true, Run: func(call ir.Call) {
		from, to := part(rows, parts, call.Part)
		grid{1, s[2]}.each(from, to, func(n, _, y, rows int) { run(call, n, y, y+rows) })
	}}
}

// rowsOf is a walk over rows of pixels, counted over all blocks of all images: f gets the image, the block, and the rows
// of it.
type grid struct{ blocks, rows int }

func (g grid) each(from, to int, f func(n, b, y, rows int)) {
	for from < to {
		plane, y := from/g.rows, from%g.rows
		rows := min(g.rows-y, to-from)
		f(plane/g.blocks, plane%g.blocks, y, rows)
		from += rows
	}
}

// after is what a row does with its result last: a clamp, then a function if there is one.
type after struct {
	lo, hi float32
	fn     asm.Fn
	more   bool
}

func afterOf(n *ir.Node) after {
	a := after{lo: float32(math.Inf(-1)), hi: float32(math.Inf(1))}
	switch n.Attrs.Str("act", op.ActNone) {
	case op.ActRelu:
		a.lo = 0
	case op.ActRelu6:
		a.lo, a.hi = 0, 6
	case op.ActClip:
		lo, hi := op.ClipBounds(n)
		a.lo, a.hi = float32(lo), float32(hi)
	case op.ActSilu:
		a.fn, a.more = asm.FnSiLU, true
	case op.ActHardSwish:
		a.fn, a.more = asm.FnHardSwish, true
	case op.ActSigmoid:
		a.fn, a.more = asm.FnSigmoid, true
	}
	return a
}

// cost is what the function adds to the time of 16 elements.
func (a after) cost() float64 {
	if a.more {
		return 5
	}
	return 0
}

// apply runs the function over rows that have just been written.
func (a after) apply(isa asm.ISA, out []float32, pitch, rows, vecs int) {
	if !a.more {
		return
	}
	if pitch == vecs*ir.Lanes {
		rows, vecs = 1, rows*vecs
	}
	m := asm.Map{Out: out, A: out, OutPitch: 4 * pitch, APitch: 4 * pitch, AStep: 64, Rows: rows, Vecs: vecs}
	m.Run(a.fn, isa)
}

// splat is a number 16 times.
func splat(v float32) []float32 {
	s := make([]float32, ir.Lanes)
	for i := range s {
		s[i] = v
	}
	return s
}
