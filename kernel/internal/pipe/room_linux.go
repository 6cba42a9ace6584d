package pipe

import "golang.org/x/sys/unix"

const room = 1 << 20 // bytes of a pipe; the system lets everybody ask for that

const fionread = unix.TIOCINQ // the number of bytes that wait in a pipe

// Widen gives a pipe more room; without it a native writer waits a little more often.
func Widen(fd int) { unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, room) }
