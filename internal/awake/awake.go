// Package awake has the deadlines of tests. They count the time in which the test can run at all: a machine that is
// suspended for a minute, or a process that is stopped, comes back to find every deadline by the clock past, and nothing
// of what is waited for has had its chance.
package awake

import (
	"iter"
	"time"
)

// steps is what a deadline is made of. However long the process stands still, it loses one of them.
const steps = 40

// After is time.After. Its timer runs to the end: where many wait, use Ticks.
func After(d time.Duration) <-chan struct{} {
	ch := make(chan struct{})
	left := steps
	var step func()
	step = func() {
		if left--; left == 0 {
			close(ch)
			return
		}
		time.AfterFunc(d/steps, step)
	}
	time.AfterFunc(d/steps, step)
	return ch
}

// Ticks yields channels that tick, the last of them when a deadline is past: who selects on each beside what it waits for
// waits as long as on one After, and leaves no timer behind.
func Ticks(d time.Duration) iter.Seq[<-chan time.Time] {
	return func(yield func(<-chan time.Time) bool) {
		timer := time.NewTimer(d / steps)
		defer timer.Stop()
		for range steps {
			if !yield(timer.C) {
				return
			}
			timer.Reset(d / steps)
		}
	}
}

// Until asks every millisecond whether something is so, and reports whether it was in time.
func Until(d time.Duration, so func() bool) bool {
	for range steps {
		for end := time.Now().Add(d / steps); ; time.Sleep(time.Millisecond) {
			if so() {
				return true
			}
			if !time.Now().Before(end) {
				break
			}
		}
	}
	return false
}
