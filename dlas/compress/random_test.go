package compress

import (
	"fmt"
	"math/rand/v2"

	"github.com/godlas/godlas/dlas/ir"
)

// maker grows a random network: each step takes the last map and makes another one of it, by all that changes, joins or
// divides channels.
type maker struct {
	g       *ir.Graph
	r       *rand.Rand
	x       string // the last map
	c, h, w int
}

func (m *maker) node(op string, attrs ir.Attrs, in ...string) string {
	name := fmt.Sprintf("n%d", len(m.g.Nodes))
	m.g.Nodes = append(m.g.Nodes, &ir.Node{Name: name, Op: op, In: in, Out: []string{name}, Attrs: attrs})
	return name
}

// weight is a tensor of distinct numbers: around mean, spread by sd.
func (m *maker) weight(mean, sd float64, shape ...int) string {
	data := make([]float32, ir.Shape(shape).Elems())
	for i := range data {
		data[i] = float32(mean + sd*m.r.NormFloat64())
	}
	name := fmt.Sprintf("w%d", len(m.g.Weights))
	m.g.Weights[name] = ir.NewF32(data, shape...)
	return name
}

func (m *maker) conv(x string, in, out, k, stride, groups int) string {
	w := []string{x, m.weight(0, 0.5, out, in/groups, k, k)}
	if m.r.IntN(2) == 0 {
		w = append(w, m.weight(0, 0.3, out))
	}
	return m.node("Conv", ir.Attrs{"kernel_shape": []int{k, k}, "strides": []int{stride, stride}, "pads": []int{k / 2, k / 2, k / 2, k / 2}, "group": groups}, w...)
}

func (m *maker) norm(x string, c int) string {
	v := m.weight(0, 1, c)
	for i, f := range m.g.Weights[v].F32() {
		m.g.Weights[v].F32()[i] = 0.5 + f*f
	}
	return m.node("BatchNormalization", nil, x, m.weight(1, 0.3, c), m.weight(0, 0.3, c), m.weight(0, 0.3, c), v)
}

func (m *maker) act(x string) string {
	ops := []string{"Relu", "Sigmoid", "HardSwish", "LeakyRelu", "Tanh"}
	return m.node(ops[m.r.IntN(len(ops))], nil, x)
}

