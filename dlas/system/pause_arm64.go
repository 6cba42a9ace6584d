//go:build !noasm

package system

// pause tells the processor that this is a waiting loop.
func pause()
