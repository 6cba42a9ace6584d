package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteLoop is one of the element-wise loops, in assembly or in Go.
type byteLoop uint8

const (
	loopAdd byteLoop = iota
	loopMul
	loopMulOne
	loopAffine
	loopQuantize
	loopLookUp
	loopFloat
	loopSum
)

func callBytes(r *asm.ByteRun, loop byteLoop, wide bool) {
	if wide {
		switch loop {
		case loopAdd:
			asm.ByteAdd(r)
		case loopMul:
			asm.ByteMul(r)
		case loopMulOne:
			asm.ByteMulOne(r)
		case loopAffine:
			asm.ByteAffine(r)
		case loopQuantize:
			asm.ByteQuantize(r)
		case loopLookUp:
			asm.ByteLookUp(r)
		case loopFloat:
			asm.ByteFloat(r)
		default:
			asm.ByteSum(r)
		}
		return
	}
	switch loop {
	case loopAdd:
		asm.ByteAddGo(r)
	case loopMul:
		asm.ByteMulGo(r)
	case loopMulOne:
		asm.ByteMulOneGo(r)
	case loopAffine:
		asm.ByteAffineGo(r)
	case loopQuantize:
		asm.ByteQuantizeGo(r)
	case loopLookUp:
		asm.ByteLookUpGo(r)
	case loopFloat:
		asm.ByteFloatGo(r)
	default:
		asm.ByteSumGo(r)
	}
}

// byteMapKernels are the rows for everything between quantised convolutions.
func byteMapKernels(l byteLevel) []ir.Kernel {
	row := func(name, operator string, fits func(ir.Problem) error, layouts func(ir.Problem) (in, out []ir.Layout), bind func(ir.Problem) ir.Bound) ir.Kernel {
		return ir.Kernel{
			Name: name + "__" + l.isa, Op: operator, Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt, Fits: fits, Layouts: layouts,
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bind(p), nil },
		}
	}
	binary := func(p ir.Problem) error {
		if err := byteMap(p); err != nil {
			return err
		}
		if p.Weights[3] != nil || !p.Out[0].Equal(p.In[0]) {
			return fmt.Errorf("its operands are constant, or the first is stretched")
		}
		return scalars(p, 1, 2, 4, 5, 6, 7)
	}
	same := func(p ir.Problem) error {
		if err := binary(p); err != nil {
			return err
		}
		if !p.In[3].Equal(p.In[0]) {
			return fmt.Errorf("its operands' shapes are %v and %v", p.In[0], p.In[3])
		}
		return nil
	}
	scale := func(p ir.Problem) error {
		if err := binary(p); err != nil {
			return err
		}
		if s := p.In[3]; len(s) != 4 || s[0] != p.In[0][0] || s[1] != p.In[0][1] || s[2]*s[3] != 1 {
			return fmt.Errorf("its operands' shapes are %v and %v", p.In[0], p.In[3])
		}
		return nil
	}
	blocked := func(at ...int) func(ir.Problem) (in, out []ir.Layout) {
		return func(p ir.Problem) (in, out []ir.Layout) {
			in = make([]ir.Layout, len(p.In))
			for _, i := range at {
				in[i] = ir.Blocked
			}
			return in, []ir.Layout{ir.Blocked}
		}
	}
	asIs := func(p ir.Problem) (in, out []ir.Layout) {
		in = make([]ir.Layout, len(p.In))
		in[0].Block = p.LayoutIn(0).Block
		return in, in[:1]
	}
	table := row("table_i8", "ByteTable", func(p ir.Problem) error { return constant(1)(p) }, asIs, func(p ir.Problem) ir.Bound { return bindByteTable(p, l) })
	table.InPlace = []int{0}
	return []ir.Kernel{
		byteMaxPool(l), byteAveragePool(l), table,
		row("add_i8", "QLinearAdd", same, blocked(0, 3), func(p ir.Problem) ir.Bound { return bindByteAdd(p, l) }),
		row("mul_i8", "QLinearMul", same, blocked(0, 3), func(p ir.Problem) ir.Bound { return bindByteMul(p, l) }),
		row("scale_i8", "QLinearMul", scale, blocked(0, 3), func(p ir.Problem) ir.Bound { return bindByteScale(p, l) }),
		row("affine_i8", "ByteAffine", func(p ir.Problem) error {
			if err := byteMap(p); err != nil {
				return err
			}
			if err := constant(2, 3)(p); err != nil {
				return err
			}
			return scalars(p, 1, 4)
		}, blocked(0), func(p ir.Problem) ir.Bound { return bindByteAffine(p, l) }),
		row("globalaveragepool_i8", "QLinearGlobalAveragePool", func(p ir.Problem) error {
			if err := byteMap(p); err != nil {
				return err
			}
			return scalars(p, 1, 2, 3, 4)
		}, blocked(0), func(p ir.Problem) ir.Bound { return bindByteMean(p, l) }),
		row("quantize_i8", "QuantizeLinear", func(p ir.Problem) error {
			if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.U8 || p.Weights[0] != nil {
				return fmt.Errorf("it makes u8 of computed floats")
			}
			return scalars(p, 1, 2)
		}, asIs, func(p ir.Problem) ir.Bound { return bindByteQuantize(p, l) }),
		row("dequantize_i8", "DequantizeLinear", func(p ir.Problem) error {
			if p.TypeIn(0) != ir.U8 || p.TypeOut(0) != ir.F32 || p.Weights[0] != nil {
				return fmt.Errorf("it makes floats of computed u8")
			}
			return scalars(p, 1, 2)
		}, asIs, func(p ir.Problem) ir.Bound { return bindByteFloat(p, l) }),
		byteConcat(l), bytePad(l),
	}
}

