package primitive

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// byteCase is a node of a quantised network with random inputs.
type byteCase struct {
	node *ir.Node
	in   []*ir.Tensor // by input position
	made map[int]bool // which of them are computed, and not constant
	zero map[int]byte // what the border of such an input holds
}

func (c byteCase) String() string {
	text := c.node.Op + fmt.Sprint(c.node.Attrs)
	for i, t := range c.in {
		if t != nil && (c.made[i] || t.Shape.Elems() > 1) {
			text += fmt.Sprintf(" %d:%s%v", i, t.Type, t.Shape)
		}
	}
	return text
}

func u8(v ...uint8) *ir.Tensor { return &ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: v} }
func i8(v ...int8) *ir.Tensor  { return &ir.Tensor{Type: ir.I8, Shape: ir.Shape{}, Data: v} }
func f1(v float32) *ir.Tensor  { return &ir.Tensor{Type: ir.F32, Shape: ir.Shape{}, Data: []float32{v}} }

func randomTensor(r *rand.Rand, t ir.Type, shape ...int) *ir.Tensor {
	n := ir.Shape(shape).Elems()
	out := &ir.Tensor{Type: t, Shape: shape}
	switch t {
	case ir.U8:
		d := make([]uint8, n)
		for i := range d {
			d[i] = uint8(r.IntN(256))
		}
		out.Data = d
	case ir.I8:
		d := make([]int8, n)
		for i := range d {
			d[i] = int8(r.IntN(256) - 128)
		}
		out.Data = d
	case ir.I32:
		d := make([]int32, n)
		for i := range d {
			d[i] = int32(r.IntN(4000) - 2000)
		}
		out.Data = d
	default:
		d := make([]float32, n)
		for i := range d {
			d[i] = float32(r.NormFloat64())
		}
		out.Data = d
	}
	return out
}

// near is a positive number of about that size.
func near(r *rand.Rand, v float64) float32 { return float32(v * (0.5 + r.Float64())) }

// byteConvCase is a convolution with everything that it may have.
func byteConvCase(r *rand.Rand, x, w ir.Type, n, c, h, wd, m, kh, kw, group int, attrs ir.Attrs, extras string) byteCase {
	a := ir.Attrs{"group": group}
	for k, v := range attrs {
		a[k] = v
	}
	b := byteCase{node: &ir.Node{Op: "QLinearConv", Attrs: a}, made: map[int]bool{0: true}, zero: map[int]byte{}}
	has := func(c byte) bool { return bytes.IndexByte([]byte(extras), c) >= 0 }
	in := make([]*ir.Tensor, op.QConvInputs)
	in[0] = randomTensor(r, x, n, c, h, wd)
	in[1] = f1(near(r, 0.02))
	xz := randomTensor(r, ir.U8, 1)
	if x == ir.I8 {
		xz = randomTensor(r, ir.I8, 1)
	}
	in[2] = xz
	b.zero[0] = xz.Memory()[0]
	in[3] = randomTensor(r, w, m, c/group, kh, kw)
	in[4] = f1(near(r, 0.01))
	in[5] = i8(0)
	if w == ir.U8 {
		in[5] = u8(128)
	}
	if has('z') {
		in[5] = randomTensor(r, w, m)
	}
	if has('c') {
		s := randomTensor(r, ir.F32, m)
		for i := range s.F32() {
			s.F32()[i] = near(r, 0.01)
		}
		in[4] = s
	}
	in[6] = f1(near(r, 0.02*0.01*7000*float64(c/group*kh*kw+1)/float64(60+c)))
	in[7] = randomTensor(r, ir.U8, 1)
	if has('i') {
		in[7] = randomTensor(r, ir.I8, 1)
	}
	if has('b') {
		in[8] = randomTensor(r, ir.I32, m)
	}
	if has('r') {
		s := ir.Shape{n, m, 0, 0}
		v, _ := op.WindowOf(b.node, kh, kw)
		s[2], s[3], _ = v.Out(h, wd)
		in[9], in[10], in[11], in[12], in[13] = randomTensor(r, ir.U8, s...), f1(near(r, 0.1)), randomTensor(r, ir.U8, 1), f1(near(r, 0.15)), randomTensor(r, ir.U8, 1)
		b.made[9] = true
		a["res_first"] = r.IntN(2)
	}
	if has('l') {
		a["least"], a["most"] = 20, 180
	}
	if has('t') {
		in[14] = randomTensor(r, ir.U8, 256)
	}
	if has('s') || has('e') { // most blocks of 16x4 are zero, or all weights; what zero is, z says
		at := func(i int) byte { return in[5].Memory()[min(i, len(in[5].Memory())-1)] }
		share, v := 0.8, in[3].Memory()
		if has('e') {
			share = 1
		}
		for o := 0; o < m; o += 16 {
			for ch := 0; ch < c/group; ch += 4 {
				for k := range kh * kw {
					if r.Float64() >= share {
						continue
					}
					for y := o; y < min(m, o+16); y++ {
						for x := ch; x < min(c/group, ch+4); x++ {
							v[(y*(c/group)+x)*kh*kw+k] = at(y)
						}
					}
				}
			}
		}
	}
	b.in = in
	return b
}

