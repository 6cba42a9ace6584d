//go:build !unix

package onnx

const nonblocking = 0
