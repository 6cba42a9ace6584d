package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// This file is for sums that are rounded as TensorFlow Lite rounds them: in fixed point, as its reference kernels do it,
// where a tile leaves its sums in scratch and a second loop makes bytes of them; and of additions as XNNPACK does it.

// isFixed reports whether a node computes in fixed point.
func isFixed(p ir.Problem) bool { return p.Node.Attrs.Int("fixed", 0) != 0 }

// notFixed demands that a node computes in floats.
func notFixed(p ir.Problem) error {
	if isFixed(p) {
		return fmt.Errorf("its sums are scaled in fixed point")
	}
	return nil
}

// fixedPoints are the factors of each output channel, as asm.ByteFixed reads them: by block of 16.
func fixedPoints(channels int, factor func(c int) op.Fixed) []float64 {
	v := mem.Alloc(8 * 48 * ceilDiv(channels, ir.Lanes)).F64()
	for c := range channels {
		at := c/ir.Lanes*48 + c%ir.Lanes
		v[at], v[at+16], v[at+32] = factor(c).Point()
	}
	return v
}

// fixed runs the second loop.
func (l *byteLevel) fixed(f *asm.ByteFixed, sum bool) {
	switch {
	case l.isa == isaGo && sum:
		asm.ByteFixedSumGo(f)
	case l.isa == isaGo:
		asm.ByteFixedGo(f)
	case l.wide && sum:
		asm.ByteFixedSum512(f)
	case l.wide:
		asm.ByteFixed512(f)
	case sum:
		asm.ByteFixedSum2(f)
	default:
		asm.ByteFixed2(f)
	}
}

// fixedScratch is what a thread wants for the sums of a tile.
const fixedScratch = 64 * 2 * asm.MostBytePixels

// fixedTile is a tile whose sums are scaled in fixed point; point are the factors of its first block of channels.
func (l *byteLevel) fixedTile(t *asm.ByteTile, pixels, half, vectors, groups int, point []float64, scratch ir.Memory) {
	sums := scratch[:fixedScratch].I32()
	t.Sums = &sums[0]
	l.tile(t, pixels, half, vectors, groups)
	f := asm.ByteFixed{Zero: t.Zero, Lo: int32(t.Lo), Hi: int32(t.Hi)}
	for v := range vectors {
		f.Point = &point[48*v]
		for first := 0; first < pixels; first += half {
			f.Sums, f.Pixels = &sums[16*(v*pixels+first)], min(half, pixels-first)
			f.Out = asm.Plus(t.Out, v*t.OutStep)
			if first > 0 {
				f.Out = asm.Plus(f.Out, t.Out2)
			}
			l.fixed(&f, false)
			if t.Table != nil {
				for i := range 16 * f.Pixels {
					b := asm.Plus(f.Out, i)
					*b = t.Table[*b]
				}
			}
		}
	}
}

// sumParts are what the two bytes of a sum contribute to it, and the factor of both together.
func sumParts(p ir.Problem) (a, b func(int64) int64, factor op.Fixed) {
	if sum, ok := wholeSum(p); ok && !isFixed(p) {
		return sum.A, sum.B, sum.Factor()
	}
	sum := op.NewFixedSum(scale32(p, 1), scale32(p, 2), scale32(p, 4), scale32(p, 5), scale32(p, 6), scale32(p, 7))
	return sum.A, sum.B, sum.Factor()
}

// bindFixedAdd is bindByteAdd in fixed point.
func bindFixedAdd(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	la, lb, lo := p.LayoutIn(0), p.LayoutIn(3), p.LayoutOut(0)
	second := lb.StridesOf(s)
	var rows asm.ByteRun
	rowsOf(&rows, s, la.StridesOf(s).Row, second.Row, lo.StridesOf(s).Row)
	whole(&rows, s[3], la, lb, lo)
	tables := mem.Alloc(2 * 1024)
	a, b := (*[256]int32)(tables.I32()[:256]), (*[256]int32)(tables.I32()[256:])
	partA, partB, factor := sumParts(p)
	for i := range 256 {
		a[i], b[i] = int32(partA(int64(i))), int32(partB(int64(i)))
	}
	point := fixedPoints(ir.Lanes, func(int) op.Fixed { return factor })
	low, high := clampBytes(p.Node, ir.U8)
	proto := asm.ByteFixed{TableA: a, TableB: b, Point: &point[0], Zero: int32(number(p, 7)), Lo: int32(low), Hi: int32(high)}
	width := 4*rows.Quads + rows.Tail
	bound := eachBlock(p, 4, func(call ir.Call, n, block, in, out int) {
		f := proto
		from := n*second.Image + block*second.Block + second.Origin
		for y := range rows.Rows {
			for x := 0; x < width; x += callPixels / 8 {
				f.Pixels = min(callPixels/8, width-x)
				f.A, f.B, f.Out = &call.In[0][in+y*rows.ARow+16*x], &call.In[3][from+y*rows.BRow+16*x], &call.Out[0][out+y*rows.OutRow+16*x]
				l.fixed(&f, true)
			}
		}
	})
	bound.PackedBytes = int64(len(tables) + 8*len(point))
	return bound
}

// isXNNPACK reports whether a node adds as XNNPACK does.
func isXNNPACK(n *ir.Node) bool { return n.Attrs.Int("xnnpack", 0) != 0 }

// wholeSum is the sum that a QLinearAdd computes in whole numbers; ok is false where it adds in floats.
func wholeSum(p ir.Problem) (op.WholeSum, bool) {
	if !isXNNPACK(p.Node) {
		return op.WholeSum{}, false
	}
	return op.NewWholeSum(scale32(p, 1), scale32(p, 2), scale32(p, 4), scale32(p, 5), scale32(p, 6), scale32(p, 7))
}
