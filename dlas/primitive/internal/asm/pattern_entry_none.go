//go:build !amd64 || noasm

package asm

// Pattern512 is PatternGo in a build without assembly.
func Pattern512(t *Strip, rows, cols, stride int) { PatternGo(t, rows, cols, stride) }

// Pattern256 is PatternGo in a build without assembly.
func Pattern256(t *Strip, rows, cols, stride int) { PatternGo(t, rows, cols, stride) }
