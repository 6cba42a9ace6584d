package tflite

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// fields is a FlatBuffers table to be written: values by field number.
type fields map[int]any

// build writes a file: a table before what it points to.
func build(root fields) []byte {
	b := make([]byte, 8)
	copy(b[4:], "TFL3")
	at := writeTable(&b, root)
	binary.LittleEndian.PutUint32(b, uint32(at))
	return b
}

func writeTable(b *[]byte, t fields) int {
	most := -1
	for i := range t {
		most = max(most, i)
	}
	for len(*b)%8 != 0 {
		*b = append(*b, 0)
	}
	vtable := len(*b)
	offsets := make([]int, most+1)
	size := 8
	for i := range offsets {
		if _, ok := t[i]; ok {
			offsets[i] = size
			size += 8
		}
	}
	*b = binary.LittleEndian.AppendUint16(*b, uint16(4+2*len(offsets)))
	*b = binary.LittleEndian.AppendUint16(*b, uint16(size))
	for _, o := range offsets {
		*b = binary.LittleEndian.AppendUint16(*b, uint16(o))
	}
	for len(*b)%8 != 0 {
		*b = append(*b, 0)
	}
	at := len(*b)
	*b = append(*b, make([]byte, size)...)
	binary.LittleEndian.PutUint32((*b)[at:], uint32(at-vtable))
	for i, o := range offsets {
		if o == 0 {
			continue
		}
		place := at + o
		point := func(to int) { binary.LittleEndian.PutUint32((*b)[place:], uint32(to-place)) }
		vector := func(n int, data []byte) int {
			for len(*b)%16 != 12 {
				*b = append(*b, 0)
			}
			to := len(*b)
			*b = binary.LittleEndian.AppendUint32(*b, uint32(n))
			*b = append(*b, data...)
			return to
		}
		switch v := t[i].(type) {
		case int8:
			(*b)[place] = byte(v)
		case int32:
			binary.LittleEndian.PutUint32((*b)[place:], uint32(v))
		case float32:
			binary.LittleEndian.PutUint32((*b)[place:], math.Float32bits(v))
		case string:
			point(vector(len(v), []byte(v)))
		case []byte:
			point(vector(len(v), v))
		case []int32:
			raw, _ := binary.Append(nil, binary.LittleEndian, v)
			point(vector(len(v), raw))
		case []float32:
			raw, _ := binary.Append(nil, binary.LittleEndian, v)
			point(vector(len(v), raw))
		case []int64:
			for len(*b)%8 != 4 {
				*b = append(*b, 0)
			}
			raw, _ := binary.Append(nil, binary.LittleEndian, v)
			to := len(*b)
			*b = append(binary.LittleEndian.AppendUint32(*b, uint32(len(v))), raw...)
			point(to)
		case fields:
			point(writeTable(b, v))
		case []fields:
			to := vector(len(v), make([]byte, 4*len(v)))
			point(to)
			for k, x := range v {
				slot := to + 4 + 4*k
				at := writeTable(b, x)
				binary.LittleEndian.PutUint32((*b)[slot:], uint32(at-slot))
			}
		default:
			panic(reflect.TypeOf(v))
		}
	}
	return at
}

