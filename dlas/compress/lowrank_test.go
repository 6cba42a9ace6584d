package compress

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestLowrank: the logits are those of a network whose weights are the nearest of the rank, found another way, the error of
// the weights is what the energy says, work and weights fall, and a network of full rank stays.
func TestLowrank(t *testing.T) {
	in := op.Widen(ir.NewF32(make([]float32, 6*64), 1, 6, 8, 8))
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range in.Data {
		in.Data[i] = rng.NormFloat64()
	}
	g := mixed()
	g.Weights["plain.w"] = ir.NewF32(op.Floats(g.Weights["plain.w"]), 33, 21)
	out, lines := applied(t, g, "lowrank(0.6)")
	before, _ := op.Count(g)
	after, _ := op.Count(out)
	sum := func(w []op.Work) (n int64) {
		for _, x := range w {
			n += x.MACs
		}
		return n
	}
	if sum(after) >= sum(before) || !strings.Contains(lines[0], " of 9 layers split (") {
		t.Errorf("%d multiply-accumulates, before %d; it says %q", sum(after), sum(before), lines[0])
	}
	// The product of the factors takes the place of the weights.
	product := g.Clone()
	split := 0
	for _, w := range op.Weights(g) {
		right, left := out.Weights[w.Name+" right"], out.Weights[w.Name+" left"]
		if right == nil {
			continue
		}
		split++
		r := left.Shape.Elems() / w.Rows
		at := func(row, k, col int) float64 {
			if w.RowStep == 1 { // stored the other way round
				return float64(right.F32()[col*r+k]) * float64(left.F32()[k*w.Rows+row])
			}
			return float64(left.F32()[row*r+k]) * float64(right.F32()[k*w.Cols*w.Taps+col])
		}
		made, lost, norm := g.Weights[w.Name].Clone(), 0.0, 0.0
		for row := range w.Rows {
			for col := range w.Cols * w.Taps {
				v := 0.0
				for k := range r {
					v += at(row, k, col)
				}
				i := w.At(row, col/w.Taps, col%w.Taps)
				d := v - float64(made.F32()[i])
				lost, norm = lost+d*d, norm+float64(made.F32()[i])*float64(made.F32()[i])
				made.F32()[i] = float32(v)
			}
		}
		if share := 1 - lost/norm; share < 0.6-1e-6 || share > 0.75 {
			t.Errorf("%s keeps %.4f of its energy in rank %d", w.Name, share, r)
		}
		product.Weights[w.Name] = made
	}
	if split < 5 {
		t.Errorf("only %d layers were split: %q", split, lines[0])
	}
	want, err := op.Exact(context.Background(), product, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := op.Exact(context.Background(), out, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	top, worst := 0.0, 0.0
	for i, v := range want.Data {
		top, worst = max(top, math.Abs(v)), max(worst, math.Abs(v-got.Data[i]))
	}
	if worst > 1e-5*top {
		t.Errorf("the logits are off by %g of %g", worst, top)
	}
	if same, lines := applied(t, g, "lowrank(1)"); !equalWeights(same, g) || !strings.Contains(lines[0], "0 of 9 layers split") {
		t.Errorf("all energy: %q", lines[0])
	}
	typed, _ := applied(t, mixed(), "lowrank(0.5)")
	if w := typed.Weights["plain.w left"]; w == nil || w.Type != ir.F16 {
		t.Errorf("the factors of float16 weights are %v", w)
	}
}

// TestPassesOfNothing: a layer without any weight stays as it is, and hinders no pass.
func TestPassesOfNothing(t *testing.T) {
	for _, text := range []string{"lowrank(0.6)", "prune(0.5)", "prune(0.5, scope=layer)", "blocks(0.5, 16x1)", "blocks(0.5, 4x1, scope=layer)", "punch(0.5, 8x4)", "palette(3)", "ternary", "fp16", "bf16", "channels(0.25)", "channels(0.25, scope=global)"} {
		g := mixed()
		g.Weights["none.w"] = ir.NewF32(nil, 0, 21)
		g.Nodes = append(g.Nodes, &ir.Node{Name: "none", Op: "Gemm", In: []string{"plain", "none.w"}, Out: []string{"none"}, Attrs: ir.Attrs{"transB": 1}})
		g.Outputs = append(g.Outputs, "none")
		if out, lines := applied(t, g, text); out.Weights["none.w"] == nil || out == g {
			t.Errorf("%s: the empty layer is gone, or nothing was done: %q", text, lines)
		}
	}
}
