package primitive

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// mapping is an element-wise row bound to a node: out = f(a, b, c), then what comes after.
type mapping struct {
	isa  asm.ISA
	fn   asm.Fn
	par  asm.Map // Alpha and Beta
	then after
	cost float64 // nanoseconds of 16 elements
	args []mapArg
}

// mapArg is an operand: an input, or numbers known when the node is bound.
type mapArg struct {
	in    int // -1: data
	shape ir.Shape
	data  []float32
}

func (a mapArg) of(call ir.Call) []float32 {
	if a.in < 0 {
		return a.data
	}
	return call.In[a.in].F32()
}

// inputArg is an input of a node as an operand.
func inputArg(p ir.Problem, i int) mapArg {
	if w := p.Weights[i]; w != nil {
		return mapArg{in: -1, shape: w.Shape, data: w.F32()}
	}
	return mapArg{in: i, shape: p.In[i]}
}

// bind makes the node run in the layout of its output.
func (m mapping) bind(p ir.Problem) ir.Bound {
	m.par.Lo, m.par.Hi = m.then.lo, m.then.hi
	var b ir.Bound
	if p.LayoutOut(0).Block != 0 {
		b = m.blocked(p)
	} else {
		b = m.plain(p)
	}
	b.Unpacked = false
	return b
}

// inBlocks says whether an operand can be read beside blocks of the output: one of the same extent, one number for each
// channel, or one number.
func inBlocks(s, out ir.Shape) bool {
	if len(out) != 4 {
		return false
	}
	s = aligned(s, 4)
	return s != nil && (s[0] == out[0] || s[0] == 1) && (s[1] == out[1] && (s[2] == out[2] && s[3] == out[3] || s[2]*s[3] == 1) || s.Elems() == 1)
}

// aligned is a shape with ones before it, as broadcasting has it; nil where it has too many axes.
func aligned(s ir.Shape, axes int) ir.Shape {
	if len(s) > axes {
		return nil
	}
	return append(slices.Repeat(ir.Shape{1}, axes-len(s)), s...)
}

// blocked runs over maps in blocks.
func (m mapping) blocked(p ir.Problem) ir.Bound {
	type operand struct {
		mapArg
		st          ir.Strides
		pitch, step int // bytes
	}
	out := p.Out[0]
	blocks := ir.Blocks(out)
	var ops [3]operand
	flat := true // no borders: a whole block of all operands is one row
	layout := p.LayoutOut(0)
	so := layout.StridesOf(out)
	flat = so.Block == out[2]*out[3]*ir.Lanes
	for i, a := range m.args {
		o := operand{mapArg: a}
		s := aligned(a.shape, 4)
		one := s.Elems() == 1 && out.Elems() != 1
		switch {
		case a.in < 0 && one:
			o.data = splat(a.data[0])
		case a.in < 0:
			l := ir.Blocked
			o.st = l.StridesOf(s)
			o.data = make([]float32, l.Elems(s))
			toBlocks(o.data, a.data, s)
		default:
			o.st = p.LayoutIn(a.in).StridesOf(s)
		}
		if s[2] == out[2] && s[3] == out[3] && !one {
			o.pitch, o.step = 4*o.st.Row, 64
			flat = flat && o.st.Block == out[2]*out[3]*ir.Lanes
		}
		if s[0] == 1 {
			o.st.Image = 0
		}
		if one {
			o.st = ir.Strides{}
		}
		ops[i] = o
	}
	rows, vecs := out[2], out[3]
	if flat {
		rows, vecs = 1, out[2]*out[3]
	}
	nanos := float64(out[0]*blocks*out[2]*out[3]) * laneCost(m.isa, m.cost+m.then.cost())
	some := func(call ir.Call, n, b, at, count, skip, vecs int) {
		c := m.par
		c.Rows, c.Vecs = count, vecs
		c.Out = call.Out[0].F32()[n*so.Image+b*so.Block+so.Origin+at*so.Row+skip*ir.Lanes:]
		c.OutPitch = 4 * so.Row
		for i := range m.args {
			o := &ops[i]
			v := o.of(call)[n*o.st.Image+b*o.st.Block+o.st.Origin+(at*o.pitch+skip*o.step)/4:]
			switch i {
			case 0:
				c.A, c.APitch, c.AStep = v, o.pitch, o.step
			case 1:
				c.B, c.BPitch, c.BStep = v, o.pitch, o.step
			default:
				c.C, c.CPitch, c.CStep = v, o.pitch, o.step
			}
		}
		c.Run(m.fn, m.isa)
		m.then.apply(m.isa, c.Out, so.Row, c.Rows, c.Vecs)
	}
	if p.Machine.Threads > 1 && p.Machine.ByRows(out) {
		return sharedRows(p, out, nanos, func(call ir.Call, n, y0, y1 int) {
			for b := range blocks {
				if flat {
					some(call, n, b, 0, 1, y0*out[3], (y1-y0)*out[3])
				} else {
					some(call, n, b, y0, y1-y0, 0, vecs)
				}
			}
		})
	}
	// Flat blocks can still be cut in pieces where they are few and large.
	piece := vecs
	if flat {
		piece = max(1, min(vecs, 1<<10))
	}
	pieces := ceilDiv(vecs, piece)
	return shared(p, out[0]*blocks*rows*pieces, nanos, func(call ir.Call, from, to int) {
		grid{blocks, rows * pieces}.each(from, to, func(n, b, at, count int) {
			if flat {
				some(call, n, b, 0, 1, at*piece, min(count*piece, vecs-at*piece))
			} else {
				some(call, n, b, at, count, 0, vecs)
			}
		})
	})
}

