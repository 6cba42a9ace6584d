package interp

import (
	"github.com/godlas/godlas/kernel/interp/internal/stdsyms"
	"github.com/godlas/godlas/kernel/interp/internal/syssyms"
)

//go:generate go run ./internal/gensyms -out internal/stdsyms -package stdsyms -std -source "cmp errors iter maps math/rand/v2 slices sync sync/atomic unique"
//go:generate go run ./internal/gensyms -out internal/syssyms -package syssyms -also "runtime/cgo syscall" -source runtime/cgo -without std runtime/cgo syscall

// Std returns the standard library, less what a cell has no use for (syscall,
// plugin and their like).
func Std() Library {
	return Library{Name: "std", Data: stdsyms.Data, Symbols: stdsyms.Symbols}
}

// System returns what a program may import besides, because the process is its own.
func System() Library {
	return Library{Name: "system", Data: syssyms.Data, Symbols: syssyms.Symbols}
}
