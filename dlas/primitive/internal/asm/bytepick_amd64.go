//go:build !noasm

package asm

// BytePick512 is BytePickGo for the pixels and vectors of ByteTile512.
//
//go:noinline
func BytePick512(t *ByteTile, pixels, half, vectors int) {
	if !callBytePick(t, pixels, half, vectors) {
		panic("asm: no quantised tile of picked inputs of that size")
	}
}

// BytePickVNNI is BytePickGo for 1 to 6 pixels and one vector (AVX-VNNI).
//
//go:noinline
func BytePickVNNI(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		bytePickVNNI1(t)
	case 2:
		bytePickVNNI2(t)
	case 3:
		bytePickVNNI3(t)
	case 4:
		bytePickVNNI4(t)
	case 5:
		bytePickVNNI5(t)
	case 6:
		bytePickVNNI6(t)
	}
	lookUpAll(t, pixels)
}

// BytePickPair is BytePickGo for 1 to 4 pixels and one vector (AVX2), with weights of 16 bits: see BytePairs.
//
//go:noinline
func BytePickPair(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		bytePickPair1(t)
	case 2:
		bytePickPair2(t)
	case 3:
		bytePickPair3(t)
	case 4:
		bytePickPair4(t)
	}
	lookUpAll(t, pixels)
}
