//go:build !amd64 || noasm

package asm

// Strip512 is StripGo in a build without assembly.
func Strip512(t *Strip, rows, cols, stride int) { StripGo(t, rows, cols, stride) }

// Strip256 is StripGo in a build without assembly.
func Strip256(t *Strip, rows, cols, stride int) { StripGo(t, rows, cols, stride) }

// Turn512 is TurnGo in a build without assembly.
func Turn512(t *Turn) { TurnGo(t) }

// Turn256 is TurnGo in a build without assembly.
func Turn256(t *Turn) { TurnGo(t) }

// Edges512 is EdgesGo in a build without assembly.
func Edges512(t *Edges) { EdgesGo(t) }

// Edges256 is EdgesGo in a build without assembly.
func Edges256(t *Edges) { EdgesGo(t) }
