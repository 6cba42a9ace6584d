package compress

import (
	"context"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// byteGraph turns a float network into one of QuantizeLinear and DequantizeLinear.
type byteGraph struct {
	g      *ir.Graph // float, batch norms folded
	known  map[string]op.Operand
	users  map[string][]*ir.Node
	makers map[string]*ir.Node
	keep   map[*ir.Node]bool // stay float
	ranges map[string]interval
	means  map[string][]float64 // of channels; nil: biases are not corrected
}

// interval is what a value's bytes reach over; zero is in it.
type interval struct{ lo, hi float64 }

func newByteGraph(g *ir.Graph) (*byteGraph, error) {
	known, err := op.Infer(g, 1)
	if err != nil {
		return nil, err
	}
	z := &byteGraph{g: g, known: known, users: usersOf(g), makers: map[string]*ir.Node{}, keep: map[*ir.Node]bool{}, ranges: map[string]interval{}}
	for _, n := range g.Nodes {
		for _, out := range n.Out {
			z.makers[out] = n
		}
	}
	return z, nil
}

// computed reports whether a value is made of floats while the network runs.
func (z *byteGraph) computed(name string) bool {
	o, ok := z.known[name]
	return ok && o.Const == nil && o.Type == ir.F32
}

// constant is a constant of floats, or nil.
func (z *byteGraph) constant(n *ir.Node, i int) *ir.Tensor {
	if i >= len(n.In) || n.In[i] == "" {
		return nil
	}
	if t := z.g.Weights[n.In[i]]; t != nil && t.Type == ir.F32 {
		return t
	}
	return nil
}

// layers are the nodes with weights that can be made bytes.
func (z *byteGraph) layers() []*ir.Node {
	var list []*ir.Node
	for _, n := range z.g.Nodes {
		if z.layer(n) {
			list = append(list, n)
		}
	}
	return list
}

func (z *byteGraph) layer(n *ir.Node) bool {
	if !hasWeights(n) || !z.computed(n.In[0]) || n.Attrs.Str("act", "") != "" {
		return false
	}
	w := z.constant(n, 1)
	if w == nil || len(n.In) > 3 || len(n.In) > 2 && n.In[2] != "" && z.constant(n, 2) == nil {
		return false
	}
	if n.Op == "Conv" {
		return len(w.Shape) == 4
	}
	bias := z.constant(n, 2)
	return len(w.Shape) == 2 && len(z.known[n.In[0]].Shape) == 2 && n.Attrs.Int("transA", 0) == 0 && n.Attrs.Float("alpha", 1) == 1 &&
		n.Attrs.Float("beta", 1) == 1 && (bias == nil || len(bias.Shape) == 1 && bias.Shape[0] == z.known[n.Out[0]].Shape[1])
}

// What a node is to a quantiser.
type byteKind uint8

const (
	byteNone  byteKind = iota // stays float
	byteLayer                 // multiplies by weights
	byteMaps                  // computes with maps
	byteCurve                 // a function of each element
	byteMoves                 // moves elements, whose range stays what it is
)

var byteKinds = map[byteKind][]string{
	byteMaps: {"Add", "Mul", "Concat", "GlobalAveragePool", "AveragePool", "ReduceMean", "BatchNormalization"},
	byteCurve: {
		"Relu", "Clip", "Sigmoid", "LeakyRelu", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Gelu", "Mish", "Softplus", "Softsign", "Swish", "Selu", "Celu",
	},
	byteMoves: {"MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Identity", "DepthToSpace", "SpaceToDepth", "Resize", "Pad", "Dropout"},
}

// kind says what becomes of a node, whatever its neighbours.
func (z *byteGraph) kind(n *ir.Node) byteKind {
	if len(n.In) == 0 || !z.computed(n.In[0]) && n.Op != "Add" && n.Op != "Mul" || !z.computed(n.Out[0]) || len(n.Out) > 1 && n.Out[1] != "" {
		return byteNone
	}
	if hasWeights(n) {
		if z.layer(n) && !z.keep[n] {
			return byteLayer
		}
		return byteNone
	}
	for kind, names := range byteKinds {
		if !slices.Contains(names, n.Op) {
			continue
		}
		if !z.possible(n) {
			return byteNone
		}
		if n.Op == "AveragePool" && z.onePixel(n) {
			return byteMoves
		}
		return kind
	}
	return byteNone
}

// onePixel reports whether a pool's window is one pixel.
func (z *byteGraph) onePixel(n *ir.Node) bool {
	return !slices.ContainsFunc(n.Attrs.Ints("kernel_shape"), func(k int) bool { return k != 1 })
}

// possible says whether L5 has a form on bytes for a node.
func (z *byteGraph) possible(n *ir.Node) bool {
	shape := func(i int) ir.Shape { return z.known[n.In[i]].Shape }
	switch n.Op {
	case "Add", "Mul":
		a, b := z.computed(n.In[0]), z.computed(n.In[1])
		if !a || !b { // arithmetic with one constant is a table
			i := 0
			if a {
				i = 1
			}
			return (a || b) && z.known[n.In[i]].Const != nil && shape(i).Elems() == 1
		}
		if len(shape(0)) != 4 || len(shape(1)) != 4 {
			return false
		}
		if shape(0).Equal(shape(1)) {
			return true
		}
		s, t := shape(0), shape(1)
		if s[2]*s[3] < t[2]*t[3] {
			s, t = t, s
		}
		return n.Op == "Mul" && t[2]*t[3] == 1 && s[1] == t[1]
	case "Concat", "GlobalAveragePool", "AveragePool", "BatchNormalization":
		return !slices.ContainsFunc(n.In[:1], func(in string) bool { return len(z.known[in].Shape) != 4 }) &&
			(n.Op != "Concat" || !slices.ContainsFunc(n.In, func(in string) bool { return !z.computed(in) })) &&
			(n.Op != "BatchNormalization" || n.Attrs.Str("act", "") == "")
	case "ReduceMean":
		return len(shape(0)) == 4
	case "Resize":
		return n.Attrs.Str("mode", "nearest") == "nearest"
	case "Pad":
		return n.Attrs.Str("mode", "constant") == "constant" && (len(n.In) < 3 || n.In[2] == "" || z.known[n.In[2]].Const != nil) && n.Attrs.Float("value", 0) == 0
	}
	return true
}

// quantisedNodes are the nodes that compute with bytes: only (nil: all that can), less those kept, and functions and moves
// only of what is bytes.
func (z *byteGraph) quantisedNodes(only *ir.Node) map[*ir.Node]byteKind {
	kinds := map[*ir.Node]byteKind{}
	for _, n := range z.g.Nodes {
		k := z.kind(n)
		if only != nil && k != byteNone {
			src := z.makers[n.In[0]]
			if n != only && !(k == byteCurve && src != nil && kinds[src] != byteNone && soleUser(z.g, z.users, n.In[0]) == n) {
				k = byteNone
			}
		}
		if src := z.makers[firstInput(n)]; k == byteCurve && src != nil && kinds[src] == byteNone {
			k = byteNone
		}
		if k != byteNone {
			kinds[n] = k
		}
	}
	return kinds
}

// pairs are the values that are quantised, each in the order in which they are made.
func (z *byteGraph) pairs(kinds map[*ir.Node]byteKind) map[string]bool {
	set := map[string]bool{}
	for _, n := range z.g.Nodes {
		if kinds[n] == byteNone {
			continue
		}
		for i, in := range n.In {
			if z.computed(in) && (i == 0 || kinds[n] == byteMaps) && !z.absorbed(n, in, kinds) {
				set[in] = true
			}
		}
		if next := soleUser(z.g, z.users, n.Out[0]); next == nil || kinds[next] == byteNone || !z.absorbed(next, n.Out[0], kinds) {
			set[n.Out[0]] = true
		}
	}
	return set
}

// absorbed reports whether a node is a rectifier that clamps what another makes on its way to bytes.
func (z *byteGraph) absorbed(n *ir.Node, in string, kinds map[*ir.Node]byteKind) bool {
	src := z.makers[in]
	return (n.Op == "Relu" || n.Op == "Clip") && n.In[0] == in && src != nil && (kinds[src] == byteLayer || kinds[src] == byteMaps) &&
		src.Op != "Concat" && soleUser(z.g, z.users, in) == n
}

// setRanges chooses the range of every value that may be quantised.
func (z *byteGraph) setRanges(ctx context.Context, o *observation, method string) error {
	kinds := z.quantisedNodes(nil)
	of := func(name string) interval {
		h := o.values[name]
		if h == nil {
			return interval{}
		}
		lo, hi := h.bounds(ctx, method)
		return interval{lo, hi}
	}
	for _, v := range z.g.Inputs {
		z.ranges[v.Name] = of(v.Name)
	}
	for _, n := range z.g.Nodes {
		if len(n.Out) == 0 || !z.computed(n.Out[0]) {
			continue
		}
		if n.Op == "Sigmoid" || n.Op == "HardSigmoid" {
			z.ranges[n.Out[0]] = interval{0, 1}
			continue
		}
		if kinds[n] == byteMoves {
			if r, ok := z.ranges[n.In[0]]; ok {
				z.ranges[n.Out[0]] = r
				continue
			}
		}
		if o.values[n.Out[0]] == nil {
			return ir.Errorf(ir.Compress, "int8: nothing was seen of the value %q", n.Out[0])
		}
		z.ranges[n.Out[0]] = of(n.Out[0])
	}
	// What is read by a concatenation alone has its range, so that it is made in place.
	for _, n := range slices.Backward(z.g.Nodes) {
		if n.Op != "Concat" || kinds[n] == byteNone {
			continue
		}
		for _, in := range n.In {
			for soleUser(z.g, z.users, in) != nil && z.makers[in] != nil && kinds[z.makers[in]] != byteNone {
				z.ranges[in] = z.ranges[n.Out[0]]
				if kinds[z.makers[in]] != byteMoves {
					break
				}
				in = z.makers[in].In[0]
			}
		}
	}
	return nil
}

// scaleOf is the scale and zero point of bytes over a range.
func scaleOf(r interval) (float32, uint8) {
	scale := float32((r.hi - r.lo) / 255)
	if !(scale > 0) {
		return 1, 0
	}
	return scale, uint8(min(max(math.RoundToEven(-r.lo/float64(scale)), 0), 255))
}

// quantised is the network with its nodes, or one alone, between conversions.
func (z *byteGraph) quantised(ctx context.Context, only *ir.Node) (*ir.Graph, error) {
	kinds := z.quantisedNodes(only)
	set := z.pairs(kinds)
	out := z.g.Clone()
	w := &byteWriter{z: z, g: out, taken: map[string]bool{}, scales: map[string]float32{}}
	for name := range z.known {
		w.taken[name] = true
	}
	clones := map[*ir.Node]*ir.Node{}
	for i, n := range z.g.Nodes {
		clones[n] = out.Nodes[i]
	}
	out.Nodes = nil
	renamed := map[string]string{}
	for _, v := range z.g.Inputs {
		if set[v.Name] {
			real := w.fresh(v.Name + "_dequantized")
			w.pair(v.Name, v.Name, real)
			renamed[v.Name] = real
		}
	}
	for _, n := range z.g.Nodes {
		m := clones[n]
		for i, in := range m.In {
			if r, ok := renamed[in]; ok {
				m.In[i] = r
			}
		}
		if kinds[n] == byteLayer {
			if err := w.layer(ctx, n, m); err != nil {
				return nil, err
			}
		}
		out.Nodes = append(out.Nodes, m)
		if name := n.Out[0]; set[name] {
			m.Out[0] = w.fresh(name + "_float")
			w.pair(name, m.Out[0], name)
		}
	}
	dropUnread(out)
	return out, nil
}

// byteWriter appends the nodes and constants of a quantised network.
type byteWriter struct {
	z      *byteGraph
	g      *ir.Graph
	taken  map[string]bool
	scales map[string]float32 // of the dequantised values, by the name that the float network has
}

func (w *byteWriter) fresh(name string) string {
	for w.taken[name] {
		name += "_"
	}
	w.taken[name] = true
	return name
}

func (w *byteWriter) constant(name string, t *ir.Tensor) string {
	name = w.fresh(name)
	w.g.Weights[name] = t
	return name
}

// pair quantises a value of the float network, which is in from, and makes it floats again in to.
func (w *byteWriter) pair(value, from, to string) {
	scale, zero := scaleOf(w.z.ranges[value])
	s := w.constant(value+"_scale", &ir.Tensor{Type: ir.F32, Shape: ir.Shape{}, Data: []float32{scale}})
	z := w.constant(value+"_zero_point", &ir.Tensor{Type: ir.U8, Shape: ir.Shape{}, Data: []uint8{zero}})
	q := w.fresh(value + "_quantized")
	w.g.Nodes = append(
		w.g.Nodes,
		&ir.Node{Name: q, Op: "QuantizeLinear", In: []string{from, s, z}, Out: []string{q}},
		&ir.Node{Name: w.fresh(value + "_DequantizeLinear"), Op: "DequantizeLinear", In: []string{q, s, z}, Out: []string{to}},
	)
	w.scales[value] = scale
}

// layer makes bytes of a node's weights and 32-bit integers of its bias, with scales by output channel.
func (w *byteWriter) layer(ctx context.Context, n, m *ir.Node) error {
	z := w.z
	weights, axis := z.constant(n, 1), 0
	if n.Op == "MatMul" || n.Op == "Gemm" && n.Attrs.Int("transB", 0) == 0 {
		axis = 1
	}
	channels := weights.Shape[axis]
	of := func(i int) int { return i / (weights.Shape.Elems() / channels) }
	if axis == 1 {
		of = func(i int) int { return i % channels }
	}
	in, ok := w.scales[n.In[0]]
	if !ok {
		return ir.Errorf(ir.Compress, "int8: the input of %q is not quantised", n.Name)
	}
	bias := make([]float64, channels)
	given := z.constant(n, 2)
	if given != nil {
		bias = op.Widen(given).Data
	}
	data := weights.F32()
	scales := weightScales(data, of, bias, float64(in))
	bytes := make([]int8, len(data))
	lost := make([]float32, len(data)) // what rounding takes from each weight
	for i, v := range data {
		if i%part == 0 {
			goOn(ctx)
		}
		q := min(max(math.RoundToEven(float64(v)/float64(scales[of(i)])), -127), 127)
		bytes[i] = int8(q)
		lost[i] = float32(float64(v) - q*float64(scales[of(i)]))
	}
	corrected := false
	if means := z.means[n.In[0]]; means != nil {
		corrected = correctBias(n, weights.Shape, axis, lost, means, bias)
	}
	name := n.In[1]
	if len(z.users[name]) > 1 {
		name = w.fresh(n.Name + "_weights")
	}
	w.g.Weights[name] = &ir.Tensor{Type: ir.I8, Shape: weights.Shape, Data: bytes}
	s := w.constant(n.In[1]+"_scale", ir.NewF32(scales, channels))
	zero := w.constant(n.In[1]+"_zero_point", &ir.Tensor{Type: ir.I8, Shape: ir.Shape{channels}, Data: make([]int8, channels)})
	real := w.fresh(n.In[1] + "_dequantized")
	w.g.Nodes = append(w.g.Nodes, &ir.Node{Name: real, Op: "DequantizeLinear", In: []string{name, s, zero}, Out: []string{real}, Attrs: ir.Attrs{"axis": axis}})
	m.In[1] = real
	if given == nil && (!corrected || n.Op == "MatMul") {
		return nil
	}
	ints, steps := make([]int32, channels), make([]float32, channels)
	for c := range ints {
		steps[c] = in * scales[c]
		ints[c] = int32(min(max(math.RoundToEven(bias[c]/float64(steps[c])), -1<<30), 1<<30))
	}
	base := n.Name + "_bias"
	if given != nil {
		base = n.In[2]
	}
	b := w.constant(base+"_i32", &ir.Tensor{Type: ir.I32, Shape: ir.Shape{channels}, Data: ints})
	step := w.constant(base+"_i32_scale", ir.NewF32(steps, channels))
	sum := w.fresh(base + "_dequantized")
	w.g.Nodes = append(w.g.Nodes, &ir.Node{Name: sum, Op: "DequantizeLinear", In: []string{b, step}, Out: []string{sum}, Attrs: ir.Attrs{"axis": 0}})
	m.In = []string{m.In[0], m.In[1], sum}
	return nil
}

// weightScales are the steps of each output channel: the largest weight is 127 of them, and the bias fits well into 32 bits.
func weightScales(data []float32, of func(int) int, bias []float64, in float64) []float32 {
	most := make([]float64, len(bias))
	for i, v := range data {
		c := of(i)
		most[c] = max(most[c], math.Abs(float64(v)))
	}
	scales := make([]float32, len(bias))
	for c := range scales {
		s := max(most[c]/127, math.Abs(bias[c])/(in*(1<<28)), 1e-30)
		if most[c] == 0 && bias[c] == 0 {
			s = 1
		}
		scales[c] = float32(s)
	}
	return scales
}

// correctBias adds to each bias what rounding the weights takes from the mean of its channel (Nagel et al. 2019, section
// 4.2, with the means of the inputs as they were seen). What a window reads beyond the border counts as seen.
func correctBias(n *ir.Node, shape ir.Shape, axis int, lost []float32, means, bias []float64) bool {
	if axis == 1 || n.Op == "Gemm" {
		k := shape[1-axis]
		if len(means) != k {
			return false
		}
		for i, v := range lost {
			o, c := i/shape[1], i%shape[1]
			if axis == 1 {
				o, c = c, o
			}
			bias[o] += float64(v) * means[c]
		}
		return true
	}
	group := n.Attrs.Int("group", 1)
	in, kernel := shape[1], shape[2:].Elems()
	if len(means) != in*group {
		return false
	}
	outs := shape[0] / group
	for i, v := range lost {
		o, c := i/kernel/in, i/kernel%in
		bias[o] += float64(v) * means[o/outs*in+c]
	}
	return true
}

func firstInput(n *ir.Node) string {
	if len(n.In) == 0 {
		return ""
	}
	return n.In[0]
}
