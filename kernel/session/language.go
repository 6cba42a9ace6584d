package session

import (
	"context"
	"reflect"

	"github.com/godlas/godlas/kernel/interp"
)

// Language is what a session needs of that which runs Go; *interp.Interp is it. All may be called by many
// goroutines at once; of Eval there is one call at a time and shell.
type Language interface {
	Eval(ctx context.Context, c interp.Cell) (interp.Result, error)
	Complete(src string, cursor int) interp.Completion
	Inspect(src string, cursor, detail int) (interp.Info, bool)
	IsComplete(src string) (status, indent string)
	Vars() []interp.Var
	Get(name string) (reflect.Value, bool)
	Set(name string, v any) error
	Reset()
}

var _ Language = (*interp.Interp)(nil)
