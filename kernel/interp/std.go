package interp

import "github.com/godlas/godlas/kernel/interp/internal/stdsyms"

//go:generate go run ./internal/gensyms -out internal/stdsyms -package stdsyms -std -source "cmp errors iter maps math/rand/v2 slices sync sync/atomic unique"

// Std returns the standard library, less what a cell has no use for (syscall,
// plugin and their like).
func Std() Library {
	return Library{Name: "std", Data: stdsyms.Data, Symbols: stdsyms.Symbols}
}
