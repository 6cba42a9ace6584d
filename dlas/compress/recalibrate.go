package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// recalibrateImages is how many images recalibrate takes where n= does not say.
const recalibrateImages = 500

func recalibrate() pass {
	return pass{
		option: ir.Option{
			Name: "recalibrate",
			Help: "Estimates the mean and variance of every batch norm anew, on images of val that run through the compressed network, layer after layer: " +
				"what a pass has done to the scale of the activations is made good without training. Write it after the passes that it is to repair, and before int8. " +
				"In a network without batch norm, or where a file has it folded into the weights, each layer's rows are scaled and its bias moved instead, so that its channels have the mean and variance that they had before the passes; " +
				"rows of few or rounded values (palette, ternary, fp16) are not scaled.",
			Source: "batch norm: Li et al., EagleEye, ECCV 2020; biases: Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2 (measured on images)",
			Params: []ir.Param{{Key: "n", Help: "images of val", Default: strconv.Itoa(recalibrateImages)}},
		},
		check: func(c ir.Choice) error { _, err := recalibrateArgs(c); return err },
		apply: applyRecalibrate,
	}
}

func recalibrateArgs(c ir.Choice) (n int, err error) {
	if len(c.Value) > 0 {
		return 0, &ir.Error{Layer: ir.Compress, What: "recalibrate takes no plain argument, but got " + strconv.Quote(c.Value[0]), Try: "write recalibrate(n=" + strconv.Itoa(recalibrateImages) + ")"}
	}
	n = recalibrateImages
	for _, a := range c.Args {
		if a.Key != "n" {
			return 0, ir.Unknown(ir.Compress, "argument of recalibrate", a.Key, []string{"n"})
		}
		if n, err = strconv.Atoi(a.Value); err != nil || a.Op != "=" || n < 1 {
			return 0, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("n%s%s of recalibrate is not a number of images from 1", a.Op, a.Value), Try: "write recalibrate(n=" + strconv.Itoa(recalibrateImages) + ")"}
		}
	}
	return n, nil
}

func applyRecalibrate(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error) {
	n, err := recalibrateArgs(c)
	if err != nil {
		return nil, "", err
	}
	for _, node := range g.Nodes {
		if quantised(node.Op) {
			return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("recalibrate is for float networks, and %q is %s", node.Name, node.Op), Try: "write recalibrate before int8, or take the network that has not been quantised"}
		}
	}
	w := &walk{out: g.Clone(), t: t}
	w.findNorms()
	folded := len(w.stops) == 0
	var before *ir.Graph
	if folded {
		if t.past == nil || t.past.from == g {
			return nil, "", &ir.Error{Layer: ir.Compress, What: g.Name + " has no batch norm, and no pass before recalibrate has changed it: there is nothing to estimate anew"}
		}
		before = t.past.from
		w.findLayers(before)
		if len(w.stops) == 0 {
			return nil, "", &ir.Error{Layer: ir.Compress, What: g.Name + " has no batch norm, or a file has it folded into the weights, and no layer is what it was: there is nothing to estimate anew"}
		}
	}
	if w.run, err = t.runner("recalibrate"); err != nil {
		return nil, "", err
	}
	val, err := t.images("recalibrate", "estimate with")
	if err != nil {
		return nil, "", err
	}
	if n > val.Len() {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("recalibrate(n=%d): val has %d images", n, val.Len()), Try: fmt.Sprintf("write n=%d", val.Len())}
	}
	if w.values, err = op.Infer(w.out, 1); err != nil {
		return nil, "", err
	}
	if folded {
		if err := w.measureBefore(ctx, before, n); err != nil {
			return nil, "", err
		}
	}
	w.at, w.total, w.done = g.Input().Name, n, -1
	if n*g.Input().Shape.Elems() <= maxHeld/4 { // more are read again at each stop until something smaller can be kept
		if w.held, _, err = t.batch(ctx, g, 0, n); err != nil {
			return nil, "", err
		}
	}
	for i, s := range w.stops {
		t.tell("recalibrate", i, len(w.stops))
		if err := w.advance(ctx, s.node); err != nil {
			return nil, "", err
		}
		m, err := w.moments(ctx, s.value)
		if err != nil {
			return nil, "", err
		}
		s.set(ctx, m)
	}
	line := fmt.Sprintf("%s: mean and variance of %s estimated anew from %s of val", c, plural(len(w.stops), "batch norm"), plural(n, "image"))
	if folded {
		line = fmt.Sprintf("%s: no batch norm to estimate anew; %d layers have the mean of each channel that they had before the passes, %d of them the variance too, from %s of val", c, len(w.stops), w.scaled, plural(n, "image"))
	}
	return w.out, line, nil
}

