package system

import (
	"cmp"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// span is a piece of the arena that is in use from one step to another, both included.
type span struct {
	size        int // bytes
	first, last int
	at          int // what layout decides
}

// alignment of every piece, in bytes: one cache line.
const alignment = 64

// maxArena bounds the arena: 4 GiB, or what there is where addresses have 32 bits.
const maxArena = min(4<<30, math.MaxInt)

// layout places spans so that those in use at the same time do not overlap, and returns the arena's size in bytes:
// largest first, each at the lowest place that is free.
func layout(spans []*span) (int, error) {
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b *span) int { return cmp.Compare(b.size, a.size) })
	total := 0
	var placed []*span // by place
	for _, s := range order {
		s.size = (s.size + alignment - 1) / alignment * alignment
		s.at = 0
		for _, o := range placed {
			if o.first > s.last || o.last < s.first {
				continue
			}
			if s.at+s.size <= o.at {
				break
			}
			s.at = max(s.at, o.at+o.size)
		}
		if s.size > maxArena-s.at {
			return 0, ir.Errorf(ir.Sched, "the network needs more than %d MiB for its activations", maxArena>>20)
		}
		i, _ := slices.BinarySearchFunc(placed, s, func(a, b *span) int { return cmp.Compare(a.at, b.at) })
		placed = slices.Insert(placed, i, s)
		total = max(total, s.at+s.size)
	}
	return total, nil
}
