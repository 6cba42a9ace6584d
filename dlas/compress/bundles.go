package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// bundle is the channels that go together.
type bundle struct {
	root  int32
	key   string  // which layers make them: bundles of one key are ranked with each other by scope=layer
	size  int     // channels of layers' outputs
	score float64 // what they are worth

	makers []int // the layers that key names
}

// bundles are all that may go, in the order of the network.
func (d *dependency) bundles(ctx context.Context, by string, t Tools) ([]bundle, error) {
	score, err := d.scores(ctx, by, t)
	if err != nil {
		return nil, err
	}
	makers, size := map[int32][]int{}, map[int32]int{}
	var roots []int32
	for i, l := range d.layers {
		for _, c := range l.of {
			r := d.root(c)
			size[r]++
			if m := makers[r]; len(m) == 0 || m[len(m)-1] != i {
				if len(m) == 0 {
					roots = append(roots, r)
				}
				makers[r] = append(m, i)
			}
		}
	}
	var list []bundle
	for _, r := range roots {
		s, known := score[r]
		if !known && d.why[r] == "" {
			d.why[r] = map[string]string{"bn": "no batch norm scales it", "activation": "no layer reads it", "l1": "it has no weights"}[by]
		}
		if d.why[r] == "" {
			list = append(list, bundle{root: r, key: fmt.Sprint(makers[r]), size: size[r], score: s, makers: makers[r]})
		}
	}
	return list, nil
}

// Joined says which layers can only be narrowed together, as numbers of Layers in the network's order: of those whose
// channels are added up, say, channels with a level for each takes the highest. Layers that stay whole are in none.
func Joined(ctx context.Context, g *ir.Graph) (all [][]int, err error) {
	defer func() {
		if end := caught(recover()); end != nil {
			all, err = nil, end
		}
	}()
	d, err := depend(g)
	if err != nil {
		return nil, err
	}
	list, err := d.bundles(ctx, "l1", Tools{})
	if err != nil {
		return nil, err
	}
	number := map[string]int{} // of a node's layer
	for i, l := range Layers(g) {
		for _, n := range l.Nodes {
			number[n.Name] = i
		}
	}
	first := make([]int, len(Layers(g))) // the first layer that each goes with
	for i := range first {
		first[i] = -1
	}
	for _, b := range list {
		low := len(first)
		with := map[int]bool{}
		for _, m := range b.makers {
			i := number[d.layers[m].node.Name]
			if first[i] >= 0 {
				i = first[i]
			}
			with[i], low = true, min(low, i)
		}
		for i, f := range first {
			if with[i] || with[f] {
				first[i] = low
			}
		}
	}
	at := map[int]int{}
	for i, f := range first {
		if f == i {
			at[f] = len(all)
			all = append(all, nil)
		}
		if f >= 0 {
			all[at[f]] = append(all[at[f]], i)
		}
	}
	return all, nil
}

// scores are what channels are worth, by root: the mean over the places that tell, each relative to the mean of its layer.
func (d *dependency) scores(ctx context.Context, by string, t Tools) (map[int32]float64, error) {
	sum, n := map[int32]float64{}, map[int32]int{}
	add := func(of []int32, worth []float64, relative bool) {
		mean := 0.0
		for _, v := range worth {
			mean += v / float64(len(worth))
		}
		for i, c := range of {
			v := worth[i]
			if relative && mean > 0 {
				v /= mean
			}
			sum[d.root(c)] += v
			n[d.root(c)]++
		}
	}
	switch by {
	case "l1":
		for _, l := range d.layers {
			add(l.of, magnitudes(ctx, d.g.Weights[l.node.In[l.input]], l.axis), true)
		}
	case "bn":
		if len(d.norms) == 0 {
			return nil, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("channels(by=bn): %s has no batch norm, or a file has it folded into the weights", d.g.Name), Try: "write by=l1"}
		}
		for _, l := range d.norms {
			add(l.of, magnitudes(ctx, d.g.Weights[l.node.In[l.input]], l.axis), false)
		}
	default:
		means, err := d.activations(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, r := range d.reads {
			if m := means[r.value]; m != nil {
				add(r.lanes.of, m, true)
			}
		}
	}
	for r := range sum {
		sum[r] /= float64(n[r])
	}
	return sum, nil
}

// magnitudes are the sums of absolute values along an axis.
func magnitudes(ctx context.Context, t *ir.Tensor, axis int) []float64 {
	out := make([]float64, t.Shape[axis])
	run := t.Shape[axis+1:].Elems()
	add := func(lo int, data []float64) {
		for i, v := range data {
			out[(lo+i)/run%len(out)] += math.Abs(v)
		}
	}
	switch t.Type {
	case ir.F32, ir.F16, ir.BF16:
		inParts(ctx, t.Shape.Elems(), func(lo, hi int) { add(lo, op.Widen(sliced(t, lo, hi)).Data) })
	default:
		add(0, op.Widen(t).Data)
	}
	return out
}

// Images that activations are averaged over, and how many run at once.
const (
	activationImages = 256
	activationBatch  = 32
)

// activations are the mean magnitudes of the channels that layers read, by value, over the first images of val.
func (d *dependency) activations(ctx context.Context, t Tools) (map[string][]float64, error) {
	run, err := t.runner("channels(by=activation)")
	if err != nil {
		return nil, err
	}
	val, err := t.images("channels(by=activation)", "rank channels by")
	if err != nil {
		return nil, err
	}
	axis := map[string]int{}
	for _, r := range d.reads {
		axis[r.value] = r.lanes.axis
	}
	means := map[string][]float64{}
	images := min(val.Len(), activationImages)
	for first := 0; first < images; first += activationBatch {
		t.tell("channels", first, images)
		n := min(activationBatch, images-first)
		batch, _, err := t.batch(ctx, d.g, first, n)
		if err != nil {
			return nil, err
		}
		if _, err = run.Run(ctx, d.g, batch, func(node *ir.Node, out *ir.Tensor) {
			a, wanted := axis[node.Out[0]]
			if !wanted || a >= len(out.Shape) {
				return
			}
			m := magnitudes(context.Background(), out, a)
			if old := means[node.Out[0]]; old != nil {
				for i := range m {
					m[i] += old[i]
				}
			}
			means[node.Out[0]] = m
		}); err != nil {
			return nil, err
		}
	}
	return means, nil
}