// TestSignedWeights holds weights less their zero points to the sums of bytes that stand for them, at all that both can be.
func TestSignedWeights(t *testing.T) {
	for _, typ := range []ir.Type{ir.U8, ir.I8} {
		w, zeros := &ir.Tensor{Type: typ, Shape: ir.Shape{256, 256}}, &ir.Tensor{Type: typ, Shape: ir.Shape{256}}
		var all [256 * 256]uint8
		for i := range all {
			all[i] = uint8(i)
		}
		of := func(i int) int { return int(uint8(i)) }
		if w.Data, zeros.Data = all[:], all[:256]; typ == ir.I8 {
			w.Data, zeros.Data = ir.Memory(all[:]).I8(), ir.Memory(all[:256]).I8()
			of = func(i int) int { return int(int8(i)) }
		}
		passes := signedWeights(w, zeros, 256)
		for i := range all {
			sum := 0
			for _, p := range passes {
				sum += int(p[i])
			}
			if want := of(i) - of(i/256); sum != want {
				t.Fatalf("%s: %d less %d is %d", typ, of(i), of(i/256), sum)
			}
		}
	}
}

func byteCases(r *rand.Rand) []byteCase {
	var list []byteCase
	conv := func(x, w ir.Type, n, c, h, wd, m, kh, kw, group int, attrs ir.Attrs, extras string) {
		list = append(list, byteConvCase(r, x, w, n, c, h, wd, m, kh, kw, group, attrs, extras))
	}
	p1, p0 := pads(1, 1, 1, 1), ir.Attrs(nil)
	for _, x := range []ir.Type{ir.U8, ir.I8, ir.F32} { // stems
		conv(x, ir.I8, 1, 3, 17, 23, 40, 7, 7, 1, strided(2, 3, 3, 3, 3), "bc")
		conv(x, ir.I8, 2, 1, 5, 5, 3, 3, 3, 1, p1, "brt")
		conv(x, ir.U8, 1, 4, 9, 30, 32, 3, 3, 1, p1, "bzl")
	}
	conv(ir.U8, ir.I8, 1, 16, 8, 8, 16, 3, 3, 1, p1, "bc")
	conv(ir.U8, ir.I8, 1, 20, 14, 14, 50, 3, 3, 1, p1, "bcr")
	conv(ir.U8, ir.I8, 2, 33, 7, 7, 70, 3, 3, 1, p1, "bcrtl")
	conv(ir.U8, ir.I8, 1, 64, 7, 7, 40, 1, 1, 1, p0, "bcr")
	conv(ir.U8, ir.I8, 1, 32, 9, 5, 33, 1, 1, 1, p0, "t")
	conv(ir.U8, ir.I8, 1, 24, 28, 28, 17, 1, 1, 1, strided(2, 0, 0, 0, 0), "b")
	conv(ir.U8, ir.I8, 1, 16, 15, 31, 32, 3, 3, 1, strided(2, 1, 1, 1, 1), "bc")
	conv(ir.U8, ir.I8, 1, 16, 12, 12, 16, 3, 2, 1, ir.Attrs{"dilations": []int{2, 3}, "pads": []int{0, 2, 1, 3}}, "bi")
	conv(ir.I8, ir.I8, 1, 20, 6, 6, 18, 3, 3, 1, p1, "bci")
	conv(ir.I8, ir.U8, 2, 16, 3, 3, 16, 3, 3, 1, p1, "bzi")
	conv(ir.U8, ir.U8, 1, 17, 6, 4, 35, 3, 3, 1, p1, "bzr")
	conv(ir.U8, ir.U8, 1, 17, 2, 2, 35, 3, 3, 1, p1, "b")
	conv(ir.U8, ir.I8, 1, 16, 1, 1, 100, 1, 1, 1, p0, "bt")
	conv(ir.U8, ir.I8, 1, 32, 9, 1, 32, 3, 1, 1, pads(1, 0, 1, 0), "bz")
	for i, w := range []int{1, 2, 3, 6, 7, 13, 14, 30} { // blocks of weights that are zero
		conv(ir.U8, ir.I8, 1, 48, 5, w, 70, 3, 3, 1, p1, "bcs"+"rtl"[:i%4])
	}
	conv(ir.U8, ir.U8, 1, 20, 9, 9, 33, 5, 5, 1, pads(2, 2, 2, 2), "bzs")
	conv(ir.I8, ir.I8, 2, 64, 7, 7, 40, 1, 1, 1, p0, "bs")
	conv(ir.U8, ir.I8, 1, 32, 14, 14, 64, 3, 3, 1, strided(2, 1, 1, 1, 1), "bsi")
	conv(ir.U8, ir.I8, 1, 32, 6, 6, 64, 3, 3, 2, p1, "bsr")
	conv(ir.U8, ir.I8, 1, 32, 6, 6, 40, 3, 3, 1, p1, "ber")
	conv(ir.U8, ir.I8, 1, 3, 17, 23, 40, 7, 7, 1, strided(2, 3, 3, 3, 3), "bs")
	for w := 1; w <= 9; w += 2 {
		conv(ir.U8, ir.I8, 1, 16, 3, w, 33, 3, 3, 1, p1, "br")
	}
	conv(ir.U8, ir.I8, 1, 12, 6, 6, 18, 3, 3, 3, p1, "bc") // groups
	conv(ir.U8, ir.I8, 1, 64, 6, 6, 64, 3, 3, 2, p1, "br")
	conv(ir.U8, ir.I8, 1, 6, 6, 6, 12, 3, 3, 6, p1, "b")
	conv(ir.U8, ir.U8, 1, 40, 6, 6, 40, 3, 3, 40, p1, "bz")
	for _, k := range []int{1, 2, 3, 5, 7} { // depthwise
		for _, s := range []int{1, 2} {
			for _, w := range []int{1, 2, 3, 6, 13} {
				conv(ir.U8, ir.I8, 1+s%2, 18, k+w, k+w, 18, k, k, 18, ir.Attrs{"strides": []int{s, s}, "pads": []int{k / 2, k / 2, k / 2, k / 2}}, "bctl"[:k/2+1])
			}
		}
	}
	conv(ir.U8, ir.I8, 1, 32, 40, 40, 32, 3, 3, 32, p1, "bci")
	conv(ir.U8, ir.I8, 1, 32, 4, 4, 32, 3, 3, 32, p1, "br")
	conv(ir.U8, ir.I8, 1, 48, 20, 20, 96, 3, 3, 1, p1, "bc")               // cut into parts
	conv(ir.U8, ir.I8, 1, 17, 9, 70, 33, 3, 3, 1, pads(0, 2, 1, 0), "bcr") // tiles that reach far past the map
	conv(ir.I8, ir.I8, 2, 24, 5, 13, 20, 3, 3, 1, pads(2, 0, 0, 1), "br")
	for fixed := 1; fixed <= 2; fixed++ {
		with := func(a ir.Attrs) ir.Attrs {
			a = maps.Clone(a)
			if a == nil {
				a = ir.Attrs{}
			}
			a["fixed"] = fixed
			return a
		}
		conv(ir.F32, ir.I8, 1, 3, 17, 23, 40, 7, 7, 1, with(strided(2, 3, 3, 3, 3)), "bc")
		conv(ir.U8, ir.I8, 2, 20, 7, 7, 50, 3, 3, 1, with(p1), "bctl")
		conv(ir.U8, ir.I8, 1, 32, 9, 5, 33, 1, 1, 1, with(p0), "ci")
		conv(ir.I8, ir.U8, 1, 16, 15, 31, 16, 3, 3, 1, with(strided(2, 1, 1, 1, 1)), "bz")
	}

	add := func(c byteCase, in ...*ir.Tensor) {
		c.in = in
		if c.zero == nil {
			c.zero = map[int]byte{}
		}
		list = append(list, c)
	}
	byteIn := func(s ...int) *ir.Tensor { return randomTensor(r, ir.U8, s...) }
	first := map[int]bool{0: true}
	for _, s := range [][]int{{1, 16, 7, 7}, {2, 21, 5, 3}, {1, 3, 1, 1}, {1, 64, 24, 24}} {
		q := func() (*ir.Tensor, *ir.Tensor) { return f1(near(r, 0.05)), byteIn(1) }
		sa, za := q()
		sb, zb := q()
		sc, zc := q()
		for _, o := range []string{"QLinearAdd", "QLinearMul"} {
			add(byteCase{node: &ir.Node{Op: o}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), sa, za, byteIn(s...), sb, zb, sc, zc)
			add(byteCase{node: &ir.Node{Op: o, Attrs: ir.Attrs{"least": 9, "most": 99}}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), sa, za, byteIn(s...), sb, zb, sc, zc)
		}
		for fixed := 1; fixed <= 2; fixed++ {
			attrs := ir.Attrs{"fixed": fixed}
			add(byteCase{node: &ir.Node{Op: "QLinearAdd", Attrs: ir.Attrs{"fixed": fixed, "least": 3 * fixed}}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), sa, za, byteIn(s...), sb, zb, sc, zc)
			add(byteCase{node: &ir.Node{Op: "QLinearGlobalAveragePool", Attrs: attrs}, made: first}, byteIn(s...), sa, za, sa, za)
		}
		for kind := 1; kind <= 2; kind++ {
			attrs := ir.Attrs{"xnnpack": kind, "most": 250}
			add(byteCase{node: &ir.Node{Op: "QLinearAdd", Attrs: attrs}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), sa, za, byteIn(s...), sb, zb, sc, zc)
			add(byteCase{node: &ir.Node{Op: "QLinearAdd", Attrs: attrs}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), f1(3*0x1p-9), za, byteIn(s...), f1(0x1p-9), zb, f1(0x1p-8), zc) // every other sum is a tie
			few := &ir.Node{Op: "QLinearAdd", Attrs: attrs}                                                                                                                                   // whose sums no factors in float32 make
			add(byteCase{node: few, made: map[int]bool{0: true, 3: true}}, byteIn(s...), f1(114078*0x1p-21), u8(251), byteIn(s...), f1(1851519*0x1p-21), u8(80), f1(1), u8(163))
			add(byteCase{node: &ir.Node{Op: "QLinearGlobalAveragePool", Attrs: ir.Attrs{"xnnpack": kind}}, made: first}, byteIn(s...), sa, za, sb, zb)
		}
		add(byteCase{node: &ir.Node{Op: "QLinearMul"}, made: map[int]bool{0: true, 3: true}}, byteIn(s...), sa, za, byteIn(s[0], s[1], 1, 1), sb, zb, sc, zc)
		add(byteCase{node: &ir.Node{Op: "ByteTable"}, made: first}, byteIn(s...), byteIn(256))
		add(byteCase{node: &ir.Node{Op: "ByteTable"}, made: first}, byteIn(s[0], s[1]), byteIn(256))
		add(byteCase{node: &ir.Node{Op: "ByteAffine"}, made: first}, byteIn(s...), za, randomTensor(r, ir.F32, s[1]), randomTensor(r, ir.F32, s[1]), zb)
		add(byteCase{node: &ir.Node{Op: "QLinearGlobalAveragePool"}, made: first}, byteIn(s...), sa, za, sb, zb)
		add(byteCase{node: &ir.Node{Op: "QuantizeLinear"}, made: first}, randomTensor(r, ir.F32, s...), sa, za)
		add(byteCase{node: &ir.Node{Op: "QuantizeLinear"}, made: first}, randomTensor(r, ir.F32, s[0], s[1]), sa, za)
		add(byteCase{node: &ir.Node{Op: "DequantizeLinear"}, made: first}, byteIn(s...), sa, za)
		add(byteCase{node: &ir.Node{Op: "DequantizeLinear"}, made: first}, byteIn(s[0], s[1]), sa, za)
		for _, v := range [][]int{{0, 8, 0, 0, 0, 8, 0, 0}, {0, 3, 1, 2, 0, 16, 3, 0}, {0, 0, 1, 1, 0, 1, 1, 1}} {
			add(byteCase{node: &ir.Node{Op: "Pad", Attrs: ir.Attrs{"pads": v}}, made: first}, byteIn(s...), nil, byteIn(1))
		}
		add(byteCase{node: &ir.Node{Op: "Concat", Attrs: ir.Attrs{"axis": 1}}, made: map[int]bool{0: true, 1: true}}, byteIn(s[0], 24, s[2], s[3]), byteIn(s...))
		add(byteCase{node: &ir.Node{Op: "Concat", Attrs: ir.Attrs{"axis": 1}}, made: map[int]bool{0: true, 1: true, 2: true}}, byteIn(s...), byteIn(s[0], 16, s[2], s[3]), byteIn(s...))
		for _, k := range []ir.Attrs{
			{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}},
			{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}},
			{"kernel_shape": []int{3, 2}, "pads": []int{1, 1, 1, 0}, "ceil_mode": 1, "strides": []int{2, 3}},
		} {
			add(byteCase{node: &ir.Node{Op: "MaxPool", Attrs: k}, made: first}, byteIn(s...))
		}
		if s[2] > 2 {
			add(byteCase{node: &ir.Node{Op: "QLinearAveragePool", Attrs: ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}}, made: first}, byteIn(s...), sa, za, sb, zb)
			add(byteCase{node: &ir.Node{Op: "QLinearAveragePool", Attrs: ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1}}, made: first, zero: map[int]byte{0: za.Memory()[0]}}, byteIn(s...), sa, za, sb, zb)
		}
	}
	for _, s := range [][3]int{{1, 32, 10}, {1, 33, 40}, {3, 64, 47}, {17, 20, 16}} {
		n, k, m := s[0], s[1], s[2]
		gemm := func(x, w ir.Type, trans int, extra ...*ir.Tensor) {
			b := randomTensor(r, w, m, k)
			if trans == 0 {
				b = randomTensor(r, w, k, m)
			}
			in := []*ir.Tensor{randomTensor(r, x, n, k), f1(near(r, 0.02)), randomTensor(r, x, 1), b, f1(near(r, 0.01)), randomTensor(r, w, m), randomTensor(r, ir.I32, m), f1(near(r, 0.2)), byteIn(1)}
			add(byteCase{node: &ir.Node{Op: "QGemm", Attrs: ir.Attrs{"transB": trans}}, made: first}, append(in, extra...)...)
			add(byteCase{node: &ir.Node{Op: "QGemm", Attrs: ir.Attrs{"transB": trans, "fixed": 1}}, made: first}, append(in, extra...)...)
		}
		gemm(ir.U8, ir.I8, 1)
		gemm(ir.I8, ir.U8, 0)
		gemm(ir.U8, ir.U8, 0, byteIn(256))
	}
	return list
}

