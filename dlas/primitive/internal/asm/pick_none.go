//go:build !amd64 || noasm

package asm

// Pick512 is PickGo in a build without assembly.
func Pick512(t *Tile, rows, blocks int) { PickGo(t, rows, blocks) }

// Pick256 is PickGo in a build without assembly.
func Pick256(t *Tile, rows, blocks int) { PickGo(t, rows, blocks) }