// toBlocks lays a plain constant out in blocks without a border.
func toBlocks(dst, src []float32, s ir.Shape) {
	plane := s[2] * s[3]
	for n := range s[0] {
		for c := range s[1] {
			for i, v := range src[(n*s[1]+c)*plane:][:plane] {
				dst[((n*ir.Blocks(s)+c/ir.Lanes)*plane+i)*ir.Lanes+c%ir.Lanes] = v
			}
		}
	}
}

// plain runs over plain values of any number of axes: the last axes, as far as every operand either goes with the output
// or stands still, are one run; the others are counted through.
func (m mapping) plain(p ir.Problem) ir.Bound {
	out := p.Out[0]
	axes := len(out)
	steps := make([][]int, len(m.args)) // elements that an operand moves on by, for each axis
	for i, a := range m.args {
		steps[i] = broadcastSteps(a.shape, out)
	}
	run, first := 1, axes // the run is the axes from first on
	still := make([]bool, len(m.args))
	for first > 0 {
		d := first - 1
		ok := true
		for i := range m.args {
			if out[d] == 1 {
				continue
			}
			if run == 1 {
				continue
			}
			if still[i] != (steps[i][d] == 0) || !still[i] && steps[i][d] != run {
				ok = false
			}
		}
		if !ok {
			break
		}
		if run == 1 && out[d] > 1 {
			for i := range m.args {
				still[i] = steps[i][d] == 0
			}
		}
		run *= out[d]
		first = d
	}
	outer := out[:first]
	const most = 1 << 14
	piece := min(run, most)
	pieces := ceilDiv(run, piece)
	nanos := float64(out.Elems()) / ir.Lanes * laneCost(m.isa, m.cost+m.then.cost())
	return shared(p, outer.Elems()*pieces, nanos, func(call ir.Call, from, to int) {
		y := call.Out[0].F32()
		var v [3][]float32
		for i := range m.args {
			v[i] = m.args[i].of(call)
		}
		for item := from; item < to; item++ {
			o, skip := item/pieces, item%pieces*piece
			var at [3]int
			for d, rest := first-1, o; d >= 0; d-- {
				for i := range m.args {
					at[i] += rest % outer[d] * steps[i][d]
				}
				rest /= outer[d]
			}
			n := min(piece, run-skip)
			var splats [3][ir.Lanes]float32
			var x [3][]float32
			var step [3]int
			for i := range m.args {
				if still[i] && run > 1 {
					for j := range splats[i] {
						splats[i][j] = v[i][at[i]]
					}
					x[i] = splats[i][:]
				} else {
					x[i], step[i] = v[i][at[i]+skip:][:n], 64
				}
			}
			c := m.par
			c.AStep, c.BStep, c.CStep = step[0], step[1], step[2]
			r := y[o*run+skip:][:n]
			c.Vector(m.fn, m.isa, r, x[0], x[1], x[2])
			if m.then.more {
				asm.Map{}.Act(m.then.fn, m.isa, r)
			}
		}
	})
}

// broadcastSteps is how far an operand moves on in its elements when an axis of the output does.
func broadcastSteps(s, out ir.Shape) []int {
	s = aligned(s, len(out))
	steps := make([]int, len(out))
	n := 1
	for d := len(out) - 1; d >= 0; d-- {
		if s[d] > 1 {
			steps[d] = n
		}
		n *= s[d]
	}
	return steps
}

