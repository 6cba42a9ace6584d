//go:build !noasm

package asm

// Pattern512 is PatternGo in AVX-512, for tiles that HasStrip has and strides of 1 and 2.
//
//go:noinline
func Pattern512(t *Strip, rows, cols, stride int) {
	if !callPattern512(t, rows, cols, stride) {
		panic("asm: no AVX-512 tile of patterns of that size")
	}
}

// Pattern256 is PatternGo in AVX2, for tiles that HasStrip has and strides of 1 and 2.
//
//go:noinline
func Pattern256(t *Strip, rows, cols, stride int) {
	if !callPattern256(t, rows, cols, stride) {
		panic("asm: no AVX2 tile of patterns of that size")
	}
}
