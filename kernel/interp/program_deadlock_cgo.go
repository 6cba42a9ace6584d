//go:build cgo

package interp

const linkedWithC = true
