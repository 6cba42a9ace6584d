package asm

import "unsafe"

// Gather copies two lanes for every offset: dst[k*width+j] and dst[k*width+Lane+j] become src[a+off[k]+j] and
// src[b+off[k]+j]. reach is 1 + the largest offset; none is negative. It panics where that leaves an array, and each call
// is a safe point.
//
//go:noinline
func Gather(dst []float32, width int, src []float32, a, b int, off []int32, reach int) {
	if len(off) == 0 {
		return
	}
	if a < 0 || b < 0 || max(a, b)+reach+Lane-1 > len(src) || width < 2*Lane || (len(off)-1)*width+2*Lane > len(dst) {
		panic("asm: gather leaves its arrays")
	}
	// Four words are loaded before any is stored; of arrays the compiler makes a call of memmove.
	type words struct{ a, b, c, d uint64 }
	to := unsafe.Pointer(unsafe.SliceData(dst))
	fromA, fromB := unsafe.Pointer(&src[a]), unsafe.Pointer(&src[b])
	at := uintptr(0)
	for _, o := range off {
		x := *(*words)(unsafe.Add(fromA, 4*int(o)))
		y := *(*words)(unsafe.Add(fromB, 4*int(o)))
		*(*words)(unsafe.Add(to, at)) = x
		*(*words)(unsafe.Add(to, at+4*Lane)) = y
		at += 4 * uintptr(width)
	}
}
