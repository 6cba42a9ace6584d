package ir

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/godlas/godlas/internal/gain"
)

// BenchmarkRuleHugePages reads a line here and a line there of as much memory as a network's weights.
func BenchmarkRuleHugePages(b *testing.B) {
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || !strings.Contains(string(mode), "[madvise]") {
		b.Skip("the system does not give huge pages to who asks, and to nobody else")
	}
	const size = 64 << 20
	small, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(small) }()
	huge := NewMemory(size)
	for i := 0; i < size; i += 4096 {
		small[i], huge[i] = 1, 1
	}
	sum := byte(0)
	read := func(m []byte) {
		at := uint32(1)
		for range 1 << 16 {
			at = at*1664525 + 1013904223 + uint32(m[at>>6&(size/64-1)<<6]) // each waits for the one before
		}
		sum += byte(at)
	}
	gain.Of(b, func() { read(huge) }, func() { read(small) })
	if sum == 77 {
		b.Log("read")
	}
}
