//go:build !noasm

package asm

import "github.com/klauspost/cpuid/v2"

// HasAVX2 tells whether this build has the AVX2 loops and this processor can run them.
func HasAVX2() bool { return cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) }

// SparseAVX2 is SparseGo.
//
//go:noinline
func SparseAVX2(s *Sparse, lanes int) {
	s.check(lanes)
	switch lanes {
	case 2:
		sparse2(s)
	case 8:
		sparse8(s)
	default:
		panic("asm: panels of 2 or 8 lanes only")
	}
}
