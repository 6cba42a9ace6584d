package packed

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model/internal/header"
)

// Read reads a network from a whole file, which it keeps: elements that are stored as they are in memory stay where they
// are. Every fault of the file is found here.
func Read(raw []byte) (*Network, error) { return read(raw, true) }

// read is Read; without sums, whatever the sums in the file are.
func read(raw []byte, sums bool) (*Network, error) {
	h, body, err := readHead(raw, sums)
	if err != nil {
		return nil, err
	}
	if err := h.check(body, int64(len(raw))); err != nil {
		return nil, err
	}
	tensors := make([]*ir.Tensor, len(h.Tensors))
	if err := each(len(tensors), func(i int) error {
		row := h.Tensors[i]
		b := body[row.At : row.At+row.Bytes : row.At+row.Bytes]
		if sums && sum(b) != binary.LittleEndian.Uint32(body[row.At+row.Bytes:]) {
			return fmt.Errorf("tensor %q is damaged: its sum is another", row.Name)
		}
		tensors[i] = &ir.Tensor{Shape: row.Shape, Type: row.Type}
		if err := restore(tensors[i], row.Encoding, b); err != nil {
			return fmt.Errorf("tensor %q %w", row.Name, err)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	g, err := h.graph(tensors)
	if err != nil {
		return nil, err
	}
	if _, err := op.Infer(g, 1); err != nil {
		return nil, err
	}
	return &Network{Graph: g, PrepKnown: h.Preprocess != nil, Meta: h.Meta}, nil
}

// readHead reads the header, and returns what comes after it.
func readHead(raw []byte, sums bool) (*head, []byte, error) {
	switch {
	case len(raw) < len(Magic) || string(raw[:len(Magic)-1]) != Magic[:len(Magic)-1]:
		return nil, nil, errors.New("is no file of this format")
	case raw[len(Magic)-1] != Magic[len(Magic)-1]:
		return nil, nil, fmt.Errorf("is of version %d of this format, and this program reads version %d", raw[len(Magic)-1], Magic[len(Magic)-1])
	case len(raw) < prefix:
		return nil, nil, errors.New("ends before its header")
	}
	n := int64(binary.LittleEndian.Uint32(raw[len(Magic):]))
	if n > int64(len(raw)-prefix) || n > maxHeader || (int64(prefix)+n)%align != 0 {
		return nil, nil, fmt.Errorf("is truncated: its header of %d bytes does not fit the file's %d", n, len(raw))
	}
	text, body := raw[prefix:int64(prefix)+n], raw[int64(prefix)+n:]
	if sums && sum(text) != binary.LittleEndian.Uint32(raw[len(Magic)+4:]) {
		return nil, nil, errors.New("is damaged: the sum of its header is another")
	}
	text, err := inflated(text)
	if err != nil {
		return nil, nil, err
	}
	if header.Values(text) >= maxValues {
		return nil, nil, fmt.Errorf("its header has more than %d values", maxValues)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	h := new(head)
	if err := d.Decode(h); err != nil {
		return nil, nil, fmt.Errorf("its header is wrong: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("its header goes on after its end")
	}
	return h, body, nil
}

// check holds the rows of the tensors to the bytes after the header, before any is allocated.
func (h *head) check(body []byte, file int64) error {
	at, memory := int64(0), int64(0)
	for i := range h.Tensors {
		t := &h.Tensors[i]
		if err := t.check(); err != nil {
			return fmt.Errorf("tensor %q %w", t.Name, err)
		}
		at = aligned(at)
		if t.At != at || t.Bytes < 0 || t.Bytes > int64(len(body))-4 || t.At > int64(len(body))-4-t.Bytes {
			return fmt.Errorf("tensor %q lies at %d with %d bytes, and should at %d, of %d in the file: truncated, or padded", t.Name, t.At, t.Bytes, at, len(body))
		}
		at += t.Bytes + 4
		memory += t.memory()
		if memory > maxMemory || memory > most*file {
			return fmt.Errorf("its tensors take more than %d times the file's %d bytes", most, file)
		}
	}
	if h.Filler != 0 {
		at = aligned(at)
	}
	if h.Filler < 0 || int64(len(body))-at != h.Filler {
		return fmt.Errorf("has %d bytes after its header, and tensors of %d: truncated, or padded", len(body), at)
	}
	return nil
}

// check holds a tensor's row to what a tensor can be, and its number of bytes to what its form takes.
func (t *tensor) check() error {
	if !slices.Contains(types, t.Type) {
		return fmt.Errorf("has the type %q", t.Type)
	}
	if len(t.Shape) > maxAxes {
		return fmt.Errorf("has %d axes", len(t.Shape))
	}
	n := 1
	for _, d := range t.Shape {
		if d < 0 || d > op.MaxElems || n*d > op.MaxElems {
			return fmt.Errorf("has the shape %v", t.Shape)
		}
		n *= d
	}
	rows := 0
	if len(t.Shape) > 0 && n > 0 {
		rows = t.Shape[0]
	}
	if err := t.Encoding.check(t.Type, n, rows); err != nil {
		return fmt.Errorf("has %w", err)
	}
	if want := t.Encoding.bytes(n, t.Type.Size()); t.Bytes != want {
		return fmt.Errorf("lies in %d bytes, and takes %d", t.Bytes, want)
	}
	return nil
}

// memory is what reading a tensor takes at most, the file itself left out.
func (t *tensor) memory() int64 {
	n, size := ir.Shape(t.Shape).Elems(), int64(t.Type.Size())
	if t.Encoding == (Encoding{}) {
		return 0 // it stays where it is
	}
	return (int64(n) + int64(t.stored(n))) * size
}