func (m *maker) step() {
	r := m.r
	switch r.IntN(18) {
	case 0, 1:
		out := 1 + r.IntN(12)
		m.x = m.conv(m.x, m.c, out, 1+2*r.IntN(2), 1, 1)
		m.c = out
	case 2:
		m.x = m.norm(m.x, m.c)
	case 3:
		m.x = m.act(m.x)
	case 4: // depthwise, with one or two outputs for each channel
		per := 1 + r.IntN(2)
		m.x = m.conv(m.x, m.c, m.c*per, 3, 1, m.c)
		m.c *= per
	case 5: // grouped
		if m.c%2 != 0 {
			return
		}
		out := 2 * (1 + r.IntN(5))
		m.x = m.conv(m.x, m.c, out, 3, 1, 2)
		m.c = out
	case 6: // residual
		mid := 1 + r.IntN(10)
		y := m.act(m.norm(m.conv(m.x, m.c, mid, 3, 1, 1), mid))
		y = m.conv(y, mid, m.c, 1, 1, 1)
		m.x = m.node("Add", nil, y, m.x)
	case 7: // dense
		out := 1 + r.IntN(6)
		y := m.conv(m.act(m.norm(m.x, m.c)), m.c, out, 3, 1, 1)
		m.x = m.node("Concat", ir.Attrs{"axis": 1}, m.x, y)
		m.c += out
	case 8: // squeeze and excite
		mid := 1 + r.IntN(4)
		y := m.act(m.conv(m.node("GlobalAveragePool", nil, m.x), m.c, mid, 1, 1, 1))
		y = m.node("Sigmoid", nil, m.conv(y, mid, m.c, 1, 1, 1))
		m.x = m.node("Mul", nil, m.x, y)
	case 9: // halve, and the shortcut of option A beside a convolution
		if m.h < 2 || m.h%2 != 0 {
			return
		}
		more := r.IntN(5)
		s := m.node("AveragePool", ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, m.x)
		before := r.IntN(more + 1)
		s = m.node("Pad", ir.Attrs{"pads": []int{0, before, 0, 0, 0, more - before, 0, 0}}, s)
		y := m.norm(m.conv(m.x, m.c, m.c+more, 3, 2, 1), m.c+more)
		m.x = m.node("Add", nil, y, s)
		m.c, m.h, m.w = m.c+more, m.h/2, m.w/2
	case 10: // divide, and put together again the other way round
		if m.c < 2 {
			return
		}
		k := 1 + r.IntN(m.c-1)
		a, b := fmt.Sprintf("s%da", len(m.g.Nodes)), fmt.Sprintf("s%db", len(m.g.Nodes))
		if r.IntN(2) == 0 {
			m.g.Nodes = append(m.g.Nodes, &ir.Node{Name: a, Op: "Split", In: []string{m.x}, Out: []string{a, b}, Attrs: ir.Attrs{"axis": 1, "split": []int{k, m.c - k}}})
		} else {
			a = m.node("Slice", ir.Attrs{"starts": []int{0}, "ends": []int{k}, "axes": []int{1}}, m.x)
			b = m.node("Slice", ir.Attrs{"starts": []int{k}, "ends": []int{1 << 30}, "axes": []int{1}}, m.x)
		}
		m.x = m.node("Concat", ir.Attrs{"axis": 1}, b, a)
	case 11: // shuffle
		if m.c%2 != 0 {
			return
		}
		y := m.node("Reshape", ir.Attrs{"shape": []int{0, 2, m.c / 2, m.h, m.w}}, m.x)
		y = m.node("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3, 4}}, y)
		m.x = m.node("Reshape", ir.Attrs{"shape": []int{0, m.c, m.h, m.w}}, y)
	case 13: // twice as large, then pooled back
		y := m.node("Resize", ir.Attrs{"scales": []float64{1, 1, 2, 2}, "mode": "nearest"}, m.x)
		if r.IntN(2) == 0 {
			y = m.node("Resize", ir.Attrs{"axes": []int{1, 2, 3}, "sizes": []int{m.c, 2 * m.h, 2 * m.w}, "mode": "linear"}, m.x)
		}
		m.x = m.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, y)
	case 14: // a gate for each pixel, made of the mean over channels, which need them all
		y := m.node("ReduceMean", ir.Attrs{"axes": []int{1}, "keepdims": 1}, m.x)
		m.x = m.node("Mul", nil, m.x, m.node("Sigmoid", nil, y))
	case 15:
		m.x = m.node("InstanceNormalization", nil, m.x, m.weight(1, 0.2, m.c), m.weight(0, 0.2, m.c))
	case 16: // a linear layer for each pixel, channels last
		out := 1 + r.IntN(8)
		y := m.node("MatMul", nil, m.node("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, m.x), m.weight(0, 0.4, m.c, out))
		y = m.node("Add", nil, y, m.weight(0, 0.2, out))
		m.x = m.node("Transpose", ir.Attrs{"perm": []int{0, 3, 1, 2}}, y)
		m.c = out
	case 17:
		if m.h < 2 {
			return
		}
		out := 1 + r.IntN(6)
		y := m.node("ConvTranspose", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, m.x, m.weight(0, 0.5, m.c, out, 2, 2), m.weight(0, 0.2, out))
		m.x = m.node("AveragePool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, y)
		m.c = out
	case 12:
		m.x = m.node("PRelu", nil, m.x, m.weight(0.2, 0.1, m.c, 1, 1))
	}
}

// randomGraph is a classifier of 4 classes for images of 3x8x8.
func randomGraph(seed uint64, steps int) *ir.Graph {
	m := &maker{
		g: &ir.Graph{Name: fmt.Sprintf("random %d", seed), Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 3, 8, 8}}}, Weights: map[string]*ir.Tensor{}, Trained: true},
		r: rand.New(rand.NewPCG(seed, 7)), x: "x", c: 3, h: 8, w: 8,
	}
	m.x = m.conv(m.x, 3, 4+m.r.IntN(8), 3, 1, 1)
	m.c = m.g.Weights[m.g.Nodes[0].In[1]].Shape[0]
	for range steps {
		m.step()
	}
	in := m.c
	switch m.r.IntN(3) {
	case 0:
		m.x = m.node("Flatten", nil, m.node("GlobalAveragePool", nil, m.x))
	case 1:
		m.x = m.node("ReduceMean", ir.Attrs{"axes": []int{2, 3}, "keepdims": 0}, m.x)
	default: // as TensorFlow flattens: channels last
		in = m.c * m.h * m.w
		m.x = m.node("Reshape", ir.Attrs{"shape": []int{-1, in}}, m.node("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, m.x))
	}
	m.x = m.node("Gemm", ir.Attrs{"transB": 1}, m.x, m.weight(0, 0.3, 4, in), m.weight(0, 0.3, 4))
	m.g.Outputs = []string{m.x}
	return m.g
}

// noise are random images without labels.
type noise struct{ n int }

func (s noise) Len() int { return s.n }

func (s noise) Read(i int, dst []float32) (int, error) {
	if i >= s.n {
		return -1, ir.Errorf(ir.Data, "no image %d", i)
	}
	r := rand.New(rand.NewPCG(uint64(i), 3))
	for j := range dst {
		dst[j] = float32(r.NormFloat64())
	}
	return i % 4, nil
}