// eachBlock makes parts of the blocks of channels of a map in both layouts; f gets the offsets of a block's first pixel
// in the input and the output.
func eachBlock(p ir.Problem, cost int, f func(call ir.Call, n, block, in, out int)) ir.Bound {
	s := p.In[0]
	from, to := p.LayoutIn(0).StridesOf(s), p.LayoutOut(0).StridesOf(p.Out[0])
	blocks := ir.Blocks(s)
	items := s[0] * blocks
	parts := bytesParts(items, s[2]*s[3]*cost, p.Machine)
	return ir.Bound{Phases: []int{parts}, Run: func(call ir.Call) {
		a, b := part(items, parts, call.Part)
		for i := a; i < b; i++ {
			n, block := i/blocks, i%blocks
			f(call, n, block, n*from.Image+block*from.Block+from.Origin, n*to.Image+block*to.Block+to.Origin)
		}
	}}
}

// bytesParts is the number of parts for items of that many vectors of 16.
func bytesParts(items, vectors int, m ir.Machine) int {
	const least, most = 1 << 10, 1 << 15
	total := items * vectors
	parts := ceilDiv(total, most)
	if m.Threads > 1 && total >= least*m.Threads {
		parts = max(parts, min(4, total/least/m.Threads)*m.Threads)
	}
	return max(1, min(parts, items))
}

// rowsOf fills in the rows of a map.
func rowsOf(r *asm.ByteRun, s ir.Shape, a, b, out int) {
	r.Rows, r.ARow, r.BRow, r.OutRow = s[2], a, b, out
	r.Quads, r.Tail = s[3]/4, s[3]%4
}

// whole joins the rows into one where neither layout has a border beside them.
func whole(r *asm.ByteRun, width int, layouts ...ir.Layout) {
	for _, l := range layouts {
		if l.Border.Left+l.Border.Right > 0 {
			return
		}
	}
	n := r.Rows * width
	r.Rows, r.Quads, r.Tail = 1, n/4, n%4
}

func bindByteAdd(p ir.Problem, l byteLevel) ir.Bound {
	if isFixed(p) {
		return bindFixedAdd(p, l)
	}
	if sum, ok := wholeSum(p); ok {
		a, b, add, ok := sum.Floats()
		if !ok {
			return bindFixedAdd(p, l)
		}
		return bindByteBinary(p, l, loopAdd, func(r *asm.ByteRun) { r.AScale, r.BScale, r.AZero = a, b, add })
	}
	return bindByteBinary(p, l, loopAdd, func(r *asm.ByteRun) {
		c := scale32(p, 6)
		r.AScale, r.BScale = scale32(p, 1)/c, scale32(p, 4)/c
		r.AZero = asm.SumFixed(r.AScale, scale32(p, 2), r.BScale, scale32(p, 5), scale32(p, 7))
	})
}

func bindByteMul(p ir.Problem, l byteLevel) ir.Bound {
	return bindByteBinary(p, l, loopMul, func(r *asm.ByteRun) {
		r.AZero, r.BZero = scale32(p, 2), scale32(p, 5)
		r.AScale, r.BScale = requantScale(scale32(p, 1), scale32(p, 4), scale32(p, 6)), scale32(p, 7)
	})
}

