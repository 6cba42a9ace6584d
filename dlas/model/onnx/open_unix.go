//go:build unix

package onnx

import "syscall"

// nonblocking opens a named pipe without waiting for its other end.
const nonblocking = syscall.O_NONBLOCK
