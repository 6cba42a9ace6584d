//go:build !linux

package session

func boundMemory(int64) {}

func usedMemory() int64 { return goMemory() }
