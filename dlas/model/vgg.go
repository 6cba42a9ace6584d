package model

import "github.com/godlas/godlas/dlas/ir"

func vgg7() architecture {
	return architecture{
		option: ir.Option{
			Name: "vgg7",
			Help: "A small VGG: six 3x3 convolutions in pairs of 16, 32 and 64 channels, each pair followed by max pooling, and one linear layer on the " +
				"flat map. A plain chain without shortcuts. Trained by this project for fashion-mnist.",
			Source: "Simonyan, Zisserman: Very Deep Convolutional Networks, ICLR 2015",
		},
		least: 8, build: buildVGG7,
	}
}

func buildVGG7(b *builder) {
	x, step := b.g.Input().Name, 0
	next := func() string { step++; return stepName("features", step-1) }
	for _, out := range []int{16, 32, 64} {
		for range 2 {
			x = b.conv(next(), x, out, 3, 1, 1)
			x = b.norm(next(), x)
			x = b.relu(next(), x)
		}
		x = b.maxPool(next(), x)
	}
	in := b.g.Input().Shape
	flat := 64 * (in[2] / 8) * (in[3] / 8)
	b.linear("classifier", b.node("flatten", "Flatten", flat, nil, x), flat)
}
