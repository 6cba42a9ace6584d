package system

import (
	"maps"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// converters are, by operator, what makes its node on bytes; it reports false where there is none.
func converters() map[string]func(z *quantiser, n *ir.Node, s sink) bool {
	m := map[string]func(z *quantiser, n *ir.Node, s sink) bool{
		"Conv": (*quantiser).conv, "Gemm": (*quantiser).gemm, "MatMul": (*quantiser).gemm,
		"Add": (*quantiser).sum, "Mul": (*quantiser).product, "Concat": (*quantiser).concat, "BatchNormalization": (*quantiser).norm,
		"GlobalAveragePool": (*quantiser).mean, "AveragePool": (*quantiser).mean, "ReduceMean": (*quantiser).mean,
	}
	for _, name := range []string{
		"Relu", "Clip", "Sigmoid", "LeakyRelu", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Erf", "Gelu", "Mish", "Softplus", "Softsign", "Swish",
		"Selu", "Celu", "ThresholdedRelu", "Neg", "Abs", "Sqrt", "Exp", "Log", "Floor", "Ceil", "Round", "Sin", "Cos", "Reciprocal",
	} {
		m[name] = (*quantiser).function
	}
	m["Pad"] = (*quantiser).pad
	for _, name := range []string{"Sub", "Div", "Pow"} {
		m[name] = func(z *quantiser, n *ir.Node, s sink) bool { return z.withConstant(n, s) }
	}
	for _, name := range []string{
		"MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Identity", "DepthToSpace", "SpaceToDepth", "Expand", "Gather",
		"Resize", "Upsample", "Dropout",
	} {
		m[name] = (*quantiser).move
	}
	return m
}

// zeroPoint is the name of a zero point, made where the quantised value has none.
func (z *quantiser) zeroPoint(q quantised, t ir.Type) string {
	if q.zero != "" {
		return q.zero
	}
	if t == ir.U8 {
		return z.weight(q.value+" zero", &ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: []uint8{0}})
	}
	return z.weight(q.value+" zero", &ir.Tensor{Type: ir.I8, Shape: ir.Shape{}, Data: []int8{0}})
}

// weightsOf are constant bytes with one scale, or one for each index of an axis.
func (z *quantiser) weightsOf(name string, axis int) (quantised, bool) {
	q, ok := z.from[name]
	if !ok || q.constant == nil || q.constant.Type != ir.I8 && q.constant.Type != ir.U8 || q.node.Attrs.Int("block_size", 0) != 0 {
		return q, false
	}
	scale := z.Weights[q.scale]
	at := q.node.Attrs.Int("axis", 1)
	if at < 0 {
		at += len(q.constant.Shape)
	}
	return q, scale.Type == ir.F32 && (scale.Shape.Elems() == 1 || at == axis)
}

// biasOf makes the i32 that a convolution adds of the bias of the float one: constant integers as they are where their
// scale is that of the products, else the nearest. An empty name stands for none.
func (z *quantiser) biasOf(n *ir.Node, i int, x, w quantised, channels int) (string, bool) {
	if i >= len(n.In) || n.In[i] == "" {
		return "", true
	}
	xs, _ := z.one(x.scale)
	ws := z.Weights[w.scale].F32()
	product := func(c int) float64 { return xs * float64(ws[min(c, len(ws)-1)]) }
	q, dequantised := z.from[n.In[i]]
	var real []float64
	switch t := z.Weights[n.In[i]]; {
	case dequantised && q.constant != nil:
		if q.constant.Type == ir.I32 && len(q.constant.Shape) == 1 && q.constant.Shape[0] == channels {
			s := z.Weights[q.scale].F32()
			same := true
			for c := range channels {
				same = same && math.Abs(float64(s[min(c, len(s)-1)])/product(c)-1) < 1e-4
			}
			if same {
				return q.value, true
			}
		}
		real = z.real(q)
	case t != nil && t.Type == ir.F32:
		real = op.Widen(t).Data
	default:
		return "", false
	}
	if len(real) != channels {
		return "", false
	}
	v := make([]int32, channels)
	for c := range v {
		y := math.RoundToEven(real[c] / product(c))
		if !(math.Abs(y) <= 1<<30) {
			return "", false
		}
		v[c] = int32(y)
	}
	return z.weight(n.In[i]+" i32", &ir.Tensor{Type: ir.I32, Shape: ir.Shape{channels}, Data: v}), true
}

