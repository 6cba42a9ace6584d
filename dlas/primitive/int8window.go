package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteWindows runs windows that do not mix channels over maps in blocks of 16: depthwise convolutions, and means and
// maxima of quantised values. A part is some rows of one block.
type byteWindows struct {
	in, out   ir.Shape
	from, to  ir.Strides
	origin    int
	proto     asm.ByteWindow
	weights   []int8 // of a block: step bytes a row of the window
	each      int    // bytes of a block's weights; 0 where all have the same
	bias      []int32
	scale     []float32
	kind      windowKind
	wide      bool
	narrow    bool // the level is AVX2
	step      int  // bytes of weights of a row of the window
	sh        int
	chunks    int // of rows of a block
	partition int // parts
}

type windowKind uint8

const (
	window4 windowKind = iota
	window8
	windowPair
	windowMax
	window2 // the loop for AVX2
)

// newByteWindows prepares everything but weights and constants.
func newByteWindows(p ir.Problem, l byteLevel, v op.Window, kind windowKind) *byteWindows {
	b := &byteWindows{
		in: p.In[0], out: p.Out[0], from: p.LayoutIn(0).StridesOf(p.In[0]), to: p.LayoutOut(0).StridesOf(p.Out[0]),
		kind: kind, wide: l.wide, sh: v.SH,
	}
	b.origin = b.from.Origin - v.Top*b.from.Row - v.Left*ir.Lanes
	if b.narrow = !l.wide && l.isa != isaGo; b.narrow && kind != windowMax {
		b.kind = window2
	}
	b.step = []int{64, 128, 128, 0, 64 * ceilDiv(v.KW, 2)}[b.kind]
	ow := p.Out[0][3]
	t := &b.proto
	t.KH, t.KW, t.RowStep, t.TapStep, t.Pixel = v.KH, v.KW, b.from.Row*v.DH, ir.Lanes*v.DW, ir.Lanes*v.SW
	t.InRow, t.OutRow, t.Quads, t.Mask = b.from.Row*v.SH, b.to.Row, ceilDiv(ow, 4), 0xffff
	switch {
	case ow < 4:
		t.Mask = 1<<(4*ow) - 1
	case ow%4 != 0:
		t.LastIn, t.LastOut = (ow%4-4)*t.Pixel, (ow%4-4)*ir.Lanes
	}
	// A call stays below some 50 microseconds, a part too.
	blocks := p.Out[0][0] * ir.Blocks(p.Out[0])
	work := p.Out[0][2] * ow * v.KH * v.KW
	most := 1 << 17
	if b.narrow {
		most = 1 << 16
	}
	b.chunks = min(p.Out[0][2], ceilDiv(work, most))
	b.partition = blocks * b.chunks
	if most := ceilDiv(work*blocks, 1<<16); b.partition > most {
		b.partition = most
	}
	if m := p.Machine.Threads; m > 1 && b.partition > 4*m && work*blocks < 1<<22 {
		b.partition = 4 * m
	}
	return b
}

// wantBorder is the border that windows of four pixels at a time reach into.
func wantBorder(p ir.Problem, v op.Window, taps int) ir.Border {
	b := windowBorder(v, p.In[0], p.Out[0], 0)
	last := max(4, p.Out[0][3]) - 1
	b.Right = max(b.Right, last*v.SW+taps-v.Left-p.In[0][3])
	return b
}

func (b *byteWindows) bound() ir.Bound {
	return ir.Bound{Run: b.run, Phases: []int{b.partition}, PackedBytes: int64(len(b.weights) + 4*len(b.bias) + 4*len(b.scale))}
}

func (b *byteWindows) run(call ir.Call) {
	blocks := ir.Blocks(b.out)
	from, to := part(b.out[0]*blocks*b.chunks, b.partition, call.Part)
	t := b.proto
	for i := from; i < to; i++ {
		n, block := i/b.chunks/blocks, i/b.chunks%blocks
		y0, y1 := part(b.out[2], b.chunks, i%b.chunks)
		t.Rows = y1 - y0
		t.In = &call.In[0][n*b.from.Image+block*b.from.Block+b.origin+y0*b.sh*b.from.Row]
		t.Out = &call.Out[0][n*b.to.Image+block*b.to.Block+b.to.Origin+y0*b.to.Row]
		if b.kind != windowMax {
			t.W = &b.weights[block*b.each]
			t.Bias, t.Scale = &b.bias[0], &b.scale[0]
			if b.each > 0 {
				t.Bias, t.Scale = &b.bias[16*block], &b.scale[16*block]
			}
		}
		b.call(&t)
	}
}

