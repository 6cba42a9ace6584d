//go:build unix

package model

import "syscall"

// nonblocking opens a named pipe without waiting for its other end.
const nonblocking = syscall.O_NONBLOCK
