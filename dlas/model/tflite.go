package model

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/godlas/godlas/dlas/model/tflite"
)

func readTFLite(raw []byte, o FileOptions) (*File, error) {
	digest := ""
	if o.Digest { // before weights are turned in place
		sum := sha256.Sum256(raw)
		digest = hex.EncodeToString(sum[:])
	}
	m, err := tflite.Read(raw, tflite.Options{Input: o.Input, Usual: o.usual})
	if err != nil {
		return nil, err
	}
	f := &File{Graph: m.Graph, Format: TFLite, Writer: m.Description, PrepKnown: m.PixelsTold, integersIn: m.IntegersIn, integersOut: m.IntegersOut, roundings: m.Roundings}
	f.Graph.Prep, f.Graph.Digest = m.Pixels, digest
	return f, nil
}