func (b *byteWindows) call(t *asm.ByteWindow) {
	switch {
	case b.kind == window2:
		asm.ByteWindow2(t)
	case b.narrow:
		asm.ByteMax2(t)
	case !b.wide && b.kind == windowMax:
		asm.ByteMaxGo(t)
	case !b.wide:
		asm.ByteWindowGo(t, b.step)
	case b.kind == windowMax:
		asm.ByteMax(t)
	case b.kind == window4:
		asm.ByteWindow4(t)
	case b.kind == window8:
		asm.ByteWindow8(t)
	default:
		asm.ByteWindowPair(t)
	}
}

// kindOf is the loop for a window; ok is false where there is none.
func kindOf(v op.Window) (kind windowKind, taps int, ok bool) {
	switch {
	case v.DW != 1 || v.KW > 8:
		return 0, 0, false
	case v.KW > 4:
		return window8, 8, true
	case v.KW <= 3 && v.SW == 1:
		return windowPair, 4, true
	}
	return window4, 4, true
}

// place puts a tap's weight where the loop wants it: of channel lane, row kh, column kw.
func (b *byteWindows) place(block, kh, kw, lane int, w int8) {
	if b.kind == window2 {
		at := block*b.each + kh*b.step + kw/2*64 + 4*lane + kw%2*2
		b.weights[at], b.weights[at+1] = w, w>>7
		return
	}
	at := block*b.each + kh*b.step + kw/4*64 + 4*lane + kw%4
	b.weights[at] = w
	if b.kind == windowPair {
		b.weights[at+65] = w
	}
}

func byteDepthwiseKernel(l byteLevel) ir.Kernel {
	window := func(p ir.Problem) op.Window {
		v, _ := op.WindowOf(p.Node, p.In[op.QConvW][2], p.In[op.QConvW][3])
		return v
	}
	return ir.Kernel{
		Name: "conv_i8_depthwise_dense__" + l.isa, Op: "QLinearConv", Algorithm: depthwise, Format: Dense, Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if err := byteConvFits(p); err != nil {
				return err
			}
			if err := notFixed(p); err != nil {
				return err
			}
			c, m := p.In[0][1], p.Out[0][1]
			if p.Node.Attrs.Int("group", 1) != c || m != c || p.TypeIn(0) != ir.U8 {
				return fmt.Errorf("it is for depthwise convolutions of u8, as many channels out as in")
			}
			if len(p.Node.In) > op.QConvRes && p.Node.In[op.QConvRes] != "" {
				return fmt.Errorf("it adds no residual")
			}
			if _, _, ok := kindOf(window(p)); !ok {
				return fmt.Errorf("its window is wider than 8 or dilated")
			}
			if len(signedWeights(p.Weights[op.QConvW], p.Weights[op.QConvWZero], m)) > 1 {
				return fmt.Errorf("its weights less their zero points are no bytes")
			}
			return nil
		},
		Cost: func(p ir.Problem) float64 {
			rate := 20.0
			switch {
			case l.isa == isaGo:
				rate = 0.1
			case !l.wide:
				rate = 8
			}
			return float64(p.Out[0].Elems()) * float64(p.In[op.QConvW][2]*p.In[op.QConvW][3]) / rate
		},
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			v := window(p)
			_, taps, _ := kindOf(v)
			in = make([]ir.Layout, len(p.In))
			in[0] = ir.Layout{Block: ir.Lanes, Border: wantBorder(p, v, taps)}
			return in, []ir.Layout{ir.Blocked}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
			v := window(p)
			kind, _, _ := kindOf(v)
			b := newByteWindows(p, l, v, kind)
			m := p.Out[0][1]
			blocks := ceilDiv(m, 16)
			b.each = b.step * v.KH
			b.weights = mem.Alloc(blocks * b.each).I8()
			b.bias, b.scale = mem.Alloc(64*blocks).I32(), mem.F32(16*blocks)
			w := signedWeights(p.Weights[op.QConvW], p.Weights[op.QConvWZero], m)[0]
			zero := int32(number(p, op.QConvXZero))
			for c := range m {
				sum := int32(0)
				for tap := range v.KH * v.KW {
					q := w[c*v.KH*v.KW+tap]
					sum += int32(q)
					b.place(c/16, tap/v.KW, tap%v.KW, c%16, q)
				}
				b.bias[c] = biasAt(p, c) - zero*sum
				b.scale[c] = requantScale(scale32(p, op.QConvXScale), perChannel(p.Weights[op.QConvWScale], c), scale32(p, op.QConvYScale))
			}
			t := &b.proto
			t.Zero = int32(number(p, op.QConvYZero))
			t.Lo, t.Hi = clampBytes(p.Node, p.TypeOut(0))
			t.Table = tableOf(p, op.QConvTable)
			if p.TypeOut(0) == ir.I8 {
				t.Zero += 128
				t.Table = flipTable()
			}
			bound := b.bound()
			bound.MACsExecuted = int64(blocks*16*v.KH*b.step/16) * int64(p.Out[0][2]*p.Out[0][3])
			return bound, nil
		},
	}
}

