package model

import "github.com/godlas/godlas/dlas/ir"

func mobilenetV2() architecture {
	return architecture{
		option: ir.Option{
			Name: "mobilenetv2",
			Help: "A narrow MobileNetV2 for 32x32 pictures: inverted residual blocks, whose 3x3 convolutions are depthwise, between 1x1 ones. " +
				"Few multiplications, many nodes. Trained by this project for fashion-mnist.",
			Source: "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018",
		},
		least: 8, build: buildMobileNetV2,
	}
}

func buildMobileNetV2(b *builder) {
	const stem, head = 16, 128
	x := b.relu6("features.0.2", b.norm("features.0.1", b.conv("features.0.0", b.g.Input().Name, stem, 3, 2, 1)))
	blocks := []struct{ expand, out, stride int }{{1, 16, 1}, {4, 24, 1}, {4, 32, 2}, {4, 32, 1}, {4, 48, 1}, {4, 48, 1}}
	for i, k := range blocks {
		x = inverted(b, stepName("features", i+1), x, k.out, k.stride, k.expand)
	}
	p := stepName("features", len(blocks)+1)
	x = b.relu6(p+".2", b.norm(p+".1", b.conv(p+".0", x, head, 1, 1, 1)))
	b.linear("classifier", b.averageAll(x), head)
}

// inverted widens by expand, filters each channel alone, and narrows without an activation.
func inverted(b *builder, p, x string, out, stride, expand int) string {
	step := 0
	next := func() string { step++; return stepName(p+".conv", step-1) }
	y, mid := x, b.channels[x]*expand
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
	if stride == 1 && b.channels[x] == out {
		return b.add(p+".add", y, x)
	}
	return y
}
