//go:build unix && !linux

package magic

import "syscall"

// diesWithParent does nothing: this system has no such signal, and a killed session leaves its command behind.
func diesWithParent(*syscall.SysProcAttr) {}
