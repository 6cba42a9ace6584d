package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model/internal/header"
)

// Write writes a network. Errors other than those of w are *ir.Error of layer model.
func Write(w io.Writer, net Network) error {
	fail := func(err error) error { return &ir.Error{Layer: ir.Model, What: "cannot be written", Err: err} }
	if _, err := op.Infer(net.Graph, 1); err != nil {
		return err
	}
	h, tensors, err := headOf(net)
	if err != nil {
		return fail(err)
	}
	for i, t := range tensors {
		if t == nil || !slices.Contains(types, t.Type) || t.Data == nil || len(t.Memory()) != t.Shape.Elems()*t.Type.Size() {
			return fail(fmt.Errorf("tensor %q has no elements of its type %q", h.Tensors[i].Name, t.Type))
		}
	}
	if err := each(len(tensors), func(i int) error {
		h.Tensors[i].Encoding = encodingOf(tensors[i])
		return nil
	}); err != nil {
		return fail(err)
	}
	at, memory := int64(0), int64(0)
	for i, t := range tensors {
		row := &h.Tensors[i]
		row.At, row.Bytes = at, row.bytes(t.Shape.Elems(), t.Type.Size())
		at = aligned(at + row.Bytes + 4)
		memory += row.memory()
	}
	h.Filler = max(0, (memory+most-1)/most-at)
	text, err := h.text()
	if err != nil {
		return fail(err)
	}
	if len(text) > maxHeader || header.Values(text) >= maxValues {
		return fail(errors.New("it has too many nodes"))
	}
	if text, err = deflated(text); err != nil {
		return fail(err)
	}
	begin := binary.LittleEndian.AppendUint32([]byte(Magic), uint32(len(text)))
	begin = append(binary.LittleEndian.AppendUint32(begin, sum(text)), text...)
	if _, err := w.Write(begin); err != nil {
		return err
	}
	for i, t := range tensors {
		b := payload(t, h.Tensors[i].Encoding)
		if int64(len(b)) != h.Tensors[i].Bytes {
			return fail(fmt.Errorf("tensor %q takes %d bytes and should take %d", h.Tensors[i].Name, len(b), h.Tensors[i].Bytes))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		end := binary.LittleEndian.AppendUint32(nil, sum(b))
		if i+1 < len(tensors) || h.Filler > 0 {
			end = append(end, make([]byte, aligned(int64(len(b)+4))-int64(len(b)+4))...)
		}
		if _, err := w.Write(end); err != nil {
			return err
		}
	}
	for left := h.Filler; left > 0; {
		n := min(left, 1<<16)
		if _, err := w.Write(make([]byte, n)); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// types are those that a tensor may have.
var types = []ir.Type{ir.F32, ir.F64, ir.F16, ir.BF16, ir.I8, ir.U8, ir.I16, ir.U16, ir.I32, ir.U32, ir.I64, ir.U64, ir.Bool}
