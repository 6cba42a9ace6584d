package cells

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/kernel/display"
)

// redrawn keeps what its page shows now: an update takes the place of what it updates.
type redrawn struct {
	page
	now []string
	ids []string
}

func (p *redrawn) Display(data, _ map[string]any, id string) error {
	p.now, p.ids = append(p.now, data["text/plain"].(string)), append(p.ids, id)
	return nil
}

func (p *redrawn) Update(data, _ map[string]any, id string) error {
	p.now[slices.Index(p.ids, id)] = data["text/plain"].(string)
	return nil
}

func TestProgressLine(t *testing.T) {
	p := &redrawn{}
	display.SetSink(p)
	defer display.SetSink(nil)
	var l progressLine
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	images := func(done int) dlas.Progress {
		return dlas.Progress{Step: "accuracy", Done: done, Total: 100, Unit: "images"}
	}
	l.tell(images(1), at(0))
	l.tell(dlas.Progress{Ended: true}, at(300))
	if len(p.now) != 0 {
		t.Fatalf("a quick run leaves %q", p.now)
	}
	for i, end := range []string{"measured in 2s", "measured in 1s"} {
		base := 1000 + 10000*i
		l.tell(images(1), at(base))
		l.tell(images(50), at(base+500))
		if len(p.now) != i+1 || p.now[i] != "accuracy  ████████████░░░░░░░░░░░░ 50/100 images" {
			t.Fatalf("during run %d: %q", i, p.now)
		}
		l.tell(images(100), at(base+2000-1000*i))
		l.tell(dlas.Progress{Ended: true}, at(base+2000-1000*i))
		if p.now[i] != end {
			t.Errorf("after run %d: %q, want %q", i, p.now, end)
		}
	}
}

// TestProgressOfGoCells: what a Go cell measures ends its progress line as a magic's does.
func TestProgressOfGoCells(t *testing.T) {
	newDesk(t)
	tell := dlas.OnProgress
	defer func() { dlas.OnProgress = tell }()
	var last dlas.Progress
	ends := 0
	dlas.OnProgress = func(p dlas.Progress) {
		tell(p)
		last = p
		if p.Ended {
			ends++
		}
	}
	st := dlas.New().Data("fashion-mnist(n=20)").CPU(dlas.Threads(1))
	a := st.MustRun()
	b := st.Prune(0, 0.5).MustSweep().Results[1]
	dlas.MustCompare(a, b)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := st.Run(ctx); err == nil {
		t.Error("a run ends well after its interrupt")
	}
	if ends != 4 || !last.Ended {
		t.Errorf("%d of 4 ends, the last progress is %+v", ends, last)
	}
}
