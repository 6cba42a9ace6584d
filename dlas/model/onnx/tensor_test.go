package onnx

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// tensorBytes encodes a TensorProto by hand.
func tensorBytes(dataType int64, dims []int64, fill func(*encoder)) []byte {
	var e encoder
	for _, d := range dims {
		e.int(1, d)
	}
	e.int(2, dataType)
	e.string(8, "t")
	if fill != nil {
		fill(&e)
	}
	return e.b
}

func packedVarints(num int, values ...int64) func(*encoder) {
	return func(e *encoder) {
		var in []byte
		for _, v := range values {
			in = binary.AppendUvarint(in, uint64(v))
		}
		e.bytes(num, in)
	}
}

// TestTensorForms reads every form in which the elements of a tensor may lie.
func TestTensorForms(t *testing.T) {
	floats := func(v ...float32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return b
	}
	for _, c := range []struct {
		name string
		raw  []byte
		want any
		typ  ir.Type
	}{
		{"raw float", tensorBytes(1, []int64{2}, func(e *encoder) { e.bytes(9, floats(1, -2)) }), []float32{1, -2}, ir.F32},
		{"packed float", tensorBytes(1, []int64{2}, func(e *encoder) { e.bytes(4, floats(1, -2)) }), []float32{1, -2}, ir.F32},
		{"single floats", tensorBytes(1, []int64{2}, func(e *encoder) { e.float(4, 1); e.float(4, -2) }), []float32{1, -2}, ir.F32},
		{"packed int8", tensorBytes(3, []int64{3}, packedVarints(5, -128, 0, 127)), []int8{-128, 0, 127}, ir.I8},
		{"raw uint8", tensorBytes(2, []int64{2}, func(e *encoder) { e.bytes(9, []byte{0, 255}) }), []uint8{0, 255}, ir.U8},
		{"packed int64", tensorBytes(7, []int64{2}, packedVarints(7, -1, 1<<40)), []int64{-1, 1 << 40}, ir.I64},
		{"packed int32", tensorBytes(6, []int64{1}, packedVarints(5, -7)), []int32{-7}, ir.I32},
		{"half bits", tensorBytes(10, []int64{1}, packedVarints(5, 0x3c00)), []uint16{0x3c00}, ir.F16},
		{"bool raw", tensorBytes(9, []int64{3}, func(e *encoder) { e.bytes(9, []byte{0, 1, 2}) }), []bool{false, true, true}, ir.Bool},
		{"bool list", tensorBytes(9, []int64{2}, packedVarints(5, 1, 0)), []bool{true, false}, ir.Bool},
		{"double", tensorBytes(11, []int64{1}, func(e *encoder) { e.bytes(10, binary.LittleEndian.AppendUint64(nil, math.Float64bits(2.5))) }), []float64{2.5}, ir.F64},
		{"uint32", tensorBytes(12, []int64{1}, packedVarints(11, 1<<31)), []uint32{1 << 31}, ir.U32},
		{"uint64", tensorBytes(13, []int64{1}, packedVarints(11, -1)), []uint64{1<<64 - 1}, ir.U64},
		{"scalar", tensorBytes(7, nil, packedVarints(7, 3)), []int64{3}, ir.I64},
		{"empty", tensorBytes(1, []int64{0}, nil), []float32{}, ir.F32},
	} {
		name, got, err := ReadTensor(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if name != "t" || got.Type != c.typ || !reflect.DeepEqual(got.Data, c.want) {
			t.Errorf("%s: %q, %s, %v, not %v", c.name, name, got.Type, got.Data, c.want)
		}
	}
}

// TestTensorRefused: a tensor whose shape and elements disagree, or which asks for more than the file has, is an error.
func TestTensorRefused(t *testing.T) {
	for name, raw := range map[string][]byte{
		"too few raw bytes":  tensorBytes(1, []int64{2}, func(e *encoder) { e.bytes(9, []byte{1, 2, 3, 4}) }),
		"huge":               tensorBytes(1, []int64{1 << 40}, func(e *encoder) { e.bytes(9, nil) }),
		"overflowing":        tensorBytes(1, []int64{1 << 33, 1 << 33}, nil),
		"negative":           tensorBytes(1, []int64{-1}, nil),
		"too few in list":    tensorBytes(7, []int64{3}, packedVarints(7, 1)),
		"too many in list":   tensorBytes(7, []int64{1}, packedVarints(7, 1, 2)),
		"list of other type": tensorBytes(7, []int64{1}, packedVarints(5, 1)),
		"string":             tensorBytes(8, []int64{1}, func(e *encoder) { e.string(6, "x") }),
		"unknown type":       tensorBytes(99, []int64{1}, nil),
		"external":           tensorBytes(1, []int64{1}, func(e *encoder) { e.int(14, 1) }),
		"cut off":            tensorBytes(1, []int64{1}, func(e *encoder) { e.bytes(9, []byte{1, 2, 3, 4}) })[:9],
		"raw as a number":    tensorBytes(1, nil, func(e *encoder) { e.int(9, 1) }),
		"17 axes":            tensorBytes(1, make([]int64, 17), nil),
	} {
		if _, got, err := ReadTensor(raw); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}
