//go:build !linux

package awaits

const known = false

func input(int) bool { return false }