// walk goes through a network from stop to stop: at each, a value is measured over all images and the network changed
// after it. What the images have become at a value that all later nodes depend on alone is kept, so that every node runs
// about once for each image and not once for each stop.
type walk struct {
	out    *ir.Graph
	t      Tools
	run    ir.Runner
	values map[string]op.Operand
	stops  []stop

	at    string     // the value that is kept
	held  *ir.Tensor // of all images; nil for the images themselves where they are too many
	total int        // images
	done  int        // the last node before it

	old    map[string]moments // of layers of the network before the passes
	scaled int                // layers whose rows were scaled
}

// stop is a place where the network is changed by what a value is: the node of that index is.
type stop struct {
	node  int
	value string
	set   func(ctx context.Context, m moments)
}

// moments are the mean and variance of each channel.
type moments struct{ mean, variance []float64 }

// findNorms makes a stop of every batch norm.
func (w *walk) findNorms() {
	for i, n := range w.out.Nodes {
		if n.Op != "BatchNormalization" || len(n.In) != 5 || w.out.Weights[n.In[3]] == nil || w.out.Weights[n.In[4]] == nil || w.out.Weights[n.In[0]] != nil {
			continue
		}
		w.stops = append(w.stops, stop{i, n.In[0], func(_ context.Context, m moments) {
			old := op.Widen(w.out.Weights[n.In[4]]).Data
			for c, v := range m.variance {
				if v == 0 { // a channel that never changes is not to be blown up
					m.variance[c] = old[c]
				}
			}
			w.replace(n, 3, m.mean)
			w.replace(n, 4, m.variance)
		}})
	}
}

// findLayers makes a stop of every layer that the network had before the passes.
func (w *walk) findLayers(before *ir.Graph) {
	then, err1 := op.Infer(before, 1)
	now, err2 := op.Infer(w.out, 1)
	if err1 != nil || err2 != nil {
		return
	}
	for i, n := range w.out.Nodes {
		old := before.Node(n.Name)
		if n.Op != "Conv" && n.Op != "Gemm" || old == nil || old.Op != n.Op || len(n.Out) != 1 || len(n.In) > 3 || w.out.Weights[n.In[1]] == nil {
			continue
		}
		s, was := now[n.Out[0]].Shape, then[old.Out[0]].Shape
		left, narrowed := w.t.past.kept[n.Name]
		if len(s) < 2 || len(was) < 2 || !narrowed && s[1] != was[1] || narrowed && s[1] != len(left) {
			continue
		}
		if len(n.In) == 3 && (w.out.Weights[n.In[2]] == nil || w.out.Weights[n.In[2]].Shape.Elems() != s[1] || n.Attrs.Float("beta", 1) != 1) {
			continue
		}
		w.stops = append(w.stops, stop{i, n.Out[0], func(ctx context.Context, m moments) { w.match(ctx, n, w.old[n.Name].of(left), m) }})
	}
}

// of are the moments of some of the channels; nil: of all.
func (m moments) of(channels []int) moments {
	if channels == nil {
		return m
	}
	var k moments
	for _, c := range channels {
		k.mean, k.variance = append(k.mean, m.mean[c]), append(k.variance, m.variance[c])
	}
	return k
}

// mostScale bounds what a row is multiplied by: a channel that hardly varies any more is not blown up.
const mostScale = 10

// match gives a layer's channels the moments that they had. A zero stays zero.
func (w *walk) match(ctx context.Context, n *ir.Node, want, m moments) {
	scale, bias := make([]float64, len(m.mean)), make([]float64, len(m.mean))
	if len(n.In) == 3 {
		copy(bias, op.Widen(w.out.Weights[n.In[2]]).Data)
	}
	t := w.out.Weights[n.In[1]]
	free := freeValues(ctx, t)
	for c := range scale {
		scale[c] = 1
		if s := math.Sqrt(want.variance[c] / m.variance[c]); free && m.variance[c] > 0 && s > 0 {
			scale[c] = min(max(s, 1/mostScale), mostScale)
		}
		bias[c] = want.mean[c] - scale[c]*(m.mean[c]-bias[c])
	}
	if free {
		w.scaled++
		run := t.Shape[1:].Elems()
		if n.Op == "Gemm" && n.Attrs.Int("transB", 0) == 0 {
			run = 1
		}
		rows := slices.Clone(t.F32())
		for i := range rows {
			rows[i] *= float32(scale[i/run%len(scale)])
		}
		w.put(n, 1, ir.NewF32(rows, t.Shape...))
	}
	if len(n.In) < 3 {
		n.In = append(n.In, w.name(n.Name+".bias"))
	}
	w.replace(n, 2, bias)
}

