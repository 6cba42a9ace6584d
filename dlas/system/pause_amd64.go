//go:build !noasm

package system

// pause tells the processor that this is a waiting loop: it leaves the core to the other thread on it for a moment.
func pause()