func (z *quantiser) conv(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	w, okW := z.weightsOf(n.In[1], 0)
	if !ok || !okW || n.Attrs.Str("act", "") != "" || len(n.In) > 3 || len(w.constant.Shape) != 4 {
		return false
	}
	bias, ok := z.biasOf(n, 2, x, w, w.constant.Shape[0])
	if !ok {
		return false
	}
	in := []string{x.value, x.scale, x.zero, w.value, w.scale, z.zeroPoint(w, w.constant.Type), s.node.In[1], s.node.In[2]}
	if bias != "" {
		in = append(in, bias)
	}
	m := z.add(n, "QLinearConv", s, maps.Clone(n.Attrs), in...)
	s.keepFixed(m)
	z.clamp(m, s)
	return true
}

func (z *quantiser) gemm(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	trans := n.Attrs.Int("transB", 0)
	w, okW := z.weightsOf(n.In[1], 1-trans)
	if !ok || !okW || len(z.known[n.In[0]].Shape) != 2 || len(w.constant.Shape) != 2 || n.Attrs.Int("transA", 0) != 0 ||
		n.Attrs.Float("alpha", 1) != 1 || n.Attrs.Float("beta", 1) != 1 || n.Attrs.Str("act", "") != "" {
		return false
	}
	bias, ok := z.biasOf(n, 2, x, w, w.constant.Shape[1-trans])
	if !ok {
		return false
	}
	m := z.add(n, "QGemm", s, ir.Attrs{"transB": trans}, x.value, x.scale, x.zero, w.value, w.scale, z.zeroPoint(w, w.constant.Type), bias, s.node.In[1], s.node.In[2])
	s.keepFixed(m)
	z.clamp(m, s)
	return true
}

func (z *quantiser) binary(n *ir.Node, s sink, operator string, a, b quantised) {
	m := z.add(n, operator, s, nil, a.value, a.scale, a.zero, b.value, b.scale, b.zero, s.node.In[1], s.node.In[2])
	if operator == "QLinearAdd" {
		s.keepFixed(m)
	}
	z.clamp(m, s)
}

func (z *quantiser) sum(n *ir.Node, s sink) bool {
	a, ok := z.computed(n, 0)
	b, okB := z.computed(n, 1)
	if !ok || !okB {
		return z.withConstant(n, s)
	}
	if !z.known[n.In[0]].Shape.Equal(z.known[n.In[1]].Shape) || len(z.known[n.In[0]].Shape) != 4 || n.Attrs.Str("act", "") != "" {
		return false
	}
	z.binary(n, s, "QLinearAdd", a, b)
	return true
}

func (z *quantiser) product(n *ir.Node, s sink) bool {
	a, ok := z.computed(n, 0)
	b, okB := z.computed(n, 1)
	if !ok || !okB {
		return z.withConstant(n, s)
	}
	// A value times a function of it (SiLU) is a function of it.
	for range 2 {
		for _, m := range z.nodes {
			if m.Op == "ByteTable" && m.Out[0] == b.value && m.In[0] == a.value {
				row, _ := op.Lookup("QLinearMul")
				inner := z.Weights[m.In[1]].Data.([]uint8)
				x, y, out := bytesArray(identity()), bytesArray(inner), bytesArray(identity())
				get := func(name string) op.Array { return op.Widen(z.Weights[name]) }
				row.Eval(n, []op.Array{x, get(a.scale), get(a.zero), y, get(b.scale), get(b.zero), get(s.node.In[1]), get(s.node.In[2])}, []op.Array{out})
				z.addTable(n.Name, a.value, s, out.Tensor().Data.([]uint8))
				return true
			}
		}
		a, b = b, a
	}
	sa, sb := z.known[n.In[0]].Shape, z.known[n.In[1]].Shape
	if len(sa) != 4 || len(sb) != 4 {
		return false
	}
	if sa[2]*sa[3] < sb[2]*sb[3] {
		a, b, sa, sb = b, a, sb, sa
	}
	if !sa.Equal(sb) && (sb[2]*sb[3] != 1 || sa[0] != sb[0] || sa[1] != sb[1]) {
		return false
	}
	z.binary(n, s, "QLinearMul", a, b)
	return true
}

