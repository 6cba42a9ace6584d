package compress

import (
	"context"
	"fmt"
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
				"In a network without batch norm, or where a file has it folded into the weights, each layer's bias is moved instead so that its channels have the mean that they had before the passes.",
			Source: "batch norm: Sun et al., Hybrid 8-bit Floating Point Training, NeurIPS 2019, section 3; biases: Nagel et al., Data-Free Quantization, ICCV 2019, section 4.2 (the empirical form)",
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
			return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("recalibrate is for float networks, and %q is %s", node.Name, node.Op), Try: "write recalibrate before int8"}
		}
	}
	w := &walk{out: g.Clone(), t: t}
	before := t.from
	w.findNorms()
	biases := len(w.stops) == 0
	if biases {
		if before == nil || before == g {
			return nil, "", &ir.Error{Layer: ir.Compress, What: g.Name + " has no batch norm, and no pass before recalibrate has changed it: there is nothing to estimate anew"}
		}
		w.findBiases(before)
		if len(w.stops) == 0 {
			return nil, "", &ir.Error{Layer: ir.Compress, What: g.Name + " has no batch norm, or a file has it folded into the weights, and no layer that has kept its channels: there is nothing to estimate anew"}
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
	if biases {
		if err := w.meansBefore(ctx, before, n); err != nil {
			return nil, "", err
		}
	}
	images, _, err := t.batch(ctx, g, 0, n)
	if err != nil {
		return nil, "", err
	}
	w.at, w.held, w.done = g.Input().Name, images, -1
	for i, s := range w.stops {
		t.tell("recalibrate", i, len(w.stops))
		if err := w.advance(ctx, s.node); err != nil {
			return nil, "", err
		}
		m, err := w.moments(ctx, s.value)
		if err != nil {
			return nil, "", err
		}
		s.set(m)
	}
	line := fmt.Sprintf("%s: mean and variance of %d batch norms estimated anew from %d images of val", c, len(w.stops), n)
	if biases {
		line = fmt.Sprintf("%s: no batch norm to estimate anew; the biases of %d layers moved so that their channels have the means of the uncompressed network, from %d images of val", c, len(w.stops), n)
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

	at   string     // the value that is kept
	held *ir.Tensor // of all images
	done int        // the last node before it

	means map[string][]float64 // of values of the network before the passes
}

// stop is a place where the network is changed by what a value is: the node of that index is.
type stop struct {
	node  int
	value string
	set   func(m moments)
}

// moments are the mean and variance of each channel.
type moments struct{ mean, variance []float64 }

// findNorms makes a stop of every batch norm.
func (w *walk) findNorms() {
	for i, n := range w.out.Nodes {
		if n.Op != "BatchNormalization" || len(n.In) != 5 || w.out.Weights[n.In[3]] == nil || w.out.Weights[n.In[4]] == nil || w.out.Weights[n.In[0]] != nil {
			continue
		}
		w.stops = append(w.stops, stop{i, n.In[0], func(m moments) {
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

// findBiases makes a stop behind every layer that the network had before with as many channels.
func (w *walk) findBiases(before *ir.Graph) {
	then, err1 := op.Infer(before, 1)
	now, err2 := op.Infer(w.out, 1)
	if err1 != nil || err2 != nil {
		return
	}
	for i, n := range w.out.Nodes {
		old := before.Node(n.Name)
		if n.Op != "Conv" && n.Op != "Gemm" || old == nil || old.Op != n.Op || len(n.Out) != 1 || len(n.In) > 3 ||
			!then[old.Out[0]].Shape.Equal(now[n.Out[0]].Shape) || w.out.Weights[n.In[1]] == nil {
			continue
		}
		shape := now[n.Out[0]].Shape
		if len(shape) < 2 || len(n.In) == 3 && (w.out.Weights[n.In[2]] == nil || w.out.Weights[n.In[2]].Shape.Elems() != shape[1] || n.Attrs.Float("beta", 1) != 1) {
			continue
		}
		w.stops = append(w.stops, stop{i, n.Out[0], func(m moments) {
			bias := make([]float64, shape[1])
			if len(n.In) == 3 {
				copy(bias, op.Widen(w.out.Weights[n.In[2]]).Data)
			}
			for c, v := range w.means[old.Out[0]] {
				bias[c] += v - m.mean[c]
			}
			if len(n.In) < 3 {
				n.In = append(n.In, w.name(n.Name+".bias"))
			}
			w.replace(n, 2, bias)
		}})
	}
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

// replace gives a node other numbers as an input, under a new name where others read the old one.
func (w *walk) replace(n *ir.Node, input int, v []float64) {
	data := make([]float32, len(v))
	for i, x := range v {
		data[i] = float32(x)
	}
	t := ir.NewF32(data, len(data))
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
	if old := w.out.Weights[n.In[input]]; old != nil {
		t.Shape = slices.Clone(old.Shape)
	}
	w.out.Weights[n.In[input]] = t
}

const (
	walkBatch = 32
	// maxHeld bounds what is kept of the images, in bytes.
	maxHeld = 512 << 20
)

// advance keeps what the images are at the last value before that node which all nodes after it depend on alone.
func (w *walk) advance(ctx context.Context, node int) error {
	for j := min(node, len(w.out.Nodes)) - 1; j > w.done; j-- {
		v, ok := w.bottleneck(j)
		if !ok || v == w.at {
			continue
		}
		o := w.values[v]
		n := w.images()
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

// images is how many there are.
func (w *walk) images() int { return len(w.held.F32()) / w.values[w.at].Shape.Elems() }

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
	n, each := w.images(), one.Elems()
	part := w.part(value)
	for first := 0; first < n; first += walkBatch {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		k := min(walkBatch, n-first)
		shape := slices.Clone(one)
		shape[0] *= k
		t := ir.NewF32(w.held.F32()[first*each:(first+k)*each], shape...)
		if value != w.at {
			var err error
			if t, err = w.run.Run(ctx, part, t, nil); err != nil {
				return err
			}
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

// moments measures a value's channels over all images.
func (w *walk) moments(ctx context.Context, value string) (moments, error) {
	s := w.values[value].Shape
	if len(s) < 2 {
		return moments{}, ir.Errorf(ir.Compress, "%q has no channels: its shape is %v", value, s)
	}
	sum, square, n := make([]float64, s[1]), make([]float64, s[1]), 0
	run := s[2:].Elems()
	err := w.compute(ctx, value, func(t *ir.Tensor) {
		for i, v := range t.F32() {
			c := i / run % len(sum)
			sum[c] += float64(v)
			square[c] += float64(v) * float64(v)
		}
		n += len(t.F32()) / len(sum)
	})
	for c := range sum {
		sum[c] /= float64(n)
		square[c] = max(0, square[c]/float64(n)-sum[c]*sum[c])
	}
	return moments{sum, square}, err
}

// meansBefore measures the layers of the network as it was before the passes.
func (w *walk) meansBefore(ctx context.Context, before *ir.Graph, n int) error {
	wanted := map[string]bool{}
	for _, s := range w.stops {
		if old := before.Node(w.out.Nodes[s.node].Name); old != nil {
			wanted[old.Out[0]] = true
		}
	}
	w.means = map[string][]float64{}
	count := map[string]int{}
	for first := 0; first < n; first += walkBatch {
		batch, _, err := w.t.batch(ctx, before, first, min(walkBatch, n-first))
		if err != nil {
			return err
		}
		if _, err = w.run.Run(ctx, before, batch, func(node *ir.Node, out *ir.Tensor) {
			if name := node.Out[0]; wanted[name] {
				c := out.Shape[1]
				if w.means[name] == nil {
					w.means[name] = make([]float64, c)
				}
				run := out.Shape[2:].Elems()
				for i, v := range out.F32() {
					w.means[name][i/run%c] += float64(v)
				}
				count[name] += len(out.F32()) / c
			}
		}); err != nil {
			return err
		}
	}
	for name, m := range w.means {
		for c := range m {
			m[c] /= float64(count[name])
		}
	}
	return nil
}
