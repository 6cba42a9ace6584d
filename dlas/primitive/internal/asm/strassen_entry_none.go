//go:build !amd64 || noasm

package asm

// Seven512 is SevenGo in a build without assembly.
func Seven512(t *Seven, rows, blocks int) { SevenGo(t, rows, blocks) }

// SevenSums512 is SevenSumsGo in a build without assembly.
func SevenSums512(t *SevenSums) { SevenSumsGo(t) }
