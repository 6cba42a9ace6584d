package compress

import (
	"math"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestRecalibrate: after it, what each batch norm reads has the mean and variance that the batch norm has, whatever passes
// came before and however the network branches.
func TestRecalibrate(t *testing.T) {
	const n = 6
	checked := 0
	for seed := range uint64(30) {
		g := randomGraph(seed, 8)
		out, lines, err := Apply(t.Context(), g, []ir.Choice{choice("prune", "0.6"), choice("recalibrate", "n=6")}, Tools{Runner: op.Reference{}, Val: noise{8}})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		batch, _, err := Tools{Val: noise{n}}.batch(t.Context(), out, 0, n)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]op.Array{}
		if _, err := op.Exact(t.Context(), out, op.Widen(batch), func(node *ir.Node, a op.Array) { made[node.Out[0]] = a }); err != nil {
			t.Fatal(err)
		}
		for _, node := range out.Nodes {
			if node.Op != "BatchNormalization" {
				continue
			}
			if !strings.Contains(lines[1], "batch norms estimated anew from 6 images") {
				t.Errorf("it says %q", lines)
			}
			checked++
			x := made[node.In[0]]
			mean, variance := out.Weights[node.In[3]].F32(), out.Weights[node.In[4]].F32()
			c, run := x.Shape[1], x.Shape[2:].Elems()
			for ch := range c {
				sum, square, k := 0.0, 0.0, 0.0
				for i, v := range x.Data {
					if i/run%c == ch {
						sum, square, k = sum+v, square+v*v, k+1
					}
				}
				m := sum / k
				if v := square/k - m*m; math.Abs(m-float64(mean[ch])) > 1e-4*(1+math.Abs(m)) || v > 1e-9 && math.Abs(v-float64(variance[ch])) > 1e-3*v {
					t.Fatalf("seed %d: %s channel %d has mean %g and variance %g, its batch norm %g and %g", seed, node.Name, ch, m, v, mean[ch], variance[ch])
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d batch norms", checked)
	}
}

// TestRecalibrateBiases: a network without batch norm gets back the means that its layers had.
func TestRecalibrateBiases(t *testing.T) {
	g := plainNet()
	g.Nodes = append(g.Nodes[:1], g.Nodes[2:]...) // no batch norm
	g.Nodes[1].In[0] = "n0"
	tools := Tools{Runner: op.Reference{}, Val: noise{8}}
	out, lines, err := Apply(t.Context(), g, []ir.Choice{choice("prune", "0.5"), choice("recalibrate", "n=8")}, tools)
	if err != nil || !strings.Contains(lines[1], "the biases of 3 layers moved") {
		t.Fatalf("%q %v", lines, err)
	}
	pruned, _, err := Apply(t.Context(), g, []ir.Choice{choice("prune", "0.5")}, tools)
	if err != nil {
		t.Fatal(err)
	}
	batch, _, err := tools.batch(t.Context(), g, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	means := func(g *ir.Graph) map[string][]float64 {
		m := map[string][]float64{}
		if _, err := op.Exact(t.Context(), g, op.Widen(batch), func(n *ir.Node, a op.Array) {
			if n.Op == "Conv" || n.Op == "Gemm" {
				c, run := a.Shape[1], a.Shape[2:].Elems()
				m[n.Name] = make([]float64, c)
				for i, v := range a.Data {
					m[n.Name][i/run%c] += v / float64(len(a.Data)/c)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	want, got, before := means(g), means(out), means(pruned)
	off := 0.0
	for name, w := range want {
		for c, v := range w {
			if math.Abs(got[name][c]-v) > 1e-4 {
				t.Errorf("%s channel %d: mean %g, was %g", name, c, got[name][c], v)
			}
			off = max(off, math.Abs(before[name][c]-v))
		}
	}
	if off < 0.1 {
		t.Errorf("pruning alone moves the means by %g: nothing was tested", off)
	}
	if _, _, err := Apply(t.Context(), g, []ir.Choice{choice("recalibrate")}, tools); err == nil || !strings.Contains(err.Error(), "nothing to estimate anew") {
		t.Errorf("with nothing to repair: %v", err)
	}
	if _, _, err := Apply(t.Context(), plainNet(), []ir.Choice{choice("recalibrate", "n=9")}, tools); err == nil || !strings.Contains(err.Error(), "val has 8 images; write n=8") {
		t.Errorf("more images than there are: %v", err)
	}
}
