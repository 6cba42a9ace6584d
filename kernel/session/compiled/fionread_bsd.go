//go:build unix && !linux

package compiled

const fionread = 0x4004667f // FIONREAD of the BSDs and macOS