// freeValues reports whether weights may take any value: they are neither few different ones nor rounded to two bytes.
func freeValues(ctx context.Context, t *ir.Tensor) bool {
	if t.Type != ir.F32 {
		return false
	}
	data := t.F32()
	filled := int(op.Nonzero(t))
	if few(ctx, data, min(256, filled/2)) {
		return false
	}
	return slices.ContainsFunc(data, func(v float32) bool { return op.Half(halfBits(v)) != v }) &&
		slices.ContainsFunc(data, func(v float32) bool { return math.Float32bits(v)&0xffff != 0 })
}

// name is a name that no value has yet.
func (w *walk) name(like string) string {
	name := like
	for i := 2; ; i++ {
		if _, taken := w.values[name]; !taken && w.out.Weights[name] == nil {
			return name
		}
		name = fmt.Sprintf("%s %d", like, i)
	}
}

// replace gives a node other numbers as an input.
func (w *walk) replace(n *ir.Node, input int, v []float64) {
	data := make([]float32, len(v))
	for i, x := range v {
		data[i] = float32(x)
	}
	t := ir.NewF32(data, len(data))
	if old := w.out.Weights[n.In[input]]; old != nil {
		t.Shape = slices.Clone(old.Shape)
	}
	w.put(n, input, t)
}

// put gives a node another weight, under a new name where others read the old one.
func (w *walk) put(n *ir.Node, input int, t *ir.Tensor) {
	readers := 0
	for _, o := range w.out.Nodes {
		for _, in := range o.In {
			if in == n.In[input] {
				readers++
			}
		}
	}
	if readers > 1 {
		n.In[input] = w.name(n.In[input])
	}
	w.out.Weights[n.In[input]] = t
}

const walkBatch = 32

// maxHeld bounds what is kept of the images, in bytes; a test keeps nothing.
var maxHeld = 512 << 20

// advance keeps what the images are at the last value before that node which all nodes after it depend on alone.
func (w *walk) advance(ctx context.Context, node int) error {
	for j := min(node, len(w.out.Nodes)) - 1; j > w.done; j-- {
		v, ok := w.bottleneck(j)
		if !ok || v == w.at {
			continue
		}
		o := w.values[v]
		n := w.total
		if o.Type != ir.F32 || o.Const != nil || len(o.Shape) == 0 || o.Shape.Elems()*n > maxHeld/4 {
			continue
		}
		all := make([]float32, 0, o.Shape.Elems()*n)
		if err := w.compute(ctx, v, func(t *ir.Tensor) { all = append(all, t.F32()...) }); err != nil {
			return err
		}
		shape := slices.Clone(o.Shape)
		shape[0] *= n
		w.at, w.held, w.done = v, ir.NewF32(all, shape...), j
		return nil
	}
	return nil
}

// bottleneck is the one value that the nodes after j read of those before, if it is one.
func (w *walk) bottleneck(j int) (string, bool) {
	made := map[string]bool{w.out.Input().Name: true}
	for _, n := range w.out.Nodes[:j+1] {
		for _, out := range n.Out {
			made[out] = true
		}
	}
	found := ""
	read := func(name string) bool {
		if !made[name] || name == "" || w.out.Weights[name] != nil {
			return true
		}
		if found != "" && found != name {
			return false
		}
		found = name
		return true
	}
	for _, n := range w.out.Nodes[j+1:] {
		for _, in := range n.In {
			if !read(in) {
				return "", false
			}
		}
	}
	for _, name := range w.out.Outputs {
		if !read(name) {
			return "", false
		}
	}
	return found, found != ""
}

