//go:build unix

package kernel

import (
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// A session that can read its own file descriptors 1 and 2 does so whenever a cell prints, shows or ends: only it knows
// where in a cell's output a native write belongs. What it has not taken after leaveTime, because no cell prints or it is
// dead, the front reads.
const (
	leaveTime = 60 * time.Millisecond // far longer than the session gathers prints
	leaveStep = 5 * time.Millisecond
	leaveMost = 32 << 10 // bytes: a writer must not wait for room
)

// late is the reading end of a pipe that the session may read too.
type late struct {
	f    *os.File
	conn syscall.RawConn
	now  atomic.Bool
	wake chan struct{}
}

// share adds the reading ends of the pipes at the session's descriptors 1 and 2 to those that it inherits, as 5 and 6, and
// returns the front's own readers of them.
func share(cmd *exec.Cmd, ends []*os.File) (readers []io.ReadCloser, release func(), err error) {
	var copies []*os.File
	release = func() {
		for _, c := range copies {
			c.Close()
		}
	}
	for _, f := range ends {
		conn, err := f.SyscallConn()
		if err != nil {
			return nil, release, err
		}
		fd := -1
		conn.Control(func(p uintptr) {
			pipe.Widen(int(p))
			fd, err = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0)
		})
		if err != nil {
			return nil, release, err
		}
		copies = append(copies, os.NewFile(uintptr(fd), f.Name()))
		readers = append(readers, &late{f: f, conn: conn, wake: make(chan struct{}, 1)})
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, copies...)
	started := release
	return readers, func() {
		for _, c := range copies { // starting a process makes what it inherits block, and these are one with the front's
			if p := c.Fd(); p != ^uintptr(0) {
				syscall.SetNonblock(int(p), true)
			}
		}
		started()
	}, nil
}

// Wait is of pipe.Waiter.
func (l *late) Wait() {
	for {
		open := false
		err := l.conn.Read(func(fd uintptr) bool { open = readable(int(fd)); return open })
		if err != nil || !open {
			return // Read says why
		}
		for end := time.Now().Add(leaveTime); ; {
			n, err := l.unread()
			if n == 0 && err == nil && !l.ended() {
				break // the session has taken it
			}
			if err != nil || n == 0 || n >= leaveMost || l.now.Load() || time.Now().After(end) {
				return
			}
			select {
			case <-time.After(leaveStep):
			case <-l.wake:
			}
		}
	}
}

// Hurry is of pipe.Waiter.
func (l *late) Hurry(on bool) {
	l.now.Store(on)
	if on {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Read gives what is there; where another has taken that it gives nothing, and no error.
func (l *late) Read(p []byte) (n int, err error) {
	bad := l.conn.Read(func(fd uintptr) bool {
		for {
			if n, err = syscall.Read(int(fd), p); err != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case bad != nil:
		return 0, bad
	case err == syscall.EAGAIN:
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (l *late) Close() error { return l.f.Close() }

func (l *late) unread() (n int, err error) {
	bad := l.conn.Control(func(fd uintptr) { n, err = pipe.Unread(int(fd)) })
	if bad != nil {
		err = bad
	}
	return n, err
}

// ended reports whether no process can write any more.
func (l *late) ended() (yes bool) {
	l.conn.Control(func(fd uintptr) { yes = readable(int(fd)) })
	return yes
}

// readable reports whether a read would not wait: there is something, or the end.
func readable(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}
