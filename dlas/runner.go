package dlas

import "github.com/godlas/godlas/dlas/data"

// runner is a compiled Spec with its data at hand.
type runner struct{ set *data.Set }
