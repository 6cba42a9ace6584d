package dlas

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// layerSpec is a convolution of a network made for a test.
type layerSpec struct {
	in, out, k, groups int
	zeros              float64
}

// convNet is convolutions one after the other on a map of that size.
func convNet(size int, list ...layerSpec) *ir.Graph {
	g := &ir.Graph{
		Name: "test", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, list[0].in, size, size}}}, Weights: map[string]*ir.Tensor{}, Trained: true,
	}
	r := rand.New(rand.NewPCG(1, 2))
	x := "x"
	for i, l := range list {
		n := max(1, l.groups)
		w := make([]float32, l.out*l.in/n*l.k*l.k)
		for j := range w {
			w[j] = float32(r.NormFloat64() / math.Sqrt(float64(l.in/n*l.k*l.k)))
			if r.Float64() < l.zeros {
				w[j] = 0
			}
		}
		name := fmt.Sprintf("conv%d", i+1)
		g.Weights[name+".w"] = ir.NewF32(w, l.out, l.in/n, l.k, l.k)
		p := l.k / 2
		g.Nodes = append(g.Nodes, &ir.Node{Name: name, Op: "Conv", In: []string{x, name + ".w"}, Out: []string{name + ".out"}, Attrs: ir.Attrs{"pads": []int{p, p, p, p}, "group": n}})
		x = name + ".out"
	}
	g.Nodes = append(g.Nodes, &ir.Node{Name: "pool", Op: "GlobalAveragePool", In: []string{x}, Out: []string{"y"}})
	g.Outputs = []string{"y"}
	return g
}

// explainNet explains a network, compressed by the choices or as now has it already.
func explainNet(t *testing.T, g, now *ir.Graph, compress, primitive, hardware string) *Explanation {
	t.Helper()
	shape := g.Inputs[0].Shape
	spec, err := Spec{Data: fmt.Sprintf("random(%dx%dx%dx%d)", shape[0], shape[1], shape[2], shape[3]), Model: "resnet8", Compress: compress, Primitive: primitive, Hardware: hardware}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	dissect = system.DissectOptions{Turn: time.Millisecond, Least: true}
	defer func() { dissect = system.DissectOptions{} }()
	make := func(s Spec, g *ir.Graph) *runner {
		c, err := choicesOf(s)
		if err != nil {
			t.Fatal(err)
		}
		r := &runner{spec: s, graph: g, batch: 1}
		if err := r.compile(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		r.spec = s
		return r
	}
	base := make(spec.baseline(), g)
	shown := spec
	if now != nil {
		spec.Compress = "none"
	} else {
		now = g
	}
	run := make(spec, now)
	run.spec = shown
	e, err := explain(t.Context(), base, run)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, e)
	return e
}

// checkSum: the parts and what is unexplained are the gap, by node and as a whole, and the JSON says the same.
func checkSum(t *testing.T, e *Explanation) {
	t.Helper()
	sum := e.Unexplained
	for _, p := range e.Parts {
		sum += p.MS
		if p.Text == "" || p.Layer == "" {
			t.Errorf("the part %+v says nothing", p)
		}
	}
	if math.Abs(sum-e.Gap) > 1e-9*(e.MS+e.BaselineMS) || math.Abs(e.Gap-(e.MS-e.BaselineMS/e.Expected)) > 1e-9*(e.MS+e.BaselineMS) {
		t.Errorf("parts and the unexplained are %g ms, the gap is %g", sum, e.Gap)
	}
	lost, expected, base := 0.0, 0.0, 0.0
	for i, n := range e.Nodes {
		s := 0.0
		for _, ms := range n.Parts {
			s += ms
		}
		lost, expected, base = lost+n.Lost, expected+n.ExpectedMS, base+n.BaselineMS
		if math.Abs(s-n.Lost) > 1e-9*(n.MS+n.BaselineMS) || math.Abs(n.Lost-(n.MS-n.ExpectedMS)) > 1e-9*(n.MS+n.BaselineMS) {
			t.Errorf("%s: parts of %g ms, lost %g", n.Name, s, n.Lost)
		}
		if i > 0 && n.Lost > e.Nodes[i-1].Lost && !e.integers() {
			t.Error("the nodes are not in order")
		}
	}
	if math.Abs(base/expected-e.Expected) > 1e-9*e.Expected {
		t.Errorf("the nodes allow %g, %g is expected", base/expected, e.Expected)
	}
	raw, err := json.Marshal(e)
	var again Explanation
	if err == nil {
		err = json.Unmarshal(raw, &again)
	}
	if err != nil || again.Gap != e.Gap || !slices.Equal(again.Parts, e.Parts) || len(again.Nodes) != len(e.Nodes) {
		t.Errorf("as JSON: %v, %s", err, raw)
	}
}

