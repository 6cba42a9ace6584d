package onnx

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// sparseProto is a SparseTensorProto: the elements that are not zero, and where they stand.
type sparseProto struct {
	values, indices *tensorProto
	dims            []int64
}

func (d *decoder) sparseProto(raw []byte) (*sparseProto, error) {
	p := &sparseProto{values: &tensorProto{}, indices: &tensorProto{}}
	err := each(raw, func(f field) (err error) {
		switch f.num {
		case 1, 2:
			if err := f.want(wireBytes); err != nil {
				return err
			}
			to := &p.values
			if f.num == 2 {
				to = &p.indices
			}
			*to, err = d.tensorProto(f.b)
		case 3:
			p.dims, err = f.varints(p.dims, maxAxes)
		}
		return err
	})
	return p, err
}

// dense makes the tensor with its zeros, which count as memory beyond the file. Indices are one number an element (its
// place in row-major order) or one for each axis, in rising order and none twice (onnx.proto3, SparseTensorProto).
func (d *decoder) dense(p *sparseProto) (*ir.Tensor, error) {
	values, err := d.elements(p.values)
	if err != nil {
		return nil, err
	}
	indices, err := d.elements(p.indices)
	if err != nil {
		return nil, fmt.Errorf("its indices: %w", err)
	}
	shape, err := shapeOf(p.dims)
	if err != nil {
		return nil, err
	}
	n, axes := values.Shape.Elems(), len(shape)
	each := 1
	if len(indices.Shape) == 2 {
		each = axes
	}
	at, ok := indices.Data.([]int64)
	if !ok || len(values.Shape) != 1 || axes == 0 || len(at) != n*each || indices.Shape[0] != n {
		return nil, fmt.Errorf("of shape %v has %s indices of shape %v for values of shape %v", shape, indices.Type, indices.Shape, values.Shape)
	}
	if err := d.spend(int64(shape.Elems())*int64(values.Type.Size()) + 8*int64(n)); err != nil {
		return nil, err
	}
	places := make([]int, n)
	for i := range places {
		flat := int64(0)
		for k, v := range at[i*each : (i+1)*each] {
			size := int64(shape.Elems())
			if each > 1 {
				size = int64(shape[k])
			}
			if v < 0 || v >= size {
				return nil, fmt.Errorf("of shape %v has the index %d", shape, v)
			}
			flat = flat*size + v
		}
		if i > 0 && int(flat) <= places[i-1] {
			return nil, errors.New("its indices do not rise")
		}
		places[i] = int(flat)
	}
	t := &ir.Tensor{Shape: shape, Type: values.Type}
	switch v := values.Data.(type) {
	case []float32:
		t.Data = scatter(v, places, shape)
	case []float64:
		t.Data = scatter(v, places, shape)
	case []uint16:
		t.Data = scatter(v, places, shape)
	case []int8:
		t.Data = scatter(v, places, shape)
	case []uint8:
		t.Data = scatter(v, places, shape)
	case []int32:
		t.Data = scatter(v, places, shape)
	case []int64:
		t.Data = scatter(v, places, shape)
	default:
		return nil, fmt.Errorf("sparse tensors of %s are unsupported", values.Type)
	}
	return t, nil
}

func scatter[T any](values []T, places []int, shape ir.Shape) []T {
	out := make([]T, shape.Elems())
	for i, at := range places {
		out[at] = values[i]
	}
	return out
}
