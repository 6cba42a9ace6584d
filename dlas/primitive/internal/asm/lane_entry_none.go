//go:build !amd64 || noasm

package asm

func (m *Map) run(f Fn, _ ISA) { m.goLoop(f) }

// Sum runs the reduction with sums.
func (r *Reduce) Sum(ISA) {
	r.check()
	r.goLoop(reduceSum)
}

// Max runs the reduction with maxima.
func (r *Reduce) Max(ISA) {
	r.check()
	r.goLoop(reduceMax)
}

// Squares runs the reduction with squares of the distances from Mean.
func (r *Reduce) Squares(ISA) {
	r.check()
	r.goLoop(reduceSquares)
}
