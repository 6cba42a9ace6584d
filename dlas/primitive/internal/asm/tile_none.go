//go:build !amd64 || noasm

package asm

// HasAVX512 tells whether this build has the AVX-512 loops and this processor can run them.
func HasAVX512() bool { return false }

// Tile512 is TileGo in a build without assembly.
func Tile512(t *Tile, rows, blocks int) { TileGo(t, rows, blocks) }

// Tile256 is TileGo in a build without assembly.
func Tile256(t *Tile, rows, blocks int) { TileGo(t, rows, blocks) }

// Tile512Half is TileGoHalf in a build without assembly.
func Tile512Half(t *Tile, rows, blocks int) { TileGoHalf(t, rows, blocks) }

// Tile256Half is TileGoHalf in a build without assembly.
func Tile256Half(t *Tile, rows, blocks int) { TileGoHalf(t, rows, blocks) }
