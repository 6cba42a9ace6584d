package pipe

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"
)

func TestFramesRoundTrip(t *testing.T) {
	r, w := io.Pipe()
	a, b := NewConn(strings.NewReader(""), w), NewConn(r, io.Discard)
	const each = 50
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range each {
				if err := a.Send(KindCommMsg, uint64(i+1), uint64(g), Comm{ID: "世"}, []byte("buffer"), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { wg.Wait(); w.Close() }()
	next := map[uint64]uint64{}
	for range 4 * each {
		f, err := b.Receive()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Decode[Comm](f)
		next[f.Parent]++
		if err != nil || c.ID != "世" || f.Kind != KindCommMsg || f.ID != next[f.Parent] || len(f.Buffers) != 2 || string(f.Buffers[0]) != "buffer" {
			t.Fatalf("%+v %v %v", f, c, err)
		}
	}
	if _, err := b.Receive(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

func TestSpoiltFrames(t *testing.T) {
	head := func(size, buffers uint32, rest string) []byte {
		b := binary.LittleEndian.AppendUint32(nil, size)
		b = binary.LittleEndian.AppendUint32(b, buffers)
		return append(b, rest...)
	}
	for name, b := range map[string][]byte{
		"cut head":        head(1, 0, "")[:5],
		"huge head":       head(1<<31, 0, ""),
		"many buffers":    head(2, 1<<31, "{}"),
		"cut body":        head(10, 0, "{"),
		"not JSON":        head(2, 0, "}{"),
		"no buffer":       head(2, 1, "{}"),
		"cut buffer":      append(head(2, 1, "{}"), 9, 0, 0, 0, 'x'),
		"buffer too huge": append(head(2, 1, "{}"), 0xff, 0xff, 0xff, 0xff),
	} {
		if f, err := NewConn(bytes.NewReader(b), io.Discard).Receive(); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if err := NewConn(nil, io.Discard).Send(KindExecute, 1, 0, func() {}); err == nil {
		t.Error("a body that is not JSON was sent")
	}
}

func TestMarkers(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		m := NewMarker()
		if len(m) != MarkerLen || !strings.HasPrefix(m, MarkerPrefix) || !strings.HasSuffix(m, MarkerSuffix) || seen[m] {
			t.Fatalf("%q", m)
		}
		seen[m] = true
	}
}
