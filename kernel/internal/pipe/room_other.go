//go:build unix && !linux

package pipe

const fionread = 0x4004667f // the number of bytes that wait in a pipe, on the systems that come from BSD

// Widen gives a pipe more room, where it can.
func Widen(int) {}
