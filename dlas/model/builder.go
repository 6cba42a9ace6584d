package model

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// builder appends nodes to a graph and gives them their weights: from a file, or random. The first error stays in err
// and turns what follows into nothing.
type builder struct {
	g       *ir.Graph
	input   string
	file    *weightsFile // nil: random weights
	seed    uint64
	classes int
	values  map[string]value // activations by name
	fills   []fill           // random weights that are still zero
	sketch  bool             // weights have a shape and no elements
	macs    int64            // multiply-accumulates of the definitions so far
	err     error
}

// value is what the builder knows of an activation: its extents, and the mean square that its elements have with random
// weights, in expectation over them. Batch norm's statistics are made from it.
type value struct {
	c, h, w int
	power   float64
}

func newBuilder(g *ir.Graph, input string, shape ir.Shape, file *weightsFile, r Request) *builder {
	in := value{c: shape[1], h: shape[2], w: shape[3], power: 1}
	return &builder{g: g, input: input, file: file, seed: r.Seed, classes: r.Classes, values: map[string]value{input: in}}
}

// fail keeps the first error.
func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) channels(x string) int { return b.values[x].c }

// node appends an operation; its one output has its name.
func (b *builder) node(name, op string, v value, attrs ir.Attrs, in ...string) string {
	b.g.Nodes = append(b.g.Nodes, &ir.Node{Name: name, Op: op, In: in, Out: []string{name}, Attrs: attrs})
	b.values[name] = v
	return name
}

// weight adds a tensor of that shape under that name: from the file, or each element normal with deviation sd around
// mean.
func (b *builder) weight(name string, mean, sd float64, shape ...int) string {
	if b.err != nil {
		return name
	}
	if b.sketch {
		b.g.Weights[name] = &ir.Tensor{Shape: shape, Type: ir.F32}
		return name
	}
	if b.file != nil {
		t, err := b.file.tensor(name, shape)
		if err != nil {
			b.err = b.file.fail(err)
			return name
		}
		b.g.Weights[name] = t
		return name
	}
	data := make([]float32, ir.Shape(shape).Elems())
	if sd > 0 || mean != 0 {
		b.fills = append(b.fills, fill{data: data, name: name, mean: mean, sd: sd})
	}
	b.g.Weights[name] = ir.NewF32(data, shape...)
	return name
}

// window is how a convolution or a pooling slides.
type window struct {
	k, stride, pad int
	groups         int // 0 means 1
	bias           bool
	ceil           bool
}

// out is the number of positions over size pixels.
func (w window) out(size int) int {
	room := size + 2*w.pad - w.k
	n := room/w.stride + 1
	if w.ceil && room%w.stride != 0 && n*w.stride < size+w.pad {
		n++
	}
	return n
}

func (w window) over(v value) value {
	v.h, v.w = w.out(v.h), w.out(v.w)
	return v
}

func (w window) attrs() ir.Attrs {
	a := ir.Attrs{"kernel_shape": []int{w.k, w.k}, "strides": []int{w.stride, w.stride}}
	if w.pad > 0 {
		a["pads"] = []int{w.pad, w.pad, w.pad, w.pad}
	}
	if w.ceil {
		a["ceil_mode"] = 1
	}
	return a
}

// conv is a convolution without bias, padded to keep the map's size at stride 1.
func (b *builder) conv(name, x string, out, k, stride, groups int) string {
	return b.convWith(name, x, out, window{k: k, stride: stride, pad: k / 2, groups: groups})
}

// convWith is a convolution, its weights by He et al. 2015: the mean square doubles, and a ReLU halves it.
func (b *builder) convWith(name, x string, out int, win window) string {
	win.groups = max(1, win.groups)
	v := b.values[x]
	in := v.c / win.groups
	ins := []string{x, b.weight(name+".weight", 0, math.Sqrt(2/float64(in*win.k*win.k)), out, in, win.k, win.k)}
	if win.bias {
		ins = append(ins, b.weight(name+".bias", 0, 0, out))
	}
	v = win.over(v)
	v.c, v.power = out, 2*v.power
	if v.h < 1 || v.w < 1 {
		b.fail(ir.Errorf(ir.Model, "%s cannot take images this small: nothing is left of them at %s", b.g.Name, name))
	}
	b.macs += int64(out) * int64(v.h*v.w) * int64(in*win.k*win.k)
	a := win.attrs()
	a["group"] = win.groups
	a["pads"] = []int{win.pad, win.pad, win.pad, win.pad}
	return b.node(name, "Conv", v, a, ins...)
}

// normEpsilon is what batch norm adds to a variance, as PyTorch has it.
const normEpsilon = 1e-5

