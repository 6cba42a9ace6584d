package system

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// A batch goes through the first nodes of a network image by image: each thread takes an image from the first node to the
// last of them, as a program for one image and one thread. What a node makes is then still in that thread's cache when the
// next one reads it, threads never wait for each other, and concatenations need no copying. The nodes after them, whose
// weights take longer to read than to multiply by one image, get the whole batch at once.

// imageCut is a network cut in two: nodes, of head, run image by image; those of tail want the whole batch of the value that
// is head's output. tail is nil where there are none.
type imageCut struct {
	nodes      int
	head, tail *ir.Graph
	between    ir.Layout // of that value
}

// cutImages decides where the network is cut. The binder's values are the batch's.
func (b *binder) cutImages() (cut imageCut) {
	if b.plan.Batch < 2 || b.plan.Batch > maxParts || b.plan.Schedule.Name == Untuned || b.plan.cut < 0 {
		return cut
	}
	one, err := op.Infer(b.g, 1)
	if err != nil {
		return cut // what cannot run one image may yet run a batch
	}
	s := imageSplit{binder: b, one: one}
	for _, v := range b.g.Inputs {
		if !s.images(v.Name) {
			return cut
		}
	}
	if cut.nodes = s.best(); cut.nodes > 0 {
		cut.head, cut.tail = s.splitGraph(cut.nodes)
		if v := s.one[cut.head.Output()]; cut.tail != nil && len(v.Shape) == 4 && (v.Type == ir.F32 || v.Type == ir.U8 || v.Type == ir.I8) {
			cut.between = ir.Blocked
		}
	}
	return cut
}

// imageSplit is what decides where the images come together.
type imageSplit struct {
	*binder
	one map[string]op.Operand // values of one image
}

// images reports whether a value is that of each image, one after the other.
func (s *imageSplit) images(name string) bool {
	x, y := s.one[name], s.values[name]
	return x.Const == nil && y.Const == nil && len(x.Shape) > 0 && len(x.Shape) == len(y.Shape) && x.Type == y.Type &&
		x.Shape[0] == 1 && y.Shape[0] == s.plan.Batch && x.Shape[1:].Equal(y.Shape[1:])
}

// same reports whether a constant does not depend on the number of images.
func (s *imageSplit) same(name string) bool {
	x, y := s.one[name].Const, s.values[name].Const
	return x == y || x != nil && y != nil && x.Type == y.Type && x.Shape.Equal(y.Shape) && bytes.Equal(x.Memory(), y.Memory())
}

// known reports whether all that a node makes is known before anything runs.
func (s *imageSplit) known(n *ir.Node) bool {
	return !slices.ContainsFunc(n.Out, func(out string) bool {
		return out != "" && (s.values[out].Const == nil || s.one[out].Const == nil)
	})
}

// apart reports whether a node computes each image from that image alone.
func (s *imageSplit) apart(n *ir.Node) bool {
	axes := 0
	for i, name := range n.In {
		if name == "" {
			continue
		}
		if s.values[name].Const != nil || s.one[name].Const != nil {
			// The shape of a Reshape may tell the number of images; all else is the same for each of them.
			if !s.same(name) && (n.Op != "Reshape" || i != 1) {
				return false
			}
			continue
		}
		if !s.images(name) || axes > 0 && axes != len(s.values[name].Shape) {
			return false
		}
		axes = len(s.values[name].Shape)
	}
	if axes == 0 {
		return false
	}
	for _, name := range n.Out {
		if name != "" && !s.images(name) {
			return false
		}
	}
	inner := func(axis int) bool { return axis != 0 && axis != -axes }
	first := func() bool { // the others are constant
		for _, name := range n.In[1:] {
			if name != "" && s.values[name].Const == nil {
				return false
			}
		}
		return true
	}
	a := n.Attrs
	switch n.Op {
	case "Abs", "Add", "ByteAffine", "ByteTable", "Cast", "Ceil", "Celu", "Clip", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
		"HardSwish", "Identity", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "QLinearAdd",
		"QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt",
		"Sub", "Sum", "Swish", "Tanh", "ThresholdedRelu":
		return true
	case "AveragePool", "Conv", "ConvInteger", "DepthToSpace", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
		"InstanceNormalization", "LRN", "LpPool", "MaxPool", "QLinearAveragePool", "QLinearConv", "QLinearGlobalAveragePool", "ReduceMax",
		"ReduceMean", "ReduceSum", "Reshape", "SpaceToDepth", "Squeeze", "Unsqueeze":
		return true
	case "Resize":
		return a.Str("coordinate_transformation_mode", "") != "tf_crop_and_resize"
	case "Split":
		return inner(a.Int("axis", 0))
	case "LayerNormalization":
		return inner(a.Int("axis", -1)) && first()
	case "BatchNormalization":
		return a.Int("training_mode", 0) == 0 && first()
	case "QuantizeLinear", "DequantizeLinear":
		return first() && (inner(a.Int("axis", 1)) || axes > 1 && s.scalar(n))
	case "Concat", "QLinearConcat":
		return inner(a.Int("axis", 1))
	case "Softmax", "LogSoftmax":
		return inner(a.Int("axis", -1))
	case "Flatten":
		axis := a.Int("axis", 1)
		return axis == 1 || axis == 1-axes
	case "Transpose":
		perm := a.Ints("perm")
		return len(perm) == axes && perm[0] == 0
	case "Pad":
		pads := a.Ints("pads")
		return first() && len(n.In) == 1 && len(pads) == 2*axes && len(a.Ints("axes")) == 0 && pads[0] == 0 && pads[axes] == 0
	case "Gemm":
		return a.Int("transA", 0) == 0 && first()
	case "MatMul":
		return axes > 1 && first() && len(s.values[n.In[1]].Shape) == 2
	}
	return false
}

