//go:build !amd64 || noasm

package asm

// HasByteVNNI tells whether this build has ByteVNNI and this processor can run it.
func HasByteVNNI() bool { return false }

// ByteVNNI is ByteTileGo in a build without assembly.
func ByteVNNI(t *ByteTile, pixels, groups int) { ByteTileGo(t, pixels, HalfTile, 1, groups) }

// BytePair is not in a build without assembly.
func BytePair(*ByteTile, int, int) { panic("asm: BytePair without assembly") }