// problem is the case as a kernel sees it, and the definition's answer.
func (c byteCase) problem(m ir.Machine) (ir.Problem, []byte) {
	p := ir.Problem{Machine: m}
	n := *c.node
	n.Name, n.Out = "node", []string{"y"}
	ops, arrays := make([]op.Operand, len(c.in)), make([]op.Array, len(c.in))
	for i, t := range c.in {
		p.In, p.InType, p.Weights = append(p.In, nil), append(p.InType, ""), append(p.Weights, nil)
		if t == nil {
			n.In = append(n.In, "")
			continue
		}
		n.In = append(n.In, fmt.Sprint("in", i))
		p.In[i], p.InType[i] = t.Shape, t.Type
		ops[i], arrays[i] = op.Operand{Type: t.Type, Shape: t.Shape}, op.Widen(t)
		if !c.made[i] {
			p.Weights[i], ops[i].Const = t, t
		}
	}
	p.Node = &n
	row, _ := op.Lookup(n.Op)
	out, err := row.Infer(&n, ops)
	if err != nil {
		panic(fmt.Sprintf("%v: %v", c, err))
	}
	p.Out, p.OutType = []ir.Shape{out[0].Shape}, []ir.Type{out[0].Type}
	var results []op.Array
	for _, o := range out {
		results = append(results, op.Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())})
	}
	row.Eval(&n, arrays, results)
	return p, results[0].Tensor().Memory()
}

