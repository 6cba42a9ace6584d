package rt

import "unsafe"

// Label returns the address of the calling goroutine's profiler labels, nil if
// it has none. It takes package runtime/pprof to set them.
//
//go:linkname Label runtime/pprof.runtime_getProfLabel
func Label() unsafe.Pointer
