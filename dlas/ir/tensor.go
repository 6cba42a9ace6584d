// Package ir is the narrow waist of DLAS: the few words that its six layers share.
//
// A data set yields Images, a model is a Graph of Nodes over Tensors, a compression turns a Graph into a Graph, a
// primitive is a Kernel that runs a Node, a system binds Nodes to Kernels with a Schedule, a hardware is a Machine. The
// layer packages import this package and never each other; package dlas composes them. It imports the standard library
// alone.
package ir

import (
	"fmt"
	"slices"
)

// Type is the element type of a tensor.
type Type string

// The element types there are. F16 and BF16 are stored as their bits, Bool as a byte of 0 or 1.
const (
	F32  Type = "f32"
	F64  Type = "f64"
	F16  Type = "f16"
	BF16 Type = "bf16"
	I8   Type = "i8"
	U8   Type = "u8"
	I16  Type = "i16"
	U16  Type = "u16"
	I32  Type = "i32"
	U32  Type = "u32"
	I64  Type = "i64"
	U64  Type = "u64"
	Bool Type = "bool" // one byte, 0 or 1
)

// Float reports whether the elements are floating-point numbers.
func (t Type) Float() bool { return t == F32 || t == F64 || t == F16 || t == BF16 }

// Integer reports whether the elements are integers; Bool's are not.
func (t Type) Integer() bool { return !t.Float() && t != Bool }

// Size is the number of bytes of one element.
func (t Type) Size() int {
	switch t {
	case I8, U8, Bool:
		return 1
	case F16, BF16, I16, U16:
		return 2
	case F64, I64, U64:
		return 8
	}
	return 4
}

// Shape is the extent of each axis, outermost first; an activation is N, C, H, W.
type Shape []int

// Elems is the product of the extents; 1 for a scalar.
func (s Shape) Elems() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether both have the same axes.
func (s Shape) Equal(o Shape) bool { return slices.Equal(s, o) }

func (s Shape) String() string {
	if len(s) == 0 {
		return "scalar"
	}
	var b []byte
	for i, d := range s {
		if i > 0 {
			b = append(b, 'x')
		}
		b = fmt.Append(b, d)
	}
	return string(b)
}

// Tensor is a dense array in row-major order. Data is a slice of the Go type of its element: []float32 for F32, []uint16
// for F16 and BF16, []int8, []uint8, []int32, []bool and so on.
type Tensor struct {
	Shape Shape
	Type  Type
	Data  any
}

// NewF32 wraps data, which is not copied; it panics where the lengths disagree.
func NewF32(data []float32, shape ...int) *Tensor {
	if Shape(shape).Elems() != len(data) {
		panic("ir: data length differs from shape")
	}
	return &Tensor{Shape: shape, Type: F32, Data: data}
}

// F32 returns the elements of a tensor of type F32; it panics for any other type.
func (t *Tensor) F32() []float32 { return t.Data.([]float32) }

// Bytes is the size of the elements.
func (t *Tensor) Bytes() int64 { return int64(t.Shape.Elems()) * int64(t.Type.Size()) }

// Clone copies the tensor and its elements.
func (t *Tensor) Clone() *Tensor {
	c := &Tensor{Shape: slices.Clone(t.Shape), Type: t.Type}
	switch d := t.Data.(type) {
	case []float32:
		c.Data = slices.Clone(d)
	case []float64:
		c.Data = slices.Clone(d)
	case []uint16:
		c.Data = slices.Clone(d)
	case []int16:
		c.Data = slices.Clone(d)
	case []uint32:
		c.Data = slices.Clone(d)
	case []uint64:
		c.Data = slices.Clone(d)
	case []bool:
		c.Data = slices.Clone(d)
	case []int8:
		c.Data = slices.Clone(d)
	case []uint8:
		c.Data = slices.Clone(d)
	case []int32:
		c.Data = slices.Clone(d)
	case []int64:
		c.Data = slices.Clone(d)
	}
	return c
}