// byteMaxPool is MaxPool on u8, whose least value zero is what its border holds.
func byteMaxPool(l byteLevel) ir.Kernel {
	window := func(p ir.Problem) op.Window { v, _ := op.WindowOf(p.Node, 0, 0); return v }
	return ir.Kernel{
		Name: "maxpool_i8__" + l.isa, Op: "MaxPool", Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error { return byteMap(p) },
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			v := window(p)
			return []ir.Layout{{Block: ir.Lanes, Border: wantBorder(p, v, (v.KW-1)*v.DW+1)}}, []ir.Layout{ir.Blocked}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
			return newByteWindows(p, l, window(p), windowMax).bound(), nil
		},
	}
}

// byteMap demands a map of u8 that is computed.
func byteMap(p ir.Problem) error {
	if p.TypeIn(0) != ir.U8 || len(p.In[0]) != 4 || p.Weights[0] != nil {
		return fmt.Errorf("its input is no map of u8")
	}
	if len(p.Node.Out) > 1 && p.Node.Out[1] != "" {
		return fmt.Errorf("its second output is wanted")
	}
	return nil
}

// byteAveragePool is a convolution with weights of one.
func byteAveragePool(l byteLevel) ir.Kernel {
	window := func(p ir.Problem) op.Window { v, _ := op.WindowOf(p.Node, 0, 0); return v }
	return ir.Kernel{
		Name: "averagepool_i8__" + l.isa, Op: "QLinearAveragePool", Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if err := byteMap(p); err != nil {
				return err
			}
			if err := notFixed(p); err != nil {
				return err
			}
			v := window(p)
			if _, _, ok := kindOf(v); !ok || v.KH*v.KW > 1<<12 {
				return fmt.Errorf("its window is wider than 8 or dilated")
			}
			for oy := range p.Out[0][2] {
				for ox := range p.Out[0][3] {
					if op.PoolCount(p.Node, v, oy, ox, p.In[0][2], p.In[0][3]) != v.KH*v.KW {
						return fmt.Errorf("its windows at the border count fewer pixels")
					}
				}
			}
			return scalars(p, 1, 2, 3, 4)
		},
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			v := window(p)
			_, taps, _ := kindOf(v)
			in = make([]ir.Layout, len(p.In))
			in[0] = ir.Layout{Block: ir.Lanes, Border: wantBorder(p, v, taps)}
			return in, []ir.Layout{ir.Blocked}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
			v := window(p)
			kind, _, _ := kindOf(v)
			b := newByteWindows(p, l, v, kind)
			b.weights, b.bias, b.scale = make([]int8, b.step*v.KH), make([]int32, 16), make([]float32, 16)
			count := v.KH * v.KW
			for lane := range 16 {
				for tap := range count {
					b.place(0, tap/v.KW, tap%v.KW, lane, 1)
				}
				b.bias[lane] = -int32(number(p, 2)) * int32(count)
				b.scale[lane] = scale32(p, 1) / float32(scale32(p, 3)*float32(count))
			}
			b.proto.Zero, b.proto.Hi = int32(number(p, 4)), 255
			return b.bound(), nil
		},
	}
}
