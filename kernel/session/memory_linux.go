package session

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// boundMemory makes the system refuse more than so many bytes of data, also to the commands that cells start, each by itself.
func boundMemory(bytes int64) {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_DATA, &l) == nil && l.Cur > uint64(bytes) {
		l.Cur = uint64(bytes)
		unix.Setrlimit(unix.RLIMIT_DATA, &l)
	}
}

// usedMemory is what the process has in memory, in bytes.
func usedMemory() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if f := bytes.Fields(b); err == nil && len(f) > 1 {
		if n, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
			return n * int64(os.Getpagesize())
		}
	}
	return goMemory()
}
