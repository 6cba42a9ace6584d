package system

import (
	"fmt"
	"math"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
)

// wander is a builder that knows its values' shapes.
type wander struct {
	*builder
	shapes map[string][3]int
	values []string
}

func (b *wander) add(x string, c, h, w int) string {
	b.shapes[x] = [3]int{c, h, w}
	b.values = append(b.values, x)
	return x
}

// one picks one.
func (b *wander) one(of ...int) int { return of[b.r.IntN(len(of))] }

// like is another value of the same shape, if there is one.
func (b *wander) like(x string, pixels bool) string {
	s := b.shapes[x]
	for range 12 {
		y := b.values[b.r.IntN(len(b.values))]
		if t := b.shapes[y]; t == s || pixels && t[1] == s[1] && t[2] == s[2] {
			return y
		}
	}
	return x
}

// window is a convolution with any window; x itself where that does not fit.
func (b *wander) window(x string, out, kh, kw, stride, dilation, group int) string {
	s := b.shapes[x]
	size := func(in, k, begin, end int) int { return (in+begin+end-(k-1)*dilation-1)/stride + 1 }
	top, left, bottom, right := b.r.IntN(kh), b.r.IntN(kw), b.r.IntN(kh), b.r.IntN(kw)
	if b.r.IntN(2) == 0 {
		top, left = (kh-1)*dilation/2, (kw-1)*dilation/2
		bottom, right = (kh-1)*dilation-top, (kw-1)*dilation-left
	}
	h, w := size(s[1], kh, top, bottom), size(s[2], kw, left, right)
	if h < 1 || w < 1 || s[1]+top+bottom < (kh-1)*dilation+1 || s[2]+left+right < (kw-1)*dilation+1 {
		return x
	}
	name := fmt.Sprintf("w%d", len(b.Nodes))
	in := []string{x, b.weight(name, math.Sqrt(2/float64(s[0]/group*kh*kw)), out, s[0]/group, kh, kw)}
	if b.r.IntN(2) == 0 {
		in = append(in, b.weight(name+"b", 0.2, out))
	}
	return b.add(b.node("Conv", ir.Attrs{
		"strides": []int{stride, stride}, "pads": []int{top, left, bottom, right},
		"dilations": []int{dilation, dilation}, "group": group,
	}, in...), out, h, w)
}

func (b *wander) activation(x string) string {
	s := b.shapes[x]
	switch b.r.IntN(8) {
	case 0:
		x = b.node("Clip", ir.Attrs{"min": 0.0, "max": 6.0}, x)
	case 1:
		x = b.node("Mul", nil, x, b.node("Sigmoid", nil, x))
	case 2:
		x = b.node("HardSwish", nil, x)
	case 3:
		x = b.node("Sigmoid", nil, x)
	case 4:
		x = b.node("LeakyRelu", ir.Attrs{"alpha": 0.1}, x)
	case 5:
		return x
	default:
		x = b.node("Relu", nil, x)
	}
	return b.add(x, s[0], s[1], s[2])
}