// eachPlace calls f with the place of every element of a value in a layout, and of every lane past the last channel.
func eachPlace(s ir.Shape, l ir.Layout, f func(i, at int, unused bool)) {
	if l.Block == 0 {
		for i := range s.Elems() {
			f(i, i, false)
		}
		return
	}
	st := l.StridesOf(s)
	for n := range s[0] {
		for c := range ir.Blocks(s) * ir.Lanes {
			for y := range s[2] {
				for x := range s[3] {
					at := n*st.Image + c/ir.Lanes*st.Block + st.Origin + y*st.Row + x*ir.Lanes + c%ir.Lanes
					f(((n*s[1]+c)*s[2]+y)*s[3]+x, at, c >= s[1])
				}
			}
		}
	}
}

// TestBytes holds every row of quantised operators to the definition, bit for bit: with memory around everything that it
// may not touch, garbage in lanes past the last channel, and borders wider than asked for.
func TestBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	used := map[string]int{}
	cases := byteCases(r)
	for _, c := range cases {
		p, want := c.problem(testMachine(1))
		for _, threads := range []int{1, 16} {
			p.Machine.Threads = threads
			for _, k := range int8Kernels() {
				k.Fits = guarded(k)
				if k.Op != p.Node.Op {
					continue
				}
				for _, block := range []int{0, ir.Lanes} {
					q, ok := arrange(k, p, block)
					if !ok {
						continue
					}
					used[k.Name]++
					s := ir.Schedule{}
					if k.Schedules != nil && threads > 1 {
						all := append(k.Schedules(q), ir.Schedule{Name: "untuned"})
						s = all[r.IntN(len(all))]
					}
					got := runBytesOf(t, r, k, q, s, c)
					for i := range got {
						if got[i] != want[i] {
							t.Fatalf("%s, block %d, %d threads, schedule %v: %v: element %d is %d, want %d", k.Name, block, threads, s, c, i, got[i], want[i])
						}
					}
				}
			}
		}
	}
	for _, k := range int8Kernels() {
		if used[k.Name] == 0 {
			t.Errorf("no case fits %s", k.Name)
		}
	}
}

