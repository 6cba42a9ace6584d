//go:build !noasm

package asm

import "github.com/klauspost/cpuid/v2"

// HasAVX512 tells whether this build has the AVX-512 loops and this processor can run them.
func HasAVX512() bool {
	return cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX2, cpuid.FMA3)
}

// Tile512 is TileGo in AVX-512, for up to TileRows512[blocks] rows of 1 to 3 blocks. A caller keeps a call below about
// MaxMACs lanes' worth of work, since assembly cannot be preempted; the call itself is a safe point.
//
//go:noinline
func Tile512(t *Tile, rows, blocks int) {
	if !callTile512(t, rows, blocks) {
		panic("asm: no AVX-512 tile of that size")
	}
}

// Tile256 is TileGo in AVX2, for up to TileRows256 rows of one block.
//
//go:noinline
func Tile256(t *Tile, rows, blocks int) {
	if !callTile256(t, rows, blocks) {
		panic("asm: no AVX2 tile of that size")
	}
}

// Tile512Half is TileGoHalf in AVX-512, for up to 14 rows of 1 or 2 blocks.
//
//go:noinline
func Tile512Half(t *Tile, rows, blocks int) {
	if !callTile512Half(t, rows, blocks) {
		panic("asm: no AVX-512 tile of that size for weights of 16 bits")
	}
}

// Tile256Half is TileGoHalf in AVX2, for up to TileRows256 rows of one block.
//
//go:noinline
func Tile256Half(t *Tile, rows, blocks int) {
	if !callTile256Half(t, rows, blocks) {
		panic("asm: no AVX2 tile of that size for weights of 16 bits")
	}
}