// wandering is a random network whose nodes have random kinds, sizes and inputs.
func wandering(seed uint64) *ir.Graph {
	b := &wander{builder: newBuilder(seed, 0, 1, 1, 1), shapes: map[string][3]int{}}
	b.zero = []float64{0, 0, 0.5}[b.r.IntN(3)]
	c, h, w := b.one(1, 3, 4, 8, 16, 17), 3+b.r.IntN(22), 3+b.r.IntN(22)
	b.Inputs[0].Shape = ir.Shape{1, c, h, w}
	b.add("x", c, h, w)
	x := "x"
	for range 2 + b.r.IntN(9) {
		if b.r.IntN(6) == 0 {
			x = b.values[b.r.IntN(len(b.values))]
		}
		s := b.shapes[x]
		c, h, w := s[0], s[1], s[2]
		wide := b.one(1, 2, 5, 8, 13, 16, 24, 31, 32, 33, 48)
		switch b.r.IntN(14) {
		case 0, 1:
			k := b.one(1, 3, 3, 3, 5, 7)
			x = b.window(x, wide, k, k, b.one(1, 1, 2, 3), b.one(1, 1, 1, 2), 1)
		case 2:
			x = b.window(x, wide, 1, 1, 1, 1, 1)
		case 3:
			x = b.window(x, wide, b.one(1, 2, 3, 4), b.one(1, 2, 3, 7), b.one(1, 2), 1, 1)
		case 4:
			k := b.one(3, 3, 5, 7)
			x = b.window(x, c*b.one(1, 1, 1, 2), k, k, b.one(1, 1, 2), b.one(1, 1, 2), c)
		case 5: // an inverted bottleneck, a chain where maps are large
			in := x
			x = b.activation(b.window(x, 2*wide, 1, 1, 1, 1, 1))
			k, stride := b.one(3, 5, 7), b.one(1, 1, 2)
			x = b.activation(b.window(x, b.shapes[x][0], k, k, stride, 1, b.shapes[x][0]))
			x = b.window(x, c, 1, 1, 1, 1, 1)
			if b.shapes[x] == b.shapes[in] {
				t := b.shapes[x]
				x = b.add(b.node("Add", nil, x, in), t[0], t[1], t[2])
			}
		case 6:
			group := b.one(2, 3, 4)
			if c%group == 0 {
				x = b.window(x, group*b.one(1, 3, 4, 8, 16), 3, 3, b.one(1, 2), 1, group)
			}
		case 7:
			y := b.like(x, false)
			x = b.add(b.node([]string{"Add", "Add", "Mul", "Sub"}[b.r.IntN(4)], nil, x, y), c, h, w)
		case 8:
			y, sum := b.like(x, true), 0
			parts := []string{x, y}
			if b.r.IntN(2) == 0 {
				parts = append(parts, b.like(x, true))
			}
			for _, p := range parts {
				sum += b.shapes[p][0]
			}
			if sum <= 160 {
				x = b.add(b.node("Concat", ir.Attrs{"axis": 1}, parts...), sum, h, w)
			}
		case 9: // squeeze and excite
			g := b.node("GlobalAveragePool", nil, x)
			g = b.node("Relu", nil, b.builder.conv(g, c, 5, 1, 1, 1))
			g = b.node([]string{"Sigmoid", "HardSigmoid"}[b.r.IntN(2)], nil, b.builder.conv(g, 5, c, 1, 1, 1))
			x = b.add(b.node("Mul", nil, x, g), c, h, w)
		case 10:
			if h*w < 500 {
				k, stride := b.one(1, 2, 3, 4), b.one(1, 2)
				p := b.r.IntN(k)
				group := 1
				if wide%2 == 0 && c%2 == 0 {
					group = b.one(1, 2)
				}
				nh, nw := (h-1)*stride+k-2*p, (w-1)*stride+k-2*p
				if nh > 0 && nw > 0 {
					name := b.weight(fmt.Sprintf("t%d", len(b.Nodes)), math.Sqrt(2/float64(c*k)), c, wide/group, k, k)
					x = b.add(b.node("ConvTranspose", ir.Attrs{"strides": []int{stride, stride}, "pads": []int{p, p, p, p}, "group": group}, x, name), wide, nh, nw)
				}
			}
		case 11:
			k, stride := b.one(2, 3), b.one(1, 2)
			if h >= k && w >= k {
				p := b.r.IntN(2)
				o := []string{"MaxPool", "AveragePool"}[b.r.IntN(2)]
				x = b.add(b.node(o, ir.Attrs{"kernel_shape": []int{k, k}, "strides": []int{stride, stride}, "pads": []int{p, p, p, p}}, x), c, (h+2*p-k)/stride+1, (w+2*p-k)/stride+1)
			}
		case 12:
			x = b.add(b.norm(x, c), c, h, w)
		case 13:
			t, l := b.r.IntN(3), b.r.IntN(3)
			x = b.add(b.node("Pad", ir.Attrs{"pads": []int{0, 0, t, l, 0, 1, l, t}}, x), c+1, h+t+l, w+l+t)
		}
		x = b.activation(x)
	}
	if x == "x" {
		x = b.add(b.node("Identity", nil, "x"), c, h, w)
	}
	switch b.r.IntN(3) {
	case 0:
		x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x))
	case 1:
		c := b.shapes[x][0]
		x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x))
		b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.3, 10, c), b.weight("fcb", 0.1, 10))
	}
	b.Outputs = []string{x}
	if n := b.Nodes[len(b.Nodes)-1]; n.Op == "Gemm" {
		b.Outputs = []string{n.Out[0]}
	}
	return b.Graph
}

// TestWandering takes random networks of every kind of node in random sizes through random choices of every layer.
func TestWandering(t *testing.T) {
	m := hardware.Probe()
	for seed := range uint64(60) {
		g := wandering(seed)
		b := newBuilder(seed, 0, 1, 1, 1)
		batch := 1 + b.r.IntN(3)
		in := randomInput(seed, g, batch)
		want := exact(t, g, in)
		for range 6 {
			m.ISA, m.Threads = m.ISAs[b.r.IntN(len(m.ISAs))], 1+b.r.IntN(3)
			m.L2 = 1 << (10 + b.r.IntN(12))
			c := [][2]string{{"auto", ""}, {"auto", ""}, {"direct", "dense"}, {"direct", "dense"}, {"gemm", "dense"}, {"spatialpack", "dense"}, {"winograd", "dense"}, {"direct", "csr"}, {"gemm", "csr"}, {"direct", "bsr"}, {"gemm", "bsr"}, {"spatialpack", "bsr"}}[b.r.IntN(12)]
			schedule := []string{Untuned, Heuristic, Heuristic}[b.r.IntN(3)]
			what := fmt.Sprintf("seed %d batch %d %s threads=%d L2=%d %v %s", seed, batch, m.ISA, m.Threads, m.L2, c, schedule)
			p := compile(t, g, m, Plan{Algorithm: c[0], Format: c[1], Schedule: ir.Choice{Name: schedule}, Batch: batch})
			for i := range 2 {
				if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
					t.Errorf("%s, run %d: differs by %g", what, i, d)
					break
				}
			}
		}
	}
}
