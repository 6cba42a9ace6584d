package system

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
)

// TestEach: a queue of batches computes what runs one after the other do, each batch once, on any number of threads.
func TestEach(t *testing.T) {
	ctx := context.Background()
	g := residualNet(5, 0, 12, 11)
	const n = 50
	var in [n][]float32
	for i := range in {
		in[i] = narrow(randomInput(uint64(i), g, 1).Data)
	}
	for threads := 1; threads <= 2; threads++ {
		p := compile(t, g, machine(hardware.Probe().ISA, threads), Plan{})
		var seen [n]atomic.Int32
		var got [n][]float32
		err := p.Each(ctx, n,
			func(i int, to []float32) error { copy(to, in[i]); return nil },
			func(i int, out []float32) { seen[i].Add(1); got[i] = slices.Clone(out) })
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, p.OutShape().Elems())
		for i := range n {
			if err := p.Run(ctx, in[i], want); err != nil {
				t.Fatal(err)
			}
			if seen[i].Load() != 1 || !slices.Equal(got[i], want) {
				t.Errorf("%d threads: batch %d was done %d times: %v, want %v", threads, i, seen[i].Load(), got[i], want)
			}
		}
		if p.crew != nil && p.crew.here.Load() != 0 {
			t.Error("the crew believes that runs are in progress")
		}

		broken := errors.New("no such picture")
		var runs atomic.Int32
		err = p.Each(ctx, 1<<30, func(i int, to []float32) error {
			if i == 7 {
				return broken
			}
			runs.Add(1)
			return nil
		}, func(int, []float32) {})
		if !errors.Is(err, broken) || runs.Load() > 7+100 {
			t.Errorf("%d threads: an input that cannot be read: %v after %d runs", threads, err, runs.Load())
		}
		stopped, cancel := context.WithCancelCause(ctx)
		err = p.Each(stopped, 1<<30, func(i int, to []float32) error {
			if i == 7 {
				cancel(broken)
			}
			return nil
		}, func(int, []float32) {})
		if !errors.Is(err, broken) {
			t.Errorf("%d threads: a context that ends: %v", threads, err)
		}
	}
}
