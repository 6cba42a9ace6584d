//go:build noasm || (!amd64 && !arm64)

package system

// pause is nothing where there is no assembly.
func pause() {}
