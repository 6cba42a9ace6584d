package dlas

import (
	"math"
	"strings"
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

// TestNodeTable: a share stands in the table where there is one, and where no node has one neither has the table a column.
func TestNodeTable(t *testing.T) {
	ms, share := 0.5, 0.42
	r := &Result{Nodes: []Node{{Name: "conv1", Kernel: "k", ISA: "avx2", MS: &ms, Roofline: &share, Bound: byMemory, InsteadOf: "winograd"}, {Name: "relu", MS: &ms}}}
	if text := r.NodeTable().String(); !strings.Contains(text, "42 %") || !strings.Contains(text, "memory") || !strings.Contains(text, "bound by") || !strings.Contains(text, "winograd") {
		t.Error(text)
	}
	r.Nodes[0].Roofline, r.Nodes[0].Bound = nil, ""
	if text := r.NodeTable().String(); strings.Contains(text, "bound by") || !strings.Contains(text, "no roofline") || !strings.Contains(text, "winograd") {
		t.Error(text)
	}
}

// TestAlikeSizes: what all networks of a table have in common is a line below it and no three columns.
func TestAlikeSizes(t *testing.T) {
	a, b := &Result{}, &Result{}
	a.Model.NonZero, b.Model.NonZero = 1234, 1234
	both := Results{a, b}
	if head, _, _ := strings.Cut(both.String(), "\n"); !strings.HasSuffix(head, "95 % interval  spec") {
		t.Errorf("there is nothing to mark, and the columns are %q", head)
	}
	if text := both.String(); strings.Contains(text, "weights  ") || !strings.Contains(text, "each: 1,234 parameters not zero") {
		t.Error(text)
	}
	b.Model.NonZero = 1233
	if text := both.String(); strings.Contains(text, "each:") || !strings.Contains(text, "1,233") {
		t.Error(text)
	}
}
