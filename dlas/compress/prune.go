package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

var pruneForm = form{level: "fraction", lo: 0, hi: 1, example: "write prune(0.9) for nine of ten"}

func prune() pass {
	o := ir.Option{
		Name: "prune",
		Help: "Sets the fraction p of all convolution and linear weights to zero, those of the smallest magnitude first, in the first and the last " +
			"layer too, without retraining. scope=global ranks the weights of the whole network together, scope=layer those of each layer alone. " +
			"Zeros cost accuracy at once; they save time only in a kernel that skips them (format csr).",
		Source: "Han et al., Learning both Weights and Connections, NIPS 2015; global magnitude as in Blalock et al., MLSys 2020",
		Params: []ir.Param{{Help: "fraction of weights that become zero, 0 to 1"}, byParam(), scopeParam("global")},
	}
	return ranking(o, pruneForm.read, applyPrune)
}

func applyPrune(ctx context.Context, e *change, c ir.Choice, a given, scores [][]float32) (*ir.Graph, string, error) {
	for _, group := range e.groups(c.Arg("scope", "global")) {
		var lists []pieces
		n := 0
		for _, i := range group {
			lists = append(lists, pieces{score: scores[i]})
			n += len(scores[i])
		}
		k := smallest(ctx, lists, int64(math.Round(a.level*float64(n))))
		for _, i := range group {
			inParts(ctx, len(e.data[i]), func(lo, hi int) { k.zero(scores[i][lo:hi], e.data[i][lo:hi]) })
		}
	}
	out, s, err := e.end(ctx, c)
	if err != nil {
		return nil, "", err
	}
	return out, fmt.Sprintf("%s: %s", c, s), nil
}

// Prunable lists the weights that sparsity counts, those of convolutions and linear layers, in the order of the nodes.
func Prunable(g *ir.Graph) []string {
	var names []string
	for _, w := range op.Weights(g) {
		names = append(names, w.Name)
	}
	return names
}
