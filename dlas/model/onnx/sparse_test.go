package onnx

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// sparseFile adds a sparse weight, whose values are 1, 2 and so on, to an input of its shape.
func sparseFile(dims, indexDims []int64, indices ...int64) []byte {
	return file(17, func(e *encoder) {
		var values, places []byte
		n := max(1, int(indexDims[0]))
		for i := range n {
			values = binary.LittleEndian.AppendUint32(values, math.Float32bits(float32(i+1)))
		}
		for _, v := range indices {
			places = binary.LittleEndian.AppendUint64(places, uint64(v))
		}
		e.message(15, func(e *encoder) {
			e.bytes(1, tensorBytes(1, []int64{int64(n)}, func(e *encoder) { e.bytes(9, values) }))
			e.bytes(2, tensorBytes(7, indexDims, func(e *encoder) { e.bytes(9, places) }))
			for _, d := range dims {
				e.int(3, d)
			}
		})
		input(e, "x", dims...)
		node(e, "Add", "x t", "y")
		output(e, "y")
	})
}

func TestSparseWeights(t *testing.T) {
	for _, raw := range [][]byte{
		sparseFile([]int64{2, 3}, []int64{3}, 0, 4, 5),
		sparseFile([]int64{2, 3}, []int64{3, 2}, 0, 0, 1, 1, 1, 2),
	} {
		m, err := read(t, raw)
		if err != nil {
			t.Fatal(err)
		}
		if w := m.Graph.Weights["t"]; !w.Shape.Equal([]int{2, 3}) || !slices.Equal(w.F32(), []float32{1, 0, 0, 0, 2, 3}) {
			t.Errorf("%v %v", w.Shape, w.Data)
		}
	}
}
