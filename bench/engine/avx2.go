package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// layer is a convolution as networks have it: those that differ by their weights alone are one.
type layer struct {
	node    *ir.Node
	in, w   ir.Shape
	planar  bool     // it reads the network's input
	macs    float64  // of one run
	uses    int      // in all networks
	network []string // that have it
	program *system.Program
	at      int     // of its node in the program
	peak    float64 // the highest of its turns, multiply-adds a second
	ms      float64 // the least of its turns
}

// share is what the layer reaches at its best of the peak at its best over as long: other work on the machine lowers both.
func (l *layer) share() float64 { return l.macs / (l.ms / 1e3) / l.peak }

func (l *layer) String() string {
	g := l.node.Attrs
	s := fmt.Sprintf("%dx%d %d-%d@%d", l.w[2], l.w[3], l.in[1], l.w[0], l.in[2])
	if stride := g.Ints("strides"); len(stride) > 0 && stride[0] > 1 {
		s += fmt.Sprintf(" stride %d", stride[0])
	}
	return s
}

// avx2Share is the least that direct convolution as a whole is to reach of the measured peak.
const avx2Share = 0.90

// avx2Rounds is how often all layers are gone over, each in turns with the peak; avx2Turn how long a turn is. A machine
// whose neighbours are busy slows down for some tenths of a second, so a layer's turns lie far apart.
const (
	avx2Rounds = 18
	avx2Turn   = 2 * time.Millisecond
)

// AVX2 runs every distinct dense convolution of the networks whose name has one of the words in it (all: no word) by the
// direct kernel on one thread with AVX2, warm and alone, in turns with the loop that measures the peak, and reports
// whether all of them together reach 90 % of it.
func AVX2(ctx context.Context, t Table, words []string) error {
	if err := asked(words); err != nil {
		return err
	}
	machine, err := hardware.Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "isa", Op: "=", Value: "avx2"}, {Key: "threads", Op: "=", Value: "1"}}})
	if err != nil {
		return err
	}
	t.Head("convolution", "networks", "ms", "GMAC/s", "peak, GMAC/s", "share of the peak", "kernel")
	layers, of, err := layersOf(words)
	if err != nil {
		return err
	}
	for range avx2Rounds {
		for _, l := range layers {
			if err := l.time(ctx, machine); err != nil {
				return fmt.Errorf("%s: %w", l, err)
			}
		}
	}
	over := 0
	for _, l := range layers {
		share := l.share()
		if share > 1 {
			over++
		}
		t.Add(l.String(), strings.Join(l.network, ", "), fmt.Sprintf("%.4f", l.ms), fmt.Sprintf("%.1f", l.macs/l.ms/1e6), fmt.Sprintf("%.1f", l.peak/1e9), fmt.Sprintf("%.1f %%", 100*share), l.program.Nodes()[l.at].Kernel)
	}
	worst := 0
	for _, name := range of {
		// The time that the peak would take, over the time that the layers take.
		least, took := 0.0, 0.0
		for _, l := range layers {
			for _, n := range l.network {
				if title, times := timesOf(n); title == name {
					least += float64(times) * l.macs
					took += float64(times) * l.macs / l.share()
				}
			}
		}
		if least/took < avx2Share {
			worst++
		}
		t.Note(fmt.Sprintf("%s: its convolutions together reach %.1f %% of the peak.", name, 100*least/took))
	}
	all, took, low := 0.0, 0.0, 0
	for _, l := range layers {
		share := l.share()
		all += float64(l.uses) * l.macs
		took += float64(l.uses) * l.macs / share
		if share < avx2Share {
			low++
		}
	}
	t.Note(fmt.Sprintf("All together, each as often as the networks have it: %.1f %% of the peak (goal: %.0f %%); %d of %d convolutions alone are below %.0f %%, %d of %d networks.", 100*all/took, 100*avx2Share, low, len(layers), 100*avx2Share, worst, len(of)))
	switch {
	case over > 0:
		return fmt.Errorf("%d convolutions are faster than the peak: it was not measured", over)
	case all/took < avx2Share:
		return fmt.Errorf("direct convolution reaches %.1f %% of the peak", 100*all/took)
	}
	return nil
}