// part is the milliseconds of a part; 0 where there is none.
func (e *Explanation) part(name string) float64 {
	for _, p := range e.Parts {
		if p.Name == name {
			return p.MS
		}
	}
	return 0
}

// built demands something of the explanation of a situation. What else the machine does may spoil one measurement, so it has
// some tries.
func built(t *testing.T, build func() *Explanation, want func(e *Explanation) bool, says ...string) {
	t.Helper()
	const tries = 4
	for try := range tries {
		e := build()
		fault := ""
		if !want(e) {
			fault = "not as it was built"
		}
		for _, s := range says {
			if !strings.Contains(e.String(), s) {
				fault = fmt.Sprintf("does not say %q", s)
			}
		}
		if fault == "" {
			return
		}
		if try == tries-1 {
			t.Errorf("%s:\n%s", fault, e)
		}
	}
}

// most reports whether a part is the one that lost most.
func (e *Explanation) most(part string) bool { return len(e.Parts) > 0 && e.Parts[0].Name == part }

// TestExplainDenseZeros: a pruned network on a dense kernel, which takes as long for zeros as for others.
func TestExplainDenseZeros(t *testing.T) {
	g := convNet(28, layerSpec{in: 16, out: 64, k: 3}, layerSpec{in: 64, out: 64, k: 3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "prune(0.9)", "direct dense", "cpu(threads=1)") }, func(e *Explanation) bool {
		n := e.node("conv2")
		z := n.Parts[partZeros]
		return e.most(partZeros) && z > 0.6*n.Lost && z < 1.4*n.Lost && e.Expected > 2 && e.Expected < 10 && math.Abs(e.Ideal-10) < 0.1 && math.Abs(e.WorkLeft-0.1) < 0.001
	}, "prune(0.9) left 10.0 % of the work; that would allow ", "dense kernels multiply the zeros of 2 nodes", "try primitive direct csr", "L4")
}

// TestExplainSparseBelowBreakEven: CSR where there are few zeros to leave out. On a map of 28x28 30 % of zeros are near its
// break-even, on one of 7x7, whose 49 pixels fill strips badly, they are below.
func TestExplainSparseBelowBreakEven(t *testing.T) {
	g := convNet(28, layerSpec{in: 16, out: 64, k: 3}, layerSpec{in: 64, out: 64, k: 3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "prune(0.3)", "direct csr", "cpu(threads=1)") }, func(e *Explanation) bool {
		_, of, _ := e.slower()
		return e.most(partFormat) && of == 2
	}, "prune(0.3) left 70.0 % of the work; that would allow 1.", "in a sparse format")
	g = convNet(7, layerSpec{in: 128, out: 128, k: 3}, layerSpec{in: 128, out: 128, k: 3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "prune(0.3)", "direct csr", "cpu(threads=1)") }, func(e *Explanation) bool {
		slow, of, mostly := e.slower()
		return e.most(partFormat) && slow == 2 && of == 2 && mostly && e.Speedup < 1
	}, "prune(0.3) left 70.0 % of the work; that would allow 1.", "2 of 2 nodes in a sparse format are below its break-even, slower than with the dense kernel", "try primitive auto, which takes the faster of the two, or more zeros")
}

