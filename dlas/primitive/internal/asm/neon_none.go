//go:build !arm64 || noasm

package asm

// HasNEON tells whether this build has the NEON loops.
func HasNEON() bool { return false }

// TileNEON is TileGo in a build without assembly.
func TileNEON(t *Tile, rows, blocks int) { TileGo(t, rows, blocks) }
