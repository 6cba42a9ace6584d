package compress

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// punch is block-punched pruning: the score of a kernel position within a block is the sum over the block's input channels
// of the L2 norm over its filters, and all positions of a layer are ranked together.
func punch() pass {
	return blockPass{
		option: ir.Option{
			Name: "punch",
			Help: "Block-punched pruning: within a block of R filters by C input channels the same kernel positions of all its kernels become zero, those that " +
				"matter least first, until the fraction p of each layer is, without retraining. The score of a position is the sum, over the block's input " +
				"channels, of the L2 norm over its filters. The format punched skips what is zero. Blocks count from the first channel; where R or C does not " +
				"divide, the last block is smaller.",
			Source: "Cai et al., YOLObile, AAAI 2021; Li et al., NPAS, CVPR 2021, which choose it by layer",
			Params: []ir.Param{
				{Help: "fraction of weights that become zero, 0 to 1"},
				{Help: "the block, filters by input channels: the first is 4, 8, 16 or 32, the second at least 1", Examples: []string{"8x4", "16x4"}},
				byParam(), scopeParam("layer"),
			},
		},
		form:  form{level: "fraction", lo: 0, hi: 1, block: true, example: "write punch(0.8, 8x4)"},
		scope: "layer", dropped: "kernel position",
		join: func(squares []float64) float64 {
			sum := 0.0
			for _, s := range squares {
				sum += math.Sqrt(s)
			}
			return sum
		},
	}.pass()
}
