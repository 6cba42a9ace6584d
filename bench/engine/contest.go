package engine

import (
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// entry is an engine in a contest: its process and the median milliseconds of its block in each round.
type entry struct {
	name    string
	process *process
	ms      []float64
	calls   int
}

// timing says how long the blocks of a contest are.
type timing struct {
	rounds       int
	warm, length time.Duration
	least        int // calls of a block
}

// usual has at least the eleven rounds that an interval needs.
var usual = timing{rounds: 11, warm: 30 * time.Millisecond, length: 120 * time.Millisecond, least: 3}

// contest lets the entries take turns, in the opposite order every second round. Each round ends with after, if it is
// not nil.
func contest(t timing, entries []*entry, after func() error) error {
	for r := range t.rounds {
		order := slices.Clone(entries)
		if r%2 == 1 {
			slices.Reverse(order)
		}
		for _, e := range order {
			ms, err := e.process.block(t.warm, t.length, t.least)
			if err != nil {
				return err
			}
			e.ms = append(e.ms, stat.Median(ms))
			e.calls += len(ms)
		}
		if after != nil {
			if err := after(); err != nil {
				return err
			}
		}
	}
	return nil
}

// best is the entry with the least median.
func best(entries []*entry) *entry {
	return slices.MinFunc(entries, func(a, b *entry) int {
		if stat.Median(a.ms) < stat.Median(b.ms) {
			return -1
		}
		return 1
	})
}

// ratio is the median, over the rounds, of ours divided by theirs, with its 95 % interval.
func ratio(ours, theirs *entry) (median, low, high float64) {
	each := make([]float64, len(ours.ms))
	for i := range each {
		each[i] = ours.ms[i] / theirs.ms[i]
	}
	return stat.MedianInterval(each)
}

// verdict compares an interval with a goal that is met when all of it is at or below.
func verdict(median, high, goal float64) string {
	switch {
	case high <= goal:
		return "met"
	case median <= goal:
		return "met, interval straddles"
	}
	return "not met"
}
