package dlas

import (
	"math"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// TestCeiling: a node is bound by what takes longer of its products and of what it must have moved, and where its bytes
// lie decides how long that takes.
func TestCeiling(t *testing.T) {
	p := primitive.Peak{MACs: 100e9, MACs8: 400e9, Near: 100e9, Bytes: 10e9}
	m := ir.Machine{Threads: 2, L1D: 50e3, L2: 2e6}
	for _, c := range []struct {
		name         string
		typ          ir.Type
		macs, bytes  int64
		batch        int
		images       int
		peaks        primitive.Peak
		microseconds float64
		by           string
	}{
		{"products of floats", ir.F32, 1e8, 1e6, 1, 1, p, 1000, "compute"},
		{"of a batch", ir.F32, 1e8, 1e6, 3, 3, p, 3000, "compute"},
		{"products of bytes", ir.U8, 1e8, 1e6, 1, 1, p, 250, "compute"},
		{"in the first-level caches", ir.F32, 0, 1e5, 1, 1, p, 0, ""},
		{"in the second-level caches", ir.F32, 1, 2.1e6, 1, 1, p, 20, "memory"},
		{"beyond them", ir.F32, 1e6, 14e6, 1, 1, p, 39 + 1000, "memory"},
		{"each image in the caches of one thread", ir.F32, 1, 4 * 4.1e6, 4, 1, p, 4 * (19.5 + 210), "memory"},
		{"peaks of products alone", ir.F32, 1e8, 1e9, 1, 1, primitive.Peak{MACs: 100e9}, 1000, "compute"},
		{"no peaks", ir.F32, 1e8, 1e9, 1, 1, primitive.Peak{}, 0, ""},
	} {
		s, by := ceiling(c.peaks, m, &Node{Type: string(c.typ), MACsExecuted: c.macs, MovedBytes: c.bytes}, c.batch, c.images)
		if math.Abs(s*1e6-c.microseconds) > 1e-6*c.microseconds || by != c.by {
			t.Errorf("%s: %g us by %q, want %g by %q", c.name, s*1e6, by, c.microseconds, c.by)
		}
	}
}
