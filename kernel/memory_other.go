//go:build !linux

package kernel

func outOfMemory() int64   { return 0 }
func machineMemory() int64 { return 0 }
