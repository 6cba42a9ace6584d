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
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", b.input, 16, 3, 1, 1)))
	for stage, out := range []int{16, 32, 64} {
		x = basicBlock(b, fmt.Sprintf("layer%d.0", stage+1), x, out, min(stage+1, 2))
	}
	b.linear("fc", b.averageAll(x))
}

// shortcut is x itself where the block keeps its form, else a 1x1 convolution of it.
func shortcut(b *builder, p, x string, out, stride int) string {
	if stride == 1 && b.channels(x) == out {
		return x
	}
	return b.norm(p+".downsample.1", b.conv(p+".downsample.0", x, out, 1, stride, 1))
}

// basicBlock is two 3x3 convolutions beside a shortcut.
func basicBlock(b *builder, p, x string, out, stride int) string {
	return basicOn(b, p, x, shortcut(b, p, x, out, stride), out, stride)
}

func basicOn(b *builder, p, x, short string, out, stride int) string {
	y := b.relu(p+".relu1", b.norm(p+".bn1", b.conv(p+".conv1", x, out, 3, stride, 1)))
	y = b.norm(p+".bn2", b.conv(p+".conv2", y, out, 3, 1, 1))
	return b.relu(p+".relu2", b.add(p+".add", y, short))
}

// bottleneck narrows to width with a 1x1 convolution, filters 3x3 (with the stride, as torchvision has it) and widens to
// four times width.
func bottleneck(b *builder, p, x string, width, stride int) string {
	out := 4 * width
	short := shortcut(b, p, x, out, stride)
	y := b.relu(p+".relu1", b.norm(p+".bn1", b.conv(p+".conv1", x, width, 1, 1, 1)))
	y = b.relu(p+".relu2", b.norm(p+".bn2", b.conv(p+".conv2", y, width, 3, stride, 1)))
	y = b.norm(p+".bn3", b.conv(p+".conv3", y, out, 1, 1, 1))
	return b.relu(p+".relu3", b.add(p+".add", y, short))
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
		least: 4, form: small,
		build: func(b *builder) { buildCIFARResNet(b, (depth-2)/6) },
	}
}

func buildCIFARResNet(b *builder, blocks int) {
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", b.input, 16, 3, 1, 1)))
	for stage, out := range []int{16, 32, 64} {
		for i := range blocks {
			p, stride, short := fmt.Sprintf("layer%d.%d", stage+1, i), 1, x
			if in := b.channels(x); in != out {
				stride = 2
				// Option A: every second pixel, and zero channels on both sides. A mean over 1x1 pixels is the pixel.
				s := b.pool(p+".shortcut.slice", "AveragePool", x, window{k: 1, stride: 2})
				c := (out - in) / 2
				v := b.values[s]
				v.c, v.power = out, v.power*float64(in)/float64(out)
				short = b.node(p+".shortcut.pad", "Pad", v, ir.Attrs{"pads": []int{0, c, 0, 0, 0, out - in - c, 0, 0}}, s)
			}
			x = basicOn(b, p, x, short, out, stride)
		}
	}
	b.linear("linear", b.averageAll(x))
}

// resnet18 is the network of four stages of basic blocks, with the stem for large pictures or for 32x32 ones.
func resnet18(form form) architecture {
	var files []string
	if form == large {
		files = []string{"imagenet_pqf_resnet18"}
	}
	return form.of(architecture{
		option: ir.Option{
			Name:   "resnet18",
			Help:   "ResNet-18: eight residual blocks of two 3x3 convolutions in four stages of 64 to 512 channels.",
			Source: "He et al., Deep Residual Learning, CVPR 2016, table 1; as torchvision 0.20 builds it",
		},
		build: func(b *builder) { buildResNet(b, form, []int{2, 2, 2, 2}, basicBlock) },
		files: files,
	})
}

func resnet50() architecture {
	return large.only(architecture{
		option: ir.Option{
			Name:   "resnet50",
			Help:   "ResNet-50: sixteen bottleneck blocks (1x1, 3x3, 1x1) in four stages of 256 to 2,048 channels, the stride at the 3x3.",
			Source: "He et al., Deep Residual Learning, CVPR 2016, table 1; as torchvision 0.20 builds it",
		},
		build: func(b *builder) { buildResNet(b, large, []int{3, 4, 6, 3}, bottleneck) },
		files: []string{"imagenet_pqf_resnet50_large", "imagenet_pqf_resnet50"},
	})
}

func buildResNet(b *builder, form form, blocks []int, block func(b *builder, p, x string, width, stride int) string) {
	x := b.input
	if form == small {
		x = b.relu("relu", b.norm("bn1", b.conv("conv1", x, 64, 3, 1, 1)))
	} else {
		x = b.relu("relu", b.norm("bn1", b.conv("conv1", x, 64, 7, 2, 1)))
		x = b.pool("maxpool", "MaxPool", x, window{k: 3, stride: 2, pad: 1})
	}
	for stage, n := range blocks {
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			x = block(b, fmt.Sprintf("layer%d.%d", stage+1, i), x, 64<<stage, stride)
		}
	}
	b.linear("fc", b.averageAll(x))
}