func identity() []uint8 {
	v := make([]uint8, 256)
	for i := range v {
		v[i] = uint8(i)
	}
	return v
}

func bytesArray(v []uint8) op.Array {
	return op.Widen(&ir.Tensor{Type: ir.U8, Shape: ir.Shape{256}, Data: v})
}

// mean is a pooling by averages.
func (z *quantiser) mean(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	if !ok || len(z.known[n.In[0]].Shape) != 4 || !math.IsInf(s.lo, -1) || !math.IsInf(s.hi, 1) {
		return false
	}
	operator, attrs := "QLinear"+n.Op, maps.Clone(n.Attrs)
	if n.Op == "ReduceMean" {
		axes := n.Attrs.Ints("axes")
		if len(n.In) > 1 {
			t := z.Weights[n.In[1]]
			if t == nil {
				return false
			}
			axes = nil
			for _, v := range op.Widen(t).Data {
				axes = append(axes, int(v))
			}
		}
		for i, a := range axes {
			if axes = slices.Clone(axes); a < 0 {
				axes[i] = a + 4
			}
		}
		slices.Sort(axes)
		if !slices.Equal(axes, []int{2, 3}) || n.Attrs.Int("keepdims", 1) != 1 {
			return false
		}
		operator, attrs = "QLinearGlobalAveragePool", nil
	}
	if d := attrs.Ints("dilations"); slices.ContainsFunc(d, func(v int) bool { return v != 1 }) {
		return false
	}
	delete(attrs, "dilations")
	m := z.add(n, operator, s, attrs, x.value, x.scale, x.zero, s.node.In[1], s.node.In[2])
	if s.node.Attrs.Int("fixed", 0) == 0 || n.Op != "ReduceMean" && z.sameScale(x.scale, x.zero, s.node.In[1], s.node.In[2]) {
		s.keepFixed(m)
	}
	return true
}

// keepFixed says of a node on bytes that it computes in fixed point, or rounds as XNNPACK does, where its sink says so of
// what it quantises and the operator can: XNNPACK has no means of windows.
func (s sink) keepFixed(m *ir.Node) {
	row, _ := op.Lookup(m.Op)
	for _, rule := range []string{"fixed", "xnnpack"} {
		if f := s.node.Attrs.Int(rule, 0); f != 0 && slices.Contains(row.Attrs, rule) {
			m.Attrs[rule] = f
		}
	}
}

// norm makes one factor and one summand a channel of a batch normalization and the scales around it.
func (z *quantiser) norm(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	if !ok || len(z.known[n.In[0]].Shape) != 4 {
		return false
	}
	var par [4][]float64
	for i := range par {
		name := n.In[i+1]
		if q, ok := z.from[name]; ok && q.constant != nil {
			par[i] = z.real(q)
		} else if t := z.Weights[name]; t != nil {
			par[i] = op.Widen(t).Data
		} else {
			return false
		}
	}
	in, _ := z.one(x.scale)
	out, _ := z.one(s.node.In[1])
	c := len(par[0])
	mul, add := make([]float32, c), make([]float32, c)
	for i := range c {
		m, a := op.NormAffine(n, par[0][i], par[1][i], par[2][i], par[3][i])
		mul[i], add[i] = float32(m*in/out), float32(a/out)
	}
	m := z.add(n, "ByteAffine", s, nil, x.value, x.zero, z.weight(n.Name+" factors", ir.NewF32(mul, c)), z.weight(n.Name+" summands", ir.NewF32(add, c)), s.node.In[2])
	z.clamp(m, s)
	return true
}

