package dlas

// runner is a compiled Spec with its data at hand.
type runner struct{}
