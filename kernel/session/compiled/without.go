package compiled

import (
	"context"
	"errors"

	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/session/magic"
)

// without runs tests in the interpreter, where there is no toolchain.
func (cs *Cells) without(ctx context.Context, c *magic.Call, ds []*decl, all memory, t testRun) error {
	return errors.New("%%test needs a Go toolchain: " + modules.NoToolchain{}.Error())
}
