//go:build !amd64 || noasm

package asm

// HasByteVNNI tells whether this build has ByteVNNI and this processor can run it.
func HasByteVNNI() bool { return false }

// ByteVNNI is ByteTileGo in a build without assembly.
func ByteVNNI(t *ByteTile, pixels, groups int) { ByteTileGo(t, pixels, HalfTile, 1, groups) }

// ByteWindow2 is ByteWindowPairsGo.
func ByteWindow2(w *ByteWindow) { ByteWindowPairsGo(w) }

// ByteMax2 is ByteMaxGo.
func ByteMax2(w *ByteWindow) { ByteMaxGo(w) }

// BytePlanes2 is BytePlanesGo.
func BytePlanes2(r *ByteRun) { BytePlanesGo(r) }

// BytePair is not in a build without assembly.
func BytePair(*ByteTile, int, int) { panic("asm: BytePair without assembly") }

// ByteFixed2 is ByteFixedGo.
func ByteFixed2(f *ByteFixed) { ByteFixedGo(f) }

// ByteFixedSum2 is ByteFixedSumGo.
func ByteFixedSum2(f *ByteFixed) { ByteFixedSumGo(f) }