// unaryFn is an operator of one operand.
type unaryFn struct {
	op   string
	fn   asm.Fn
	cost float64
	par  func(n *ir.Node) asm.Map
	fits func(n *ir.Node) error
	// poles: some finite numbers have no finite value, so it may not run over lanes that hold anything.
	poles bool
}

func unaryFns() []unaryFn {
	inf := float32(math.Inf(1))
	number := func(n *ir.Node, name string, def float64) float32 { return float32(n.Attrs.Float(name, def)) }
	alpha := func(def float64) func(n *ir.Node) asm.Map {
		return func(n *ir.Node) asm.Map { return asm.Map{Alpha: number(n, "alpha", def), Beta: 1} }
	}
	return []unaryFn{
		{op: "Relu", fn: asm.FnClip, cost: 1.5, par: func(*ir.Node) asm.Map { return asm.Map{Lo: 0, Hi: inf} }},
		{op: "Clip", fn: asm.FnClip, cost: 1.5, par: func(n *ir.Node) asm.Map {
			lo, hi := op.ClipBounds(n)
			return asm.Map{Lo: float32(lo), Hi: float32(hi)}
		}},
		{op: "LeakyRelu", fn: asm.FnLeaky, cost: 1.6, par: alpha(0.01)},
		{op: "Sigmoid", fn: asm.FnSigmoid, cost: 4},
		{op: "Swish", fn: asm.FnSiLU, cost: 4, fits: func(n *ir.Node) error {
			if a := n.Attrs.Float("alpha", 1); a != 1 {
				return fmt.Errorf("its attribute alpha is %v, not 1", a)
			}
			return nil
		}},
		{op: "HardSigmoid", fn: asm.FnHardSigmoid, cost: 1.8, par: func(n *ir.Node) asm.Map {
			return asm.Map{Alpha: number(n, "alpha", 0.2), Beta: number(n, "beta", 0.5)}
		}},
		{op: "HardSwish", fn: asm.FnHardSwish, cost: 2},
		{op: "Tanh", fn: asm.FnTanh, cost: 7},
		{op: "Exp", fn: asm.FnExp, cost: 7, poles: true},
		{op: "Elu", fn: asm.FnElu, cost: 7, par: alpha(1)},
		{op: "Selu", fn: asm.FnElu, cost: 7, par: func(n *ir.Node) asm.Map {
			return asm.Map{Alpha: number(n, "alpha", 1.67326319217681884765625), Beta: number(n, "gamma", 1.05070102214813232421875)}
		}},
		{op: "Gelu", fn: asm.FnGelu, cost: 10},
		{op: "Softplus", fn: asm.FnSoftplus, cost: 9},
		{op: "Mish", fn: asm.FnMish, cost: 7},
		{op: "Sqrt", fn: asm.FnSqrt, cost: 4, poles: true},
		{op: "Abs", fn: asm.FnAbs, cost: 1.5},
		{op: "Neg", fn: asm.FnNeg, cost: 1.5},
		{op: "Reciprocal", fn: asm.FnReciprocal, cost: 4, poles: true},
		{op: "Floor", fn: asm.FnFloor, cost: 1.5},
		{op: "Ceil", fn: asm.FnCeil, cost: 1.5},
		{op: "Round", fn: asm.FnRound, cost: 1.5},
		{op: "Erf", fn: asm.FnErf, cost: 8},
		{op: "Log", fn: asm.FnLog, cost: 9, poles: true},
	}
}

func unaryRows(isa string) []ir.Kernel {
	var ks []ir.Kernel
	for _, u := range unaryFns() {
		fits := func(p ir.Problem) error {
			if len(p.In) > 1 && slices.ContainsFunc(p.In[1:], func(s ir.Shape) bool { return s != nil }) {
				return fmt.Errorf("its bounds are inputs")
			}
			if u.fits != nil {
				return u.fits(p.Node)
			}
			return nil
		}
		layouts := asFirst
		if u.poles {
			layouts = onlyFull(asFirst)
		}
		k := laneRow(u.op, opName(u.op)+"_f32", isa, fits, layouts, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
			m := mapping{isa: level, fn: u.fn, cost: u.cost, then: afterOf(&ir.Node{}), args: []mapArg{inputArg(p, 0)}}
			if u.par != nil {
				m.par = u.par(p.Node)
			}
			if u.fn == asm.FnClip {
				m.then.lo, m.then.hi = m.par.Lo, m.par.Hi
			}
			if u.op == "Gelu" && p.Node.Attrs.Str("approximate", "none") == "tanh" {
				m.fn = asm.FnGeluTanh
			}
			return m.bind(p), nil
		})
		k.InPlace = []int{0}
		ks = append(ks, k)
	}
	return ks
}

