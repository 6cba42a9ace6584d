package cells

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/interp"
)

// TestInterruptOfAGoCell: a run in a cell ends with the cell's interrupt by itself, and is not left behind.
func TestInterruptOfAGoCell(t *testing.T) {
	newDesk(t)
	defer display.SetContext(context.Background())
	in := interp.New(interp.Options{
		Libraries: append([]interp.Library{interp.Std()}, Libraries()...), Prelude: []string{"github.com/godlas/godlas/dlas"},
		Stdout: io.Discard, Stderr: io.Discard, OnCell: display.SetContext,
	})
	tell := dlas.OnProgress
	defer func() { dlas.OnProgress = tell }()
	for _, src := range []string{
		`dlas.New().Data("fashion-mnist(n=2000)").CPU(dlas.Threads(1)).MustRun()`,
		`dlas.New().Data("fashion-mnist(n=2000)").CPU(dlas.Threads(1)).Prune(0, 0.5, 0.7).MustSweep()`,
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cause := errors.New("interrupted")
		dlas.OnProgress = func(p dlas.Progress) {
			if !p.Ended {
				cancel(cause)
			}
		}
		_, err := in.Eval(ctx, interp.Cell{N: 1, Source: src})
		if left := new(interp.Stopped); !errors.Is(err, cause) || errors.As(err, &left) {
			t.Errorf("%s: %v", src, err)
		}
		if r, err := in.Eval(context.Background(), interp.Cell{N: 2, Source: "1 + 1"}); err != nil || r.Values[0].Int() != 2 {
			t.Errorf("after %s: %v", src, err)
		}
		cancel(nil)
	}
}
