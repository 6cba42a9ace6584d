//go:build !noasm

package asm

// Seven512 is SevenGo in AVX-512, for the rows that HasSeven has and 1 or 2 blocks.
//
//go:noinline
func Seven512(t *Seven, rows, blocks int) {
	if !callSeven512(t, rows, blocks) {
		panic("asm: no seven products of that size")
	}
}

// SevenSums512 is SevenSumsGo in AVX-512.
//
//go:noinline
func SevenSums512(t *SevenSums) { sevenSums512(t) }
