package dlas

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
	"github.com/godlas/godlas/internal/need"
)

// shortly makes explanations of a test take less time.
func shortly(t *testing.T) {
	dissect = system.DissectOptions{Turn: time.Millisecond, Least: true}
	t.Cleanup(func() { dissect = system.DissectOptions{} })
}

// TestExplainOwnZeros: zeros that came with the network count although no pass made them, and each node's format is told
// with the times that speak for it: of the many zeros of the first layers csr makes time, of the few of the last it does not.
func TestExplainOwnZeros(t *testing.T) {
	g := convNet(28, layerSpec{in: 64, out: 64, k: 3, zeros: 0.97}, layerSpec{in: 64, out: 64, k: 3, zeros: 0.97}, layerSpec{in: 64, out: 64, k: 3, zeros: 0.3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "none", "auto", "cpu(threads=1)") }, func(e *Explanation) bool {
		fast, kept := e.node("conv1"), e.node("conv3")
		return e.Own != nil && math.Abs(e.Own.Zeros-0.747) < 0.01 && math.Abs(e.WorkLeft-0.253) < 0.01 && e.Expected > 1.5 && math.Abs(e.Ideal-1/e.WorkLeft) < 0.01 &&
			strings.Contains(fast.Kernel, "csr") && fast.Sparse == nil && strings.Contains(fast.Before, "dense") && *fast.WorkLeft < 0.05 &&
			!strings.Contains(kept.Kernel, "csr") && kept.Sparse != nil && kept.SparseFormat == primitive.CSR && *kept.Sparse > 0 && kept.Parts[partZeros] > 0
	}, " comes with 74.", "of its weights zero, which leaves 25.", "of dense kernels' speed", "the same network, auto dense",
		"by format: csr runs conv1 and conv2 in ", "dense kernels keep conv3, where csr takes longer (alone ", "dense kernels multiply the zeros of one node, and csr is slower there: alone ")

	// Where dense kernels are insisted on they lose all of it.
	built(t, func() *Explanation { return explainNet(t, g, nil, "none", "direct dense", "cpu(threads=1)") }, func(e *Explanation) bool {
		return e.most(partZeros) && e.Expected > 1.5 && e.node("conv1").Sparse == nil
	}, "dense kernels multiply the zeros of 3 nodes", "try primitive direct csr")
}

// TestExplainZerosOfTheBaseline: what the network had of zeros before a pass is no loss of the pass.
func TestExplainZerosOfTheBaseline(t *testing.T) {
	n := fake("a", "direct", "dense", ir.F32, 1000, 250, 8, 8, 8, 8)
	half := fake("a", "direct", "dense", ir.F32, 1000, 500, 8, 8, 8, 8)
	for _, c := range []struct {
		name        string
		base, now   timed
		native      bool
		left, zeros float64
	}{
		{"a pass that takes none", half, half, false, 1, 0},
		{"a pass that takes half", half, n, false, 0.5, 4},
		{"no pass", half, half, true, 0.5, 4},
	} {
		a := anatomy{base: side{ms: 8, total: 8, nodes: []timed{c.base}}, now: side{ms: 8, total: 8, nodes: []timed{c.now}}, native: c.native, batch: 1, ratio: 1, low: 1, high: 1}
		e := a.explain()
		e.say()
		checkSum(t, e)
		if math.Abs(e.WorkLeft-c.left) > 1e-9 || math.Abs(e.part(partZeros)-c.zeros) > 1e-9 || math.Abs(e.Unexplained) > 1e-9 {
			t.Errorf("%s: %g is left, %g ms of zeros: %+v", c.name, e.WorkLeft, e.part(partZeros), e.Parts)
		}
		base, now := storedSide([]timed{c.base}), storedSide([]timed{c.now})
		if c.native {
			now.Spec.Compress = "none"
		}
		if got, ok := Expected(base, now); !ok || math.Abs(got-1/c.left) > 1e-9 {
			t.Errorf("%s: of stored results %g is expected", c.name, got)
		}
	}
	// Integers beside integers are no cheaper than themselves.
	q := fake("a", "direct", "dense", ir.I8, 1000, 1000, 8, 8, 8, 8)
	peak := primitive.Peak{MACs: 100e9, MACs8: 400e9}
	a := anatomy{base: side{ms: 8, total: 8, nodes: []timed{q}}, now: side{ms: 8, total: 8, nodes: []timed{q}}, native: true, peak: peak, bestPeak: peak, batch: 1, ratio: 1, low: 1, high: 1}
	if e := a.explain(); e.Expected != 1 || e.Type != 0 {
		t.Errorf("expected %g, type %g ms", e.Expected, e.Type)
	}
}

// TestExplainFormats: which nodes dense kernels keep, whether the sparse format is faster there or not.
func TestExplainFormats(t *testing.T) {
	node := func(name string, sparse float64) ExplainedNode {
		return ExplainedNode{Name: name, Kernel: "conv_f32_direct_dense__avx512", Warm: 2, Sparse: &sparse, SparseFormat: primitive.BSR}
	}
	const slow, fast = "a, where bsr takes longer (alone 3.00 ms for 2.00 ms)", "b, where bsr takes less (alone 1.00 ms for 2.00 ms), but was estimated to gain less than a tenth, its conversions counted"
	for _, c := range []struct {
		want  string
		nodes []ExplainedNode
	}{
		{"by format: dense kernels keep " + slow, []ExplainedNode{node("a", 3)}},
		{"by format: dense kernels keep " + fast, []ExplainedNode{node("b", 1)}},
		{"by format: dense kernels keep " + slow + ", and " + fast, []ExplainedNode{node("a", 3), node("b", 1)}},
		{"", nil},
	} {
		e := &Explanation{Spec: Spec{Primitive: "auto"}, Nodes: c.nodes}
		if got := e.formats(); got != c.want {
			t.Errorf("says %q, want %q", got, c.want)
		}
	}
}