// TestExplainMemory: a layer whose maps are large and whose work is little.
func TestExplainMemory(t *testing.T) {
	g := convNet(96, layerSpec{in: 32, out: 32, k: 3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "prune(0.998)", "direct csr", "cpu(threads=1)") }, func(e *Explanation) bool {
		n := e.node("conv1")
		return n.Parts[partMemory] > 0 && n.Parts[partMemory] <= n.Memory && n.Memory > n.ExpectedMS
	}, "one node waits for memory")
}

// node is that of a name.
func (e *Explanation) node(name string) ExplainedNode {
	return e.Nodes[slices.IndexFunc(e.Nodes, func(n ExplainedNode) bool { return n.Name == name })]
}

// TestExplainStem: most of the time passes in a node that was not compressed.
func TestExplainStem(t *testing.T) {
	dense := []layerSpec{{in: 16, out: 64, k: 5}, {in: 64, out: 16, k: 1}, {in: 16, out: 16, k: 1}}
	pruned := slices.Clone(dense)
	pruned[1].zeros, pruned[2].zeros = 0.9, 0.9
	built(t, func() *Explanation {
		return explainNet(t, convNet(28, dense...), convNet(28, pruned...), "prune(0.9)", "auto", "cpu(threads=1)")
	}, func(e *Explanation) bool {
		n := e.node("conv1")
		return e.Expected < 1.4 && *n.WorkLeft == 1 && n.ExpectedMS == n.BaselineMS && e.untouchedNodes() > 0.5*e.BaselineMS
	}, "that would allow 1.")
}

// TestExplainConversions: nodes in a plain format between nodes in blocks.
func TestExplainConversions(t *testing.T) {
	var list []layerSpec
	for range 2 {
		list = append(list, layerSpec{in: 64, out: 64, k: 1}, layerSpec{in: 64, out: 64, k: 3, groups: 64})
	}
	g := convNet(56, list...)
	built(t, func() *Explanation { return explainNet(t, g, nil, "prune(0.95)", "direct csr", "cpu(threads=1)") }, func(e *Explanation) bool {
		n := 0
		for _, x := range e.Nodes {
			if x.Parts[partConversion] > 0 && x.BaselineMS == 0 {
				n++
			}
		}
		return n >= 3 && e.part(partConversion) > 0
	}, "values are converted in ")
}

// TestExplainWinogradLost: a sparse format in the place of minimal filtering.
func TestExplainWinogradLost(t *testing.T) {
	g := convNet(56, layerSpec{in: 16, out: 64, k: 3}, layerSpec{in: 64, out: 64, k: 3})
	built(t, func() *Explanation { return explainNet(t, g, nil, "blocks(0.3, 16x1)", "auto bsr", "cpu(threads=1)") }, func(e *Explanation) bool {
		n := e.node("conv2")
		return e.most(partWinograd) && n.Parts[partWinograd] > 0.5*n.Lost && strings.Contains(n.Before, "winograd")
	}, "by minimal filtering (Winograd), which multiplies less", "try primitive auto, which takes the faster")
}

