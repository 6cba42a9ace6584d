//go:build !amd64 || noasm

package asm

// MACs does multiply-adds as fast as the instruction set can; without assembly there is no loop for any.
func MACs(isa string, integers bool, work int) int { return 0 }

// Read reads memory as fast as the instruction set can; without assembly there is no loop for it.
func Read(isa string, m []byte) int { return 0 }
