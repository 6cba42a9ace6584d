//go:build !amd64 || noasm

package asm

// HasWino8 tells whether this build and processor have the AVX-512 loops.
func HasWino8() bool { return false }

// Wino8In512 is Wino8InGo (AVX-512).
func Wino8In512(*Wino8In, bool) { panic("asm: this build has no assembly") }

// Wino8Weights512 is Wino8WeightsGo (AVX-512).
func Wino8Weights512(*Wino8Weights) { panic("asm: this build has no assembly") }

// Wino8Mul512 is Wino8MulGo (AVX-512 VNNI).
func Wino8Mul512(*Wino8Mul, int, int) { panic("asm: this build has no assembly") }

// Wino8Out512 is Wino8OutGo (AVX-512).
func Wino8Out512(*Wino8Out) { panic("asm: this build has no assembly") }

// Wino8Sums is Wino8SumsGo.
func Wino8Sums(w []int8) (sum, above int32) { return Wino8SumsGo(w) }

// Wino8In256 is Wino8InGo (AVX2).
func Wino8In256(*Wino8In, bool) { panic("asm: this build has no assembly") }

// Wino8Weights256 is Wino8WeightsGo (AVX2).
func Wino8Weights256(*Wino8Weights) { panic("asm: this build has no assembly") }

// Wino8Out256 is Wino8OutGo (AVX2).
func Wino8Out256(*Wino8Out) { panic("asm: this build has no assembly") }

// Wino8VNNI is Wino8MulGo (AVX-VNNI).
func Wino8VNNI(*Wino8Mul, int) { panic("asm: this build has no assembly") }

// Wino8Pair is Wino8MulGo (AVX2).
func Wino8Pair(*Wino8Mul, int) { panic("asm: this build has no assembly") }
