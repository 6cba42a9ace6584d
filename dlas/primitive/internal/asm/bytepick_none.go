//go:build !amd64 || noasm

package asm

// BytePick512 is BytePickGo in a build without assembly.
func BytePick512(t *ByteTile, pixels, half, vectors int) { BytePickGo(t, pixels, half, vectors) }

// BytePickVNNI is BytePickGo in a build without assembly.
func BytePickVNNI(t *ByteTile, pixels int) { BytePickGo(t, pixels, HalfTile, 1) }

// BytePickPair is not in a build without assembly.
func BytePickPair(*ByteTile, int) { panic("asm: BytePickPair without assembly") }