// concat joins bytes, each of its inputs brought to the result's scale where it has another.
func (z *quantiser) concat(n *ir.Node, s sink) bool {
	var from []quantised
	for i := range n.In {
		q, ok := z.computed(n, i)
		if !ok {
			return false
		}
		from = append(from, q)
	}
	var in []string
	for i, q := range from {
		name := q.value
		same := func(p quantised) bool { return p.value == q.value && p.scale == q.scale && p.zero == q.zero }
		if j := slices.IndexFunc(from[:i], same); j >= 0 { // a part more than once
			name = in[j]
		} else if !z.sameScale(q.scale, q.zero, s.node.In[1], s.node.In[2]) || z.clamps(s) {
			if name = n.Name + " " + q.value; slices.Contains(in, name) { // with another scale
				name += " " + q.scale + " " + q.zero
			}
			z.addTable(name, q.value, sink{node: &ir.Node{Out: []string{name}}}, z.tableOf(q, clampTo(s), s.node))
		}
		in = append(in, name)
	}
	z.add(n, "Concat", s, ir.Attrs{"axis": n.Attrs.Int("axis", 1)}, in...)
	return true
}

func (z *quantiser) clamps(s sink) bool {
	return z.byteOf(s.lo, s.node.In[1], s.node.In[2]) > 0 || z.byteOf(s.hi, s.node.In[1], s.node.In[2]) < 255
}

func clampTo(s sink) func(x float64) float64 {
	return func(x float64) float64 { return min(max(x, s.lo), s.hi) }
}

// move is a node that only moves elements, or takes some of them: it does so with bytes, too.
func (z *quantiser) move(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	if !ok || (n.Op == "Resize" || n.Op == "Upsample") && n.Attrs.Str("mode", "nearest") != "nearest" {
		return false
	}
	in := slices.Clone(n.In)
	in[0] = x.value
	for _, name := range in[1:] {
		if name != "" && z.Weights[name] == nil {
			return false
		}
	}
	if z.sameScale(x.scale, x.zero, s.node.In[1], s.node.In[2]) && !z.clamps(s) {
		z.add(n, n.Op, s, maps.Clone(n.Attrs), in...)
		return true
	}
	// Rescaling first or last is the same; first it may become part of what makes the bytes.
	name := n.Name + " rescaled"
	z.addTable(name, x.value, sink{node: &ir.Node{Out: []string{name}}}, z.tableOf(x, clampTo(s), s.node))
	in[0] = name
	z.add(n, n.Op, s, maps.Clone(n.Attrs), in...)
	return true
}

// pad surrounds bytes with the byte of the number that it pads with; that number must have one.
func (z *quantiser) pad(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	if !ok || n.Attrs.Str("mode", "constant") != "constant" || len(n.In) > 1 && n.In[1] != "" && z.Weights[n.In[1]] == nil || len(n.In) > 3 && n.In[3] != "" && z.Weights[n.In[3]] == nil {
		return false
	}
	value := n.Attrs.Float("value", 0)
	if len(n.In) > 2 && n.In[2] != "" {
		if q, dequantised := z.from[n.In[2]]; dequantised && q.constant != nil && q.constant.Shape.Elems() == 1 {
			value = z.real(q)[0]
		} else if value, ok = z.one(n.In[2]); !ok {
			return false
		}
	}
	scale, _ := z.one(x.scale)
	zero, _ := z.one(x.zero)
	b := z.byteOf(value, x.scale, x.zero)
	if float32((float64(b)-zero)*scale) != float32(value) {
		return false
	}
	in := append(slices.Clone(n.In), "", "")[:max(3, len(n.In))]
	in[0], in[2] = x.value, z.weight(n.Name+" value", &ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: []uint8{uint8(b)}})
	attrs := maps.Clone(n.Attrs)
	delete(attrs, "value")
	if z.sameScale(x.scale, x.zero, s.node.In[1], s.node.In[2]) && !z.clamps(s) {
		z.add(n, "Pad", s, attrs, in...)
		return true
	}
	name := n.Name + " padded"
	z.add(n, "Pad", sink{node: &ir.Node{Out: []string{name}}}, attrs, in...)
	z.addTable(n.Name+" rescaled", name, s, z.tableOf(x, clampTo(s), s.node))
	return true
}

