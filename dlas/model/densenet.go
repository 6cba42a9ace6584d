package model

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

func denseNet161() architecture {
	return large.only(architecture{
		option: ir.Option{
			Name: "densenet161",
			Help: "DenseNet-161: four blocks of 6, 12, 36 and 24 layers, each of which sees the maps of all before it and adds 48 channels. " +
				"Much of its time goes into reading and writing maps.",
			Source: "Huang et al., Densely Connected Convolutional Networks, CVPR 2017; as torchvision 0.20 builds it",
		},
		build: func(b *builder) { buildDenseNet(b, 48, 96, []int{6, 12, 36, 24}) },
	})
}

func buildDenseNet(b *builder, growth, stem int, blocks []int) {
	x := b.relu("features.relu0", b.norm("features.norm0", b.conv("features.conv0", b.input, stem, 7, 2, 1)))
	x = b.pool("features.pool0", "MaxPool", x, window{k: 3, stride: 2, pad: 1})
	for i, layers := range blocks {
		for j := range layers {
			p := fmt.Sprintf("features.denseblock%d.denselayer%d", i+1, j+1)
			y := b.conv(p+".conv1", b.relu(p+".relu1", b.norm(p+".norm1", x)), 4*growth, 1, 1, 1)
			y = b.conv(p+".conv2", b.relu(p+".relu2", b.norm(p+".norm2", y)), growth, 3, 1, 1)
			x = b.concat(p+".concat", x, y)
		}
		if i < len(blocks)-1 {
			p := fmt.Sprintf("features.transition%d", i+1)
			x = b.conv(p+".conv", b.relu(p+".relu", b.norm(p+".norm", x)), b.channels(x)/2, 1, 1, 1)
			x = b.pool(p+".pool", "AveragePool", x, window{k: 2, stride: 2})
		}
	}
	x = b.relu("relu", b.norm("features.norm5", x))
	b.linear("classifier", b.averageAll(x))
}
