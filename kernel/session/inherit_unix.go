//go:build unix

package session

import (
	"os"
	"syscall"

	"github.com/godlas/godlas/kernel/internal/pipe"
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

// natives returns what reads the process's own output, from the ends of its pipes that the front has left to it; nil if it
// has not.
func natives() func(emit func(name string, text []byte)) {
	ends := [2]int{5, 6}
	for i, fd := range ends {
		var own, st syscall.Stat_t
		if syscall.Fstat(i+1, &own) != nil || syscall.Fstat(fd, &st) != nil || own.Dev != st.Dev || own.Ino != st.Ino || st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			return nil
		}
	}
	for _, fd := range ends {
		syscall.CloseOnExec(fd)
		syscall.SetNonblock(fd, true) // the front may be quicker
	}
	buf := make([]byte, 64<<10)
	return func(emit func(string, []byte)) {
		for i, name := range [2]string{"stdout", "stderr"} {
			// Not to the end: whoever writes without a pause would keep the cell from its own work.
			for most := 1 << 20; most > 0; {
				if n, err := pipe.Unread(ends[i]); err != nil || n <= 0 {
					break
				}
				n, err := syscall.Read(ends[i], buf)
				if err != nil || n <= 0 {
					break
				}
				emit(name, buf[:n])
				most -= n
			}
		}
	}
}
