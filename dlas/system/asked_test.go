package system

import (
	"strings"
	"sync"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// TestEachPanics: what panics on another thread can be recovered from by who compiles, as if it were on his own.
func TestEachPanics(t *testing.T) {
	b := &binder{machine: machine(hardware.Probe().ISA, 2)}
	defer func() {
		if v := recover(); v != "a fault" {
			t.Errorf("recovered %v", v)
		}
	}()
	b.each(100, func(i int) {
		if i > 2 {
			panic("a fault")
		}
	})
	t.Error("it went on")
}

// asking counts how often each kernel is asked about each node.
type asking struct {
	mu          sync.Mutex
	fits, costs map[[2]string]int // kernel, node's output
}

// counted are the kernels, counting.
func (a *asking) counted() []ir.Kernel {
	a.fits, a.costs = map[[2]string]int{}, map[[2]string]int{}
	ks := primitive.Kernels()
	for i := range ks {
		k := ks[i]
		count := func(of map[[2]string]int, p ir.Problem) {
			if len(p.Node.Out) > 0 {
				a.mu.Lock()
				of[[2]string{k.Name, p.Node.Out[0]}]++
				a.mu.Unlock()
			}
		}
		ks[i].Fits = func(p ir.Problem) error { count(a.fits, p); return k.Fits(p) }
		if k.Cost != nil {
			ks[i].Cost = func(p ir.Problem) float64 { count(a.costs, p); return k.Cost(p) }
		}
	}
	return ks
}

// TestAskedOnce counts what is computed to compile a network, which once doubled unseen: in one of full weights no kernel
// that skips zeros is asked, and all others once; in one with zeros once for what lies in strips, and once for the choice;
// and always the highest instruction set alone of rows that differ by nothing else.
func TestAskedOnce(t *testing.T) {
	worth := map[string]bool{}
	for _, k := range primitive.Kernels() {
		worth[k.Name] = k.Worth != nil
	}
	for _, zeros := range []float64{0, 0.9} {
		for _, threads := range []int{1, 2} {
			var a asking
			m := machine(hardware.Probe().ISA, threads)
			p, err := Compile(residualNet(1, zeros, 24, 24), a.counted(), m, Plan{})
			if err != nil {
				t.Fatal(err)
			}
			most, skipping := 1, 0
			if zeros > 0 {
				most = 2
			}
			families := map[[2]string]string{}
			for key, n := range a.costs {
				kernel, node := key[0], key[1]
				if worth[kernel] {
					skipping++
				}
				name, _, _ := strings.Cut(kernel, "__")
				if name == "layout_f32_strips" || strings.HasPrefix(node, "x") {
					continue // conversions, which have no names
				}
				if n > most {
					t.Errorf("%v zeros, %d threads: %s is asked %d times what it takes for %s", zeros, threads, kernel, n, node)
				}
				family := [2]string{name, node}
				if other := families[family]; other != "" {
					t.Errorf("%v zeros, %d threads: %s and %s are both asked about %s", zeros, threads, kernel, other, node)
				}
				families[family] = kernel
			}
			for key, n := range a.fits {
				if n > most {
					t.Errorf("%v zeros, %d threads: %s is asked %d times whether it fits %s", zeros, threads, key[0], n, key[1])
				}
			}
			if (skipping > 0) != (zeros > 0) {
				t.Errorf("%v zeros, %d threads: kernels that skip zeros are asked %d times", zeros, threads, skipping)
			}
			if len(families) == 0 || len(p.Nodes()) == 0 {
				t.Fatal("nobody was asked")
			}
		}
	}
}
