package system

import (
	"strconv"

	"github.com/godlas/godlas/dlas/ir"
)

// Names of schedules.
const (
	Untuned   = "untuned"
	Heuristic = "heuristic"
	Tuned     = "tuned"
)

// Options describes the choices of this layer.
func Options() []ir.Option {
	return []ir.Option{
		{Name: Untuned, Help: "One fixed loop order and tile for all shapes: tiles of 6 pixels by 16 output channels, one row of the map at a time, all channels inside (csr: one row of up to 8 vectors of 16 pixels, all channels inside). Kernels and fusion are those of heuristic, so the two differ by schedule alone.", Source: "Gibson et al., DLAS, 2025"},
		{Name: Heuristic, Help: "Tiles and loop order by shape: even pieces of rows that fill the registers, two rows or any pixels together on small maps, bands of rows whose input stays in the second-level cache, parts for threads by rows or by output channels, whichever shares less.", Source: "rules of the kernels, from measurements"},
		{
			Name: Tuned, Help: "A search on this machine: N candidates (tile, loop order, split and, with auto alone, kernel) are measured inside the whole network, the best of each node against heuristic in turns, and what is not faster beyond noise is left as it is. All candidates are kept in the store by the structure of their node, so a later search goes on where this one ended, in this network or another; the result tells trials and seconds, plot landscape draws them.",
			Source: "Gibson et al., DLAS, 2025; Zheng et al., Ansor: Generating High-Performance Tensor Programs for Deep Learning, 2020",
			Params: []ir.Param{{Key: "", Help: "candidates to measure, over the whole network"}},
		},
	}
}

// CheckSchedule says in one line why a choice is no schedule.
func CheckSchedule(c ir.Choice) error {
	if c.Name == Tuned {
		_, err := TrialsOf(c)
		return err
	}
	if c.Name != Untuned && c.Name != Heuristic {
		return ir.Unknown(ir.Sched, "schedule", c.Name, []string{Untuned, Heuristic, Tuned})
	}
	if len(c.Value)+len(c.Args) > 0 {
		return &ir.Error{Layer: ir.Sched, What: c.Name + " takes no arguments", Try: "try " + c.Name}
	}
	return nil
}

// mostTrials bounds a search: more candidates than any network has.
const mostTrials = 1_000_000

// TrialsOf is the number of candidates that the choice tuned(N) asks for.
func TrialsOf(c ir.Choice) (int, error) {
	if len(c.Value) == 1 && len(c.Args) == 0 {
		if n, err := strconv.Atoi(c.Value[0]); err == nil && n >= 1 && n <= mostTrials {
			return n, nil
		}
	}
	return 0, &ir.Error{Layer: ir.Sched, What: c.String() + " does not say how many candidates to measure", Try: "try tuned(300)"}
}

// all is more rows than any kernel has.
const all = 1 << 20

// scheduleOf decides how a node's loops are cut. heuristic leaves every number to the kernel's rules by shape.
func scheduleOf(name string, k ir.Kernel) ir.Schedule {
	if name == Tuned {
		name = Heuristic // what no search has decided
	}
	s := ir.Schedule{Name: name}
	if name == Untuned && k.Op == "Conv" {
		s.Tiles = []int{6, 1, all}
		if k.Format != "dense" || k.Algorithm == "depthwise" {
			s.Tiles[0] = 8
		}
	}
	return s
}