func runBytesOf(t *testing.T, r *rand.Rand, k ir.Kernel, p ir.Problem, s ir.Schedule, c byteCase) []byte {
	t.Helper()
	b, err := k.Bind(p, s)
	if err != nil {
		t.Fatalf("%s: %v: %v", k.Name, c, err)
	}
	const room = 64
	guarded := func(n int) (whole, inner ir.Memory) {
		whole = ir.NewMemory(n + 2*room)
		for i := range whole {
			whole[i] = byte(r.IntN(256))
		}
		return whole, whole[room : room+n : room+n]
	}
	var calls ir.Call
	for i, x := range c.in {
		if x == nil || !c.made[i] {
			calls.In = append(calls.In, nil)
			continue
		}
		size, l := x.Type.Size(), p.LayoutIn(i)
		_, inner := guarded(l.Elems(x.Shape) * size)
		if l.Block != 0 {
			if z, ok := c.zero[i]; ok || size == 1 {
				fill(inner, z)
			}
		}
		src := x.Memory()
		eachPlace(x.Shape, l, func(j, at int, unused bool) {
			if unused {
				if size == 1 {
					inner[at] = byte(r.IntN(256))
				} else {
					inner.F32()[at] = 3
				}
				return
			}
			copy(inner[at*size:(at+1)*size], src[j*size:])
		})
		calls.In = append(calls.In, inner)
	}
	size, l := p.TypeOut(0).Size(), p.LayoutOut(0)
	outWhole, out := guarded(l.Elems(p.Out[0]) * size)
	work, inner := guarded(int(b.WorkspaceBytes))
	before := bytes.Clone(outWhole)
	workBefore := bytes.Clone(work)
	calls.Out, calls.Workspace = []ir.Memory{out}, inner
	for phase, parts := range b.Phases {
		calls.Phase = phase
		for _, part := range r.Perm(parts) {
			_, calls.Scratch = guarded(int(b.ScratchBytes))
			calls.Part = part
			b.Run(calls)
		}
	}
	if !bytes.Equal(work[:room], workBefore[:room]) || !bytes.Equal(work[len(work)-room:], workBefore[len(work)-room:]) {
		t.Fatalf("%s: %v: wrote outside its workspace", k.Name, c)
	}
	got := make([]byte, p.Out[0].Elems()*size)
	eachPlace(p.Out[0], l, func(i, at int, unused bool) {
		at *= size
		if !unused {
			copy(got[i*size:(i+1)*size], out[at:])
		}
		copy(out[at:at+size], before[room+at:]) // what is left must be as it was
	})
	if !bytes.Equal(outWhole, before) {
		t.Fatalf("%s: %v: wrote outside its output", k.Name, c)
	}
	return got
}