// norm is batch norm. With random weights its running variance is what the mean square of its input is expected to be,
// so that each of its outputs has about unit variance in a network of any depth.
func (b *builder) norm(name, x string) string {
	v := b.values[x]
	variance := v.power
	v.power = 1
	return b.node(name, "BatchNormalization", v, ir.Attrs{"epsilon": normEpsilon}, x,
		b.weight(name+".weight", 1, 0, v.c), b.weight(name+".bias", 0, 0, v.c),
		b.weight(name+".running_mean", 0, 0, v.c), b.weight(name+".running_var", variance, 0, v.c))
}

func (b *builder) relu(name, x string) string {
	v := b.values[x]
	v.power /= 2
	return b.node(name, "Relu", v, nil, x)
}

func (b *builder) relu6(name, x string) string {
	v := b.values[x]
	v.power = min(v.power/2, 18)
	return b.node(name, "Clip", v, ir.Attrs{"min": 0.0, "max": 6.0}, x)
}

// silu is x * sigmoid(x), as two nodes, which is how ONNX has it.
func (b *builder) silu(name, x string) string {
	v := b.values[x]
	s := b.sigmoid(name+".sigmoid", x)
	v.power *= 0.36
	return b.node(name, "Mul", v, nil, x, s)
}

func (b *builder) sigmoid(name, x string) string {
	v := b.values[x]
	v.power = 0.3
	return b.node(name, "Sigmoid", v, nil, x)
}

// scale multiplies each channel of x by its gate.
func (b *builder) scale(name, x, gate string) string {
	v := b.values[x]
	v.power *= b.values[gate].power
	return b.node(name, "Mul", v, nil, x, gate)
}

func (b *builder) add(name, x, y string) string {
	v := b.values[x]
	v.power += b.values[y].power
	return b.node(name, "Add", v, nil, x, y)
}

// concat joins maps along their channels.
func (b *builder) concat(name string, in ...string) string {
	v := b.values[in[0]]
	v.c, v.power = 0, 0
	for _, x := range in {
		v.c += b.values[x].c
		v.power += b.values[x].power * float64(b.values[x].c)
	}
	v.power /= float64(v.c)
	return b.node(name, "Concat", v, ir.Attrs{"axis": 1}, in...)
}

// maxPool halves the map.
func (b *builder) maxPool(name, x string) string {
	return b.pool(name, "MaxPool", x, window{k: 2, stride: 2})
}

// pool is MaxPool or AveragePool. That a maximum has a larger mean square, and a mean a smaller one, is left out: within
// a factor of two, and the next batch norm sees it.
func (b *builder) pool(name, op, x string, win window) string {
	v := win.over(b.values[x])
	if v.h < 1 || v.w < 1 {
		b.fail(ir.Errorf(ir.Model, "%s cannot take images this small: nothing is left of them at %s", b.g.Name, name))
	}
	return b.node(name, op, v, win.attrs(), x)
}

// average is the mean of each channel's map, which it keeps as 1x1.
func (b *builder) average(name, x string) string {
	v := b.values[x]
	v.h, v.w = 1, 1
	v.power /= 2
	return b.node(name, "GlobalAveragePool", v, nil, x)
}

// flatten drops the axes of the map.
func (b *builder) flatten(x string) string {
	v := b.values[x]
	return b.node("flatten", "Flatten", value{c: v.c * v.h * v.w, h: 1, w: 1, power: v.power}, nil, x)
}

// averageAll averages each channel's map and drops its axes.
func (b *builder) averageAll(x string) string { return b.flatten(b.average("avgpool", x)) }

// dense is a fully connected layer.
func (b *builder) dense(name, x string, out int, gain float64) string {
	in := b.values[x]
	b.macs += int64(out) * int64(in.c)
	return b.node(name, "Gemm", value{c: out, h: 1, w: 1, power: gain * in.power}, ir.Attrs{"transB": 1}, x,
		b.weight(name+".weight", 0, math.Sqrt(gain/float64(in.c)), out, in.c), b.weight(name+".bias", 0, 0, out))
}

// linear ends the network: one logit a class.
func (b *builder) linear(name, x string) { b.end(b.dense(name, x, b.classes, 1)) }

// end makes x the network's output.
func (b *builder) end(x string) { b.g.Outputs = []string{x} }

// chain names the parts of a torch.nn.Sequential in their order: prefix.0, prefix.1, ...
func chain(prefix string) func() string {
	i := -1
	return func() string { i++; return stepName(prefix, i) }
}

// stepName names the parts of a chain the way torch.nn.Sequential does: prefix.0, prefix.1, ...
func stepName(prefix string, i int) string { return fmt.Sprintf("%s.%d", prefix, i) }
