// Package args names the argument structs for the generator; their fields are those of package asm.
package args

// Sparse stands for asm.Sparse.
type Sparse struct{}

// ByteTile stands for asm.ByteTile.
type ByteTile struct{}

// ByteWindow stands for asm.ByteWindow.
type ByteWindow struct{}

// ByteRun stands for asm.ByteRun.
type ByteRun struct{}

// ByteFixed stands for asm.ByteFixed.
type ByteFixed struct{}