// TestExplainHeadline: what the answer says beside the largest part.
func TestExplainHeadline(t *testing.T) {
	e := &Explanation{
		Spec: Spec{Compress: "prune(0.9)", Primitive: "direct csr"}, WorkLeft: 0.1, Ideal: 10, Expected: 2, Speedup: 1.98, BaselineMS: 10, ExpectedMS: 5, MS: 5.05, Gap: 0.05, Noise: 0.1, Untouched: 4, Verdict: Faster,
		Nodes: []ExplainedNode{{Name: "stem", BaselineMS: 4, ExpectedMS: 4}, {Name: "rest", BaselineMS: 6, ExpectedMS: 1}}, Parts: []Part{{Name: partFormat, MS: 0.05}},
	}
	say := func(want string) {
		t.Helper()
		if got := e.Headline(); got != want {
			t.Errorf("says\n%s, want\n%s", got, want)
		}
	}
	say("prune(0.9) left 10.0 % of the work; that would allow 2.00x (10.0x if time were work, but the nodes that it left as they are take 4.00 ms); you got 1.98x, all there was to gain")
	e.Gap, e.Speedup, e.Parts[0].MS = 0.5, 1.8, 0.05
	say("prune(0.9) left 10.0 % of the work; that would allow 2.00x (10.0x if time were work, but the nodes that it left as they are take 4.00 ms); you got 1.80x, for no reason that is larger than the noise (the largest, format, is 50.0 us of 0.500 ms)")
	e.Gap, e.Noise = 0.5, 0.6
	say("prune(0.9) left 10.0 % of the work; that would allow 2.00x (10.0x if time were work, but the nodes that it left as they are take 4.00 ms); you got 1.80x, and more cannot be told: the interval is 0.00x to 0.00x")
	e.Gap, e.Noise = 0.05, 0.1
	e.WorkLeft, e.Ideal, e.Expected, e.Speedup, e.ExpectedMS, e.Untouched, e.Verdict = 1, 1, 1, 1.01, 10, 0, CannotTell
	say("prune(0.9) left all of the work; that would allow 1.00x; you got 1.01x, and the difference is noise")
	e.Spec.Compress, e.Speedup, e.Gap, e.Verdict, e.Parts = "none", 1.5, -3, Faster, append(e.Parts, Part{Name: partCache, MS: -3})
	say("direct csr left all of the work; that would allow 1.00x; you got 1.50x, which is more: cache gives 3.00 ms back")
	e.Spec.Compress, e.Type, e.Expected = "int8", -5, 4
	say("int8 left all of the work; that would allow 4.00x (1.00x by the work, more by the type); you got 1.50x, which is more: cache gives 3.00 ms back")
}

