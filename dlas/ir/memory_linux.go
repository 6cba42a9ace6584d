package ir

import "syscall"

// adviseHuge asks for huge pages; that the kernel may refuse changes nothing but the speed.
func adviseHuge(m Memory) {
	const hugePage = 14 // MADV_HUGEPAGE
	_ = syscall.Madvise(m, hugePage)
}

func discard(m Memory) { _ = syscall.Madvise(m, syscall.MADV_DONTNEED) }
