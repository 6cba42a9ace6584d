package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model/packed"
)

// Stored says in what form WriteNative stores a tensor, the smallest that gives the same bits back, and in how many bytes:
// f32, f16 where each element is exactly one, sparse f32, 16x1 f32 (columns of 16 rows), palette(5) for indices of five bits.
func Stored(t *ir.Tensor) (encoding string, bytes int64) { return packed.Stored(t) }

// StoredAll is how many bytes that is for all tensors of a network.
func StoredAll(weights map[string]*ir.Tensor) int64 {
	total, _ := packed.Sum(weights)
	return total
}

// WriteNative writes a network in this program's own format, with everything that ReadFile wants to know of it.
func WriteNative(w io.Writer, g *ir.Graph, prepKnown bool) error {
	return packed.Write(w, packed.Network{Graph: g, PrepKnown: prepKnown})
}

func readNative(raw []byte, o FileOptions) (*File, error) {
	net, err := packed.Read(raw)
	if err != nil {
		return nil, err
	}
	g := net.Graph
	if net.PrepKnown {
		if err := checkPrep(g.Prep, g.Input().Shape); err != nil {
			return nil, fmt.Errorf("its preprocessing is wrong: %w", err)
		}
	}
	if o.Digest {
		sum := sha256.Sum256(raw)
		g.Digest = hex.EncodeToString(sum[:])
	}
	return &File{Graph: g, Format: Native, Writer: "godlas", Meta: net.Meta, PrepKnown: net.PrepKnown}, nil
}
