package system

import (
	"github.com/godlas/godlas/dlas/ir"
)

// Names of schedules.
const (
	Untuned   = "untuned"
	Heuristic = "heuristic"
)

// Options describes the choices of this layer.
func Options() []ir.Option {
	return []ir.Option{
		{Name: Untuned, Help: "One fixed loop order and tile for all shapes: groups of six output channels, one panel of pixels at a time, all channels inside. Kernels and fusion are those of heuristic, so the two differ by schedule alone.", Source: "Gibson et al., DLAS, 2025"},
		{Name: Heuristic, Help: "Tiles and loop order by shape: groups of six and four channels that come out even, narrow panels for small maps, blocks that fit the caches.", Source: "rules of the kernels, from measurements"},
	}
}

// CheckSchedule says in one line why a choice is no schedule.
func CheckSchedule(c ir.Choice) error {
	if c.Name == "tuned" {
		return &ir.Error{Layer: ir.Sched, What: "tuned is not in this build", Try: "there is: untuned, heuristic"}
	}
	if c.Name != Untuned && c.Name != Heuristic {
		return ir.Unknown(ir.Sched, "schedule", c.Name, []string{Untuned, Heuristic})
	}
	if len(c.Value)+len(c.Args) > 0 {
		return &ir.Error{Layer: ir.Sched, What: c.Name + " takes no arguments", Try: "try " + c.Name}
	}
	return nil
}

// all is more rows than any kernel has.
const all = 1 << 20

// scheduleOf decides how a node's loops are cut. heuristic leaves every number to the kernel's rules by shape.
func scheduleOf(name string, k ir.Kernel) ir.Schedule {
	s := ir.Schedule{Name: name}
	if name == Untuned && k.Op == "Conv" {
		s.Tiles = []int{6, 1, all}
		if k.Format != "dense" || k.Algorithm == "depthwise" {
			s.Tiles[0] = 8
		}
	}
	return s
}