// TestExplainInt8WithoutVNNI: 8-bit integers on an instruction set that has no dot product of them, where the machine has one.
func TestExplainInt8WithoutVNNI(t *testing.T) {
	m := hardware.Probe()
	if best := m.ISAs[len(m.ISAs)-1]; best != "avx512vnni" && best != "avxvnni" {
		t.Skip("this machine has no VNNI")
	}
	dissect = system.DissectOptions{Turn: time.Millisecond, Least: true}
	defer func() { dissect = system.DissectOptions{} }()
	r := mustRun(t, New().Data("fashion-mnist(n=20)").Compress("int8").Primitive("direct", "dense").CPU(ISA("avx2"), Threads(1)))
	built(t, func() *Explanation {
		e, err := Explain(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		checkSum(t, e)
		return e
	}, func(e *Explanation) bool { return e.most(partISA) && e.Expected > 1.5*e.Ideal }, "the instruction set avx2 multiplies 8-bit integers slower than this machine can (VNNI)", "try hardware cpu")
}

// TestExplainNothing: a network beside itself.
func TestExplainNothing(t *testing.T) {
	e := explainNet(t, convNet(28, layerSpec{in: 32, out: 32, k: 3}), nil, "none", "direct dense", "cpu(threads=1)")
	if e.Expected != 1 || e.WorkLeft != 1 || e.Ideal != 1 || !strings.Contains(e.Headline(), "direct dense left all of the work; that would allow 1.00x") {
		t.Error(e)
	}
}

// fake is a node with times in ms: where it stands, evicted, warm, on one thread.
func fake(name, algorithm, format string, typ ir.Type, macs, nonzero int64, ms ...float64) timed {
	return timed{
		system.Node{Name: name, Op: "Conv", Algorithm: algorithm, Format: format, Type: typ, Kernel: name + "_kernel", MACs: macs, MACsNonzero: nonzero, MACsExecuted: macs, Images: 1},
		system.NodeTimes{Place: ms[0], Evicted: ms[1], Warm: ms[2], One: ms[3]},
	}
}

// storedSide is a result with the nodes of a side.
func storedSide(list []timed) *Result {
	r := &Result{Spec: Spec{Compress: "pass"}}
	for _, n := range list {
		ms := n.Place
		r.Nodes = append(r.Nodes, Node{Name: n.Name, Members: n.Members, Op: n.Op, Type: string(n.Type), MACs: n.MACs, MACsNonzero: n.MACsNonzero, MS: &ms})
	}
	return r
}

// TestExplainParts takes times that are known apart: each situation has one reason, and the parts are what was put in.
func TestExplainParts(t *testing.T) {
	const m = 1000
	same := primitive.Peak{MACs: 100e9, MACs8: 400e9, Near: 1e9, Bytes: 1e9}
	dense := func(ms ...float64) timed { return fake("a", "direct", "dense", ir.F32, m, m, ms...) }
	for _, c := range []struct {
		name      string
		base, now []timed
		plain     []timed
		peak      primitive.Peak
		expected  float64
		want      map[string]float64
		says      string
	}{
		{"zeros", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "dense", ir.F32, m, m/4, 8, 8, 8, 8)}, nil, same, 4, map[string]float64{partZeros: 6}, "dense kernels multiply the zeros of one node"},
		{"format", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 5, 5, 5, 5)}, nil, same, 4, map[string]float64{partFormat: 3}, "a weight that is left takes 2.50x as long in a sparse format"},
		{"break-even", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/2, 9, 9, 9, 9)}, nil, same, 2, map[string]float64{partFormat: 5}, "1 of 1 nodes in a sparse format are below its break-even"},
		{"stored zeros", []timed{dense(8, 8, 8, 8)}, []timed{func() timed {
			n := fake("a", "direct", "bsr", ir.F32, m, m/4, 4, 4, 4, 4)
			n.MACsExecuted = m / 2
			return n
		}()}, nil, same, 4, map[string]float64{partZeros: 2}, ""},
		{"winograd", []timed{fake("a", "winograd", "dense", ir.F32, m, m, 4, 4, 4, 4)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 3, 3, 3, 3)}, []timed{dense(9, 9, 9, 9)}, same, 4, map[string]float64{partWinograd: 1.25, partFormat: 0.75}, "minimal filtering (Winograd)"},
		{"int8 without its instructions", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "dense", ir.I8, m, m, 7, 7, 7, 7)}, nil, primitive.Peak{MACs: 100e9, MACs8: 125e9}, 4, map[string]float64{partISA: 4.4, partType: 0.6}, "slower than this machine can (VNNI)"},
		{"int8", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "dense", ir.I8, m, m, 3, 3, 3, 3)}, nil, same, 4, map[string]float64{partType: 1}, "come less near to its peak"},
		{"memory", []timed{dense(8, 8, 8, 8)}, []timed{func() timed {
			n := fake("a", "direct", "csr", ir.F32, m, m/4, 3, 3, 3, 3)
			n.Bytes = 2.75e6
			return n
		}()}, nil, same, 4, map[string]float64{partMemory: 0.75, partFormat: 0.25}, "one node waits for memory"},
		{"narrow", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "dense", ir.F32, m/4, m/4, 3, 3, 3, 3)}, nil, same, 4, map[string]float64{partShape: 1}, "layers that are narrower"},
		{"cache", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 3, 3, 2, 2)}, nil, same, 4, map[string]float64{partCache: 1}, "behind the core's caches"},
		{"in place", []timed{dense(8, 6, 6, 6)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 4, 1.5, 1.5, 1.5)}, nil, same, 4, map[string]float64{partPlace: 2}, ""},
		{"threads", []timed{dense(8, 8, 8, 8)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 3, 3, 3, 2)}, nil, same, 4, map[string]float64{partThreads: 1}, "share smaller nodes less evenly"},
		{"conversion", []timed{dense(8, 8, 8, 8)}, []timed{func() timed {
			n := fake("b (plain)", "", "", ir.F32, 0, 0, 1, 1, 1, 1)
			n.Op = "Layout"
			return n
		}(), fake("a", "direct", "csr", ir.F32, m, m/4, 2, 2, 2, 2)}, nil, same, 4, map[string]float64{partConversion: 1}, "values are converted in one node"},
		{"two in the place of one", []timed{dense(8, 8, 8, 8)}, []timed{fake("a/u", "direct", "dense", ir.F32, m/8, m/8, 2, 2, 2, 2), fake("a/v", "direct", "dense", ir.F32, m/8, m/8, 1, 1, 1, 1)}, nil, same, 4, map[string]float64{partShape: 1}, ""},
		{"other nodes", []timed{dense(8, 8, 8, 8), fake("pool", "", "", ir.F32, 0, 0, 4, 4, 4, 4)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 2, 2, 2, 2), fake("pool", "", "", ir.F32, 0, 0, 3, 3, 3, 3)}, nil, same, 2, map[string]float64{partOthers: -1}, ""},
		{"gone", []timed{dense(8, 8, 8, 8), fake("pool", "", "", ir.F32, 0, 0, 4, 4, 4, 4)}, []timed{fake("a", "direct", "csr", ir.F32, m, m/4, 2, 2, 2, 2)}, nil, same, 2, map[string]float64{partOthers: -4}, ""},
	} {
		total := func(list []timed) float64 { return sumOf(list, func(n timed) float64 { return n.Place }) }
		a := anatomy{
			base: side{ms: total(c.base), total: total(c.base), nodes: c.base}, now: side{ms: total(c.now), total: total(c.now), nodes: c.now}, plain: side{nodes: c.plain},
			peak: c.peak, bestPeak: same, best: "best", batch: 1, machine: ir.Machine{ISA: "isa", Threads: 1},
		}
		a.ratio = a.now.ms / a.base.ms
		a.low, a.high = a.ratio, a.ratio
		e := a.explain()
		e.Spec, e.more, e.Verdict = Spec{Compress: "pass", Primitive: "direct csr"}, true, Faster
		e.say()
		checkSum(t, e)
		if p := e.Parts[0]; p.MS > 0 && !strings.HasSuffix(e.Headline(), strings.TrimSuffix(", mostly because "+p.Text+"; "+p.Try, "; ")) {
			t.Errorf("%s: the answer is %s", c.name, e.Headline())
		}
		if got, ok := Expected(storedSide(c.base), storedSide(c.now)); ok && math.Abs(got-e.Expected) > 1e-9 || !ok && !strings.HasPrefix(c.name, "int8") {
			t.Errorf("%s: of stored results %g is expected (%v), here %g", c.name, got, ok, e.Expected)
		}
		if math.Abs(e.Expected-c.expected) > 1e-9 || math.Abs(e.Unexplained) > 1e-9 {
			t.Errorf("%s: expected %g, unexplained %g", c.name, e.Expected, e.Unexplained)
		}
		for _, p := range e.Parts {
			if math.Abs(p.MS-c.want[p.Name]) > 1e-9 {
				t.Errorf("%s: %s is %g ms, want %g", c.name, p.Name, p.MS, c.want[p.Name])
			}
		}
		for name := range c.want {
			if e.part(name) == 0 {
				t.Errorf("%s: there is no %s", c.name, name)
			}
		}
		if !strings.Contains(e.String(), c.says) {
			t.Errorf("%s: does not say %q:\n%s", c.name, c.says, e)
		}
	}
}

