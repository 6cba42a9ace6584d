package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
)

// movingRows are the operators that only move numbers about.
func movingRows() []ir.Kernel { return nil }