// scalar reports whether a conversion has one scale for all.
func (s *imageSplit) scalar(n *ir.Node) bool {
	return len(n.In) > 1 && s.values[n.In[1]].Shape.Elems() == 1
}

// best tries all places where one value alone goes on, and takes the one with the least estimated time.
func (s *imageSplit) best() int {
	nodes := s.g.Nodes
	last := map[string]int{} // node that uses a value last; the network's outputs are used after all
	for i, n := range nodes {
		for _, in := range n.In {
			last[in] = i
		}
	}
	for _, out := range s.g.Outputs {
		last[out] = len(nodes)
	}
	images, threads := float64(s.plan.Batch), float64(max(1, s.machine.Threads))
	rounds := float64((s.plan.Batch + max(1, s.machine.Threads) - 1) / max(1, s.machine.Threads))
	live := map[string]bool{}
	for _, v := range s.g.Inputs {
		if _, used := last[v.Name]; used {
			live[v.Name] = true
		}
	}
	var apart, together float64 // of the nodes so far
	best, gain := 0, 0.0
	for i, n := range nodes {
		if s.known(n) {
			continue
		}
		if !s.apart(n) {
			return best
		}
		c := s.costs(n)
		apart += rounds * c.image
		together += c.batch(images, threads)
		for _, out := range n.Out {
			if _, used := last[out]; used && out != "" && s.values[out].Const == nil {
				live[out] = true
			}
		}
		for _, in := range n.In {
			if last[in] <= i {
				delete(live, in)
			}
		}
		whole := i == len(nodes)-1
		if whole && slices.ContainsFunc(s.g.Outputs, func(out string) bool { return !s.images(out) }) {
			continue
		}
		if !whole && (len(live) != 1 || slices.ContainsFunc(s.g.Outputs, func(out string) bool { return live[out] })) {
			continue
		}
		won := together - apart
		for name := range live {
			if !whole { // it is copied to where the images come together, and from there
				won -= 4 * images / threads * float64(s.one[name].Shape.Elems()*s.one[name].Type.Size()) / mapRate
			}
		}
		if won > gain || s.plan.cut == i+1 {
			best, gain = i+1, won
		}
		if s.plan.cut == i+1 {
			return best
		}
	}
	return best
}

// imageCosts are the cycles of a node: for one image on one thread, and what the time of a batch depends on.
type imageCosts struct {
	image          float64
	products, read float64 // cycles of an image's products, and of reading the weights once
	moved          float64 // bytes of an image
	filtered       bool    // by Winograd
	l2             float64
}

// Bytes a cycle from behind the second-level cache: weights, which are read ahead, and maps. They and the shares below are
// estimates, by which nothing but the place of the cut is chosen.
const (
	weightRate = 8.0
	mapRate    = 10.0
)

// longer is the time of multiplying and reading: the tiles of a direct product read ahead, so the longer hides the shorter.
// Those of minimal filtering do not hide all.
func longer(products, read float64, filtered bool) float64 {
	if a, b := max(products, read), min(products, read); filtered && a > 0 {
		return a + 0.3*b*b/a
	}
	return max(products, read)
}

