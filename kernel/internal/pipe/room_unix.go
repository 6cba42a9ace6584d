//go:build unix

package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// Unread is the number of bytes that wait in a pipe.
func Unread(fd int) (int, error) { return unix.IoctlGetInt(fd, fionread) }

// UnreadOf is [Unread] of an open file; 0 where it cannot be told.
func UnreadOf(f *os.File) (n int) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = c.Control(func(fd uintptr) {
		if n, err = Unread(int(fd)); err != nil {
			n = 0
		}
	})
	return n
}
