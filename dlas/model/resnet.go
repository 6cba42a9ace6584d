package model

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

func resnet8() architecture {
	return architecture{
		option: ir.Option{
			Name: "resnet8",
			Help: "ResNet-8: a stem and three residual blocks of 16, 32 and 64 channels, 1x1 convolutions as shortcuts. " +
				"Trained by this project for fashion-mnist.",
			Source: "He et al., Deep Residual Learning, CVPR 2016; the size of MLPerf Tiny's image classification (Banbury et al. 2021)",
		},
		least: 4, build: buildResNet8,
	}
}

func resnet8Pruned() architecture {
	return architecture{
		option: ir.Option{
			Name: "resnet8-p90",
			Help: "resnet8 with 90 % of its convolution and linear weights zero, pruned by global magnitude little by little and fine-tuned " +
				"between the steps: sparse and still accurate, unlike prune(0.9) on resnet8 in one go. For fashion-mnist.",
			Source: "Zhu, Gupta: To prune, or not to prune, 2017, arXiv:1710.01878 (the schedule)",
		},
		least: 4, build: buildResNet8, weightsOnly: true,
	}
}

func buildResNet8(b *builder) {
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", b.g.Input().Name, 16, 3, 1, 1)))
	for stage, out := range []int{16, 32, 64} {
		p, stride := fmt.Sprintf("layer%d.0", stage+1), min(stage+1, 2)
		short := x
		if stride != 1 || b.channels[x] != out {
			short = b.norm(p+".downsample.1", b.conv(p+".downsample.0", x, out, 1, stride, 1))
		}
		x = basicBlock(b, p, x, short, out, stride)
	}
	b.linear("fc", b.averageAll(x), 64)
}

// basicBlock is two 3x3 convolutions beside a shortcut.
func basicBlock(b *builder, p, x, short string, out, stride int) string {
	y := b.relu(p+".relu1", b.norm(p+".bn1", b.conv(p+".conv1", x, out, 3, stride, 1)))
	y = b.norm(p+".bn2", b.conv(p+".conv2", y, out, 3, 1, 1))
	return b.relu(p+".relu2", b.add(p+".add", y, short))
}

// cifarResNet is the paper's network for CIFAR-10 of depth 6n+2: n blocks a stage, shortcuts of option A.
func cifarResNet(depth int) architecture {
	return architecture{
		option: ir.Option{
			Name: fmt.Sprintf("resnet%d", depth),
			Help: fmt.Sprintf("ResNet-%d for 32x32 pictures: %d residual blocks in three stages of 16, 32 and 64 channels, shortcuts without weights (option A). "+
				"Weights for cifar10 are read from DLAS_DATA/weights/cifar10/.", depth, (depth-2)/2),
			Source: "He et al., Deep Residual Learning, CVPR 2016, section 4.2",
		},
		least: 4,
		build: func(b *builder) { buildCIFARResNet(b, (depth-2)/6) },
	}
}

func buildCIFARResNet(b *builder, blocks int) {
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", b.g.Input().Name, 16, 3, 1, 1)))
	for stage, out := range []int{16, 32, 64} {
		for i := range blocks {
			p, stride, short := fmt.Sprintf("layer%d.%d", stage+1, i), 1, x
			if in := b.channels[x]; in != out {
				stride = 2
				// Option A: every second pixel, and zero channels on both sides. A mean over 1x1 pixels is the pixel.
				s := b.node(p+".shortcut.slice", "AveragePool", in, ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{2, 2}}, x)
				c := (out - in) / 2
				short = b.node(p+".shortcut.pad", "Pad", out, ir.Attrs{"pads": []int{0, c, 0, 0, 0, out - in - c, 0, 0}}, s)
			}
			x = basicBlock(b, p, x, short, out, stride)
		}
	}
	b.linear("linear", b.averageAll(x), 64)
}
