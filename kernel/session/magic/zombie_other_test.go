//go:build unix && !linux

package magic

func isZombie(int) bool { return false }
