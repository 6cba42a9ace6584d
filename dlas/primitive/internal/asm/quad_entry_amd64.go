//go:build !noasm

package asm

// Quad512 is QuadGo in AVX-512, for tiles of up to QuadVectors512 vectors and strides of 1 and 2.
//
//go:noinline
func Quad512(t *Strip, rows, cols, stride int) {
	if !callQuad512(t, rows, cols, stride) {
		panic("asm: no AVX-512 tile of quads of that size")
	}
}

// Quad256 is QuadGo in AVX2, for tiles of QuadVectors256 vectors and strides of 1 and 2.
//
//go:noinline
func Quad256(t *Strip, rows, cols, stride int) {
	if !callQuad256(t, rows, cols, stride) {
		panic("asm: no AVX2 tile of quads of that size")
	}
}
