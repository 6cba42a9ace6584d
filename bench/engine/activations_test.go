package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
	"github.com/godlas/godlas/internal/need"
)

// TestActivations looks at every number that the networks make of a picture: those of this table, as it makes them, and
// all others of the zoo with random weights. Subnormal numbers take a processor a hundred times as long, and a network
// that blows up, or makes nothing of its pictures, is not what anybody runs.
func TestActivations(t *testing.T) {
	entries, err := model.Survey(model.Env{})
	if err != nil {
		t.Fatal(err)
	}
	rest := networks()
	for _, e := range entries {
		if strings.HasSuffix(e.Name, "-p90") {
			continue // is nothing without its weights
		}
		n := network{name: e.Name, size: e.Input[2], classes: e.Classes}
		if i := slices.IndexFunc(rest, func(r network) bool { return r.name == e.Name }); i >= 0 {
			n = rest[i]
			rest = slices.Delete(rest, i, i+1)
		}
		seeds := []uint64{1, 0} // that of this table, that of a user who names none
		if e.MACs > 100e6 {
			seeds = seeds[:1]
		}
		t.Run(n.name, func(t *testing.T) {
			if e.Params > 6e6 && !need.Required("whole") {
				t.Skip("needs whole: this network is large")
			}
			channels := e.Input[0]
			for _, seed := range seeds {
				g, err := model.Build(ir.Choice{Name: n.name}, model.Request{Data: "random", C: channels, H: n.size, W: n.size, Classes: n.classes, Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				walk(t, g, images(1, n.size, 1)[:channels*n.size*n.size])
			}
		})
	}
	if len(rest) > 0 {
		t.Errorf("not in the zoo: %v", rest)
	}
}

// walk runs a network with every value made an output, in the engine, and judges them.
func walk(t *testing.T, g *ir.Graph, picture []float32) {
	all := g.Clone()
	all.Outputs = nil
	for _, n := range g.Nodes {
		all.Outputs = append(all.Outputs, n.Out...)
	}
	p, err := system.Compile(all, primitive.Kernels(), hardware.Probe(), system.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	var out []ir.Memory
	for _, v := range p.Outputs() {
		if v.Type != ir.F32 {
			t.Fatalf("%s is of %s", v.Name, v.Type)
		}
		out = append(out, ir.NewMemory(4*v.Shape.Elems()))
	}
	if err := p.RunAll(t.Context(), []ir.Memory{ir.MemoryOf(picture)}, out); err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Outputs() {
		if err := judge(out[i].F32()); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

// Bounds of a value of a network: the root mean square of its numbers, and the largest, which is 780 where ResNet-56 has
// added 27 blocks.
const (
	leastMean = 1e-3
	most      = 1e4
)

// judge finds what is wrong with a value.
func judge(v []float32) error {
	bad, small, squares, top := 0, 0, 0.0, 0.0
	for _, x := range v {
		a := math.Abs(float64(x))
		switch {
		case math.IsNaN(a) || math.IsInf(a, 0):
			bad++
		case a > 0 && a < 0x1p-126:
			small++
		}
		squares += a * a
		top = max(top, a)
	}
	mean := math.Sqrt(squares / float64(len(v)))
	if bad > 0 || small > 0 || mean < leastMean || top > most {
		return fmt.Errorf("of %d numbers %d are not finite and %d subnormal; their root mean square is %.3g, the largest %.3g", len(v), bad, small, mean, top)
	}
	return nil
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		v    float32
		fine bool
	}{{1, true}, {-0x1p-126, true}, {0x1p-127, false}, {-0x1p-149, false}, {float32(math.NaN()), false}, {float32(math.Inf(-1)), false}, {2 * most, false}} {
		if err := judge([]float32{1, 0, c.v}); (err == nil) != c.fine {
			t.Errorf("%g: %v", c.v, err)
		}
	}
	if judge(make([]float32, 3)) == nil {
		t.Error("nothing but zeros is fine")
	}
}