// compute runs the nodes that make a value of the one that is kept, for all images, some at a time.
func (w *walk) compute(ctx context.Context, value string, take func(t *ir.Tensor)) error {
	one := w.values[w.at].Shape
	n, each := w.total, one.Elems()
	part := w.part(value)
	for first := 0; first < n; first += walkBatch {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		k := min(walkBatch, n-first)
		var t *ir.Tensor
		var err error
		if w.held == nil {
			t, _, err = w.t.batch(ctx, w.out, first, k)
		} else {
			shape := slices.Clone(one)
			shape[0] *= k
			t = ir.NewF32(w.held.F32()[first*each:(first+k)*each], shape...)
		}
		if err == nil && value != w.at {
			t, err = w.run.Run(ctx, part, t, nil)
		}
		if err != nil {
			return err
		}
		if t.Shape.Elems() != k*w.values[value].Shape.Elems() {
			return ir.Errorf(ir.Compress, "recalibrate: %q is %v for %d images, and %v for one", value, t.Shape, k, w.values[value].Shape)
		}
		take(t)
	}
	return nil
}

// part is the network from the value that is kept to another one.
func (w *walk) part(value string) *ir.Graph {
	g := &ir.Graph{Name: w.out.Name, Inputs: []ir.Value{{Name: w.at, Type: ir.F32, Shape: w.values[w.at].Shape}}, Outputs: []string{value}, Weights: map[string]*ir.Tensor{}}
	need := map[string]bool{value: true}
	for i := len(w.out.Nodes) - 1; i >= 0; i-- {
		n := w.out.Nodes[i]
		if !slices.ContainsFunc(n.Out, func(out string) bool { return need[out] && out != w.at && out != "" }) {
			continue
		}
		g.Nodes = append(g.Nodes, n)
		for _, in := range n.In {
			need[in] = true
			if t := w.out.Weights[in]; t != nil {
				g.Weights[in] = t
			}
		}
	}
	slices.Reverse(g.Nodes)
	return g
}

// adder sums up a value's channels.
type adder struct {
	sum, square []float64
	n           int
}

// add adds an image of a value.
func (a *adder) add(t *ir.Tensor, image int) {
	c := t.Shape[1]
	if a.sum == nil {
		a.sum, a.square = make([]float64, c), make([]float64, c)
	}
	run := t.Shape[2:].Elems()
	data := t.F32()[image*c*run : (image+1)*c*run]
	for i := 0; i*run < len(data); i++ {
		s, q := 0.0, 0.0
		for _, v := range data[i*run : (i+1)*run] {
			s += float64(v)
			q += float64(v) * float64(v)
		}
		a.sum[i%c] += s
		a.square[i%c] += q
	}
	a.n += len(data) / c
}

func (a *adder) moments() moments {
	m := moments{make([]float64, len(a.sum)), make([]float64, len(a.sum))}
	for c := range a.sum {
		m.mean[c] = a.sum[c] / float64(a.n)
		m.variance[c] = max(0, a.square[c]/float64(a.n)-m.mean[c]*m.mean[c])
	}
	return m
}

// moments measures a value's channels over all images.
func (w *walk) moments(ctx context.Context, value string) (moments, error) {
	if s := w.values[value].Shape; len(s) < 2 {
		return moments{}, ir.Errorf(ir.Compress, "%q has no channels: its shape is %v", value, s)
	}
	var a adder
	err := w.compute(ctx, value, func(t *ir.Tensor) {
		for i := range t.Shape[0] {
			goOn(ctx)
			a.add(t, i)
		}
	})
	return a.moments(), err
}

// measureBefore measures the layers of the network as it was before the passes.
func (w *walk) measureBefore(ctx context.Context, before *ir.Graph, n int) error {
	sums := map[string]*adder{}
	for _, s := range w.stops {
		sums[w.out.Nodes[s.node].Name] = &adder{}
	}
	for first := 0; first < n; first += walkBatch {
		batch, _, err := w.t.batch(ctx, before, first, min(walkBatch, n-first))
		if err != nil {
			return err
		}
		if _, err = w.run.Run(ctx, before, batch, func(node *ir.Node, out *ir.Tensor) {
			a := sums[node.Name]
			for i := 0; a != nil && i < out.Shape[0] && ctx.Err() == nil; i++ {
				a.add(out, i)
			}
		}); err != nil {
			return err
		}
	}
	w.old = map[string]moments{}
	for name, a := range sums {
		w.old[name] = a.moments()
	}
	return nil
}
