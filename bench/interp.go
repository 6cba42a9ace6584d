package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// rival is what our interpreter is compared with; it lives in a module of its own.
const rival = "yaegi v0.16.1"

// rounds is how often each program runs in either interpreter, turn and turn about.
const rounds = 9

// benchInterp compares the interpreter with yaegi, and measures what a notebook's user waits for.
func benchInterp(ctx context.Context, r *report) error {
	r.host()
	r.head = []string{"what", "ours", rival, "yaegi / ours", "95 % interval", "wanted"}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binaries := map[string]string{}
	for name, from := range map[string][2]string{"bench": {".", "./bench"}, "yaegi": {filepath.Join("bench", "_yaegi"), "."}, "dlas": {".", "./cmd/dlas"}} {
		binaries[name] = filepath.Join(dir, name+".exe")
		build := exec.CommandContext(ctx, "go", "build", "-o", binaries[name], from[1])
		build.Dir, build.Stderr = from[0], os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build %s: %w", from[1], err)
		}
	}
	var failed []string
	slower, three, err := race(ctx, r, binaries["bench"], binaries["yaegi"])
	if err != nil {
		return err
	}
	n := len(programs())
	if slower != nil {
		failed = append(failed, fmt.Sprintf("not shown to be as fast as %s: %v", rival, slower))
	}
	r.verdict = append(r.verdict, fmt.Sprintf("Of %d programs, %d are shown to be at least as fast as in %s, %d at least 3 times as fast.", n, n-len(slower), rival, three))
	for _, m := range waits(binaries["dlas"]) {
		v, err := m.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		median, low, high := stat.MedianInterval(v)
		r.add(m.name, m.show(median), "", "", m.show(low)+" to "+m.show(high), "at most "+m.show(m.limit))
		if median > m.limit {
			failed = append(failed, fmt.Sprintf("%s: %s, more than %s", m.name, m.show(median), m.show(m.limit)))
		}
	}
	r.verdict = append(r.verdict, failed...)
	r.verdict = append(r.verdict, fmt.Sprintf("%d limits are exceeded.", len(failed)))
	if failed != nil {
		return fmt.Errorf("%s", failed[0])
	}
	return nil
}

// race runs the programs in both, and returns those that are not shown to be as fast as in the other, and how many are
// shown to be 3 times as fast.
func race(ctx context.Context, r *report, ours, theirs string) (slower []string, three int, err error) {
	for _, p := range programs() {
		// a fresh pair of processes for each program: neither pays for what ran before
		a, err := startWorker(ctx, ours, "worker")
		if err != nil {
			return nil, 0, err
		}
		b, err := startWorker(ctx, theirs)
		if err != nil {
			a.close()
			return nil, 0, err
		}
		var mine, its, ratios []float64
		for i := range rounds + 1 {
			q := request{Setup: p.setup, Run: p.run, Times: 1}
			x, err := a.ask(q)
			if err == nil && x.Err != "" {
				err = fmt.Errorf("%s: ours: %s", p.name, x.Err)
			}
			if err != nil {
				return nil, 0, err
			}
			y, err := b.ask(q)
			if err == nil && y.Err != "" {
				err = fmt.Errorf("%s: %s: %s", p.name, rival, y.Err)
			}
			if err != nil {
				return nil, 0, err
			}
			if x.Value != y.Value && p.run[:3] != "for" {
				return nil, 0, fmt.Errorf("%s: %q here, %q in %s", p.name, x.Value, y.Value, rival)
			}
			if i == 0 { // both are warm after it
				continue
			}
			mine = append(mine, float64(x.Nanoseconds[0]))
			its = append(its, float64(y.Nanoseconds[0]))
			ratios = append(ratios, float64(y.Nanoseconds[0])/float64(x.Nanoseconds[0]))
		}
		a.close()
		b.close()
		ratio, low, high := stat.MedianInterval(ratios)
		r.add(p.name, milliseconds(stat.Median(mine)), milliseconds(stat.Median(its)), fmt.Sprintf("%.1f", ratio), fmt.Sprintf("%.1f to %.1f", low, high), "at least 1")
		if low < 1 {
			slower = append(slower, p.name)
		}
		if low >= 3 {
			three++
		}
	}
	return slower, three, nil
}

// host notes the machine of a benchmark that makes no result.
func (r *report) host() {
	m := hardware.Probe()
	f := hardware.Fingerprint(m)
	r.machine = fmt.Sprintf("%s, %d threads, %s/%s, %s, load %.2f at the start", m.CPU, m.Threads, f.OS, runtime.GOARCH, f.Go, f.Load)
}

func milliseconds(ns float64) string { return fmt.Sprintf("%.2f ms", ns/1e6) }

func since(t time.Time) float64 { return float64(time.Since(t).Nanoseconds()) }
