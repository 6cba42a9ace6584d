//go:build !unix

package model

const nonblocking = 0
