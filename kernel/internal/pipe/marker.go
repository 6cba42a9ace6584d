package pipe

import (
	"crypto/rand"
	"encoding/hex"
)

// A marker is MarkerPrefix, 32 hexadecimal digits and MarkerSuffix. The fixed ends let the reader of a pipe hold back
// what may be a marker until the Done frame says which one it is, so no marker ever reaches a client; the random
// middle means that a cell cannot print one by accident.
const (
	MarkerPrefix = "\x1b_godlas:"
	MarkerSuffix = "\x1b\\"
	MarkerLen    = len(MarkerPrefix) + 32 + len(MarkerSuffix)
)

// NewMarker returns a fresh marker for the end of a cell's native output.
func NewMarker() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the program if the system has no randomness
	return MarkerPrefix + hex.EncodeToString(b[:]) + MarkerSuffix
}