// TestExplainOverhead: what a run costs beside its nodes does not shrink with their work, and what the plain runs take more
// or less than the timed ones is unexplained.
func TestExplainOverhead(t *testing.T) {
	peak := primitive.Peak{MACs: 100e9, MACs8: 400e9}
	a := anatomy{
		base: side{ms: 10, total: 10, nodes: []timed{fake("a", "direct", "dense", ir.F32, 1000, 1000, 8, 8, 8, 8)}},
		now:  side{ms: 4.25, total: 4, nodes: []timed{fake("a", "direct", "csr", ir.F32, 1000, 250, 2, 2, 2, 2)}},
		peak: peak, bestPeak: peak, overhead: 1, batch: 1, ratio: 0.425, low: 0.42, high: 0.43,
	}
	e := a.explain()
	e.say()
	checkSum(t, e)
	for name, want := range map[string]float64{partOverhead: 0.75, partBetween: 0.75} {
		if got := e.part(name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g ms, want %g", name, got, want)
		}
	}
	if math.Abs(e.Unexplained-0.25) > 1e-9 || math.Abs(e.Noise-0.05) > 1e-9 || math.Abs(e.Limit-0.2) > 1e-9 || math.Abs(e.Gap-1.75) > 1e-9 {
		t.Errorf("%+v", e)
	}
}