// function is a node that computes each element from one.
func (z *quantiser) function(n *ir.Node, s sink) bool {
	x, ok := z.computed(n, 0)
	if !ok {
		return false
	}
	return z.tabulate(n, s, x, 0)
}

// withConstant is a node of two inputs of which one is a constant of one element.
func (z *quantiser) withConstant(n *ir.Node, s sink) bool {
	for i := range 2 {
		if x, ok := z.computed(n, i); ok && len(z.known[n.In[i]].Shape) >= len(z.known[n.In[1-i]].Shape) {
			return z.tabulate(n, s, x, i)
		}
	}
	return false
}

// tabulate computes a node for the 256 values that its input at a position may have. Its other inputs must be constants of
// one element.
func (z *quantiser) tabulate(n *ir.Node, s sink, x quantised, at int) bool {
	row, ok := op.Lookup(n.Op)
	if !ok {
		return false
	}
	in := make([]op.Array, len(n.In))
	known := make([]op.Operand, len(n.In))
	for i, name := range n.In {
		if i == at || name == "" {
			continue
		}
		q, dequantised := z.from[name]
		t := z.Weights[name]
		switch {
		case dequantised && q.constant != nil && q.constant.Shape.Elems() == 1:
			in[i] = op.Array{Type: ir.F32, Shape: ir.Shape{1}, Data: z.real(q)}
		case t != nil && t.Shape.Elems() == 1:
			in[i] = op.Widen(t)
			in[i].Shape = ir.Shape{1}
		default:
			return false
		}
		known[i] = op.Operand{Type: in[i].Type, Shape: in[i].Shape}
	}
	scale, _ := z.one(x.scale)
	zero, _ := z.one(x.zero)
	in[at] = op.Array{Type: ir.F32, Shape: ir.Shape{256}, Data: make([]float64, 256)}
	for i := range in[at].Data {
		in[at].Data[i] = float64(float32((float64(i) - zero) * scale))
	}
	known[at] = op.Operand{Type: ir.F32, Shape: ir.Shape{256}}
	made, err := row.Infer(n, known)
	if err != nil || len(made) == 0 || !made[0].Shape.Equal(ir.Shape{256}) || made[0].Type != ir.F32 {
		return false
	}
	out := op.Array{Type: ir.F32, Shape: ir.Shape{256}, Data: make([]float64, 256)}
	row.Eval(n, in, []op.Array{out})
	table := make([]uint8, 256)
	for i, y := range out.Data {
		table[i] = uint8(z.byteOf(min(max(float64(float32(y)), s.lo), s.hi), s.node.In[1], s.node.In[2]))
	}
	z.addTable(n.Name, x.value, s, table)
	return true
}

// tableOf is the table of a function between two scales.
func (z *quantiser) tableOf(x quantised, f func(float64) float64, q *ir.Node) []uint8 {
	scale, _ := z.one(x.scale)
	zero, _ := z.one(x.zero)
	table := make([]uint8, 256)
	for i := range table {
		table[i] = uint8(z.byteOf(f(float64(float32((float64(i)-zero)*scale))), q.In[1], q.In[2]))
	}
	return table
}

func (z *quantiser) table(name string, x quantised, f func(float64) float64, q *ir.Node) {
	z.addTable(name, x.value, sink{node: q}, z.tableOf(x, f, q))
}

// addTable appends a node that looks up; the same table is one weight.
func (z *quantiser) addTable(name, value string, s sink, table []uint8) {
	if slices.Equal(table, identity()) {
		z.add(&ir.Node{Name: name}, "Identity", s, nil, value)
		return
	}
	z.add(&ir.Node{Name: name}, "ByteTable", s, nil, value, z.tableWeight(table))
}

func (z *quantiser) tableWeight(table []uint8) string {
	if w, ok := z.tables[string(table)]; ok {
		return w
	}
	w := z.weight("table", &ir.Tensor{Type: ir.U8, Shape: ir.Shape{256}, Data: table})
	z.tables[string(table)] = w
	return w
}
