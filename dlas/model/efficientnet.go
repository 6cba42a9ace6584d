package model

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

func efficientNetB0() architecture {
	return large.only(architecture{
		option: ir.Option{
			Name:   "efficientnet-b0",
			Help:   "EfficientNet-B0: sixteen inverted blocks with 3x3 or 5x5 depthwise convolutions, SiLU activations and squeeze-and-excite gates.",
			Source: "Tan, Le: EfficientNet, ICML 2019, arXiv:1905.11946, table 1; squeeze-and-excite: Hu et al., CVPR 2018; as torchvision 0.20 builds it",
		},
		build: buildEfficientNetB0,
	})
}

func buildEfficientNetB0(b *builder) {
	stages := []struct{ expand, kernel, stride, out, blocks int }{
		{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2}, {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1},
	}
	normSilu := func(p, x string) string { return b.silu(p+".2", b.norm(p+".1", x)) }
	x := normSilu("features.0", b.conv("features.0.0", b.input, 32, 3, 2, 1))
	for i, s := range stages {
		for j := range s.blocks {
			p, stride := fmt.Sprintf("features.%d.%d", i+1, j), 1
			if j == 0 {
				stride = s.stride
			}
			in, y, next := b.channels(x), x, chain(p+".block")
			if s.expand != 1 {
				q := next()
				y = normSilu(q, b.conv(q+".0", y, in*s.expand, 1, 1, 1))
			}
			q := next()
			y = normSilu(q, b.conv(q+".0", y, in*s.expand, s.kernel, stride, in*s.expand))
			y = excite(b, next(), y, in/4)
			q = next()
			y = b.norm(q+".1", b.conv(q+".0", y, s.out, 1, 1, 1))
			if stride == 1 && in == s.out {
				y = b.add(p+".add", y, x)
			}
			x = y
		}
	}
	p := fmt.Sprintf("features.%d", len(stages)+1)
	x = normSilu(p, b.conv(p+".0", x, 1280, 1, 1, 1))
	b.linear("classifier.1", b.averageAll(x))
}

// excite multiplies each channel by a gate between 0 and 1 that two small layers make of all channels' means.
func excite(b *builder, p, x string, squeeze int) string {
	one := window{k: 1, stride: 1, bias: true}
	g := b.silu(p+".activation", b.convWith(p+".fc1", b.average(p+".avgpool", x), squeeze, one))
	g = b.sigmoid(p+".scale_activation", b.convWith(p+".fc2", g, b.channels(x), one))
	return b.scale(p+".mul", x, g)
}
