package awake

import (
	"testing"
	"time"
)

func TestDeadlines(t *testing.T) {
	const d = 40 * time.Millisecond
	begin := time.Now()
	for tick := range Ticks(d) {
		<-tick
	}
	if time.Since(begin) < d {
		t.Errorf("Ticks: %v", time.Since(begin))
	}
	begin = time.Now()
	if <-After(d); time.Since(begin) < d {
		t.Errorf("After: %v", time.Since(begin))
	}
	begin = time.Now()
	if Until(d, func() bool { return false }) || time.Since(begin) < d {
		t.Errorf("Until: after %v", time.Since(begin))
	}
}

func TestUntil(t *testing.T) {
	n := 0
	if !Until(time.Minute, func() bool { n++; return n == 3 }) || n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// What stands still for far longer than the deadline loses one step of it.
func TestStandstill(t *testing.T) {
	const d = 200 * time.Millisecond
	n := 0
	if !Until(d, func() bool {
		if n++; n == 1 {
			time.Sleep(2 * d)
		}
		return n == 3
	}) {
		t.Errorf("given up after %d", n)
	}
}
