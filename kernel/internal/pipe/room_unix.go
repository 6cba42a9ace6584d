//go:build unix

package pipe

import "golang.org/x/sys/unix"

const room = 1 << 20 // bytes of a pipe; Linux lets everybody ask for that

// Unread is the number of bytes that wait in a pipe.
func Unread(fd int) (int, error) { return unix.IoctlGetInt(fd, fionread) }