func bindByteBinary(p ir.Problem, l byteLevel, loop byteLoop, scales func(*asm.ByteRun)) ir.Bound {
	s := p.In[0]
	la, lb, lo := p.LayoutIn(0), p.LayoutIn(3), p.LayoutOut(0)
	second := lb.StridesOf(s)
	var proto asm.ByteRun
	rowsOf(&proto, s, la.StridesOf(s).Row, second.Row, lo.StridesOf(s).Row)
	whole(&proto, s[3], la, lb, lo)
	proto.Lo, proto.Hi = clampBytes(p.Node, ir.U8)
	scales(&proto)
	return eachBlock(p, 1, func(call ir.Call, n, block, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][in], &call.Out[0][out]
		r.B = &call.In[3][n*second.Image+block*second.Block+second.Origin]
		runBytes(&r, loop, l.wide)
	})
}

// bindByteScale multiplies a map by one number a channel, which is itself a value of the network.
func bindByteScale(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	la, lb, lo := p.LayoutIn(0), p.LayoutIn(3), p.LayoutOut(0)
	second := lb.StridesOf(p.In[3])
	var proto asm.ByteRun
	rowsOf(&proto, s, la.StridesOf(s).Row, 0, lo.StridesOf(s).Row)
	whole(&proto, s[3], la, lo)
	proto.AZero, proto.BScale = scale32(p, 2), scale32(p, 7)
	proto.Lo, proto.Hi = clampBytes(p.Node, ir.U8)
	zero, scale := scale32(p, 5), requantScale(scale32(p, 1), scale32(p, 4), scale32(p, 6))
	b := eachBlock(p, 1, func(call ir.Call, n, block, in, out int) {
		r := proto
		at := n*second.Image + block*second.Block + second.Origin
		r.A, r.Out, r.B = &call.In[0][in], &call.Out[0][out], &call.In[3][at]
		r.BZero, r.AScale = zero, scale
		runBytes(&r, loopMulOne, l.wide)
	})
	return b
}

func bindByteAffine(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	blocks := ir.Blocks(s)
	mul, add := mem.F32(16*blocks), mem.F32(16*blocks)
	copy(mul, p.Weights[2].F32())
	copy(add, p.Weights[3].F32())
	var proto asm.ByteRun
	rowsOf(&proto, s, p.LayoutIn(0).StridesOf(s).Row, 0, p.LayoutOut(0).StridesOf(s).Row)
	whole(&proto, s[3], p.LayoutIn(0), p.LayoutOut(0))
	proto.AZero, proto.Zero = scale32(p, 1), int32(number(p, 4))
	proto.Lo, proto.Hi = clampBytes(p.Node, ir.U8)
	b := eachBlock(p, 1, func(call ir.Call, _, block, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][in], &call.Out[0][out]
		r.Mul, r.Add = &mul[16*block], &add[16*block]
		runBytes(&r, loopAffine, l.wide)
	})
	b.PackedBytes = int64(8 * len(mul))
	return b
}

func bindByteMean(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	var proto asm.ByteRun
	proto.Rows, proto.ARow, proto.Tail = s[2], p.LayoutIn(0).StridesOf(s).Row, s[3]
	if b := p.LayoutIn(0).Border; b.Left+b.Right == 0 {
		proto.Rows, proto.Tail = 1, s[2]*s[3]
	}
	count := s[2] * s[3]
	zeros := int32(number(p, 2)) * int32(count)
	scale := scale32(p, 1) / float32(scale32(p, 3)*float32(count))
	zero, fixed, xnnpack := int32(number(p, 4)), p.Node.Attrs.Int("fixed", 0), p.Node.Attrs.Int("xnnpack", 0)
	mean := op.NewXNNPACKMean(xnnpack, int64(count), scale32(p, 1), scale32(p, 2), scale32(p, 3), scale32(p, 4))
	b := eachBlock(p, 1, func(call ir.Call, _, _, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][in], &call.Scratch[0]
		runBytes(&r, loopSum, l.wide)
		sums := call.Scratch[:64].I32()
		for c := range 16 {
			if xnnpack != 0 {
				call.Out[0][out+c] = asm.RoundClamp(mean.Of(int64(sums[c])), 0, 0, 255)
				continue
			}
			if fixed != 0 {
				call.Out[0][out+c] = uint8(op.FixedMean(fixed, int64(sums[c]), int64(count)))
				continue
			}
			call.Out[0][out+c] = asm.RoundClamp(float32(sums[c]-zeros)*scale, zero, 0, 255)
		}
	})
	b.ScratchBytes = 64
	return b
}

