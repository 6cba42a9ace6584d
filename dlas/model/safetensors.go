package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model/internal/header"
)

// Safetensors is an open file of named tensors (huggingface/safetensors, format of version 0.4): eight bytes of header
// length, a JSON header, then the elements. It was checked as a whole: extents, element types, and that the tensors
// cover the rest of the file exactly, without holes and overlaps.
type Safetensors struct {
	Metadata map[string]string
	Digest   string // SHA-256 of the file, hex
	entries  map[string]stEntry
	body     []byte
}

type stEntry struct {
	Dtype   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

const (
	maxHeader  = 4 << 20 // bytes; the format allows 100 MB
	maxWeights = 1 << 31 // bytes of a file of weights
	maxValues  = 1 << 17 // of the header's JSON, some eight a tensor: each takes up to 300 bytes while it is read
	maxAxes    = 8
)

// ReadSafetensors reads and checks a file of that many bytes. Nothing is allocated that the size does not cover.
func ReadSafetensors(r io.Reader, size int64) (*Safetensors, error) {
	if size < 8 {
		return nil, fmt.Errorf("holds %d bytes, too few for a safetensors file", size)
	}
	if size > maxWeights {
		return nil, fmt.Errorf("holds %d bytes, more than the %d there may be", size, int64(maxWeights))
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("ends before its %d bytes: %w", size, err)
	}
	n := binary.LittleEndian.Uint64(raw)
	if n > uint64(size-8) || n > maxHeader {
		return nil, fmt.Errorf("truncated or not a safetensors file: its header of %d bytes does not fit the file's %d", n, size)
	}
	s := &Safetensors{body: raw[8+n:]}
	if err := s.parseHeader(raw[8 : 8+n]); err != nil {
		return nil, err
	}
	if err := s.checkCover(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	s.Digest = hex.EncodeToString(sum[:])
	return s, nil
}

func (s *Safetensors) parseHeader(text []byte) error {
	if header.Values(text) >= maxValues {
		return fmt.Errorf("its header has more than %d values", maxValues)
	}
	var rows map[string]json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		return fmt.Errorf("its header is not JSON: %w", err)
	}
	s.entries = make(map[string]stEntry, len(rows))
	for name, row := range rows {
		if name == "__metadata__" {
			if err := json.Unmarshal(row, &s.Metadata); err != nil {
				return errors.New("its __metadata__ is not a map of strings")
			}
			continue
		}
		var e stEntry
		d := json.NewDecoder(bytes.NewReader(row))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("the header's row of tensor %q is wrong: %w", name, err)
		}
		if err := e.check(uint64(len(s.body))); err != nil {
			return fmt.Errorf("tensor %q %w", name, err)
		}
		s.entries[name] = e
	}
	return nil
}

// dtypeSize is the bytes of an element; 0 for a type that no file of weights needs. I64 is that of the counters which
// PyTorch writes beside batch norm, U8 and I16 are those of codes.
func dtypeSize(dtype string) uint64 {
	switch dtype {
	case "I64":
		return 8
	case "F32":
		return 4
	case "F16", "BF16", "I16":
		return 2
	case "U8":
		return 1
	}
	return 0
}

func (e stEntry) check(body uint64) error {
	size := dtypeSize(e.Dtype)
	if size == 0 {
		return fmt.Errorf("has type %q; there is: F32, F16, BF16", e.Dtype)
	}
	if len(e.Shape) > maxAxes {
		return fmt.Errorf("has %d axes", len(e.Shape))
	}
	elems := uint64(1)
	for _, d := range e.Shape {
		if d < 1 || uint64(d) > body/size/elems {
			return fmt.Errorf("of shape %v does not fit the file", e.Shape)
		}
		elems *= uint64(d)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > body {
		return fmt.Errorf("lies at %v, outside the file's %d bytes of elements", e.Offsets, body)
	}
	if e.Offsets[1]-e.Offsets[0] != elems*size {
		return fmt.Errorf("of shape %v and type %s takes %d bytes, and the header gives it %d", e.Shape, e.Dtype, elems*size, e.Offsets[1]-e.Offsets[0])
	}
	return nil
}

func (s *Safetensors) checkCover() error {
	names := s.Names()
	slices.SortFunc(names, func(a, b string) int {
		x, y := s.entries[a].Offsets, s.entries[b].Offsets
		if x[0] != y[0] {
			return int(int64(x[0]) - int64(y[0]))
		}
		return strings.Compare(a, b)
	})
	at := uint64(0)
	for _, n := range names {
		o := s.entries[n].Offsets
		if o[0] != at {
			return fmt.Errorf("tensor %q begins at byte %d of the elements, and the one before it ends at %d", n, o[0], at)
		}
		at = o[1]
	}
	if at != uint64(len(s.body)) {
		return fmt.Errorf("holds %d bytes of elements, and its header names %d: truncated, or padded", len(s.body), at)
	}
	return nil
}

// Names lists the tensors, sorted.
func (s *Safetensors) Names() []string {
	names := make([]string, 0, len(s.entries))
	for n := range s.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Shape returns the extents of a tensor; false where there is none of that name.
func (s *Safetensors) Shape(name string) (ir.Shape, bool) {
	e, ok := s.entries[name]
	return e.Shape, ok
}

// Tensor decodes a tensor to f32; half-precision elements are widened, exactly.
func (s *Safetensors) Tensor(name string) (*ir.Tensor, error) {
	e, ok := s.entries[name]
	if !ok {
		return nil, fmt.Errorf("there is no tensor %q", name)
	}
	if slices.Contains([]string{"I64", "I16", "U8"}, e.Dtype) {
		return nil, fmt.Errorf("tensor %q holds integers (%s) and no weights", name, e.Dtype)
	}
	raw := s.body[e.Offsets[0]:e.Offsets[1]]
	data := make([]float32, ir.Shape(e.Shape).Elems())
	switch e.Dtype {
	case "F32":
		for i := range data {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case "BF16":
		for i := range data {
			data[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	case "F16":
		for i := range data {
			data[i] = halfToFloat(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
	return ir.NewF32(data, slices.Clone(e.Shape)...), nil
}

// integers returns the elements of a tensor of codes.
func (s *Safetensors) integers(name string) ([]int, error) {
	e, ok := s.entries[name]
	if !ok {
		return nil, fmt.Errorf("there is no tensor %q", name)
	}
	raw := s.body[e.Offsets[0]:e.Offsets[1]]
	out := make([]int, ir.Shape(e.Shape).Elems())
	switch e.Dtype {
	case "U8":
		for i := range out {
			out[i] = int(raw[i])
		}
	case "I16":
		for i := range out {
			out[i] = int(int16(binary.LittleEndian.Uint16(raw[2*i:])))
		}
	default:
		return nil, fmt.Errorf("tensor %q has type %s; there is: U8, I16", name, e.Dtype)
	}
	return out, nil
}

// halfToFloat widens an IEEE 754 binary16.
func halfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, int(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24
		f := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | uint32(exp+112)<<23 | frac<<13)
}
