package tflite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// FlatBuffers (flatbuffers.dev, Internals), as much as TFLite's schema uses. Every offset is held to the file before it
// is followed, and what is not there reads as its default: a hostile file yields an error, never a read outside it.

var errBroken = errors.New("truncated, or not a TFLite file")

// flat is a file with the first fault that reading it met: accessors return nothing after it, and whoever asks for a
// whole thing asks for err once.
type flat struct {
	b    []byte
	err  error
	left int64 // bytes that may still be allocated for what the file holds
}

// spend counts an allocation: a hostile file can point to the same bytes again and again.
func (f *flat) spend(n int64) error {
	if f.left -= n; f.left < 0 && f.err == nil {
		f.err = errors.New("takes far more memory than its file has bytes")
	}
	return f.err
}

// room reports whether n bytes may be allocated for a list that has at most so many elements.
func (f *flat) room(have, most int, bytes int64) bool {
	if f.err == nil && have > most {
		f.err = fmt.Errorf("a list has %d entries, more than %d", have, most)
	}
	return f.err == nil && f.spend(bytes) == nil
}

// table is a table at an offset; the zero table is one that is absent, and has every field at its default.
type table struct {
	f      *flat
	at     int
	vtable int
	fields int // bytes of the vtable
	size   int // bytes of the table
}

func (f *flat) fail() {
	if f.err == nil {
		f.err = errBroken
	}
}

func (f *flat) u16(at int) int {
	if at < 0 || at > len(f.b)-2 {
		f.fail()
		return 0
	}
	return int(binary.LittleEndian.Uint16(f.b[at:]))
}

func (f *flat) u32(at int) uint32 {
	if at < 0 || at > len(f.b)-4 {
		f.fail()
		return 0
	}
	return binary.LittleEndian.Uint32(f.b[at:])
}

// follow is where the unsigned offset that lies at that place points.
func (f *flat) follow(at int) int {
	off := f.u32(at)
	if f.err != nil || off == 0 || uint64(off)+uint64(at) > uint64(len(f.b)) {
		f.fail()
		return -1
	}
	return at + int(off)
}

func (f *flat) table(at int) table {
	v := at - int(int32(f.u32(at)))
	t := table{f: f, at: at, vtable: v}
	t.fields, t.size = f.u16(v), f.u16(v+2)
	if f.err == nil && (t.fields < 4 || v > len(f.b)-t.fields || t.size < 4 || at > len(f.b)-t.size) {
		f.fail()
	}
	if f.err != nil {
		return table{}
	}
	return t
}

// field is where field number i of a table lies; 0 where it is absent.
func (t table) field(i, size int) int {
	if t.f == nil || t.f.err != nil || 4+2*i+2 > t.fields {
		return 0
	}
	off := t.f.u16(t.vtable + 4 + 2*i)
	if off == 0 {
		return 0
	}
	if off > t.size-size {
		t.f.fail()
		return 0
	}
	return t.at + off
}

func (t table) byte(i int, def int8) int8 {
	if at := t.field(i, 1); at > 0 {
		return int8(t.f.b[at])
	}
	return def
}

func (t table) int(i int, def int32) int32 {
	if at := t.field(i, 4); at > 0 {
		return int32(t.f.u32(at))
	}
	return def
}

func (t table) float(i int, def float32) float32 {
	if at := t.field(i, 4); at > 0 {
		return math.Float32frombits(t.f.u32(at))
	}
	return def
}

func (t table) u64(i int) uint64 {
	if at := t.field(i, 8); at > 0 {
		return binary.LittleEndian.Uint64(t.f.b[at:])
	}
	return 0
}

// sub is a nested table.
func (t table) sub(i int) table {
	at := t.field(i, 4)
	if at == 0 {
		return table{}
	}
	if at = t.f.follow(at); at < 0 {
		return table{}
	}
	return t.f.table(at)
}

// vector is a field's elements as bytes.
func (t table) vector(i, size int) []byte {
	at := t.field(i, 4)
	if at == 0 {
		return nil
	}
	if at = t.f.follow(at); at < 0 {
		return nil
	}
	n := uint64(t.f.u32(at))
	if t.f.err != nil || n*uint64(size) > uint64(len(t.f.b)-at-4) {
		t.f.fail()
		return nil
	}
	end := at + 4 + int(n)*size
	return t.f.b[at+4 : end : end]
}

func (t table) string(i int) string {
	b := t.vector(i, 1)
	if len(b) == 0 || !t.f.room(len(b), 1<<20, int64(len(b))) {
		return ""
	}
	return string(b)
}

func (t table) ints(i, most int) []int {
	b := t.vector(i, 4)
	if len(b) == 0 || !t.f.room(len(b)/4, most, 2*int64(len(b))) {
		return nil
	}
	out := make([]int, len(b)/4)
	for k := range out {
		out[k] = int(int32(binary.LittleEndian.Uint32(b[4*k:])))
	}
	return out
}

func (t table) floats(i, most int) []float32 {
	b := t.vector(i, 4)
	if len(b) == 0 || !t.f.room(len(b)/4, most, 2*int64(len(b))) {
		return nil
	}
	out := make([]float32, len(b)/4)
	for k := range out {
		out[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
	}
	return out
}

func (t table) longs(i, most int) []int64 {
	b := t.vector(i, 8)
	if len(b) == 0 || !t.f.room(len(b)/8, most, int64(len(b))) {
		return nil
	}
	out := make([]int64, len(b)/8)
	for k := range out {
		out[k] = int64(binary.LittleEndian.Uint64(b[8*k:]))
	}
	return out
}

// tables are the elements of a vector of tables.
func (t table) tables(i, most int) []table {
	b := t.vector(i, 4)
	n := len(b) / 4
	if n == 0 || !t.f.room(n, most, 64*int64(n)) {
		return nil
	}
	at := t.f.follow(t.field(i, 4)) + 4
	out := make([]table, n)
	for k := range out {
		to := t.f.follow(at + 4*k)
		if to < 0 {
			return nil
		}
		if out[k] = t.f.table(to); t.f.err != nil {
			return nil
		}
	}
	return out
}
