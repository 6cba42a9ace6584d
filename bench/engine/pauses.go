package engine

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// Pauses collects garbage in a loop beside inference and tells how long the world stood still, then cancels runs and
// tells how long after it they end. It works in this process, since both are Go's own.
func Pauses(ctx context.Context, t Table, words []string) error {
	if err := asked(words); err != nil {
		return err
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "threads", "collections", "p99 pause, ms", "longest, ms", "verdict", "cancelled runs", "median end, ms", "latest, ms", "verdict")
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
			const collections = 1000
			p99, longest, err := collect(w, collections)
			if err != nil {
				return err
			}
			late := cancelled(ctx, w, 100)
			row := []string{fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), strconv.Itoa(threads), strconv.Itoa(collections), fmt.Sprintf("%.2f", p99), fmt.Sprintf("%.2f", longest), "met"}
			if p99 >= 1 || longest > 20 {
				row[5] = "not met"
				missed++
			}
			if len(late) == 0 {
				t.Add(append(row, "0", "", "", "too fast to be cancelled")...)
				continue
			}
			slices.Sort(late)
			last, v := late[len(late)-1], "met"
			if last > 5 {
				v = "not met"
				missed++
			}
			t.Add(append(row, strconv.Itoa(len(late)), fmt.Sprintf("%.2f", late[len(late)/2]), fmt.Sprintf("%.2f", last), v)...)
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals (99 %% of the pauses below 1 ms, none above 20 ms; a cancelled run ends within 5 ms) are not met.", missed))
	return nil
}

// collect runs a network until that many collections are done, and returns milliseconds. A histogram's range is told by
// its upper end.
func collect(w *worker, collections int) (p99, longest float64, err error) {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	before := slices.Clone(sample[0].Value.Float64Histogram().Counts)
	var stop atomic.Bool
	ended := make(chan error)
	go func() {
		var err error
		for err == nil && !stop.Load() {
			err = w.call()
		}
		ended <- err
	}()
	for range collections {
		runtime.GC()
	}
	stop.Store(true)
	if err := <-ended; err != nil {
		return 0, 0, err
	}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	all, seen := uint64(0), uint64(0)
	for i, n := range h.Counts {
		all += n - before[i]
	}
	for i, n := range h.Counts {
		if n == before[i] {
			continue
		}
		seen += n - before[i]
		longest = 1000 * h.Buckets[i+1]
		if p99 == 0 && seen*100 >= all*99 {
			p99 = longest
		}
	}
	return p99, longest, nil
}

// cancelled cancels runs at different times and returns the milliseconds from there to the end of those that were still
// going on.
func cancelled(ctx context.Context, w *worker, runs int) []float64 {
	begin := time.Now()
	_ = w.call()
	usual := time.Since(begin)
	var late []float64
	for i := range runs {
		ctx, cancel := context.WithCancel(ctx)
		var at atomic.Int64
		timer := time.AfterFunc(usual*time.Duration(i)/time.Duration(runs), func() {
			at.Store(time.Now().UnixNano())
			cancel()
		})
		if err := w.program.Run(ctx, w.in, w.out); err != nil {
			late = append(late, float64(time.Now().UnixNano()-at.Load())/1e6)
		}
		timer.Stop()
		cancel()
	}
	return late
}
