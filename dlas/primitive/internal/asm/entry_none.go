//go:build !amd64 || noasm

package asm

// HasAVX2 tells whether this build has the AVX2 loops and this processor can run them.
func HasAVX2() bool { return false }

// SparseAVX2 is SparseGo in a build without assembly.
func SparseAVX2(s *Sparse, lanes int) { SparseGo(s, lanes) }