// timesOf reads an entry of a layer's networks: a title, and how often the network has the layer.
func timesOf(s string) (title string, times int) {
	title, n, more := strings.Cut(s, " x")
	if !more {
		return title, 1
	}
	fmt.Sscan(n, &times)
	return title, times
}

// layersOf are the dense convolutions of the networks, in their order, and the networks' titles.
func layersOf(words []string) (list []*layer, titles []string, err error) {
	byKey := map[string]*layer{}
	for _, n := range networks() {
		if !selected(n, words) {
			continue
		}
		title := fmt.Sprintf("%s@%d", n.title, n.size)
		titles = append(titles, title)
		g, err := model.Build(ir.Choice{Name: n.name}, model.Request{C: 3, H: n.size, W: n.size, Classes: n.classes, Seed: 1})
		if err != nil {
			return nil, nil, err
		}
		values, err := op.Infer(g, 1)
		if err != nil {
			return nil, nil, err
		}
		times := map[*layer]int{}
		var mine []*layer
		for _, node := range g.Nodes {
			if node.Op != "Conv" || node.Attrs.Int("group", 1) != 1 {
				continue
			}
			in, w := values[node.In[0]].Shape, g.Weights[node.In[1]].Shape
			key := fmt.Sprint(in, w, node.Attrs.Ints("strides"), node.Attrs.Ints("pads"), node.Attrs.Ints("dilations"))
			l := byKey[key]
			if l == nil {
				l = &layer{node: node, in: in, w: w, planar: node.In[0] == g.Inputs[0].Name}
				l.macs = float64(values[node.Out[0]].Shape.Elems() * w[1:].Elems())
				byKey[key] = l
				list = append(list, l)
			}
			l.uses++
			if times[l]++; times[l] == 1 {
				mine = append(mine, l)
			}
		}
		for _, l := range mine {
			name := title
			if times[l] > 1 {
				name += fmt.Sprintf(" x%d", times[l])
			}
			l.network = append(l.network, name)
		}
	}
	return list, titles, nil
}

// graph is a network of the layer, with the activation that most have. Its input passes a node that lays it out, unless
// it is a picture's.
func (l *layer) graph() *ir.Graph {
	r := rand.New(rand.NewPCG(1, 2))
	numbers := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(scale * r.NormFloat64())
		}
		return v
	}
	g := &ir.Graph{
		Name: "layer", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: l.in}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{
			"w": ir.NewF32(numbers(l.w.Elems(), 0.05), l.w...), "b": ir.NewF32(numbers(l.w[0], 1), l.w[0]),
		},
	}
	x := "x"
	if !l.planar {
		g.Nodes = append(g.Nodes, &ir.Node{Name: "before", Op: "Relu", In: []string{x}, Out: []string{"a"}})
		x = "a"
	}
	g.Nodes = append(g.Nodes,
		&ir.Node{Name: "conv", Op: "Conv", In: []string{x, "w", "b"}, Out: []string{"c"}, Attrs: l.node.Attrs},
		&ir.Node{Name: "after", Op: "Relu", In: []string{"c"}, Out: []string{"y"}})
	return g
}

// time times the layer's node and the peak in turns.
func (l *layer) time(ctx context.Context, m ir.Machine) (err error) {
	if l.program == nil {
		if l.program, err = system.Compile(l.graph(), primitive.Kernels(), m, system.Plan{Algorithm: primitive.Direct, Format: primitive.Dense, Batch: 1}); err != nil {
			return err
		}
		l.at = slices.IndexFunc(l.program.Nodes(), func(n system.Node) bool { return n.Op == "Conv" })
	}
	in := make([]float32, l.in.Elems())
	for i := range in {
		in[i] = float32(i%255)/127 - 1
	}
	// The peak is that of a stretch as long as the layer runs: clocks rise for moments.
	peak := func() float64 {
		if l.ms < 1 {
			return primitive.PeakMACs(m, avx2Turn/4).MACs
		}
		return primitive.SustainedMACs(m, time.Duration(l.ms*1e6))
	}
	l.peak = max(l.peak, peak())
	for begin := time.Now(); ; {
		all, err := l.program.Profile(ctx, in, 1)
		if err != nil {
			return err
		}
		if ms := all[l.at]; l.ms == 0 || ms < l.ms {
			l.ms = ms
		}
		if time.Since(begin) > avx2Turn {
			break
		}
	}
	l.peak = max(l.peak, peak())
	return nil
}
