//go:build !amd64 || noasm

package asm

// Quad512 is QuadGo in a build without assembly.
func Quad512(t *Strip, rows, cols, stride int) { QuadGo(t, rows, cols, stride) }

// Quad256 is QuadGo in a build without assembly.
func Quad256(t *Strip, rows, cols, stride int) { QuadGo(t, rows, cols, stride) }
