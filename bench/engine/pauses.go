package engine

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	collections   = 1000 // of a row
	cancellations = 100
	turns         = 4
)

// Pauses collects garbage in a loop beside inference and tells how long the world stood still, then cancels runs and
// tells how long after it they end. It works in this process, since both are Go's own. In turns with a network, the same
// is measured beside as many threads that only count: what the machine takes from those, it takes from the engine too.
func Pauses(ctx context.Context, t Table, words []string) error {
	if err := asked(words); err != nil {
		return err
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "threads", "collections", "p99 pause, ms", "longest, ms", "verdict", "no core then, ms", "counting: p99, ms", "longest, ms", "no core then, ms",
		"cancelled runs", "median end, ms", "latest, ms", "verdict", "counting: latest, ms", "longest without a core, ms")
	missed := 0
	for _, n := range networks() {
		if !selected(n, words) || len(words) == 0 && n.name != "resnet20" && n.name != "imagenet-resnet18" && n.name != "imagenet-vgg16" {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		for _, threads := range []int{1, 2} {
			w, err := newWorker([]string{f.f32, strconv.Itoa(threads), "1", f.input, "auto", ""})
			if err != nil {
				return err
			}
			ours, counting, err := inTurns(ctx, w, threads)
			if err != nil {
				return err
			}
			row := []string{fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), strconv.Itoa(threads), strconv.Itoa(collections), ms(ours.p99()), ms(ours.longest), "met", ours.coreless(), ms(counting.p99()), ms(counting.longest), counting.coreless()}
			if ours.p99() >= 1 || ours.longest > 20 {
				row[5] = "not met"
				missed++
			}
			verdict := "too fast to be cancelled"
			if len(ours.late) > 0 {
				verdict = "met"
				if slices.Max(ours.late) > 5 {
					verdict = "not met"
					missed++
				}
			}
			row = append(row, strconv.Itoa(len(ours.late)), ms(middle(ours.late)), ms(latest(ours.late)), verdict, ms(latest(counting.late)), ms(counting.gap))
			t.Add(row...)
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals (99 %% of the pauses below 1 ms, none above 20 ms; a cancelled run ends within 5 ms) are not met.", missed))
	t.Note("*Counting* is the same beside as many threads that run nothing but a loop in Go, as long at a time as the network, a block of each in turns. *No core then*: while the garbage with the longest pause was collected, the longest that a thread of this process was ready and had no core, and what the hypervisor took of the cores (in whole 10 ms). The last column is the longest time between two readings of the clock by a counting thread, with no collector at work.")
	return nil
}

func ms(v float64) string { return fmt.Sprintf("%.2f", v) }

func latest(late []float64) float64 {
	if len(late) == 0 {
		return 0
	}
	return slices.Max(late)
}

func middle(late []float64) float64 {
	if len(late) == 0 {
		return 0
	}
	slices.Sort(late)
	return late[len(late)/2]
}

// stood is what was measured beside one kind of run, in milliseconds.
type stood struct {
	counts       []uint64 // of pauses, by bucket
	ends         []float64
	longest      float64 // at least as long as the longest pause: the two of a collection together, or a bucket's end
	delay, stole float64 // while the one with the longest was collected
	known        bool    // delay and stole are
	late         []float64
	gap          float64
}

func (s *stood) coreless() string {
	if !s.known {
		return ""
	}
	return fmt.Sprintf("%.2f + %.0f", s.delay, s.stole)
}

// p99 is the upper end of the histogram's bucket.
func (s *stood) p99() float64 {
	all, seen := uint64(0), uint64(0)
	for _, n := range s.counts {
		all += n
	}
	for i, n := range s.counts {
		if seen += n; n > 0 && seen*100 >= all*99 {
			return s.ends[i]
		}
	}
	return 0
}

// inTurns measures a network and threads that count, block by block in turns.
func inTurns(ctx context.Context, w *worker, threads int) (ours, counting *stood, err error) {
	usual := time.Duration(0)
	for range 3 {
		begin := time.Now()
		if err := w.call(); err != nil {
			return nil, nil, err
		}
		usual = time.Since(begin)
	}
	network := func(ctx context.Context) error { return w.program.Run(ctx, w.in, w.out) }
	c := newCounters(threads, usual)
	defer c.end()
	ours, counting = &stood{}, &stood{}
	for turn := range turns {
		if err := ours.collect(network, collections/turns); err != nil {
			return nil, nil, err
		}
		if err := counting.collect(c.run, collections/turns); err != nil {
			return nil, nil, err
		}
		ours.cancel(ctx, network, usual, turn)
		c.gap.Store(0)
		counting.cancel(ctx, c.run, usual, turn)
		counting.gap = max(counting.gap, float64(c.gap.Load())/1e6)
	}
	return ours, counting, nil
}

// collect runs something over and over until that many collections are done.
func (s *stood) collect(run func(context.Context) error, n int) error {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	before := slices.Clone(sample[0].Value.Float64Histogram().Counts)
	var stop atomic.Bool
	ended := make(chan error)
	go func() {
		var err error
		for err == nil && !stop.Load() {
			err = run(context.Background())
		}
		ended <- err
	}()
	var stats debug.GCStats
	cores := watchCores()
	defer cores.close()
	longest := 0.0
	for range n {
		cores.begin()
		runtime.GC()
		delay, stole := cores.taken()
		debug.ReadGCStats(&stats)
		if pause := float64(stats.Pause[0]) / 1e6; pause > longest {
			longest = pause
			if pause > s.longest {
				s.delay, s.stole, s.known = delay, stole, cores.known()
			}
		}
	}
	stop.Store(true)
	if err := <-ended; err != nil {
		return err
	}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	if s.counts == nil {
		s.counts = make([]uint64, len(h.Counts))
		for _, end := range h.Buckets[1:] {
			s.ends = append(s.ends, 1000*end)
		}
	}
	bucket := 0.0
	for i, n := range h.Counts {
		if n > before[i] {
			s.counts[i] += n - before[i]
			bucket = s.ends[i]
		}
	}
	s.longest = max(s.longest, min(longest, bucket))
	return nil
}

// cancel cancels runs at different times, every turn at others, and takes down the milliseconds from there to the end of
// those that were still going on.
func (s *stood) cancel(ctx context.Context, run func(context.Context) error, usual time.Duration, turn int) {
	for i := turn; i < cancellations; i += turns {
		ctx, cancel := context.WithCancel(ctx)
		var at atomic.Int64
		timer := time.AfterFunc(usual*time.Duration(i)/cancellations, func() {
			at.Store(time.Now().UnixNano())
			cancel()
		})
		if err := run(ctx); err != nil {
			s.late = append(s.late, float64(time.Now().UnixNano()-at.Load())/1e6)
		}
		timer.Stop()
		cancel()
	}
}

// counters are threads that compute nothing: a run takes as long as a network's, in pieces of a tenth of a millisecond.
type counters struct {
	usual   time.Duration
	gap     atomic.Int64 // the longest between two readings of the clock in one piece
	helpers int
	begin   chan context.Context
	done    atomic.Int32
}

func newCounters(threads int, usual time.Duration) *counters {
	c := &counters{usual: usual, helpers: threads - 1, begin: make(chan context.Context)}
	for range c.helpers {
		go func() {
			for ctx := range c.begin {
				c.count(ctx)
				c.done.Add(1)
			}
		}()
	}
	return c
}

func (c *counters) end() { close(c.begin) }

func (c *counters) run(ctx context.Context) error {
	c.done.Store(0)
	for range c.helpers {
		c.begin <- ctx
	}
	c.count(ctx)
	for c.done.Load() < int32(c.helpers) {
		runtime.Gosched()
	}
	return ctx.Err()
}

func (c *counters) count(ctx context.Context) {
	for begin := time.Now(); time.Since(begin) < c.usual && ctx.Err() == nil; {
		if gap := piece(); gap > time.Duration(c.gap.Load()) {
			c.gap.Store(int64(gap))
		}
	}
}

// piece reads the clock for a while and returns the longest time between two readings.
//
//go:noinline
func piece() (gap time.Duration) {
	begin := time.Now()
	for last := time.Duration(0); last < 100*time.Microsecond; {
		now := time.Since(begin)
		gap, last = max(gap, now-last), now
	}
	return gap
}
