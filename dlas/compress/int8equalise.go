package compress

import (
	"context"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// equaliseLayers scales the channels between two convolutions so that the largest weight that makes a channel and the
// largest that reads it are the same, after Nagel et al. 2019, section 4.1; what the network computes stays the same, as
// only rectifiers and pools lie between. It goes over all pairs until nothing moves, and returns their number.
func equaliseLayers(ctx context.Context, g *ir.Graph) int {
	users := usersOf(g)
	type pair struct{ first, second *ir.Node }
	var pairs []pair
	for _, n := range g.Nodes {
		if second := soleReader(g, users, n); second != nil {
			pairs = append(pairs, pair{n, second})
		}
	}
	own := map[string]bool{}
	clone := func(name string) {
		if !own[name] {
			g.Weights[name], own[name] = g.Weights[name].Clone(), true
		}
	}
	for _, p := range pairs {
		clone(p.first.In[1])
		clone(p.second.In[1])
		if len(p.first.In) > 2 && p.first.In[2] != "" {
			clone(p.first.In[2])
		}
	}
	for range 20 {
		moved := 0.0
		for _, p := range pairs {
			goOn(ctx)
			moved = max(moved, equalisePair(g, p.first, p.second))
		}
		if moved < 1e-3 {
			break
		}
	}
	return len(pairs)
}

// soleReader is the convolution that alone reads what n makes, with nothing between that a positive factor does not go
// through; nil where there is none.
func soleReader(g *ir.Graph, users map[string][]*ir.Node, n *ir.Node) *ir.Node {
	if !ownWeights(g, users, n) || len(n.In) > 2 && n.In[2] != "" && (g.Weights[n.In[2]] == nil || len(users[n.In[2]]) > 1) {
		return nil
	}
	for m := soleUser(g, users, n.Out[0]); m != nil; m = soleUser(g, users, m.Out[0]) {
		switch m.Op {
		case "Relu", "LeakyRelu", "MaxPool", "AveragePool":
			if len(m.Out) > 1 {
				return nil
			}
		case "Conv":
			if ownWeights(g, users, m) && m.In[0] != m.In[1] {
				return m
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}

// ownWeights reports whether a node is a convolution with constant weights that nothing else reads.
func ownWeights(g *ir.Graph, users map[string][]*ir.Node, n *ir.Node) bool {
	return n.Op == "Conv" && hasWeights(n) && g.Weights[n.In[1]] != nil && g.Weights[n.In[1]].Type == ir.F32 && len(users[n.In[1]]) == 1 &&
		n.Attrs.Str("act", "") == "" && len(n.In) <= 3
}

// equalisePair returns the largest logarithm of a factor.
func equalisePair(g *ir.Graph, first, second *ir.Node) (moved float64) {
	a, b := g.Weights[first.In[1]], g.Weights[second.In[1]]
	channels := a.Shape[0]
	each := a.Shape.Elems() / channels
	for c := range channels {
		made, read := a.F32()[c*each:(c+1)*each], readingWeights(b, second.Attrs.Int("group", 1), channels, c)
		r1, r2 := largestMagnitude(made), 0.0
		for _, v := range read {
			r2 = max(r2, largestMagnitude(v))
		}
		if r1 == 0 || r2 == 0 {
			continue
		}
		f := math.Sqrt(r2 / r1) // made times f, read divided by it
		f = min(max(f, 1e-4), 1e4)
		moved = max(moved, math.Abs(math.Log(f)))
		timesFactor(made, f)
		if len(first.In) > 2 && first.In[2] != "" {
			timesFactor(g.Weights[first.In[2]].F32()[c:c+1], f)
		}
		for _, v := range read {
			timesFactor(v, 1/f)
		}
	}
	return moved
}

// readingWeights are the weights of a convolution that read one of its input channels.
func readingWeights(w *ir.Tensor, group, channels, c int) [][]float32 {
	kernel, in := w.Shape[2:].Elems(), w.Shape[1]
	perGroup, outs := channels/group, w.Shape[0]/group
	var list [][]float32
	for o := range outs {
		at := ((c/perGroup*outs+o)*in + c%perGroup) * kernel
		list = append(list, w.F32()[at:at+kernel])
	}
	return list
}

func largestMagnitude(v []float32) float64 {
	most := float32(0)
	for _, x := range v {
		most = max(most, x, -x)
	}
	return float64(most)
}

func timesFactor(v []float32, f float64) {
	for i := range v {
		v[i] = float32(float64(v[i]) * f)
	}
}

// hasWeights reports whether a node multiplies by weights: its second input.
func hasWeights(n *ir.Node) bool {
	return slices.Contains([]string{"Conv", "Gemm", "MatMul"}, n.Op) && len(n.In) > 1
}