// opName is an operator's name as names of kernels have it.
func opName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// mapLayouts asks for blocks where an operand as large as the output is made in them and all others can be read beside
// it, else for plain values.
func mapLayouts(p ir.Problem) (in, out []ir.Layout) {
	in, out = make([]ir.Layout, len(p.In)), make([]ir.Layout, 1)
	found := false
	for i, s := range p.In {
		if !inBlocks(s, p.Out[0]) || p.Weights[i] == nil && len(s) != 4 && s.Elems() != 1 || p.Weights[i] == nil && s.Elems() == 1 && p.Out[0].Elems() != 1 {
			return in, out
		}
		found = found || p.Weights[i] == nil && p.LayoutIn(i).Block == ir.Lanes && s.Equal(p.Out[0])
	}
	if !found {
		return in, out
	}
	for i := range in {
		if p.Weights[i] == nil && len(p.In[i]) == 4 {
			in[i] = ir.Blocked
		}
	}
	return in, []ir.Layout{ir.Blocked}
}

// onlyFull asks for plain values where the last block of channels is not full.
func onlyFull(layouts func(ir.Problem) (in, out []ir.Layout)) func(ir.Problem) (in, out []ir.Layout) {
	return func(p ir.Problem) (in, out []ir.Layout) {
		if s := p.Out[0]; len(s) == 4 && s[1]%ir.Lanes != 0 {
			return make([]ir.Layout, len(p.In)), make([]ir.Layout, 1)
		}
		return layouts(p)
	}
}

// twoOf demands two inputs of type F32.
func twoOf(p ir.Problem) error {
	if len(p.In) != 2 || p.TypeIn(1) != ir.F32 {
		return fmt.Errorf("it takes two f32, not %d inputs", len(p.In))
	}
	return nil
}

func binaryRows(isa string) []ir.Kernel {
	var ks []ir.Kernel
	for _, b := range []struct {
		op   string
		fn   asm.Fn
		cost float64
	}{
		{"Add", asm.FnAdd, 1.7},
		{"Sub", asm.FnSub, 1.7},
		{"Mul", asm.FnMul, 1.7},
		{"Div", asm.FnDiv, 4},
		{"Min", asm.FnMin, 1.7},
		{"Max", asm.FnMax, 1.7},
		{"Sum", asm.FnAdd, 1.7},
		{"PRelu", asm.FnPRelu, 1.8},
	} {
		layouts := mapLayouts
		if b.fn == asm.FnDiv {
			layouts = onlyFull(mapLayouts)
		}
		k := laneRow(b.op, opName(b.op)+"_f32", isa, twoOf, layouts, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
			m := mapping{isa: level, fn: b.fn, cost: b.cost, then: afterOf(p.Node), args: []mapArg{inputArg(p, 0), inputArg(p, 1)}}
			return m.bind(p), nil
		})
		k.InPlace = []int{0, 1}
		ks = append(ks, k)
	}
	return ks
}

var affineConstant = constant(1, 2, 3, 4)

// affineRow is the batch normalization that no convolution before it could take in: one pass, with the activation that
// follows it.
func affineRow(isa string) ir.Kernel {
	k := laneRow("BatchNormalization", "batchnormalization_f32", isa, affineConstant, asFirst, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
		x := p.In[0]
		channels := x[1]
		mul, add := make([]float32, channels), make([]float32, channels)
		par := func(i, c int) float64 { return float64(p.Weights[i].F32()[c]) }
		for c := range channels {
			m, a := op.NormAffine(p.Node, par(1, c), par(2, c), par(3, c), par(4, c))
			mul[c], add[c] = float32(m), float32(a)
		}
		s := ir.Shape(slices.Repeat([]int{1}, len(x)))
		s[1] = channels
		m := mapping{isa: level, fn: asm.FnAffine, cost: 1.7, then: afterOf(p.Node), args: []mapArg{
			inputArg(p, 0), {in: -1, shape: s, data: mul}, {in: -1, shape: s, data: add},
		}}
		b := m.bind(p)
		b.PackedBytes = 8 * int64(channels)
		return b, nil
	})
	k.InPlace = []int{0}
	return k
}
