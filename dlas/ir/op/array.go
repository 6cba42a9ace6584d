package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// Array is a value in float64; an input left out has a nil Shape and an empty Type. Integers beyond 2^53 lose their last
// digits; none of the operators needs them.
type Array struct {
	Type  ir.Type
	Shape ir.Shape
	Data  []float64
}

// given reports whether input i is there.
func given(in []Array, i int) bool { return i < len(in) && in[i].Type != "" }

// Widen is a tensor in float64, whatever its type.
func Widen(t *ir.Tensor) Array {
	a := Array{Type: t.Type, Shape: t.Shape, Data: make([]float64, t.Shape.Elems())}
	switch d := t.Data.(type) {
	case []float32:
		widen(a.Data, d)
	case []float64:
		copy(a.Data, d)
	case []int8:
		widen(a.Data, d)
	case []uint8:
		widen(a.Data, d)
	case []int16:
		widen(a.Data, d)
	case []uint16:
		switch t.Type {
		case ir.F16:
			for i, x := range d {
				a.Data[i] = float64(Half(x))
			}
		case ir.BF16:
			for i, x := range d {
				a.Data[i] = float64(math.Float32frombits(uint32(x) << 16))
			}
		default:
			widen(a.Data, d)
		}
	case []int32:
		widen(a.Data, d)
	case []uint32:
		widen(a.Data, d)
	case []int64:
		widen(a.Data, d)
	case []uint64:
		widen(a.Data, d)
	case []bool:
		for i, x := range d {
			if x {
				a.Data[i] = 1
			}
		}
	}
	return a
}

type number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

func widen[T number](dst []float64, src []T) {
	for i, x := range src {
		dst[i] = float64(x)
	}
}

// Tensor rounds an array to its type: floating-point numbers to the nearest, integers modulo their range, as ONNX's
// operators on integers do.
func (a Array) Tensor() *ir.Tensor {
	t := &ir.Tensor{Shape: a.Shape, Type: a.Type}
	switch a.Type {
	case ir.F32:
		t.Data = narrow[float32](a.Data)
	case ir.F64:
		t.Data = narrow[float64](a.Data)
	case ir.F16, ir.BF16:
		bits := make([]uint16, len(a.Data))
		for i, x := range a.Data {
			if a.Type == ir.F16 {
				bits[i] = HalfBits(x)
			} else {
				bits[i] = brainBits(x)
			}
		}
		t.Data = bits
	case ir.I8:
		t.Data = wrap[int8](a.Data)
	case ir.U8:
		t.Data = wrap[uint8](a.Data)
	case ir.I16:
		t.Data = wrap[int16](a.Data)
	case ir.U16:
		t.Data = wrap[uint16](a.Data)
	case ir.I32:
		t.Data = wrap[int32](a.Data)
	case ir.U32:
		t.Data = wrap[uint32](a.Data)
	case ir.I64:
		t.Data = wrap[int64](a.Data)
	case ir.U64:
		v := make([]uint64, len(a.Data))
		for i, x := range a.Data {
			if x >= 1<<63 {
				v[i] = 1<<63 | uint64(min(x-1<<63, 1<<63-1024))
			} else {
				v[i] = uint64(toInt(x))
			}
		}
		t.Data = v
	case ir.Bool:
		v := make([]bool, len(a.Data))
		for i, x := range a.Data {
			v[i] = x != 0
		}
		t.Data = v
	}
	return t
}

func narrow[T float32 | float64](src []float64) []T {
	v := make([]T, len(src))
	for i, x := range src {
		v[i] = T(x)
	}
	return v
}

func wrap[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64](src []float64) []T {
	v := make([]T, len(src))
	for i, x := range src {
		v[i] = T(toInt(x))
	}
	return v
}

// toInt drops the fraction; what is no int64 becomes the nearest, NaN 0.
func toInt(x float64) int64 {
	switch {
	case x != x:
		return 0
	case x >= math.MaxInt64:
		return math.MaxInt64
	case x <= math.MinInt64:
		return math.MinInt64
	}
	return int64(x)
}

// Half is the number whose IEEE 754 half-precision bits these are.
func Half(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	exp, frac := uint32(bits>>10&31), uint32(bits&0x3ff)
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp == 0:
		f := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// HalfBits rounds to half precision, ties to even.
func HalfBits(x float64) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	switch {
	case x != x:
		return sign | 0x7e00
	case x >= 65520:
		return sign | 0x7c00
	case x < 0x1p-14:
		return sign | uint16(math.RoundToEven(x*0x1p24))
	}
	frac, exp := math.Frexp(x)                          // 0.5 <= frac < 1
	m := uint16(math.RoundToEven(math.Ldexp(frac, 11))) // 1024 to 2048: a carry moves into the exponent by itself
	return sign | (uint16(exp+14-1)<<10 + m)
}

// brainBits rounds to bfloat16, ties to even.
func brainBits(x float64) uint16 {
	if x != x {
		return 0x7fc0
	}
	b := math.Float32bits(float32(x))
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// checkTensor finds what is wrong with a weight from outside.
func checkTensor(t *ir.Tensor) error {
	if t == nil {
		return fmt.Errorf("has no data")
	}
	if err := checkConst(t.Shape); err != nil {
		return err
	}
	n := -1
	switch d := t.Data.(type) {
	case []float32:
		n = lengthOf(t.Type, len(d), ir.F32)
	case []float64:
		n = lengthOf(t.Type, len(d), ir.F64)
	case []uint16:
		n = lengthOf(t.Type, len(d), ir.F16, ir.BF16, ir.U16)
	case []int16:
		n = lengthOf(t.Type, len(d), ir.I16)
	case []int8:
		n = lengthOf(t.Type, len(d), ir.I8)
	case []uint8:
		n = lengthOf(t.Type, len(d), ir.U8)
	case []int32:
		n = lengthOf(t.Type, len(d), ir.I32)
	case []uint32:
		n = lengthOf(t.Type, len(d), ir.U32)
	case []int64:
		n = lengthOf(t.Type, len(d), ir.I64)
	case []uint64:
		n = lengthOf(t.Type, len(d), ir.U64)
	case []bool:
		n = lengthOf(t.Type, len(d), ir.Bool)
	}
	if n < 0 {
		return fmt.Errorf("has the type %q and data of Go type %T", t.Type, t.Data)
	}
	if n != t.Shape.Elems() {
		return fmt.Errorf("has %d elements, its shape %v has %d", n, t.Shape, t.Shape.Elems())
	}
	return nil
}

func lengthOf(have ir.Type, n int, want ...ir.Type) int {
	for _, w := range want {
		if have == w {
			return n
		}
	}
	return -1
}
