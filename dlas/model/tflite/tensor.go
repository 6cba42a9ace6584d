package tflite

import (
	"fmt"
	"math"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// tensor is a tensor of the file.
type tensor struct {
	name    string
	shape   []int // as in the file
	typ     ir.Type
	data    []byte // of a constant
	buffer  int
	scale   []float32
	zero    []int64
	axis    int // of scale, as in the file
	isConst bool
}

func (t *tensor) quantised() bool {
	return len(t.scale) > 0 && (t.typ == ir.I8 || t.typ == ir.U8 || t.typ == ir.I16 || t.typ == ir.I32)
}

// types are TensorType by number.
func typeOf(n int8) (ir.Type, error) {
	switch n {
	case 0:
		return ir.F32, nil
	case 1:
		return ir.F16, nil
	case 2:
		return ir.I32, nil
	case 3:
		return ir.U8, nil
	case 4:
		return ir.I64, nil
	case 6:
		return ir.Bool, nil
	case 7:
		return ir.I16, nil
	case 9:
		return ir.I8, nil
	case 10:
		return ir.F64, nil
	}
	return "", fmt.Errorf("tensor type %d is unsupported", n)
}

// tensors reads the tables of tensors and operators.
func (r *reader) tensors(g table) error {
	buffers := r.model.tables(4, maxTensors)
	rows := g.tables(0, maxTensors)
	if r.err != nil {
		return r.err
	}
	r.users, r.real, r.turned, r.names = map[int]int{}, map[*tensor]known{}, map[int]bool{}, map[string]bool{}
	r.made = map[string]bool{}
	for i, row := range rows {
		if err := r.spend(400); err != nil {
			return err
		}
		// A name there lists all that was joined into the tensor; the first is what made it.
		name, _, _ := strings.Cut(row.string(3), ";")
		t := &tensor{name: name, shape: row.ints(0, maxAxes), buffer: int(row.int(2, 0))}
		typ, err := typeOf(row.byte(1, 0))
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.name, err)
		}
		t.typ = typ
		elems := 1
		for _, d := range t.shape {
			if d < 0 || d > 0 && elems > maxElems/d {
				return fmt.Errorf("tensor %q has the shape %v", t.name, t.shape)
			}
			elems *= d
		}
		q := row.sub(4)
		t.scale, t.zero, t.axis = q.floats(2, 1<<16), q.longs(3, 1<<16), int(q.int(6, 0))
		if len(t.zero) != len(t.scale) && len(t.zero) > 0 || len(t.scale) > 1 && (t.axis < 0 || t.axis >= len(t.shape) || t.shape[t.axis] != len(t.scale)) {
			return fmt.Errorf("tensor %q has %d scales and %d zero points for the shape %v", t.name, len(t.scale), len(t.zero), t.shape)
		}
		for _, s := range t.scale {
			if !(s > 0 && s < math.MaxFloat32) {
				return fmt.Errorf("tensor %q has the scale %v", t.name, s)
			}
		}
		if t.buffer < 0 || t.buffer >= len(buffers) && t.buffer > 0 {
			return fmt.Errorf("tensor %q has the buffer %d of %d", t.name, t.buffer, len(buffers))
		}
		if t.buffer > 0 {
			b := buffers[t.buffer]
			if b.u64(1) > 1 {
				return fmt.Errorf("tensor %q lies outside the file's tables: unsupported", t.name)
			}
			if t.data = b.vector(0, 1); len(t.data) > 0 {
				t.isConst = true
				if len(t.data) != elems*t.typ.Size() {
					return fmt.Errorf("tensor %q of shape %v and type %s takes %d bytes, and has %d", t.name, t.shape, t.typ, elems*t.typ.Size(), len(t.data))
				}
				r.users[t.buffer]++
			}
		}
		if r.err != nil {
			return r.err
		}
		if t.name == "" || r.names[t.name] {
			t.name = r.fresh(fmt.Sprintf("%s_%d", t.name, i))
		}
		r.names[t.name] = true
		r.all = append(r.all, t)
	}
	for _, row := range r.model.tables(1, 1<<10) {
		// The old field is a byte; from 127 on the new one counts.
		c := opcode{int(uint8(row.byte(0, 0))), row.string(1)}
		if n := int(row.int(3, 0)); n > c.code {
			c.code = n
		}
		r.ops = append(r.ops, c)
	}
	return r.err
}

// fresh is a name that no value has, the wanted one or near it.
func (r *reader) fresh(name string) string {
	for r.names[name] {
		name += "_"
	}
	r.names[name] = true
	return name
}

func (t *tensor) zeroPoint() int64 {
	if len(t.zero) == 0 {
		return 0
	}
	return t.zero[0]
}

// sameNumbers reports whether two tensors stand for the same numbers whatever they hold: u8 as i8 with a zero point of
// 128 less.
func sameNumbers(x, y *tensor) bool {
	if !x.quantised() || !y.quantised() || x.isConst || len(x.scale) != 1 || len(y.scale) != 1 || x.scale[0] != y.scale[0] {
		return false
	}
	offset := func(t *tensor) int64 {
		if t.typ == ir.U8 {
			return t.zeroPoint() - 128
		}
		return t.zeroPoint()
	}
	bytes := func(t *tensor) bool { return t.typ == ir.U8 || t.typ == ir.I8 }
	return offset(x) == offset(y) && bytes(x) && bytes(y)
}
