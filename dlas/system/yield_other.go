//go:build !linux

package system

import "runtime"

// yield lets another goroutine have this processor.
func yield() { runtime.Gosched() }
