package display

import (
	"bytes"
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestProgressEndsWithItsCell(t *testing.T) {
	r := record(t)
	cell, end := context.WithCancel(t.Context())
	defer end()
	SetContext(cell)
	t.Cleanup(func() { SetContext(context.Background()) })
	b := Progress(4)
	b.Add(1)
	b.Add(1) // both come within the time between two drawings
	if len(r.shown) != 1 || len(r.updates) != 0 {
		t.Fatalf("%d shown, %d updates", len(r.shown), len(r.updates))
	}
	SetContext(context.Background())
	if len(r.updates) != 1 || !strings.Contains(r.updates[0][plain].(string), " 2/4 ") {
		t.Fatalf("at the end of the cell: %v", r.updates)
	}
	b.Add(2) // from a goroutine that the cell has left
	if n := len(r.updates); n != 2 || !strings.Contains(r.updates[1][plain].(string), " 4/4 ") || r.upIDs[1] != r.ids[0] {
		t.Errorf("%v", r.updates)
	}
	b.Done()
	SetContext(cell)
	SetContext(context.Background())
	if len(r.updates) != 3 {
		t.Errorf("a bar that was done is drawn again: %v", r.updates)
	}
}

func TestProgressIsThrottledAndSafe(t *testing.T) {
	r := record(t)
	b := Progress(100_000)
	start := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				b.Add(1)
			}
		})
	}
	all.Wait()
	if most := int(time.Since(start)/redraw) + 1; len(r.updates) > most {
		t.Errorf("%d updates where %d are the most", len(r.updates), most)
	}
	b.Done()
	if s := r.updates[len(r.updates)-1][plain].(string); !strings.Contains(s, " 80000/100000 ") {
		t.Error(s)
	}
	var none *Bar
	none.Add(1)
	none.Set(1)
	none.Label("x")
	none.Tell("x", 1, 2, "y")
	none.Done()
	none.Clear()
	n := 0
	for i := range Steps(5) {
		n += i
	}
	if s := r.updates[len(r.updates)-1][plain].(string); n != 10 || !strings.Contains(s, " 5/5 ") || !strings.Contains(s, "in all") {
		t.Errorf("%d, %s", n, s)
	}
}

func TestProgressInATerminalAndALog(t *testing.T) {
	var clock time.Time
	now := func() time.Time { return clock }
	tell := func(b *Bar) {
		for i := range 3 {
			clock = clock.Add(4 * time.Second)
			b.Tell("a\nb", 500*(i+1), 2000, "images")
		}
		clock = clock.Add(time.Minute)
		b.Tell("set", 0, 20_000_000, "B") // another count
		clock = clock.Add(10 * time.Second)
		b.Tell("set", 5_000_000, 20_000_000, "B")
	}
	var out bytes.Buffer
	b := newBar(0, now, &rewritten{w: &out})
	tell(b)
	b.Clear()
	b.Tell("late", 1, 2, "")
	const line = "\r\x1b[K"
	want := line + `a\nb  ██████░░░░░░░░░░░░░░░░░░ 500/2000 images` +
		line + `a\nb  ████████████░░░░░░░░░░░░ 1000/2000 images  125/s  8s left` +
		line + `a\nb  ██████████████████░░░░░░ 1500/2000 images  125/s  4s left` +
		line + `set  ░░░░░░░░░░░░░░░░░░░░░░░░ 0 B/20 MB` +
		line + `set  ██████░░░░░░░░░░░░░░░░░░ 5 MB/20 MB  500 kB/s  30s left` + line
	if out.String() != want {
		t.Errorf("a terminal gets\n%q\nwant\n%q", out.String(), want)
	}
	out.Reset()
	clock = time.Time{}
	b = newBar(0, now, surfaceOf(&out))
	tell(b)
	b.Finish("got it")
	want = `a\nb  ████████████░░░░░░░░░░░░ 1000/2000 images  125/s  8s left` + "\n" +
		`set  ░░░░░░░░░░░░░░░░░░░░░░░░ 0 B/20 MB` + "\n" +
		`set  ██████░░░░░░░░░░░░░░░░░░ 5 MB/20 MB  500 kB/s  30s left` + "\ngot it\n"
	if out.String() != want {
		t.Errorf("a log gets\n%q\nwant\n%q", out.String(), want)
	}
}

func TestProgressOfManySteps(t *testing.T) {
	record(t)
	clock := time.Now()
	b := newBar(math.MaxInt, func() time.Time { return clock }, ownSurface())
	clock = clock.Add(time.Second)
	b.Add(1)
	if s := b.String(); !strings.Contains(s, " left") || strings.Contains(s, "-") {
		t.Error(s)
	}
	b.Set(math.MaxInt / 2)
	b.Set(math.MaxInt)
	if s := b.String(); strings.Count(s, "█") != 24 {
		t.Error(s)
	}
}
