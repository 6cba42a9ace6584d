package dlas

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/model"
)

// TestExportNotes: who exports a compressed network reads what each pass did, and of levels which were found.
func TestExportNotes(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	notes, err := New().Data("fashion-mnist(n=8)").Model("resnet8").Compress("prune(elbow, n=20, drop=100)", "int8(n=4)").ExportNotes(t.Context(), filepath.Join(t.TempDir(), "net.dlas"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"prune(elbow) is 0.", "conv and linear weights are zero (sparsity 0.", "10 of 10 conv and linear layers in bytes"} {
		found := false
		for _, n := range notes {
			found = found || strings.Contains(n, want)
		}
		if !found {
			t.Errorf("%d: no note says %q: %q", i, want, notes)
		}
	}
}

// TestIntegersHaveNoMoreParameters: bytes in the place of floats are as many, with a bias for each output channel, and
// neither their scales nor their zero points are parameters.
func TestIntegersHaveNoMoreParameters(t *testing.T) {
	const weights, outputs = 77072, 346
	st := New().Data("fashion-mnist(n=8)").Model("resnet8").Compress("int8(n=4)")
	g, _, err := st.network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := model.Count(g); c.Params != weights+outputs || c.Bytes <= c.Params {
		t.Errorf("%d parameters in %d bytes, want %d", c.Params, c.Bytes, weights+outputs)
	}
	d, err := st.Diagram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, n := range d.Nodes {
		sum += n.Params
	}
	if d.Params != weights+outputs || sum != d.Params {
		t.Errorf("the diagram has %d parameters, its nodes %d", d.Params, sum)
	}
}
