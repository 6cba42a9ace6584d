//go:build !noasm

package asm

import "github.com/klauspost/cpuid/v2"

// MACs does the multiply-adds that an instruction set does fastest, of float32 or of 8-bit integers, about work times,
// and returns how many it did; 0 where there is no such loop. It is a safe point, and one call takes some microseconds
// for 1<<20 of work.
//
//go:noinline
func MACs(isa string, integers bool, work int) int {
	var f func(int)
	each := 0
	switch {
	case !integers && (isa == "avx512" || isa == "avx512vnni") && HasAVX512():
		f, each = peakFMA512, 4*16*16
	case !integers && isa != "go" && HasAVX2():
		f, each = peakFMA256, 4*12*8
	case integers && isa == "avx512vnni" && HasAVX512() && cpuid.CPU.Supports(cpuid.AVX512VNNI):
		f, each = peakDot512, 4*16*64
	case integers && isa == "avxvnni" && cpuid.CPU.Supports(cpuid.AVXVNNI):
		f, each = peakDot256, 4*12*32
	case integers && (isa == "avx2" || isa == "avx512") && HasAVX2():
		f, each = peakPairs256, 4*10*16
	default:
		return 0
	}
	n := max(1, work/each)
	f(n)
	return n * each
}

// Read reads memory up to its last whole kilobyte and returns how many bytes that was; 0 where there is no such loop. A
// caller keeps a call short (a megabyte or so), since it cannot be preempted; the call is a safe point.
//
//go:noinline
func Read(isa string, m []byte) int {
	f, each := readAll256, 16*32
	switch {
	case (isa == "avx512" || isa == "avx512vnni") && HasAVX512():
		f, each = readAll512, 16*64
	case isa == "go" || !HasAVX2():
		return 0
	}
	n := len(m) / each
	if n == 0 {
		return 0
	}
	f(&m[0], n)
	return n * each
}