// measuredFile writes a network of fashion-mnist, compressed, to a file, and measures the file.
func measuredFile(t *testing.T, model, passes string) *Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.dlas")
	if err := New().Data("fashion-mnist(n=20)").Model(model).Compress(passes).Export(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return mustRun(t, New().Data("fashion-mnist(n=20)").Model(ir.QuoteName(path)).CPU(Threads(1)))
}

func mustExplain(t *testing.T, r *Result) *Explanation {
	t.Helper()
	e, err := Explain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, e)
	return e
}

// TestExplainIntegers: a file that is int8 has no float twin, and says so; what its nodes take is held against the peaks.
func TestExplainIntegers(t *testing.T) {
	shortly(t)
	e := mustExplain(t, measuredFile(t, "resnet8", "int8(n=20)"))
	if e.Own == nil || e.Own.Type != "i8" || !(e.Expected >= 1 && e.Expected < 1.2) || math.Abs(e.Type) > 1e-9 || e.Least <= 0 || e.Least >= e.MS {
		t.Errorf("%+v, expected %g, type %g, least %g of %g ms", e.Own, e.Expected, e.Type, e.Least, e.MS)
	}
	for _, want := range []string{"net.dlas comes in i8, and there is no float network to compare it with", "that this machine's peaks ask of its nodes at least", "beside the same network on dense kernels"} {
		if !strings.Contains(e.Headline(), want) {
			t.Errorf("does not say %q:\n%s", want, e)
		}
	}
	for i, n := range e.Nodes {
		if i > 0 && n.MS-n.Least > e.Nodes[i-1].MS-e.Nodes[i-1].Least+1e-12 {
			t.Error("the nodes are not in the order of what they take above the peaks")
		}
	}
}

// TestExplainHalves: weights that came in two bytes are held against the same ones in four.
func TestExplainHalves(t *testing.T) {
	shortly(t)
	e := mustExplain(t, measuredFile(t, "vgg7", "fp16"))
	n := e.node("classifier")
	if e.Own == nil || !e.Own.Halves || e.Expected != 1 || !strings.Contains(n.Kernel, "f16") || strings.Contains(n.Before, "f16") {
		t.Errorf("%+v, expected %g, %s beside %s", e.Own, e.Expected, n.Kernel, n.Before)
	}
	if text := e.String(); !strings.Contains(text, "net.dlas comes with weights in two bytes") || !strings.Contains(text, "the baseline has the same ones in four") {
		t.Error(text)
	}
}

// TestExplainDeepCompressed: SqueezeNet as Deep Compression left it. Its classifier runs csr, the 3x3 convolutions stay with
// Winograd's, and why is measured.
func TestExplainDeepCompressed(t *testing.T) {
	need.Data(t, "weights", "imagenet", "imagenet_squeezenet1.0_deepcompressed_dense.safetensors")
	g, _, err := New().Model("squeezenet1.0").network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := explainNet(t, g, nil, "none", "auto", "cpu(threads=1)")
	if e.Own == nil || math.Abs(e.Own.Zeros-0.666) > 0.001 || e.Own.Bits != 8 || math.Abs(e.WorkLeft-0.523) > 0.001 || e.Expected < 1.2 {
		t.Errorf("%+v, %g of the work is left, %g expected", e.Own, e.WorkLeft, e.Expected)
	}
	csr, kept := 0, 0
	for _, n := range e.Nodes {
		switch {
		case formatOf(n.Kernel) == primitive.CSR:
			csr++
		case n.Sparse != nil:
			kept++
		case n.WorkLeft != nil && *n.WorkLeft < 1-leastZeros:
			t.Errorf("%s has %.2f of its work left, runs %s, and no sparse kernel was timed", n.Name, *n.WorkLeft, n.Kernel)
		}
	}
	text := e.String()
	for _, want := range []string{" comes with 66.6 % of its weights zero, which leaves 52.3 % of the work; that would allow 1.", "by format: csr runs classifier.1 in ", "dense kernels keep ", "zeros not skipped"} {
		if !strings.Contains(text, want) {
			t.Errorf("does not say %q", want)
		}
	}
	if csr == 0 || kept < 8 || t.Failed() {
		t.Errorf("%d nodes run csr, %d others were timed in it:\n%s", csr, kept, text)
	}
}

// TestCompareOwnZeros: a comparison with the same network on dense kernels says what came of the zeros that it came with.
func TestCompareOwnZeros(t *testing.T) {
	of := func(choice string, zeros float64) *Result {
		spec, err := Spec{Data: "fashion-mnist", Model: "resnet8", Primitive: choice}.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		return &Result{Spec: spec, Model: ModelInfo{Sparsity: zeros}, Latency: &Latency{Median: 1, Low: 1, High: 1}}
	}
	c := CompareStored(of("auto dense", 0.67), of("auto", 0.67))
	c.Unpaired, c.Verdict, c.Low, c.High, c.Ratio = false, Faster, 0.8, 0.9, 0.85
	if want := "resnet8, of whose weights 67.00 % came as zero, auto is faster than its baseline (1.18x, "; !strings.HasPrefix(c.headline(), want) {
		t.Errorf("says %q, want %q", c.headline(), want)
	}
	if h := CompareStored(of("auto dense", 0), of("auto", 0)).headline(); h != "" {
		t.Errorf("a network without zeros: %s", h)
	}
}