// TestExplainNames: names of files stay names.
func TestExplainNames(t *testing.T) {
	a := anatomy{
		base: side{ms: 8, total: 8, nodes: []timed{fake(harmful, "direct", "dense", ir.F32, 1000, 1000, 8, 8, 8, 8)}},
		now:  side{ms: 8, total: 8, nodes: []timed{fake(harmful, "direct", "dense", ir.F32, 500, 500, 8, 8, 8, 8)}}, batch: 1, ratio: 1, low: 1, high: 1,
	}
	e := a.explain()
	e.Spec = Spec{Compress: "pass", Model: harmful}
	e.say()
	if html := e.MimeBundle()["text/html"].(string); strings.Contains(html, "<img") || !strings.Contains(html, "&lt;img") || strings.ContainsRune(html+e.String(), 0x1b) {
		t.Error(html)
	}
}

// TestExplainResult: a result is explained beside its baseline, and keeps it.
func TestExplainResult(t *testing.T) {
	dissect = system.DissectOptions{Turn: time.Millisecond, Least: true}
	defer func() { dissect = system.DissectOptions{} }()
	r := mustRun(t, New().Data("fashion-mnist(n=20)").Prune(0.9).Primitive("direct", "csr").CPU(Threads(1)))
	e, err := Explain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, e)
	if e.Baseline.Compress != "none" || e.Baseline.Primitive != "direct dense" || e.Baseline.Data != r.Spec.Data || r.Explained != e || e.SpecHash != r.SpecHash {
		t.Errorf("%+v", e.Baseline)
	}
	if math.Abs(e.WeightsLeft-0.1) > 1e-4 || math.Abs(e.Zeros-0.9) > 1e-4 || !strings.Contains(e.String(), "10.0 % of the baseline's conv and linear weights; of those that there are 90.00 % are zero") {
		t.Errorf("%g of the weights are left, %g zero:\n%s", e.WeightsLeft, e.Zeros, e)
	}
	if raw, err := json.Marshal(r); err != nil || !strings.Contains(string(raw), `"explain":{"spec"`) {
		t.Errorf("%v %.200s", err, raw)
	}
	if _, err := Explain(t.Context(), nil); err == nil {
		t.Error("nothing is explained")
	}
	// Beside its baseline a comparison says both in a sentence.
	base := mustRun(t, FromSpec(e.Baseline))
	for _, pair := range [][2]*Result{{base, r}, {r, base}} {
		c := CompareStored(pair[0], pair[1])
		c.Unpaired, c.Verdict, c.Low, c.High, c.Ratio = false, Faster, 0.4, 0.6, 0.5
		want := "prune(0.9), direct csr is faster than its baseline (2.00x, 95 % interval 1.67x to 2.50x), and "
		if pair[0] == r {
			want = "prune(0.9), direct csr is slower than its baseline (0.50x, 95 % interval 0.40x to 0.60x), and "
		}
		if !strings.Contains(c.String(), want) {
			t.Errorf("does not say %q:\n%s", want, c)
		}
	}
	if c := CompareStored(r, r); c.headline() != "" {
		t.Error(c.headline())
	}
}
