package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pack makes a file of a header and that many bytes of elements.
func pack(header string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), body...)
}

func read(b []byte) (*Safetensors, error) { return ReadSafetensors(bytes.NewReader(b), int64(len(b))) }

func TestSafetensorsReads(t *testing.T) {
	header := `{"__metadata__":{"a":"b"},"f":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"h":{"dtype":"F16","shape":[6],"data_offsets":[8,20]},` +
		`"b":{"dtype":"BF16","shape":[],"data_offsets":[20,22]},"n":{"dtype":"I64","shape":[],"data_offsets":[22,30]}}`
	var body []byte
	for _, v := range []float32{1.5, -3} {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
	}
	for _, v := range []uint16{0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x3fc0} {
		body = binary.LittleEndian.AppendUint16(body, v)
	}
	body = binary.LittleEndian.AppendUint64(body, 7)
	s, err := read(pack(header, body))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"f": {1.5, -3},
		"h": {1, -2, 0x1p-24, 65504, float32(math.Copysign(0, -1)), float32(math.Inf(1))},
		"b": {1.5},
	} {
		x, err := s.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x.F32() {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Errorf("%s[%d] is %v, not %v", name, i, v, want[i])
			}
		}
	}
	if _, err := s.Tensor("n"); err == nil || !strings.Contains(err.Error(), "integers") {
		t.Errorf("a counter as weights: %v", err)
	}
	if s.Metadata["a"] != "b" || len(s.Digest) != 64 {
		t.Errorf("metadata %v, digest %q", s.Metadata, s.Digest)
	}
}

func TestSafetensorsRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "too few"},
		{"header longer than the file", binary.LittleEndian.AppendUint64(nil, 1<<62), "does not fit"},
		{"no JSON", pack("nonsense", nil), "not JSON"},
		{"array", pack("[1]", nil), "not JSON"},
		{"metadata of numbers", pack(`{"__metadata__":{"a":1}}`, nil), "__metadata__"},
		{"truncated", pack(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 7)), "fit the file"},
		{"extent of 2^62", pack(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}`, make([]byte, 8)), "does not fit"},
		{"negative extent", pack(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, make([]byte, 8)), "does not fit"},
		{"offset past the end", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, make([]byte, 8)), "outside the file"},
		{"offsets the wrong way", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}`, make([]byte, 8)), "outside the file"},
		{"negative offset", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, make([]byte, 8)), "header's row"},
		{"size and shape differ", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)), "takes 4 bytes"},
		{"overlap", pack(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), "begins at byte 4"},
		{"hole", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), "begins at byte 4"},
		{"padded", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 8)), "truncated, or padded"},
		{"type", pack(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)), `type "F64"; there is`},
		{"many axes", pack(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, make([]byte, 4)), "9 axes"},
		{"unknown field", pack(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, make([]byte, 4)), "header's row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
}

// TestHostileHeaders: a header of as many bytes as there may be is read or refused in a second and 64 MB above the file.
func TestHostileHeaders(t *testing.T) {
	filled := func(begin, end string, more func(i int) string) []byte {
		var b strings.Builder
		b.WriteString(begin)
		for i := 0; b.Len() < maxHeader-len(end)-32; i++ {
			b.WriteString(more(i))
		}
		b.WriteString(end)
		return pack(b.String(), nil)
	}
	for what, file := range map[string][]byte{
		"rows":     filled("{", `"z":0}`, func(i int) string { return `"` + strconv.FormatInt(int64(i), 36) + `":0,` }),
		"metadata": filled(`{"__metadata__":{`, `"z":""}}`, func(i int) string { return `"` + strconv.FormatInt(int64(i), 36) + `":"",` }),
		"axes":     filled(`{"a":{"shape":[`, `1]}}`, func(int) string { return "1," }),
		"objects":  filled(`{"a":`, `0}`, func(int) string { return "[" }),
		"a string": filled(`{"__metadata__":{"a":"`, `"}}`, func(int) string { return "a,b" }),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		_, err := read(file)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		// The reader's own copy of the file is the file's size.
		if bytes := int(after.TotalAlloc-before.TotalAlloc) - len(file); took > time.Second || bytes > 64<<20 {
			t.Errorf("%s: %v and %d bytes above the file (%v)", what, took, bytes, err)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(pack(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 8)))
	f.Add(pack(`{"__metadata__":{"a":"b"},"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}`, make([]byte, 4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := read(b)
		if err != nil {
			return
		}
		total := 0
		for _, n := range s.Names() {
			x, err := s.Tensor(n)
			if s.entries[n].Dtype == "I64" {
				if err == nil {
					t.Fatal("integers are read as weights")
				}
				continue
			}
			if err != nil {
				t.Fatalf("a checked file cannot be read: %v", err)
			}
			total += x.Shape.Elems()
		}
		if total > len(b) {
			t.Fatalf("%d elements out of %d bytes", total, len(b))
		}
	})
}

// save writes tensors of f32 as a file, with metadata.
func save(t *testing.T, meta map[string]string, tensors map[string][]int, fill func(name string, i int) float32) []byte {
	t.Helper()
	header := map[string]any{"__metadata__": meta}
	var body []byte
	for name, shape := range tensors {
		n := 1
		for _, d := range shape {
			n *= d
		}
		header[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{len(body), len(body) + 4*n}}
		for i := range n {
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(fill(name, i)))
		}
	}
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return pack(string(h), body)
}
