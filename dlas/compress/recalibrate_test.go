package compress

import (
	"errors"
	"math"
	"slices"
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
		out, lines, err := Apply(t.Context(), g, []ir.Choice{choice("prune", "0.6", "scope=layer"), choice("recalibrate", "n=6")}, Tools{Runner: op.Reference{}, Val: noise{8}})
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
			if !strings.Contains(lines[1], " estimated anew from 6 images") {
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

// folded is plainNet without its batch norm.
func folded() *ir.Graph {
	g := plainNet()
	g.Nodes = append(g.Nodes[:1], g.Nodes[2:]...)
	g.Nodes[1].In[0] = "n0"
	return g
}

// moved measures what the channels of all layers are over the first 8 images of noise.
func moved(t *testing.T, g *ir.Graph) map[string]moments {
	t.Helper()
	batch, _, err := Tools{Val: noise{8}}.batch(t.Context(), g, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]moments{}
	if _, err := op.Exact(t.Context(), g, op.Widen(batch), func(n *ir.Node, a op.Array) {
		if n.Op != "Conv" && n.Op != "Gemm" {
			return
		}
		c, run := a.Shape[1], a.Shape[2:].Elems()
		k := moments{make([]float64, c), make([]float64, c)}
		each := float64(len(a.Data) / c)
		for i, v := range a.Data {
			k.mean[i/run%c] += v / each
		}
		for i, v := range a.Data {
			d := v - k.mean[i/run%c]
			k.variance[i/run%c] += d * d / each
		}
		m[n.Name] = k
	}); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRecalibrateFolded: the layers of a network without batch norm get back the mean and variance that they had, those
// that are narrower too; rows of few values only the mean.
func TestRecalibrateFolded(t *testing.T) {
	tools := Tools{Runner: op.Reference{}, Val: noise{8}}
	g := folded()
	want := moved(t, g)
	for _, c := range []struct {
		pass  ir.Choice
		says  string
		exact bool // the variance too
	}{
		{choice("prune", "0.5"), "3 layers have the mean of each channel that they had before the passes, 3 of them the variance too", true},
		{choice("channels", "0.25"), "3 layers have the mean of each channel that they had before the passes, 3 of them the variance too", true},
		{choice("ternary"), "3 layers have the mean of each channel that they had before the passes, ", false},
		{choice("fp16"), "3 layers have the mean of each channel that they had before the passes, 0 of them the variance too", false},
	} {
		out, lines, err := Apply(t.Context(), g, []ir.Choice{c.pass, choice("recalibrate", "n=8")}, tools)
		if err != nil || !strings.Contains(lines[1], c.says) {
			t.Fatalf("%s: %q %v", c.pass, lines, err)
		}
		without, _, err := Apply(t.Context(), g, []ir.Choice{c.pass}, tools)
		if err != nil {
			t.Fatal(err)
		}
		d, err := depend(g)
		if err != nil {
			t.Fatal(err)
		}
		got, before, off := moved(t, out), moved(t, without), 0.0
		for _, l := range d.layers {
			left := leftOf(g.Weights[l.node.In[1]], without.Weights[without.Node(l.name).In[1]], c.pass.Name)
			for i, ch := range left {
				w, v, b := want[l.name], got[l.name], before[l.name]
				if math.Abs(v.mean[i]-w.mean[ch]) > 1e-4 || c.exact && math.Abs(v.variance[i]-w.variance[ch]) > 1e-3*w.variance[ch] {
					t.Errorf("%s: %s channel %d has %g and %g, had %g and %g", c.pass, l.name, ch, v.mean[i], v.variance[i], w.mean[ch], w.variance[ch])
				}
				off = max(off, math.Abs(b.mean[i]-w.mean[ch]))
			}
		}
		if off < 1e-3 && c.pass.Name != "fp16" {
			t.Errorf("%s alone moves the means by %g: nothing was tested", c.pass, off)
		}
	}
}

// leftOf are the output channels that a layer has after channels, told by the numbers that are left of each.
func leftOf(w, small *ir.Tensor, pass string) (left []int) {
	run, less := w.Shape[1:].Elems(), small.Shape[1:].Elems()
	for ch, at := 0, 0; ch < w.Shape[0]; ch++ {
		if pass != "channels" || at < small.Shape[0] && slices.Contains(w.F32()[ch*run:(ch+1)*run], small.F32()[at*less]) {
			left = append(left, ch)
			at++
		}
	}
	return left
}

// TestRecalibrateManyImages: images that are too many to keep are read again, and the network comes out the same.
func TestRecalibrateManyImages(t *testing.T) {
	defer func(n int) { maxHeld = n }(maxHeld)
	cs := []ir.Choice{choice("prune", "0.6", "scope=layer"), choice("recalibrate", "n=7")}
	for seed := range uint64(6) {
		var made []map[string][]float32
		for _, keep := range []int{512 << 20, 0} {
			maxHeld = keep
			out, _, err := Apply(t.Context(), randomGraph(seed, 8), cs, Tools{Runner: op.Reference{}, Val: noise{8}})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			made = append(made, weightsOf(out))
		}
		for name, w := range made[0] {
			if !slices.Equal(w, made[1][name]) {
				t.Errorf("seed %d: %q differs when the images are not kept", seed, name)
			}
		}
	}
}

func TestRecalibrateRefuses(t *testing.T) {
	tools := Tools{Runner: op.Reference{}, Val: noise{8}}
	for _, c := range []struct {
		g    *ir.Graph
		arg  []string
		t    Tools
		want string
	}{
		{folded(), nil, tools, "nothing to estimate anew"},
		{plainNet(), []string{"n=9"}, tools, "val has 8 images; write n=8"},
		{plainNet(), nil, Tools{}, "recalibrate has to run the network"},
		{plainNet(), nil, Tools{Runner: op.Reference{}}, "recalibrate needs images to estimate with: no data set is named"},
		{plainNet(), []string{"9"}, tools, `takes no plain argument, but got "9"`},
		{plainNet(), []string{"n=0"}, tools, "is not a number of images from 1"},
		{plainNet(), []string{"k=0"}, tools, `unknown argument of recalibrate "k"; try n`},
	} {
		_, _, err := Apply(t.Context(), c.g, []ir.Choice{choice("recalibrate", c.arg...)}, c.t)
		var e *ir.Error
		if !errors.As(err, &e) || e.Layer != ir.Compress || !strings.Contains(err.Error(), c.want) {
			t.Errorf("recalibrate%v: %v does not say %q", c.arg, err, c.want)
		}
	}
}
