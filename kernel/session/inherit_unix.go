//go:build unix

package session

import (
	"os"
	"syscall"
)

func inherited() (r, w *os.File, err error) {
	open := func(fd int, name string) (*os.File, error) {
		var st syscall.Stat_t
		if err := syscall.Fstat(fd, &st); err != nil {
			return nil, errNotStarted
		}
		if t := st.Mode & syscall.S_IFMT; t != syscall.S_IFIFO && t != syscall.S_IFSOCK {
			return nil, errNotStarted
		}
		syscall.CloseOnExec(fd) // what cells start must not hold the pipe
		return os.NewFile(uintptr(fd), name), nil
	}
	if r, err = open(3, "from the kernel"); err != nil {
		return nil, nil, err
	}
	w, err = open(4, "to the kernel")
	return r, w, err
}
