package model

import (
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

func squeezeNet(version string) architecture {
	help := "SqueezeNet " + version + ": eight fire modules, each a 1x1 convolution that narrows and 1x1 and 3x3 ones that widen, side by side. " +
		"No linear layer and no batch norm."
	a := architecture{
		option: ir.Option{
			Name: "squeezenet" + version, Help: help,
			Source: "Iandola et al., SqueezeNet, 2016, arXiv:1602.07360; as torchvision 0.20 builds it",
		},
		build: func(b *builder) { buildSqueezeNet(b, version) },
	}
	if version == "1.0" {
		a.files = []string{"imagenet_squeezenet1.0_deepcompressed_dense"}
	}
	return large.only(a)
}

func buildSqueezeNet(b *builder, version string) {
	stem, kernel, pools := 96, 7, []int{0, 3, 7} // the fire modules after which the map is halved; 0 is the stem
	if version == "1.1" {
		stem, kernel, pools = 64, 3, []int{0, 2, 4}
	}
	next := chain("features")
	x := b.convWith(next(), b.input, stem, window{k: kernel, stride: 2, bias: true})
	x = b.relu(next(), x)
	halve := func(fire int) {
		if slices.Contains(pools, fire) {
			x = b.pool(next(), "MaxPool", x, window{k: 3, stride: 2, ceil: true})
		}
	}
	halve(0)
	for i, squeeze := range []int{16, 16, 32, 32, 48, 48, 64, 64} {
		x = fire(b, next(), x, squeeze)
		halve(i + 1)
	}
	x = b.relu("classifier.2", b.convWith("classifier.1", x, b.classes, window{k: 1, stride: 1, bias: true}))
	b.end(b.averageAll(x))
}

func fire(b *builder, p, x string, squeeze int) string {
	x = b.relu(p+".squeeze_activation", b.convWith(p+".squeeze", x, squeeze, window{k: 1, stride: 1, bias: true}))
	one := b.relu(p+".expand1x1_activation", b.convWith(p+".expand1x1", x, 4*squeeze, window{k: 1, stride: 1, bias: true}))
	three := b.relu(p+".expand3x3_activation", b.convWith(p+".expand3x3", x, 4*squeeze, window{k: 3, stride: 1, pad: 1, bias: true}))
	return b.concat(p+".concat", one, three)
}
