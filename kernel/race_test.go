//go:build race

package kernel

func init() { raced = true }
