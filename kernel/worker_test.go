package kernel

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// refuses is a session that a frame is too large for.
type refuses struct{ Session }

func (refuses) Send(pipe.Frame) error { return fmt.Errorf("%w: test", pipe.ErrTooLarge) }

// TestRequestThatIsTooLarge: the session never hears of it, so nobody may wait for its answer.
func TestRequestThatIsTooLarge(t *testing.T) {
	w := &worker{open: map[uint64]*request{}, log: slog.New(slog.DiscardHandler), life: &life{Session: refuses{}}}
	ended := make(chan error, 1)
	go func() {
		r := &request{}
		defer w.begin(r)()
		_, _, err := w.call(pipe.KindExecute, r, pipe.Execute{})
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, pipe.ErrTooLarge) || len(w.open) > 0 {
			t.Errorf("%v, %d open", err, len(w.open))
		}
	case <-awake.After(time.Minute):
		t.Fatal("it waits for an answer")
	}
}
