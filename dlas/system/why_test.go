package system

import (
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
)

// TestWhy checks that nodes with zeros say which kernel was estimated faster than which, where there was a choice between
// skipping zeros and not, and that others say nothing.
func TestWhy(t *testing.T) {
	for _, c := range []struct {
		zeros float64
		plan  Plan
		says  bool
	}{
		{0.6, Plan{}, true},
		{0.95, Plan{}, true},
		{0, Plan{}, false},
		{0.9, Plan{Format: "dense"}, false},
		{0.9, Plan{Algorithm: "direct", Format: "csr"}, false},
	} {
		p := compile(t, residualNet(1, c.zeros, 24, 24), machine(hardware.Probe().ISA, 1), c.plan)
		said := 0
		for _, n := range p.Nodes() {
			if n.Why == "" {
				continue
			}
			said++
			name := n.Algorithm + " " + n.Format
			if n.Algorithm == "winograd" {
				name = n.Algorithm
			}
			if !strings.Contains(n.Why, " is estimated ") || !strings.Contains(n.Why, name) || !strings.Contains(n.Why, " % zeros") {
				t.Errorf("%v: %s by %s: %q", c, n.Name, n.Kernel, n.Why)
			}
		}
		if (said > 0) != c.says {
			t.Errorf("%+v: %d nodes say why", c, said)
		}
	}
}
