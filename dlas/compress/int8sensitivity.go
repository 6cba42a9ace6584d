package compress

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// sensitivityImages is the most images that sensitivity is measured with.
const sensitivityImages = 32

// sensitive is a layer and what its quantisation alone does to the logits: the ratio of their power to the error's.
type sensitive struct {
	node    *ir.Node
	decibel float64
}

// sensitivity quantises each layer alone and measures what that does to the logits; the most sensitive comes first.
func (z *byteGraph) sensitivity(ctx context.Context, t Tools, n int) ([]sensitive, error) {
	var batches []*ir.Tensor
	var want [][]float32
	err := eachBatch(ctx, t, z.g, n, func(batch *ir.Tensor) error {
		logits, err := t.Runner.Run(ctx, z.g, batch, nil)
		if err != nil {
			return err
		}
		batches, want = append(batches, batch), append(want, slices.Clone(logits.F32()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []sensitive
	for _, layer := range z.layers() {
		alone, err := z.quantised(ctx, layer)
		if err != nil {
			return nil, err
		}
		power, wrong := 0.0, 0.0
		for i, batch := range batches {
			logits, err := t.Runner.Run(ctx, alone, batch, nil)
			if err != nil {
				return nil, err
			}
			for k, v := range logits.F32() {
				d := float64(v) - float64(want[i][k])
				power += float64(want[i][k]) * float64(want[i][k])
				wrong += d * d
			}
		}
		list = append(list, sensitive{layer, 10 * math.Log10(max(power, 1e-30)/max(wrong, 1e-30))})
	}
	slices.SortStableFunc(list, func(a, b sensitive) int { return cmp.Compare(a.decibel, b.decibel) })
	return list, nil
}
