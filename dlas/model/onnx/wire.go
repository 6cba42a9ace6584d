package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The protocol buffers wire format (protobuf.dev, Encoding), as much of it as ONNX's messages use. It is read in place:
// what a field holds is a part of the file's bytes, so that weights are not copied, and no length is believed that the
// bytes at hand do not cover.

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errTruncated = errors.New("truncated, or not an ONNX file")

// field is one field of a message.
type field struct {
	num  int
	wire int
	n    uint64 // of a number: the varint, or the fixed bits
	b    []byte // of a length-delimited field
}

// message walks over the fields of an encoded message.
type message struct{ rest []byte }

// next reads one field; ok is false at the end.
func (m *message) next() (f field, ok bool, err error) {
	if len(m.rest) == 0 {
		return f, false, nil
	}
	key, err := m.varint()
	if err != nil {
		return f, false, err
	}
	f.num, f.wire = int(key>>3), int(key&7)
	if key>>3 == 0 || key>>3 > 1<<29-1 {
		return f, false, fmt.Errorf("a field has the number %d: not an ONNX file", key>>3)
	}
	switch f.wire {
	case wireVarint:
		f.n, err = m.varint()
	case wireFixed64:
		var b []byte
		if b, err = m.take(8); err == nil {
			f.n = binary.LittleEndian.Uint64(b)
		}
	case wireFixed32:
		var b []byte
		if b, err = m.take(4); err == nil {
			f.n = uint64(binary.LittleEndian.Uint32(b))
		}
	case wireBytes:
		var size uint64
		if size, err = m.varint(); err == nil {
			f.b, err = m.take(size)
		}
	default:
		err = fmt.Errorf("field %d has the wire type %d: not an ONNX file", f.num, f.wire)
	}
	return f, err == nil, err
}

func (m *message) varint() (uint64, error) {
	v, n := binary.Uvarint(m.rest)
	if n <= 0 {
		return 0, errTruncated
	}
	m.rest = m.rest[n:]
	return v, nil
}

func (m *message) take(size uint64) ([]byte, error) {
	if size > uint64(len(m.rest)) {
		return nil, errTruncated
	}
	b := m.rest[:size:size]
	m.rest = m.rest[size:]
	return b, nil
}

// each calls do for every field of an encoded message, which stops at the first error.
func each(raw []byte, do func(f field) error) error {
	m := message{raw}
	for {
		f, ok, err := m.next()
		if err != nil || !ok {
			return err
		}
		if err := do(f); err != nil {
			return err
		}
	}
}

// want says what is wrong with a field whose wire type is not that of its meaning.
func (f field) want(wire int) error {
	if f.wire != wire {
		return fmt.Errorf("field %d has the wire type %d and not %d: not an ONNX file", f.num, f.wire, wire)
	}
	return nil
}

// varints appends the integers of a repeated field, packed or one at a time.
func (f field) varints(to []int64, most int) ([]int64, error) {
	if f.wire == wireVarint {
		if len(to) >= most {
			return nil, fmt.Errorf("a list has more than %d numbers", most)
		}
		return append(to, int64(f.n)), nil
	}
	if err := f.want(wireBytes); err != nil {
		return nil, err
	}
	for m := (message{f.b}); len(m.rest) > 0; {
		v, err := m.varint()
		if err != nil {
			return nil, err
		}
		if len(to) >= most {
			return nil, fmt.Errorf("a list has more than %d numbers", most)
		}
		to = append(to, int64(v))
	}
	return to, nil
}

// encoder writes messages.
type encoder struct{ b []byte }

func (e *encoder) key(num, wire int) { e.b = binary.AppendUvarint(e.b, uint64(num)<<3|uint64(wire)) }

func (e *encoder) int(num int, v int64) {
	e.key(num, wireVarint)
	e.b = binary.AppendUvarint(e.b, uint64(v))
}

func (e *encoder) float(num int, v float32) {
	e.key(num, wireFixed32)
	e.b = binary.LittleEndian.AppendUint32(e.b, math.Float32bits(v))
}

func (e *encoder) bytes(num int, v []byte) {
	e.key(num, wireBytes)
	e.b = binary.AppendUvarint(e.b, uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) string(num int, v string) {
	e.key(num, wireBytes)
	e.b = binary.AppendUvarint(e.b, uint64(len(v)))
	e.b = append(e.b, v...)
}

// text is string, left out where it is empty.
func (e *encoder) text(num int, v string) {
	if v != "" {
		e.string(num, v)
	}
}

// message writes a nested message, made by fill.
func (e *encoder) message(num int, fill func(*encoder)) {
	var in encoder
	fill(&in)
	e.bytes(num, in.b)
}
