package model

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/godlas/godlas/dlas/ir"
)

// builder appends nodes to a graph and gives them their weights: from a file, or random. The first error stays in err
// and turns what follows into nothing.
type builder struct {
	g        *ir.Graph
	file     *weightsFile // nil: random weights
	seed     uint64
	classes  int
	channels map[string]int // of each value
	err      error
}

func newBuilder(g *ir.Graph, file *weightsFile, r Request) *builder {
	return &builder{g: g, file: file, seed: r.Seed, classes: r.Classes, channels: map[string]int{g.Input().Name: g.Input().Shape[1]}}
}

// node appends an operation; its one output has its name.
func (b *builder) node(name, op string, channels int, attrs ir.Attrs, in ...string) string {
	b.g.Nodes = append(b.g.Nodes, &ir.Node{Name: name, Op: op, In: in, Out: []string{name}, Attrs: attrs})
	b.channels[name] = channels
	return name
}

// weight adds a tensor of that shape under that name. Random elements are normal with deviation sd around mean, by a
// generator of the tensor's own, so that adding a layer changes no other.
func (b *builder) weight(name string, mean, sd float64, shape ...int) string {
	if b.err != nil {
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
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(b.seed, h.Sum64()))
	for i := range data {
		data[i] = float32(mean)
		if sd > 0 {
			data[i] += float32(sd * rng.NormFloat64())
		}
	}
	b.g.Weights[name] = ir.NewF32(data, shape...)
	return name
}

// conv is a convolution without bias, padded to keep the map's size at stride 1.
func (b *builder) conv(name, x string, out, k, stride, groups int) string {
	in := b.channels[x] / groups
	w := b.weight(name+".weight", 0, math.Sqrt(2/float64(in*k*k)), out, in, k, k)
	p := k / 2
	attrs := ir.Attrs{"kernel_shape": []int{k, k}, "strides": []int{stride, stride}, "pads": []int{p, p, p, p}, "group": groups}
	return b.node(name, "Conv", out, attrs, x, w)
}

func (b *builder) norm(name, x string) string {
	c := b.channels[x]
	return b.node(name, "BatchNormalization", c, ir.Attrs{"epsilon": 1e-5}, x,
		b.weight(name+".weight", 1, 0, c), b.weight(name+".bias", 0, 0, c),
		b.weight(name+".running_mean", 0, 0, c), b.weight(name+".running_var", 1, 0, c))
}

func (b *builder) relu(name, x string) string { return b.node(name, "Relu", b.channels[x], nil, x) }

func (b *builder) relu6(name, x string) string {
	return b.node(name, "Clip", b.channels[x], ir.Attrs{"min": 0.0, "max": 6.0}, x)
}

func (b *builder) add(name, x, y string) string {
	return b.node(name, "Add", b.channels[x], nil, x, y)
}

// maxPool halves the map.
func (b *builder) maxPool(name, x string) string {
	return b.node(name, "MaxPool", b.channels[x], ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)
}

// averageAll averages each channel's map and drops its axes.
func (b *builder) averageAll(x string) string {
	c := b.channels[x]
	return b.node("flatten", "Flatten", c, nil, b.node("avgpool", "GlobalAveragePool", c, nil, x))
}

// linear ends the network: one logit a class.
func (b *builder) linear(name, x string, in int) {
	attrs := ir.Attrs{"transB": 1}
	b.g.Outputs = []string{b.node(name, "Gemm", b.classes, attrs, x,
		b.weight(name+".weight", 0, math.Sqrt(1/float64(in)), b.classes, in), b.weight(name+".bias", 0, 0, b.classes))}
}

// stepName names the parts of a chain the way torch.nn.Sequential does: prefix.0, prefix.1, ...
func stepName(prefix string, i int) string { return fmt.Sprintf("%s.%d", prefix, i) }
