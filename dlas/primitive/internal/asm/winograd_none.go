//go:build !amd64 || noasm

package asm

func winoInVector(ISA, int, *WinoMap) { panic("asm: this build has no assembly") }

func winoOutVector(ISA, int, *WinoMap) { panic("asm: this build has no assembly") }

func winoMulVector(ISA, int, int, *WinoMul) { panic("asm: this build has no assembly") }

func winoColumnsVector(ISA, *WinoColumns) { panic("asm: this build has no assembly") }

func winoRowVector(ISA, int, WinoPlaces, *WinoRow) { panic("asm: this build has no assembly") }
