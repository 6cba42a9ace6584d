package model

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

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
	x := vggFeatures(b, []int{16, 16, 0, 32, 32, 0, 64, 64, 0}, true)
	b.linear("classifier", b.flatten(x))
}

// vggFeatures is a chain of 3x3 convolutions of so many channels; 0 stands for a pooling.
func vggFeatures(b *builder, plan []int, norm bool) string {
	x, next := b.input, chain("features")
	for _, out := range plan {
		if out == 0 {
			x = b.maxPool(next(), x)
			continue
		}
		x = b.convWith(next(), x, out, window{k: 3, stride: 1, pad: 1, bias: !norm})
		if norm {
			x = b.norm(next(), x)
		}
		x = b.relu(next(), x)
	}
	return x
}

func vgg16(form form) architecture {
	a := architecture{
		option: ir.Option{
			Name:   "vgg16",
			Help:   "VGG-16: thirteen 3x3 convolutions of 64 to 512 channels in five groups, each followed by max pooling.",
			Source: "Simonyan, Zisserman: Very Deep Convolutional Networks, ICLR 2015, column D; as torchvision 0.20 builds it",
		},
		build: buildVGG16,
	}
	if form == small {
		a.option.Help += " Batch norm after each of them and one linear layer."
		a.build = buildVGG16Small
	} else {
		a.option.Help += " Three linear layers hold 124 of its 138 million parameters."
	}
	a = form.of(a)
	if form == large {
		a.least = 224
	}
	return a
}

func vgg16Plan() []int {
	return []int{64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0}
}

func buildVGG16Small(b *builder) {
	x := vggFeatures(b, vgg16Plan(), true)
	if v := b.values[x]; v.h > 1 || v.w > 1 {
		x = b.average("avgpool", x)
	}
	b.linear("classifier", b.flatten(x))
}

func buildVGG16(b *builder) {
	x := vggFeatures(b, vgg16Plan(), false)
	// torchvision averages to 7x7 whatever comes; a mean over equal windows does it where the map is a multiple of that.
	v := b.values[x]
	switch {
	case v.h != v.w || v.h%7 != 0:
		b.fail(&ir.Error{
			Layer: ir.Model, What: fmt.Sprintf("%s leaves a map of %dx%d pixels, and its linear layers want 7x7", b.g.Name, v.h, v.w),
			Try: "try pictures of 224x224",
		})
		return
	case v.h > 7:
		x = b.pool("avgpool", "AveragePool", x, window{k: v.h / 7, stride: v.h / 7})
	}
	x = b.relu("classifier.1", b.dense("classifier.0", b.flatten(x), 4096, 2))
	x = b.relu("classifier.4", b.dense("classifier.3", x, 4096, 2))
	b.linear("classifier.6", x)
}
