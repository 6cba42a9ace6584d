//go:build !amd64 || noasm

package asm

// HasByteTile512 tells whether this build has the AVX-512 loops on bytes and this processor can run them.
func HasByteTile512() bool { return false }

// ByteTile512 is ByteTileGo in a build without assembly.
func ByteTile512(t *ByteTile, pixels, half, vectors, groups int) {
	ByteTileGo(t, pixels, half, vectors, groups)
}

// ByteWindow4 is ByteWindowGo in a build without assembly.
func ByteWindow4(w *ByteWindow) { ByteWindowGo(w, 64) }

// ByteWindow8 is ByteWindowGo in a build without assembly.
func ByteWindow8(w *ByteWindow) { ByteWindowGo(w, 128) }

// ByteWindowPair is ByteWindowGo in a build without assembly.
func ByteWindowPair(w *ByteWindow) { ByteWindowGo(w, 128) }

// ByteMax is ByteMaxGo in a build without assembly.
func ByteMax(w *ByteWindow) { ByteMaxGo(w) }

// ByteAdd is ByteAddGo in a build without assembly.
func ByteAdd(r *ByteRun) { ByteAddGo(r) }

// ByteMul is ByteMulGo in a build without assembly.
func ByteMul(r *ByteRun) { ByteMulGo(r) }

// ByteAffine is ByteAffineGo in a build without assembly.
func ByteAffine(r *ByteRun) { ByteAffineGo(r) }

// ByteQuantize is ByteQuantizeGo in a build without assembly.
func ByteQuantize(r *ByteRun) { ByteQuantizeGo(r) }

// ByteLookUp is ByteLookUpGo in a build without assembly.
func ByteLookUp(r *ByteRun) { ByteLookUpGo(r) }

// ByteFloat is ByteFloatGo in a build without assembly.
func ByteFloat(r *ByteRun) { ByteFloatGo(r) }

// ByteSum is ByteSumGo in a build without assembly.
func ByteSum(r *ByteRun) { ByteSumGo(r) }

// BytePlanes is BytePlanesGo in a build without assembly.
func BytePlanes(r *ByteRun) { BytePlanesGo(r) }

// ByteMulOne is ByteMulOneGo in a build without assembly.
func ByteMulOne(r *ByteRun) { ByteMulOneGo(r) }

// ByteFixed512 is ByteFixedGo in a build without assembly.
func ByteFixed512(f *ByteFixed) { ByteFixedGo(f) }

// ByteFixedSum512 is ByteFixedSumGo in a build without assembly.
func ByteFixedSum512(f *ByteFixed) { ByteFixedSumGo(f) }
