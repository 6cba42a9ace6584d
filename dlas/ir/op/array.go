package op

import (
	"fmt"
	"math"
	"slices"

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
	Load(a.Data, t.Memory(), t.Type)
	return a
}

// Load reads elements of that type into dst.
func Load(dst []float64, m ir.Memory, t ir.Type) {
	switch t {
	case ir.F32:
		widen(dst, m.F32())
	case ir.F64:
		copy(dst, m.F64())
	case ir.I8:
		widen(dst, m.I8())
	case ir.U8, ir.Bool:
		widen(dst, m.U8())
	case ir.I16:
		widen(dst, m.I16())
	case ir.U16:
		widen(dst, m.U16())
	case ir.I32:
		widen(dst, m.I32())
	case ir.U32:
		widen(dst, m.U32())
	case ir.I64:
		widen(dst, m.I64())
	case ir.U64:
		widen(dst, m.U64())
	case ir.F16:
		for i, x := range m.U16() {
			dst[i] = float64(Half(x))
		}
	case ir.BF16:
		for i, x := range m.U16() {
			dst[i] = float64(math.Float32frombits(uint32(x) << 16))
		}
	}
}

type number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

func widen[T number](dst []float64, src []T) {
	for i, x := range src {
		dst[i] = float64(x)
	}
}

// Store rounds elements to that type: floating-point numbers to the nearest, integers modulo their range, as ONNX's
// operators on integers do.
func Store(m ir.Memory, src []float64, t ir.Type) {
	switch t {
	case ir.F32:
		for i, d := 0, m.F32(); i < len(src); i++ {
			d[i] = float32(src[i])
		}
	case ir.F64:
		copy(m.F64(), src)
	case ir.I8:
		wrap(m.I8(), src)
	case ir.U8:
		wrap(m.U8(), src)
	case ir.I16:
		wrap(m.I16(), src)
	case ir.U16:
		wrap(m.U16(), src)
	case ir.I32:
		wrap(m.I32(), src)
	case ir.U32:
		wrap(m.U32(), src)
	case ir.I64:
		wrap(m.I64(), src)
	case ir.U64:
		for i, d := 0, m.U64(); i < len(src); i++ {
			if x := src[i]; x >= 1<<63 {
				d[i] = 1<<63 + uint64(min(x-1<<63, 1<<63-1024))
			} else {
				d[i] = uint64(toInt(x))
			}
		}
	case ir.Bool:
		for i, x := range src {
			m[i] = byte(truth(x != 0))
		}
	case ir.F16:
		for i, d := 0, m.U16(); i < len(src); i++ {
			d[i] = HalfBits(src[i])
		}
	case ir.BF16:
		for i, d := 0, m.U16(); i < len(src); i++ {
			d[i] = brainBits(src[i])
		}
	}
}

func wrap[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64](dst []T, src []float64) {
	for i, x := range src {
		dst[i] = T(toInt(x))
	}
}

// Tensor rounds an array to its type, as Store does.
func (a Array) Tensor() *ir.Tensor {
	t := NewTensor(a.Type, a.Shape)
	Store(t.Memory(), a.Data, a.Type)
	return t
}

// NewTensor is a tensor of zeros.
func NewTensor(t ir.Type, s ir.Shape) *ir.Tensor {
	n, made := s.Elems(), &ir.Tensor{Shape: s, Type: t}
	switch t {
	case ir.F32:
		made.Data = make([]float32, n)
	case ir.F64:
		made.Data = make([]float64, n)
	case ir.F16, ir.BF16, ir.U16:
		made.Data = make([]uint16, n)
	case ir.I8:
		made.Data = make([]int8, n)
	case ir.U8:
		made.Data = make([]uint8, n)
	case ir.I16:
		made.Data = make([]int16, n)
	case ir.I32:
		made.Data = make([]int32, n)
	case ir.U32:
		made.Data = make([]uint32, n)
	case ir.I64:
		made.Data = make([]int64, n)
	case ir.U64:
		made.Data = make([]uint64, n)
	case ir.Bool:
		made.Data = make([]bool, n)
	}
	return made
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

// Floats is a copy of a tensor's elements, of type F32, F16 or BF16, in float32, which holds each of them exactly.
func Floats(t *ir.Tensor) []float32 {
	bits, ok := t.Data.([]uint16)
	if !ok {
		return slices.Clone(t.F32())
	}
	data := make([]float32, len(bits))
	for i, b := range bits {
		if t.Type == ir.BF16 {
			data[i] = math.Float32frombits(uint32(b) << 16)
		} else {
			data[i] = Half(b)
		}
	}
	return data
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
