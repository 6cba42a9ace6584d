package mem

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestAlloc(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	type piece struct{ from, to uintptr }
	var all []piece
	for range 300 {
		n := 1 + r.IntN(100_000)
		if r.IntN(50) == 0 {
			n = chunk + r.IntN(chunk)
		}
		m := Alloc(n)
		if len(m) != n || cap(m) != n {
			t.Fatalf("asked for %d bytes, got %d of %d", n, len(m), cap(m))
		}
		from := uintptr(unsafe.Pointer(&m[0]))
		if from%64 != 0 {
			t.Fatalf("%d bytes at %x", n, from)
		}
		for i := range m {
			if m[i] != 0 {
				t.Fatal("memory is not zeroed")
			}
			m[i] = 0xff
		}
		for _, p := range all {
			if from < p.to && p.from < from+uintptr(n) {
				t.Fatal("two pieces overlap")
			}
		}
		all = append(all, piece{from, from + uintptr(n)})
		defer func() { _ = m[0] }()
	}
}
