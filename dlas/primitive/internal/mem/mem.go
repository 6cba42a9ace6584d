// Package mem is where kernels put their packed weights.
//
// Weights lie close together on huge pages: a network's worth of them is read once a run, and with 4 KiB pages the
// look-ups of addresses cost as much as the reading does.
package mem

import (
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// chunk is what is taken from the heap at a time: two huge pages. Pieces as large get memory of their own.
const chunk = 4 << 20

var free struct {
	sync.Mutex
	rest ir.Memory
}

// Alloc returns that many zeroed bytes at a multiple of 64. They hold no pointers, and are collected when nothing refers
// to them any more.
func Alloc(bytes int) ir.Memory {
	if bytes >= chunk {
		return ir.NewMemory(bytes)
	}
	size := (bytes + 63) &^ 63
	free.Lock()
	defer free.Unlock()
	if len(free.rest) < size {
		free.rest = ir.NewMemory(chunk)
	}
	m := free.rest[:bytes:bytes]
	free.rest = free.rest[size:]
	return m
}

// F32 is Alloc of that many float32.
func F32(n int) []float32 { return Alloc(4 * n).F32() }
