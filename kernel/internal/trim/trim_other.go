//go:build !linux

package trim

func pages() {}