// costs estimates a node's.
func (s *imageSplit) costs(n *ir.Node) imageCosts {
	c := imageCosts{l2: float64(max(s.machine.L2, 1<<20))}
	rate := 2.0 // multiply-accumulates a cycle
	switch isa := s.machine.ISA; {
	case strings.HasPrefix(isa, "avx512"):
		rate = 32
	case strings.HasPrefix(isa, "avx"):
		rate = 16
	}
	var weights float64 // elements
	var in []ir.Shape
	for _, name := range n.In {
		v := s.one[name]
		in = append(in, v.Shape)
		if v.Const != nil {
			weights += float64(v.Const.Shape.Elems())
			c.read += float64(v.Const.Bytes()) / weightRate
			if v.Const.Type.Size() == 1 {
				rate *= 4
			}
		} else if name != "" {
			c.moved += float64(v.Shape.Elems() * max(1, v.Type.Size()))
		}
	}
	y := s.one[n.Out[0]]
	c.moved += float64(y.Shape.Elems() * max(1, y.Type.Size()))
	row, ok := op.Lookup(n.Op)
	if !ok || row.MACs == nil {
		c.image = c.leaving(c.moved)
		return c
	}
	c.products = float64(row.MACs(n, in, y.Shape)) / rate
	c.image = longer(c.products, c.read, false)
	if s.filtered(n) {
		// By minimal filtering: a tile of 4 x 4 outputs takes 4 multiplications a weight, whose transform is 4 times as
		// large; one of 2 x 2 takes 16/9 and has 16/9. Transforming the maps takes about a fifth.
		direct := c.products
		for _, m := range []int{4, 2} {
			tiles := float64((y.Shape[2] + m - 1) / m * ((y.Shape[3] + m - 1) / m))
			grown := float64((m+2)*(m+2)) / 9
			p, r := min(direct, 1.2*tiles*grown*weights/rate), grown*4*weights/weightRate
			if t := longer(p, r, true); t < c.image {
				c.image = t
			}
			if p < c.products {
				c.products, c.read, c.filtered = p, r, true
			}
		}
	}
	c.image += 0.3 * c.leaving(c.moved)
	return c
}

// leaving is the time of moving those of that many bytes of a map that leave the second-level cache.
func (c imageCosts) leaving(bytes float64) float64 { return max(0, bytes-c.l2) / mapRate }

// batch is the time of a batch on all threads.
func (c imageCosts) batch(images, threads float64) float64 {
	moved := max(0, images*c.moved-threads*c.l2) / threads / mapRate
	if c.products == 0 {
		return moved + handover
	}
	return longer(images/threads*c.products, c.read, c.filtered) + 0.3*moved + handover
}

// handover is what bringing the threads together takes, in cycles.
const handover = 2000

// filtered reports whether a node may run by Winograd's filtering.
func (s *imageSplit) filtered(n *ir.Node) bool {
	if n.Op != "Conv" || s.plan.Algorithm != "auto" && s.plan.Algorithm != "winograd" || n.Attrs.Int("group", 1) != 1 || len(s.one[n.In[1]].Shape) != 4 {
		return false
	}
	w := s.one[n.In[1]]
	win, err := op.WindowOf(n, w.Shape[2], w.Shape[3])
	return err == nil && w.Type == ir.F32 && win.KH == 3 && win.KW == 3 && win.SH == 1 && win.SW == 1 && win.DH == 1 && win.DW == 1
}

// splitGraph is the nodes before and after a cut as two networks. What is known ahead is theirs as a weight.
func (s *imageSplit) splitGraph(cut int) (head, tail *ir.Graph) {
	part := func(nodes []*ir.Node, values map[string]op.Operand) *ir.Graph {
		g := *s.g
		g.Nodes, g.Inputs, g.Outputs, g.Weights = nil, nil, nil, map[string]*ir.Tensor{}
		for _, n := range nodes {
			if s.known(n) {
				continue
			}
			g.Nodes = append(g.Nodes, n)
			for _, name := range n.In {
				if w := s.g.Weights[name]; w != nil {
					g.Weights[name] = w
				} else if c := values[name].Const; c != nil && name != "" {
					g.Weights[name] = c
				}
			}
		}
		made := map[string]bool{}
		for _, n := range g.Nodes {
			for _, out := range n.Out {
				made[out] = true
			}
		}
		maps.DeleteFunc(g.Weights, func(name string, _ *ir.Tensor) bool { return made[name] })
		return &g
	}
	head = part(s.g.Nodes[:cut], s.one)
	head.Inputs = s.g.Inputs
	if cut == len(s.g.Nodes) {
		head.Outputs = s.g.Outputs
		return head, nil
	}
	tail = part(s.g.Nodes[cut:], s.values)
	tail.Outputs = s.g.Outputs
	made := map[string]bool{}
	for _, n := range head.Nodes {
		for _, out := range n.Out {
			made[out] = true
		}
	}
	for _, v := range s.g.Inputs {
		made[v.Name] = true
	}
	for _, n := range tail.Nodes {
		for _, in := range n.In {
			if made[in] && s.values[in].Const == nil && len(head.Outputs) == 0 {
				v := s.one[in]
				head.Outputs = []string{in}
				tail.Inputs = []ir.Value{{Name: in, Type: v.Type, Shape: v.Shape}}
			}
		}
	}
	return head, tail
}
