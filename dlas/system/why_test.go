package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
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

// TestWhySays: each sentence, of the estimates that ask for it.
func TestWhySays(t *testing.T) {
	named := func(algorithm, format string) *ir.Kernel {
		return &ir.Kernel{Name: algorithm + " " + format, Algorithm: algorithm, Format: format, Bind: func(ir.Problem, ir.Schedule) (ir.Bound, error) { return ir.Bound{}, nil }}
	}
	dense, csr, wino := named("direct", "dense"), named("direct", "csr"), named("winograd", "dense")
	work := func(zeros int64) op.Work { return op.Work{MACs: 100, Nonzero: 100 - zeros} }
	for _, c := range []struct {
		chosen, other rival
		zeros         int64
		want          string
	}{
		{rival{kernel: csr, alone: 30, moves: 10}, rival{kernel: dense, alone: 100, moves: 0}, 80, "direct csr is estimated 2.5x faster than direct dense at 80 % zeros"},
		{rival{kernel: wino, alone: 40, moves: 0}, rival{kernel: csr, alone: 60, moves: 0}, 67, "winograd is estimated 1.5x faster than direct csr at 67 % zeros"},
		{rival{kernel: dense, alone: 100, moves: 0}, rival{kernel: csr, alone: 104, moves: 0}, 30, "direct dense is estimated 1.04x faster than direct csr at 30 % zeros"},
		{rival{kernel: dense, alone: 100, moves: 0}, rival{kernel: csr, alone: 80, moves: 40}, 40, "direct dense is estimated 1.2x faster than direct csr with its conversions at 40 % zeros"},
		{rival{kernel: dense, alone: 100, moves: 50}, rival{kernel: csr, alone: 80, moves: 100}, 40, "direct dense is estimated 1.2x faster than direct csr with its conversions at 40 % zeros"},
		{rival{kernel: dense, alone: 100, moves: 50}, rival{kernel: csr, alone: 120, moves: 60}, 40, "direct dense is estimated 1.2x faster than direct csr at 40 % zeros"}, // its conversions do not decide
		{rival{kernel: dense, alone: 105, moves: 0}, rival{kernel: csr, alone: 90, moves: 10}, 55, "direct csr is estimated only 1.05x faster than direct dense at 55 % zeros, less than estimates are sure of"},
		{rival{kernel: csr, alone: 100, moves: 0}, rival{kernel: dense, alone: 100, moves: 0}, 50, "direct csr is estimated 1.00x faster than direct dense at 50 % zeros"},
		{rival{kernel: csr, alone: 0, moves: 0}, rival{kernel: dense, alone: 10, moves: 0}, 50, "direct csr is estimated 10.0x faster than direct dense at 50 % zeros"}, // no division by nothing
		{rival{kernel: dense, alone: 100, moves: 0}, rival{kernel: csr, alone: 120, moves: 0}, 9, ""},
		{rival{kernel: dense, alone: 100, moves: 0}, rival{kernel: csr, alone: 120, moves: 0}, 11, "direct dense is estimated 1.2x faster than direct csr at 11 % zeros"},
		{rival{kernel: dense, alone: 100, moves: 0}, rival{}, 50, ""}, // there was no other
	} {
		d := &draft{kernel: *c.chosen.kernel, rivals: [2]rival{c.chosen, c.other}, work: work(c.zeros)}
		if got := d.why(); got != c.want {
			t.Errorf("%v against %v cycles at %d %%:\n%q, not\n%q", c.chosen.cycles(), c.other.cycles(), c.zeros, got, c.want)
		}
		if d.kernel = *named("gemm", "csr"); d.why() != "" {
			t.Errorf("of a kernel that was not chosen by estimates it is said: %q", d.why())
		}
	}
}

// TestRivals: of the kernels that treat zeros otherwise than the one chosen, the rival is that of the least cost.
func TestRivals(t *testing.T) {
	costs := map[string]float64{"dense": 5, "winograd": 4, "csr": 6, "bsr": 3}
	var all []rival
	for name := range costs {
		format := name
		if name == "winograd" {
			format = "dense"
		}
		all = append(all, rival{kernel: &ir.Kernel{Name: name, Format: format}, cost: costs[name]})
	}
	for chosen, want := range map[string]string{"dense": "bsr", "winograd": "bsr", "csr": "winograd", "bsr": "winograd"} {
		two := rivalsOf(slices.IndexFunc(all, func(r rival) bool { return r.kernel.Name == chosen }), all)
		if two[0].kernel.Name != chosen || two[1].kernel.Name != want {
			t.Errorf("%s has the rival %s, not %s", two[0].kernel.Name, two[1].kernel.Name, want)
		}
	}
}
