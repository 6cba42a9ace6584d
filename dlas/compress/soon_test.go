package compress

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// images are some whose reading is what the test says.
type images func() (int, error)

func (images) Len() int                           { return 4 }
func (f images) Read(int, []float32) (int, error) { return f() }

// TestPassEndsWithItsContext checks that who waits for a pass waits no longer than its context, whatever the pass is at,
// and hears no more of it.
func TestPassEndsWithItsContext(t *testing.T) {
	reading, wait, end := make(chan bool, 1), make(chan bool), errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var told atomic.Int64
	tools := Tools{Runner: op.Reference{}, Progress: func(string, int, int) { told.Add(1) }, Val: images(func() (int, error) {
		select {
		case reading <- true:
		default:
		}
		<-wait
		return 0, nil
	})}
	ended := make(chan error)
	go func() {
		_, _, err := Apply(ctx, plainNet(), []ir.Choice{choice("recalibrate", "n=4")}, tools)
		ended <- err
	}()
	select {
	case <-reading:
	case err := <-ended:
		t.Fatalf("it has not begun: %v", err)
	}
	cancel(end)
	select {
	case err := <-ended:
		if !errors.Is(err, end) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a pass goes on after its context has ended")
	}
	before := told.Load()
	close(wait)
	time.Sleep(10 * time.Millisecond)
	if told.Load() != before {
		t.Error("a pass tells of its progress after its context has ended")
	}
}

// TestPanicOfPass checks that a pass panics where it was called: there it can be recovered.
func TestPanicOfPass(t *testing.T) {
	defer func() {
		if p := recover(); p != "no image" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _, err := Apply(t.Context(), plainNet(), []ir.Choice{choice("recalibrate", "n=4")}, Tools{Runner: op.Reference{}, Val: images(func() (int, error) { panic("no image") })})
	t.Errorf("no panic, and %v", err)
}