// flatRuns makes parts of a plain value: f gets ranges of its elements.
func flatRuns(p ir.Problem, f func(call ir.Call, from, to int)) ir.Bound {
	n := p.In[0].Elems()
	const step = 1 << 12
	parts := bytesParts(ceilDiv(n, step), step/16, p.Machine)
	return ir.Bound{Phases: []int{parts}, Run: func(call ir.Call) {
		a, b := part(ceilDiv(n, step), parts, call.Part)
		f(call, a*step, min(n, b*step))
	}}
}

func bindByteTable(p ir.Problem, l byteLevel) ir.Bound {
	table := (*[256]uint8)(p.Weights[1].Data.([]uint8))
	if p.LayoutIn(0).Block == 0 {
		return flatRuns(p, func(call ir.Call, from, to int) {
			x, y := call.In[0][from:to], call.Out[0][from:to]
			if n := len(x) / 16; n > 0 {
				r := asm.ByteRun{A: &x[0], Out: &y[0], Table: table, Rows: 1, Quads: n / 4, Tail: n % 4}
				runBytes(&r, loopLookUp, l.wide)
			}
			for i := len(x) &^ 15; i < len(x); i++ {
				y[i] = table[x[i]]
			}
		})
	}
	s := p.In[0]
	var proto asm.ByteRun
	rowsOf(&proto, s, p.LayoutIn(0).StridesOf(s).Row, 0, p.LayoutOut(0).StridesOf(s).Row)
	whole(&proto, s[3], p.LayoutIn(0), p.LayoutOut(0))
	proto.Table = table
	return eachBlock(p, 1, func(call ir.Call, _, _, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][in], &call.Out[0][out]
		runBytes(&r, loopLookUp, l.wide)
	})
}

func bindByteQuantize(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	zero := scale32(p, 2)
	proto := asm.ByteRun{AScale: scale32(p, 1), AZero: -zero, BZero: 255 - zero, Zero: int32(zero), Hi: 255, Rows: 1}
	if p.LayoutIn(0).Block == 0 {
		return flatRuns(p, func(call ir.Call, from, to int) {
			r := proto
			x, y := call.In[0].F32()[from:to], call.Out[0][from:to]
			if n := len(x) / 16; n > 0 {
				r.A, r.Out, r.Quads, r.Tail = asm.FirstByte(x), &y[0], n/4, n%4
				runBytes(&r, loopQuantize, l.wide)
			}
			if at := len(x) &^ 15; at < len(x) {
				var in [16]float32
				var out [16]uint8
				copy(in[:], x[at:])
				r.A, r.Out, r.Quads, r.Tail = asm.FirstByte(in[:]), &out[0], 0, 1
				asm.ByteQuantizeGo(&r)
				copy(y[at:], out[:len(x)-at])
			}
		})
	}
	rowsOf(&proto, s, 4*p.LayoutIn(0).StridesOf(s).Row, 0, p.LayoutOut(0).StridesOf(s).Row)
	whole(&proto, s[3], p.LayoutIn(0), p.LayoutOut(0))
	return eachBlock(p, 2, func(call ir.Call, _, _, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][4*in], &call.Out[0][out]
		runBytes(&r, loopQuantize, l.wide)
	})
}

func bindByteFloat(p ir.Problem, l byteLevel) ir.Bound {
	s := p.In[0]
	proto := asm.ByteRun{AScale: scale32(p, 1), AZero: scale32(p, 2), Rows: 1}
	if p.LayoutIn(0).Block == 0 {
		return flatRuns(p, func(call ir.Call, from, to int) {
			r := proto
			x, y := call.In[0][from:to], call.Out[0].F32()[from:to]
			if n := len(x) / 16; n > 0 {
				r.A, r.Out, r.Tail = &x[0], asm.FirstByte(y), n
				runBytes(&r, loopFloat, l.wide)
			}
			for i := len(x) &^ 15; i < len(x); i++ {
				y[i] = (float32(x[i]) - r.AZero) * r.AScale
			}
		})
	}
	proto.Rows, proto.ARow, proto.OutRow, proto.Tail = s[2], p.LayoutIn(0).StridesOf(s).Row, 4*p.LayoutOut(0).StridesOf(s).Row, s[3]
	return eachBlock(p, 2, func(call ir.Call, _, _, in, out int) {
		r := proto
		r.A, r.Out = &call.In[0][in], &call.Out[0][4*out]
		runBytes(&r, loopFloat, l.wide)
	})
}