func raw(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

// floatNet is a convolution of 1x1 with two outputs over 2x2 pixels of three channels, a fused ReLU, a reshape to a
// vector, in the file's order of axes, and a linear layer that picks one element of it.
func floatNet(pick int) fields {
	dense := make([]float32, 8)
	dense[pick] = 1
	return fields{
		0: int32(3), 3: "by hand",
		1: []fields{{0: int8(3), 3: int32(3)}, {0: int8(22), 3: int32(22)}, {0: int8(9), 3: int32(9)}},
		4: []fields{{}, {0: raw([]float32{1, 2, 3, -1, 0, 1})}, {0: raw([]float32{10, 20})}, {0: raw(dense)}},
		2: []fields{{
			0: []fields{
				{0: []int32{1, 2, 2, 3}, 3: "x"},
				{0: []int32{2, 1, 1, 3}, 2: int32(1), 3: "w"},
				{0: []int32{2}, 2: int32(2), 3: "b;joined names"},
				{0: []int32{1, 2, 2, 2}, 3: "conv"},
				{0: []int32{1, 8}, 3: "flat"},
				{0: []int32{1, 8}, 2: int32(3), 3: "d"},
				{0: []int32{1, 1}, 3: "y"},
			},
			1: []int32{0}, 2: []int32{6},
			3: []fields{
				{0: int32(0), 1: []int32{0, 1, 2}, 2: []int32{3}, 4: fields{0: int8(1), 1: int32(1), 2: int32(1), 3: int8(1)}},
				{0: int32(1), 1: []int32{3}, 2: []int32{4}},
				{0: int32(2), 1: []int32{4, 5, -1}, 2: []int32{6}},
			},
			4: "main",
		}},
	}
}

// quantNet is the same convolution alone, in integers.
func quantNet() fields {
	q := func(scale float32, zero int64) fields { return fields{2: []float32{scale}, 3: []int64{zero}} }
	return fields{
		0: int32(3),
		1: []fields{{0: int8(3), 3: int32(3)}},
		4: []fields{{}, {0: []byte{1, 2, 3, 0xff, 0, 1}}, {0: raw([]int32{10, 20})}},
		2: []fields{{
			0: []fields{
				{0: []int32{1, 2, 2, 3}, 1: int8(9), 3: "x", 4: q(0.5, -128)},
				{0: []int32{2, 1, 1, 3}, 1: int8(9), 2: int32(1), 3: "w", 4: fields{2: []float32{0.25, 0.125}, 3: []int64{0, 0}, 6: int32(0)}},
				{0: []int32{2}, 1: int8(2), 2: int32(2), 3: "b", 4: fields{2: []float32{0.125, 0.0625}, 3: []int64{0, 0}}},
				{0: []int32{1, 2, 2, 2}, 1: int8(9), 3: "y", 4: q(2, -128)},
			},
			1: []int32{0}, 2: []int32{3},
			3: []fields{{0: int32(0), 1: []int32{0, 1, 2}, 2: []int32{3}, 4: fields{0: int8(0), 1: int32(1), 2: int32(1), 3: int8(3)}}},
		}},
	}
}

// eval runs a graph by the definitions of its operators.
func eval(t *testing.T, g *ir.Graph, x []float32) []float64 {
	t.Helper()
	values := map[string]op.Array{g.Inputs[0].Name: op.Widen(ir.NewF32(x, g.Inputs[0].Shape...))}
	known, err := op.Infer(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range g.Weights {
		values[name] = op.Widen(w)
	}
	for _, n := range g.Nodes {
		row, _ := op.Lookup(n.Op)
		in := make([]op.Array, len(n.In))
		for i, name := range n.In {
			in[i] = values[name]
		}
		o := known[n.Out[0]]
		out := op.Array{Type: o.Type, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())}
		row.Eval(n, in, []op.Array{out})
		values[n.Out[0]] = op.Widen(out.Tensor()) // rounded to its type
	}
	return values[g.Outputs[0]].Data
}

// TestOrderOfAxes runs a network whose every step depends on the order of axes.
func TestOrderOfAxes(t *testing.T) {
	// Channels first: pixel p has the channels p, 10p, 100p.
	x := []float32{1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400}
	for pick := range 8 {
		m, err := Read(build(floatNet(pick)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if in := m.Graph.Inputs[0]; !in.Shape.Equal(ir.Shape{1, 3, 2, 2}) || in.Name != "x" || m.Graph.Outputs[0] != "y" || m.PixelsTold {
			t.Fatalf("%+v", m.Graph)
		}
		p := float64(pick/2 + 1) // the vector holds both channels of a pixel, then those of the next
		want := 10 + p*(1+2*10+3*100)
		if pick%2 == 1 {
			want = 20 + p*(-1+100)
		}
		if got := eval(t, m.Graph, x); got[0] != want {
			t.Errorf("element %d is %v, not %v", pick, got[0], want)
		}
	}
}

func TestQuantised(t *testing.T) {
	m, err := Read(build(quantNet()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !m.PixelsTold || m.Pixels.Scale != 0.5 || len(m.Pixels.Mean) != 0 {
		t.Errorf("pixels become numbers by %+v", m.Pixels)
	}
	var ops []string
	for _, n := range m.Graph.Nodes {
		ops = append(ops, n.Op)
	}
	want := []string{"QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv", "Clip", "QuantizeLinear", "DequantizeLinear", "Transpose"}
	if !slices.Equal(ops, want) {
		t.Errorf("operators %v, not %v", ops, want)
	}
	// Numbers in steps of 0.5; weights 0.25 {1 2 3} and 0.125 {-1 0 1}, biases 1.25, clipped to 0..6 and rounded to steps
	// of 2, in the file's order of axes.
	x := []float32{0, 1, 2, 40, 0, 1, 0, 0, 0, 1, 4, 0}
	if got, want := eval(t, m.Graph, x), []float64{2, 2, 2, 2, 4, 2, 6, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

// TestRenamedInput: an operator that changes nothing may come before any that computes.
func TestRenamedInput(t *testing.T) {
	net := floatNet(0)
	net[1] = []fields{{0: int8(6), 3: int32(6)}}
	g := net[2].([]fields)[0]
	g[0] = []fields{{0: []int32{1, 3}, 3: "x"}, {0: []int32{1, 3}, 3: "y"}}
	g[2] = []int32{1}
	g[3] = []fields{{0: int32(0), 1: []int32{0}, 2: []int32{1}}}
	m, err := Read(build(net), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := eval(t, m.Graph, []float32{1, 2, 3}), []float64{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

// read reads a file as hostile ones are: in time and memory that its size bounds.
func read(t testing.TB, raw []byte) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	m, err := Read(raw, Options{})
	if err == nil {
		_, err = op.Infer(m.Graph, 1)
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if took > time.Second || after.TotalAlloc-before.TotalAlloc > 64<<20 {
		t.Errorf("%d bytes took %v and %d bytes of memory (%v)", len(raw), took, after.TotalAlloc-before.TotalAlloc, err)
	}
	return err
}

func TestHostile(t *testing.T) {
	change := func(f func(net, graph fields)) []byte {
		n := floatNet(0)
		f(n, n[2].([]fields)[0])
		return build(n)
	}
	tensor := func(i int, f func(fields)) []byte {
		return change(func(_, g fields) { f(g[0].([]fields)[i]) })
	}
	node := func(i int, f func(fields)) []byte {
		return change(func(_, g fields) { f(g[3].([]fields)[i]) })
	}
	// A million tables that are one: the file is small, what it says is not.
	shared := func() []byte {
		b := build(fields{0: int32(3), 1: []fields{{0: int8(3)}}, 4: []fields{{}}, 2: []fields{{0: make([]fields, 1<<15), 4: strings.Repeat("name", 1<<15)}}})
		return b
	}
	for name, raw := range map[string][]byte{
		"nothing":                     nil,
		"its magic alone":             []byte("\x08\x00\x00\x00TFL3"),
		"zeros":                       append([]byte("\x00\x00\x00\x00TFL3"), make([]byte, 1000)...),
		"an offset beyond the end":    append([]byte("\xff\xff\xff\x7fTFL3"), make([]byte, 1000)...),
		"a table that is its own":     append([]byte("\x08\x00\x00\x00TFL3"), make([]byte, 1000)...),
		"another version":             change(func(n, _ fields) { n[0] = int32(2) }),
		"no graph":                    change(func(n, _ fields) { n[2] = []fields{} }),
		"a weight with too few bytes": change(func(n, _ fields) { n[4].([]fields)[1][0] = []byte{1, 2, 3} }),
		"a huge tensor":               tensor(1, func(f fields) { f[0] = []int32{1 << 30, 1 << 30, 1 << 30} }),
		"a negative axis":             tensor(1, func(f fields) { f[0] = []int32{-1, 1, 1, 3} }),
		"too many axes":               tensor(1, func(f fields) { f[0] = make([]int32, 100) }),
		"an unknown type":             tensor(1, func(f fields) { f[1] = int8(99) }),
		"a buffer that is not there":  tensor(1, func(f fields) { f[2] = int32(1 << 20) }),
		"a negative buffer":           tensor(1, func(f fields) { f[2] = int32(-1) }),
		"a scale of 0":                tensor(1, func(f fields) { f[4] = fields{2: []float32{0}, 3: []int64{0}} }),
		"scales of a missing axis":    tensor(1, func(f fields) { f[4] = fields{2: []float32{1, 1}, 3: []int64{0, 0}, 6: int32(9)} }),
		"an operator not there":       node(0, func(f fields) { f[0] = int32(99) }),
		"an input not there":          node(0, func(f fields) { f[1] = []int32{0, 1, 99} }),
		"an input left out":           node(0, func(f fields) { f[1] = []int32{0, -1} }),
		"no inputs":                   node(0, func(f fields) { f[1] = []int32{} }),
		"an output not there":         node(0, func(f fields) { f[2] = []int32{-2} }),
		"a stride of 0":               node(0, func(f fields) { f[4] = fields{0: int8(1)} }),
		"a negative stride":           node(0, func(f fields) { f[4] = fields{0: int8(0), 1: int32(-5), 2: int32(-5)} }),
		"an unknown padding":          node(0, func(f fields) { f[4] = fields{0: int8(7), 1: int32(1), 2: int32(1)} }),
		"an unknown activation":       node(0, func(f fields) { f[4].(fields)[3] = int8(77) }),
		"a value before it is made":   node(0, func(f fields) { f[1] = []int32{3, 1, 2} }),
		"an unknown operator":         change(func(n, _ fields) { n[1] = []fields{{0: int8(127), 3: int32(500)}, {}, {}} }),
		"a custom operator":           change(func(n, _ fields) { n[1] = []fields{{0: int8(32), 1: "My\x1bOp", 3: int32(32)}, {}, {}} }),
		"an output that nothing made": change(func(_, g fields) { g[2] = []int32{42} }),
		"an input that is a weight":   change(func(_, g fields) { g[1] = []int32{1} }),
		"thousands of tensors":        shared(),
	} {
		if err := read(t, raw); err == nil {
			t.Errorf("%s: read without an error", name)
		} else if strings.ContainsAny((&ir.Error{Err: err}).Error(), "\n\x1b") {
			t.Errorf("%s: the error is not one line: %q", name, err)
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, net := range []fields{floatNet(0), quantNet()} {
		whole := build(net)
		for n := range whole {
			// The end may be what nothing points to.
			if err := read(t, slices.Clone(whole[:n])); err == nil && n < len(whole)-8 {
				t.Errorf("the first %d of %d bytes are read as a network", n, len(whole))
			}
		}
	}
}

func TestMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, net := range []fields{floatNet(0), quantNet()} {
		whole := build(net)
		begin := time.Now()
		for range 20_000 {
			b := slices.Clone(whole)
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			if m, err := Read(b, Options{}); err == nil {
				op.Infer(m.Graph, 1)
			}
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("20,000 files took %v", took)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(build(floatNet(0)))
	f.Add(build(quantNet()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) <= 1<<16 {
			read(t, slices.Clone(raw))
		}
	})
}
