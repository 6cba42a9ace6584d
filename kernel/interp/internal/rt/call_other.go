//go:build !amd64 && !arm64

package rt

import "unsafe"

const intRegs, floatRegs = 1, 1

// Call is not there: CanCall is false.
func Call(unsafe.Pointer, *Regs) { panic("unreachable") }

const callKnown = false
