package op

import (
	"bytes"
	"math"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
)

// Work is what a node computes for one image.
type Work struct {
	MACs    int64 // multiply-accumulates of the definition, border included
	Nonzero int64 // those whose weight is not zero
}

// Count returns the work of every node of a graph, in order. The graph is checked as by Infer.
func Count(g *ir.Graph) ([]Work, error) {
	shapes, err := Infer(g, 1)
	if err != nil {
		return nil, err
	}
	work := make([]Work, len(g.Nodes))
	for i, n := range g.Nodes {
		row, _ := Lookup(n.Op)
		if row.MACs == nil {
			continue
		}
		in := make([]ir.Shape, len(n.In))
		for j, name := range n.In {
			in[j] = shapes[name].Shape
		}
		w := Work{MACs: row.MACs(n, in, shapes[n.Out[0]].Shape)}
		w.Nonzero = w.MACs
		if at := WeightInput(n.Op); at < len(n.In) && g.Weights[n.In[at]] != nil {
			w.Nonzero = NonzeroMACs(w.MACs, g.Weights[n.In[at]])
		}
		work[i] = w
	}
	return work, nil
}

// WeightInput is the position of the weights among the inputs of an operator that multiplies.
func WeightInput(operator string) int {
	switch operator {
	case "QLinearConv", "QLinearMatMul", "QGemm":
		return 3
	}
	return 1
}

// NonzeroMACs are those of that many multiply-accumulates whose weight is not zero: every element of the weights takes part
// in equally many. Of u8, whose zero is its zero point, all count.
func NonzeroMACs(macs int64, w *ir.Tensor) int64 {
	if w.Type == ir.U8 || w.Shape.Elems() == 0 {
		return macs
	}
	return macs / int64(w.Shape.Elems()) * Nonzero(w)
}

// Nonzero counts the elements of a tensor that are not zero.
func Nonzero(t *ir.Tensor) int64 {
	switch d := t.Data.(type) {
	case []float32:
		return nonzero32(d)
	case []int8:
		return int64(len(d) - bytes.Count(t.Memory(), []byte{0}))
	case []uint16:
		if t.Type == ir.F16 || t.Type == ir.BF16 {
			var n int64
			for _, v := range d {
				n += int64((uint32(v&0x7fff) + 0xffff) >> 16)
			}
			return n
		}
	}
	var n int64
	for _, v := range Widen(t).Data {
		if v != 0 {
			n++
		}
	}
	return n
}

// nonzero32 counts without branches, eight at a time, two a word: a large network has 10^8 weights.
func nonzero32(data []float32) int64 {
	const most, top = 0x7fffffff_7fffffff, 0x80000000_80000000
	// With its sign away, a number that is not zero carries into the place of the sign, and no further.
	two := func(w uint64) uint64 { return (w&most + most) & top >> 31 }
	n := int64(0)
	for rest := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/2); len(rest) > 0; {
		some := rest[:min(len(rest), 1<<20)]
		rest = rest[len(some):]
		var a, b, c, d uint64
		for ; len(some) >= 4; some = some[4:] {
			a, b, c, d = a+two(some[0]), b+two(some[1]), c+two(some[2]), d+two(some[3])
		}
		for _, w := range some {
			a += two(w)
		}
		a += b + c + d
		n += int64(a&math.MaxUint32 + a>>32)
	}
	if len(data)%2 > 0 && data[len(data)-1] != 0 {
		n++
	}
	return n
}
