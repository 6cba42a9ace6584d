//go:build !linux

package hardware

import "github.com/godlas/godlas/dlas/ir"

// refine has nothing to add: other systems tell no more than the processor itself does.
func refine(*ir.Machine) {}

func now(*Environment) {}
