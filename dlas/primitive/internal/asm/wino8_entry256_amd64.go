//go:build !noasm

package asm

import (
	"math/bits"
	"unsafe"
)

// Wino8In256 is Wino8InGo (AVX2).
//
//go:noinline
func Wino8In256(a *Wino8In, signed bool) {
	if signed {
		wino8In256Signed(a)
	} else {
		wino8In256(a)
	}
}

// Wino8Weights256 is Wino8WeightsGo (AVX2).
//
//go:noinline
func Wino8Weights256(a *Wino8Weights) { wino8Weights256(a) }

// Wino8Out256 is Wino8OutGo (AVX2). Of a tile that is not all there no more than one is done in a call.
//
//go:noinline
func Wino8Out256(a *Wino8Out) {
	if a.Mask == 0xffff {
		wino8Outs256(a)
		return
	}
	if a.Tiles != 1 {
		panic("asm: several tiles that are not all there")
	}
	var in, out [256]uint8
	b := *a
	b.Map, b.Row = &out[0], 64
	width := bits.OnesCount32(a.Mask) * 4
	if a.Res != nil {
		for y := range a.Rows {
			copy(in[64*y:], unsafe.Slice(Plus(a.Res, y*a.ResRow), width))
		}
		b.Res, b.ResRow = &in[0], 64
	}
	wino8Outs256(&b)
	for y := range a.Rows {
		copy(unsafe.Slice(Plus(a.Map, y*a.Row), width), out[64*y:])
	}
}

func wino8Outs256(a *Wino8Out) {
	if a.Res != nil {
		wino8Out256Res(a)
	} else {
		wino8Out256(a)
	}
}

// Wino8VNNI is Wino8MulGo for 1 to 6 rows and one vector (AVX-VNNI).
//
//go:noinline
func Wino8VNNI(a *Wino8Mul, rows int) {
	switch rows {
	case 1:
		wino8VNNI1(a)
	case 2:
		wino8VNNI2(a)
	case 3:
		wino8VNNI3(a)
	case 4:
		wino8VNNI4(a)
	case 5:
		wino8VNNI5(a)
	case 6:
		wino8VNNI6(a)
	}
}

// Wino8Pair is Wino8MulGo for 1 to 6 rows and one vector (AVX2).
//
//go:noinline
func Wino8Pair(a *Wino8Mul, rows int) {
	switch rows {
	case 1:
		wino8Pair1(a)
	case 2:
		wino8Pair2(a)
	case 3:
		wino8Pair3(a)
	case 4:
		wino8Pair4(a)
	case 5:
		wino8Pair5(a)
	case 6:
		wino8Pair6(a)
	}
}
