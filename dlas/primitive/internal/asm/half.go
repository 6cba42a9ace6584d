package asm

import "math"

// FromHalf is the number that the bits of a float16 (IEEE 754 binary16) stand for.
func FromHalf(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, frac := uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero or subnormal: a multiple of 2^-24
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(f))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// Widen is the numbers that the bits of float16s stand for.
func Widen(h []uint16) []float32 {
	list := make([]float32, len(h))
	for i, v := range h {
		list[i] = FromHalf(v)
	}
	return list
}

// ToHalf are the bits of the float16 that is nearest, halves to even; infinity beyond the largest.
func ToHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 1<<31 - 1
	switch {
	case b > 0xff<<23: // NaN stays one
		return sign | 0x7e00
	case b >= 143<<23:
		return sign | 0x7c00
	case b < 113<<23: // below the least normal number: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*(1<<24)))
	}
	b -= 112 << 23
	return sign | uint16((b+0xfff+b>>13&1)>>13)
}
