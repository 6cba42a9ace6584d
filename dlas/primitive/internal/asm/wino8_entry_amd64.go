//go:build !noasm

package asm

// HasWino8 tells whether this build and processor have the AVX-512 loops.
func HasWino8() bool { return HasByteTile512() }

// Wino8In512 is Wino8InGo (AVX-512).
//
//go:noinline
func Wino8In512(a *Wino8In, signed bool) {
	if signed {
		wino8InSigned(a)
	} else {
		wino8In(a)
	}
}

// Wino8Weights512 is Wino8WeightsGo (AVX-512).
//
//go:noinline
func Wino8Weights512(a *Wino8Weights) { wino8Weights(a) }

// Wino8Sums is Wino8SumsGo, for at most some hundred thousand bytes, as fast as this processor can.
//
//go:noinline
func Wino8Sums(w []int8) (sum, above int32) {
	if len(w) == 0 || !HasWino8() {
		return Wino8SumsGo(w)
	}
	return wino8Sums(&w[0], len(w))
}

// Wino8Out512 is Wino8OutGo (AVX-512).
//
//go:noinline
func Wino8Out512(a *Wino8Out) {
	if a.Res != nil {
		wino8OutRes(a)
	} else {
		wino8Out(a)
	}
}

// Wino8Mul512 is Wino8MulGo for 1 to 14 rows and 1 or 2 vectors (AVX-512 VNNI).
//
//go:noinline
func Wino8Mul512(a *Wino8Mul, rows, vectors int) {
	if vectors == 1 {
		wino8Mul1(a, rows)
	} else {
		wino8Mul2(a, rows)
	}
}

func wino8Mul1(a *Wino8Mul, rows int) {
	switch rows {
	case 1:
		wino8Mul1x1(a)
	case 2:
		wino8Mul2x1(a)
	case 3:
		wino8Mul3x1(a)
	case 4:
		wino8Mul4x1(a)
	case 5:
		wino8Mul5x1(a)
	case 6:
		wino8Mul6x1(a)
	case 7:
		wino8Mul7x1(a)
	case 8:
		wino8Mul8x1(a)
	case 9:
		wino8Mul9x1(a)
	case 10:
		wino8Mul10x1(a)
	case 11:
		wino8Mul11x1(a)
	case 12:
		wino8Mul12x1(a)
	case 13:
		wino8Mul13x1(a)
	case 14:
		wino8Mul14x1(a)
	}
}

func wino8Mul2(a *Wino8Mul, rows int) {
	switch rows {
	case 1:
		wino8Mul1x2(a)
	case 2:
		wino8Mul2x2(a)
	case 3:
		wino8Mul3x2(a)
	case 4:
		wino8Mul4x2(a)
	case 5:
		wino8Mul5x2(a)
	case 6:
		wino8Mul6x2(a)
	case 7:
		wino8Mul7x2(a)
	case 8:
		wino8Mul8x2(a)
	case 9:
		wino8Mul9x2(a)
	case 10:
		wino8Mul10x2(a)
	case 11:
		wino8Mul11x2(a)
	case 12:
		wino8Mul12x2(a)
	case 13:
		wino8Mul13x2(a)
	case 14:
		wino8Mul14x2(a)
	}
}
