//go:build !noasm

package asm

// Strip512 is StripGo in AVX-512, for tiles that HasStrip has and strides of 1 and 2.
//
//go:noinline
func Strip512(t *Strip, rows, cols, stride int) {
	if !callStrip512(t, rows, cols, stride) {
		panic("asm: no AVX-512 strip of that size")
	}
}

// Strip256 is StripGo in AVX2, for tiles that HasStrip has and strides of 1 and 2.
//
//go:noinline
func Strip256(t *Strip, rows, cols, stride int) {
	if !callStrip256(t, rows, cols, stride) {
		panic("asm: no AVX2 strip of that size")
	}
}

// Turn512 is TurnGo in AVX-512.
//
//go:noinline
func Turn512(t *Turn) { turn512(t) }

// Turn256 is TurnGo in AVX2.
//
//go:noinline
func Turn256(t *Turn) { turn256(t) }

// Edges512 is EdgesGo in AVX-512.
//
//go:noinline
func Edges512(t *Edges) { edges512(t) }

// Edges256 is EdgesGo in AVX2.
//
//go:noinline
func Edges256(t *Edges) { edges256(t) }