// TestBytesAllocateNothing runs a case of each row without allocating.
func TestBytesAllocateNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	done := map[string]bool{}
	for _, c := range byteCases(r) {
		p, _ := c.problem(testMachine(1))
		for _, k := range int8Kernels() {
			k.Fits = guarded(k)
			if k.Op != p.Node.Op || done[k.Name] {
				continue
			}
			q, ok := arrange(k, p, ir.Lanes)
			if !ok {
				continue
			}
			done[k.Name] = true
			b, err := k.Bind(q, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			call := ir.Call{Workspace: ir.NewMemory(int(b.WorkspaceBytes)), Scratch: ir.NewMemory(int(b.ScratchBytes))}
			for i, x := range c.in {
				call.In = append(call.In, nil)
				if x != nil && c.made[i] {
					call.In[i] = ir.NewMemory(q.LayoutIn(i).Elems(x.Shape) * x.Type.Size())
				}
			}
			call.Out = []ir.Memory{ir.NewMemory(q.LayoutOut(0).Elems(q.Out[0]) * q.TypeOut(0).Size())}
			n := testing.AllocsPerRun(3, func() {
				for call.Phase = range b.Phases {
					for call.Part = range b.Phases[call.Phase] {
						b.Run(call)
					}
				}
			})
			if n > 0 {
				t.Errorf("%s allocates %v times a run", k.Name, n)
			}
		}
	}
	if !asm.HasByteTile512() {
		t.Log("only the rows in Go")
	}
}
