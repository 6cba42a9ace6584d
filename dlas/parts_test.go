package dlas

import (
	"sync/atomic"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
	"github.com/godlas/godlas/internal/need"
)

// TestPartsAreShort bounds what a run that is cancelled has still to do by the work of a part, not by the clock: in every
// network, in floats and in bytes, one image and eight at once. A part is at most about a millisecond of multiplying at
// the peak of a processor of this kind, or of reading and writing from memory.
func TestPartsAreShort(t *testing.T) {
	const (
		mostMACs  = 90e6
		mostMACs8 = 4 * mostMACs
		mostBytes = 10 << 20
	)
	entries, err := model.Survey(model.Env{})
	if err != nil {
		t.Fatal(err)
	}
	m := hardware.Probe()
	m.Threads = 1
	var checked atomic.Int64
	check := func(t *testing.T, name string, g *ir.Graph, images int) {
		p, err := system.Compile(g, primitive.Kernels(), m, system.Plan{Algorithm: "auto", Batch: images})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, n := range p.Nodes() {
			most := int64(mostMACs)
			if n.Type == ir.I8 {
				most = mostMACs8
			}
			if n.PartMACs > most || n.PartBytes > mostBytes {
				t.Errorf("%s, %d images: a part of %s (%s) does %d million MACs and moves %d KiB", name, images, n.Name, n.Kernel, n.PartMACs/1e6, n.PartBytes>>10)
			}
			checked.Add(1)
		}
	}
	t.Run("networks", func(t *testing.T) { // which ends when all have
		for _, e := range entries {
			if e.Params > 60e6 && !need.Required("whole") {
				continue // so many weights take seconds to pack and to quantise
			}
			t.Run(e.Name, func(t *testing.T) {
				t.Parallel()
				g, err := model.Build(ir.Choice{Name: e.Name}, model.Request{Data: "random", C: 3, H: e.Input[1], W: e.Input[2], Classes: 1000})
				if err != nil {
					t.Logf("not %s: %v", e.Name, err)
					return
				}
				check(t, e.Name, g, 8)
				low, high := map[string]float64{g.Input().Name: -8}, map[string]float64{g.Input().Name: 8}
				for _, n := range g.Nodes {
					low[n.Out[0]], high[n.Out[0]] = -8, 8
				}
				check(t, e.Name+" in bytes", quantised(g, low, high), 8)
			})
		}
	})
	if n := checked.Load(); n < 1000 {
		t.Errorf("only %d nodes", n)
	}
}
