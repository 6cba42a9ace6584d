package session

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// TestNoQuestionAfterAnInterrupt: a cell that has waited for its turn to ask, and is interrupted with the one that had it,
// puts no question before the user that nobody waits for.
func TestNoQuestionAfterAnInterrupt(t *testing.T) {
	var sent bytes.Buffer
	a := newAsker(newOutput(pipe.NewConn(nil, &sent)))
	w := owner{id: 1}
	a.out.begin(w)
	a.begin(w, true)
	ctx, stop := context.WithCancelCause(context.Background())
	stop(errInterrupted)
	for range 50 { // the turn is free: which of the two is seen first is left to chance
		if _, err := a.ask(ctx, "name?", false); !errors.Is(err, errInterrupted) {
			t.Fatal(err)
		}
	}
	if sent.Len() > 0 {
		t.Errorf("sent %q", sent.String())
	}
}
