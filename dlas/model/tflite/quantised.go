package tflite

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// quantParams adds scale and zero point of a tensor, and returns their names and the attribute axis, counted in our
// order of axes by turn.
func (r *reader) quantParams(t *tensor, axis int) (names []string, attrs ir.Attrs, err error) {
	if err := r.spend(int64(16 * len(t.scale))); err != nil {
		return nil, nil, err
	}
	n := len(t.scale)
	scale := &ir.Tensor{Type: ir.F32, Shape: ir.Shape{}, Data: t.scale}
	if n > 1 {
		scale.Shape, attrs = ir.Shape{n}, ir.Attrs{"axis": axis}
	}
	zero := &ir.Tensor{Type: t.typ, Shape: scale.Shape}
	at := func(i int) int64 {
		if len(t.zero) == 0 {
			return 0
		}
		return t.zero[i]
	}
	switch t.typ {
	case ir.I8:
		zero.Data, err = zeroPoints[int8](n, at)
	case ir.U8:
		zero.Data, err = zeroPoints[uint8](n, at)
	case ir.I16:
		zero.Data, err = zeroPoints[int16](n, at)
	default:
		zero.Data, err = zeroPoints[int32](n, at)
	}
	return []string{r.weight(t.name+"_scale", scale), r.weight(t.name+"_zero", zero)}, attrs, err
}

func zeroPoints[T int8 | uint8 | int16 | int32](n int, at func(int) int64) ([]T, error) {
	out := make([]T, n)
	for i := range out {
		v := at(i)
		if out[i] = T(v); int64(out[i]) != v {
			return nil, fmt.Errorf("a zero point of %d is outside its type", v)
		}
	}
	return out, nil
}

// quantise makes tensor i of the file from numbers.
func (r *reader) quantise(i int, from string) error {
	t := r.all[i]
	q, attrs, err := r.quantParams(t, 0)
	if err != nil {
		return err
	}
	if len(t.scale) > 1 {
		return errors.New("an activation is quantised by channel")
	}
	r.g.Nodes = append(r.g.Nodes, &ir.Node{Name: t.name, Op: "QuantizeLinear", In: append([]string{from}, q...), Out: []string{t.name}, Attrs: attrs})
	r.made[t.name] = true
	return nil
}

// exact are operators on integers that have nothing to scale, or nothing behind them: PAD, MAX_POOL_2D, RESHAPE, SQUEEZE,
// QUANTIZE, SOFTMAX.
var exact = []int{34, 17, 22, 43, 114, 25}
