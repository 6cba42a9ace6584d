package model

import (
	"github.com/godlas/godlas/dlas/ir"
)

func narrowMobileNetV2() architecture {
	return architecture{
		option: ir.Option{
			Name: "narrow-mobilenetv2",
			Help: "A narrow MobileNetV2 for 32x32 pictures: inverted residual blocks, whose 3x3 convolutions are depthwise, between 1x1 ones. " +
				"Few multiplications, many nodes. Trained by this project for fashion-mnist, where mobilenetv2 means this one.",
			Source: "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018",
		},
		least: 8, family: "mobilenetv2", only: "fashion-mnist", build: buildNarrowMobileNetV2,
	}
}

func buildNarrowMobileNetV2(b *builder) {
	const stem, head = 16, 128
	x := b.relu6("features.0.2", b.norm("features.0.1", b.conv("features.0.0", b.input, stem, 3, 2, 1)))
	blocks := []struct{ expand, out, stride int }{{1, 16, 1}, {4, 24, 1}, {4, 32, 2}, {4, 32, 1}, {4, 48, 1}, {4, 48, 1}}
	for i, k := range blocks {
		p := stepName("features", i+1)
		x = inverted(b, p, chain(p+".conv"), x, k.out, k.stride, k.expand)
	}
	p := stepName("features", len(blocks)+1)
	x = b.relu6(p+".2", b.norm(p+".1", b.conv(p+".0", x, head, 1, 1, 1)))
	b.linear("classifier", b.averageAll(x))
}

// inverted widens by expand, filters each channel alone, and narrows without an activation. next names its parts in
// turn.
func inverted(b *builder, p string, next func() string, x string, out, stride, expand int) string {
	y, mid := x, b.channels(x)*expand
	if expand != 1 {
		y = b.conv(next(), y, mid, 1, 1, 1)
		y = b.norm(next(), y)
		y = b.relu6(next(), y)
	}
	y = b.conv(next(), y, mid, 3, stride, mid)
	y = b.norm(next(), y)
	y = b.relu6(next(), y)
	y = b.conv(next(), y, out, 1, 1, 1)
	y = b.norm(next(), y)
	if stride == 1 && b.channels(x) == out {
		return b.add(p+".add", y, x)
	}
	return y
}

func mobileNetV2(form form) architecture {
	return form.of(architecture{
		option: ir.Option{
			Name: "mobilenetv2",
			Help: "MobileNetV2: seventeen inverted residual blocks, whose 3x3 convolutions are depthwise, between 1x1 ones. " +
				"Few multiplications, many nodes.",
			Source: "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, table 2; as torchvision 0.20 builds it",
		},
		build: func(b *builder) { buildMobileNetV2(b, form) }, not: "fashion-mnist",
	})
}

func buildMobileNetV2(b *builder, form form) {
	stages := []struct{ expand, out, blocks, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	}
	stem := 2
	if form == small {
		stem, stages[1].stride = 1, 1
	}
	x := b.relu6("features.0.2", b.norm("features.0.1", b.conv("features.0.0", b.input, 32, 3, stem, 1)))
	at := 1
	for _, s := range stages {
		for i := range s.blocks {
			stride := 1
			if i == 0 {
				stride = s.stride
			}
			p := stepName("features", at)
			x = inverted(b, p, nested(p+".conv", s.expand != 1), x, s.out, stride, s.expand)
			at++
		}
	}
	p := stepName("features", at)
	x = b.relu6(p+".2", b.norm(p+".1", b.conv(p+".0", x, 1280, 1, 1, 1)))
	b.linear("classifier.1", b.averageAll(x))
}

// nested names the parts of torchvision's inverted block: convolution, norm and activation are a chain of their own,
// but for the last convolution and norm, which lie in the block's.
func nested(p string, expands bool) func() string {
	names := []string{p + ".0.0", p + ".0.1", p + ".0.2", p + ".1.0", p + ".1.1", p + ".1.2", p + ".2", p + ".3"}
	if !expands {
		names = []string{p + ".0.0", p + ".0.1", p + ".0.2", p + ".1", p + ".2"}
	}
	i := -1
	return func() string { i++; return names[i] }
}

func mobileNetV1(form form) architecture {
	return form.of(architecture{
		option: ir.Option{
			Name:   "mobilenetv1",
			Help:   "MobileNetV1: thirteen pairs of a depthwise 3x3 and a 1x1 convolution, 32 to 1,024 channels, a plain chain.",
			Source: "Howard et al., MobileNets: Efficient Convolutional Neural Networks, 2017, arXiv:1704.04861, table 1",
		},
		build: func(b *builder) { buildMobileNetV1(b, form) },
	})
}

func buildMobileNetV1(b *builder, form form) {
	stem := 2
	if form == small {
		stem = 1
	}
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", b.input, 32, 3, stem, 1)))
	pairs := []struct{ out, stride int }{
		{64, 1},
		{128, 2},
		{128, 1},
		{256, 2},
		{256, 1},
		{512, 2},
		{512, 1},
		{512, 1},
		{512, 1},
		{512, 1},
		{512, 1},
		{1024, 2},
		{1024, 1},
	}
	for i, k := range pairs {
		p, in := stepName("layers", i), b.channels(x)
		x = b.relu(p+".relu1", b.norm(p+".bn1", b.conv(p+".conv1", x, in, 3, k.stride, in)))
		x = b.relu(p+".relu2", b.norm(p+".bn2", b.conv(p+".conv2", x, k.out, 1, 1, 1)))
	}
	b.linear("linear", b.averageAll(x))
}
