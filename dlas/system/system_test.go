package system

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive"
)

// TestSameLogits is the metamorphic test: whatever the algorithm, format, ISA, threads, schedule and batch, a network
// computes the same.
func TestSameLogits(t *testing.T) {
	for _, zero := range []float64{0, 0.9} {
		for _, size := range [][2]int{{32, 32}, {19, 13}} {
			g := residualNet(1, zero, size[0], size[1])
			for _, batch := range []int{1, 3} {
				in := randomInput(2, g, batch)
				want := exact(t, g, in)
				for _, isa := range hardware.Probe().ISAs {
					for _, threads := range []int{1, 2, 3} {
						for _, schedule := range []string{Untuned, Heuristic} {
							for _, c := range [][2]string{{"auto", ""}, {"auto", "csr"}, {"direct", "dense"}, {"direct", "csr"}, {"direct", "bsr"}, {"gemm", "dense"}, {"gemm", "csr"}} {
								what := fmt.Sprintf("zero %v size %v batch %d %s threads=%d %s %v", zero, size, batch, isa, threads, schedule, c)
								p := compile(t, g, machine(isa, threads), Plan{Algorithm: c[0], Format: c[1], Schedule: ir.Choice{Name: schedule}, Batch: batch})
								if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
									t.Fatalf("%s: logits differ by %g", what, d)
								}
							}
						}
					}
				}
			}
		}
	}
}

// randomGraph strings random operators together, reading any value made so far, so that values are used once, often or
// not at all, and everything may or may not be fused.
func randomGraph(seed uint64) *ir.Graph {
	b := newBuilder(seed, 0.3, 4, 9, 10)
	values := []string{"x"} // all of one shape
	pick := func() string { return values[b.r.IntN(len(values))] }
	for range 3 + b.r.IntN(15) {
		x := pick()
		if b.r.IntN(3) > 0 {
			x = values[len(values)-1]
		}
		switch b.r.IntN(9) {
		case 0:
			x = b.conv(x, 4, 4, 3, 1, 1)
		case 1:
			x = b.conv(x, 4, 4, 1, 1, 4)
		case 2:
			x = b.norm(b.conv(x, 4, 4, 3, 1, 1), 4)
		case 3:
			x = b.norm(x, 4)
		case 4:
			x = b.node("Relu", nil, x)
		case 5:
			x = b.node("Clip", ir.Attrs{"min": 0.0, "max": []float64{6, math.Inf(1), 2}[b.r.IntN(3)]}, x)
		case 6:
			x = b.node("Add", nil, x, pick())
		case 7:
			x = b.node("Identity", nil, x)
		case 8:
			x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}, x)
		}
		values = append(values, x)
	}
	if b.r.IntN(2) == 0 {
		b.node("Flatten", nil, pick())
	} else {
		b.Outputs = []string{pick()}
		if b.Output() == "x" {
			b.node("Identity", nil, "x")
		}
	}
	return b.Graph
}

// TestRandomGraphs compiles random graphs in every way and compares them with the definition, and the rewritten graph
// with the original in float64.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(150) {
		g := randomGraph(seed)
		in := randomInput(seed, g, 2)
		want := exact(t, g, in)
		before := len(g.Nodes)
		r, err := rewritten(g)
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Nodes) != before {
			t.Fatal("Rewrite changed its argument")
		}
		if d := exactness.Distance(narrow(exact(t, r, in)), want); !(d <= 1e-5) {
			t.Fatalf("seed %d: rewritten, the graph differs by %g", seed, d)
		}
		for _, threads := range []int{1, 2} {
			for _, c := range [][2]string{{"direct", "dense"}, {"gemm", "csr"}} {
				p := compile(t, g, machine(hardware.Probe().ISA, threads), Plan{Algorithm: c[0], Format: c[1], Batch: 2})
				for range 2 {
					if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
						t.Fatalf("seed %d threads=%d %v: differs by %g", seed, threads, c, d)
					}
				}
			}
		}
	}
}

// TestConstantOperands runs nodes that read weights as if they were activations.
func TestConstantOperands(t *testing.T) {
	b := newBuilder(4, 0, 3, 9, 9)
	x := b.node("Add", nil, b.conv("x", 3, 5, 3, 1, 1), b.weight("residual", 1, 1, 5, 9, 9))
	x = b.node("Concat", ir.Attrs{"axis": 1}, x, b.weight("channels", 1, 1, 2, 9, 9))
	b.node("Add", nil, b.node("Relu", nil, b.weight("alone", 1, 1, 7, 9, 9)), x)
	in := randomInput(4, b.Graph, 1)
	want := exact(t, b.Graph, in)
	for _, threads := range []int{1, 2} {
		p := compile(t, b.Graph, machine(hardware.Probe().ISA, threads), Plan{})
		if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
			t.Errorf("threads=%d: differs by %g", threads, d)
		}
	}
}

func TestRewrite(t *testing.T) {
	g := residualNet(3, 0.5, 16, 16)
	r, err := rewritten(g)
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range r.Nodes {
		ops = append(ops, n.Op)
		if n.Op == "Conv" {
			w := r.Weights[n.In[1]]
			name, _, folded := strings.Cut(n.In[1], " folded")
			if !folded || op.Nonzero(w) != op.Nonzero(g.Weights[name]) {
				t.Errorf("node %s: weights %q have %d non-zero elements", n.Name, n.In[1], op.Nonzero(w))
			}
		}
	}
	want := "Conv Conv Conv Conv Conv Conv Conv Conv AveragePool Pad Conv GlobalAveragePool Flatten Gemm"
	if got := strings.Join(ops, " "); got != want {
		t.Errorf("rewritten to %s, want %s", got, want)
	}
	if _, err := op.Infer(r, 1); err != nil {
		t.Error(err)
	}
}

func TestNodes(t *testing.T) {
	g := residualNet(3, 0.5, 16, 16)
	work, err := op.Count(g)
	if err != nil {
		t.Fatal(err)
	}
	var macs, nonzero int64
	for _, w := range work {
		macs += w.MACs
		nonzero += w.Nonzero
	}
	isa := hardware.Probe().ISA
	p := compile(t, g, machine(isa, 1), Plan{Algorithm: "gemm", Format: "csr"})
	for _, n := range p.Nodes() {
		macs -= n.MACs
		nonzero -= n.MACsNonzero
		want := ""
		switch {
		case strings.HasPrefix(n.Kernel, "conv_f32_gemm_csr__"):
			if n.Algorithm != "gemm" || n.Format != "csr" || n.WorkspaceBytes == 0 || n.PackedBytes == 0 || n.MACsExecuted < n.MACsNonzero {
				t.Errorf("%+v", n)
			}
		case strings.HasPrefix(n.Kernel, "conv_f32_depthwise_dense__"), strings.HasPrefix(n.Kernel, "linear_f32_dense__"):
			want = "gemm csr"
		}
		if n.InsteadOf != want {
			t.Errorf("node %s (%s) runs instead of %q, want %q", n.Name, n.Kernel, n.InsteadOf, want)
		}
	}
	if macs != 0 || nonzero != 0 {
		t.Errorf("the nodes' MACs lack %d and %d of the graph's", macs, nonzero)
	}
	for _, n := range compile(t, g, machine("go", 1), Plan{}).Nodes() {
		if n.ISA != "go" || n.InsteadOf != "" {
			t.Errorf("with isa=go and auto: %+v", n)
		}
	}
	for _, n := range compile(t, g, machine(isa, 1), Plan{Algorithm: "depthwise", Format: "dense"}).Nodes() {
		want := ""
		if n.MACs > 0 && n.Algorithm != "depthwise" {
			want = "depthwise dense"
		}
		if n.InsteadOf != want {
			t.Errorf("node %s (%s) runs instead of %q, want %q", n.Name, n.Kernel, n.InsteadOf, want)
		}
	}
	small := compile(t, g, machine(isa, 1), Plan{Algorithm: "direct", Format: "csr"}).MemoryBytes()
	if large := compile(t, g, machine(isa, 1), Plan{Algorithm: "gemm", Format: "csr"}).MemoryBytes(); large <= small || small <= 0 {
		t.Errorf("gemm needs %d bytes, direct %d", large, small)
	}
}

func TestCompileErrors(t *testing.T) {
	good := residualNet(1, 0, 8, 8)
	bad := good.Clone()
	bad.Nodes[0].Op = "Convolve"
	for name, c := range map[string]struct {
		g    *ir.Graph
		plan Plan
		want string
	}{
		"algorithm": {good, Plan{Algorithm: "winograd", Format: "csr"}, "L4 primitive: no kernel for winograd csr; there is: auto, direct dense, "},
		"format":    {good, Plan{Format: "ell"}, "L4 primitive: no kernel for auto ell"},
		"schedule":  {good, Plan{Schedule: ir.Choice{Name: "tunned"}}, `L5 schedule: unknown schedule "tunned"; try tuned, untuned, heuristic`},
		"tuned":     {good, Plan{Schedule: ir.Choice{Name: "tuned", Value: []string{"0"}}}, "L5 schedule: tuned(0) does not say how many candidates to measure; try tuned(300)"},
		"argument":  {good, Plan{Schedule: ir.Choice{Name: "untuned", Value: []string{"3"}}}, "L5 schedule: untuned takes no arguments; try untuned"},
		"batch":     {good, Plan{Batch: -1}, "L1 data: a batch of -1 images"},
		"graph":     {bad, Plan{}, `L2 model: node "n0": unknown operator "Convolve"`},
	} {
		_, err := Compile(c.g, primitive.Kernels(), machine("go", 1), c.plan)
		var e *ir.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestNoAllocation runs networks with every kind of node, by every algorithm, ISA and number of threads.
func TestNoAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	nets := map[string]*ir.Graph{"residual": residualNet(1, 0.5, 32, 32), "resnet20": resnet20(0.9), "gated": gatedNet(), "dense": joinGraph(3)}
	for name, g := range nets {
		in := narrow(randomInput(1, g, 2).Data)
		for _, isa := range hardware.Probe().ISAs {
			for _, threads := range []int{1, 2} {
				for _, c := range [][2]string{{"auto", ""}, {"direct", "dense"}, {"gemm", "dense"}, {"spatialpack", "dense"}, {"winograd", "dense"}, {"strassen", "dense"}, {"gemm", "csr"}} {
					p := compile(t, g, machine(isa, threads), Plan{Algorithm: c[0], Format: c[1], Batch: 2})
					if len(p.Outputs()) > 1 {
						t.Fatal("a network with two outputs")
					}
					out := make([]float32, p.OutShape().Elems())
					if n := testing.AllocsPerRun(2, func() {
						if err := p.Run(ctx, in, out); err != nil {
							t.Error(err)
						}
					}); n > 0 {
						t.Errorf("%s %s threads=%d %v: a run allocates %v times", name, isa, threads, c, n)
					}
				}
			}
		}
	}
}

// gatedNet has what EfficientNets and DenseNets have: squeeze-and-excite, SiLU, sums that broadcast, concatenations.
func gatedNet() *ir.Graph {
	b := newBuilder(9, 0, 3, 24, 24)
	silu := func(x string) string { return b.node("Mul", nil, x, b.node("Sigmoid", nil, x)) }
	x := silu(b.norm(b.conv("x", 3, 16, 3, 2, 1), 16))
	x = silu(b.norm(b.conv(x, 16, 16, 5, 1, 16), 16))
	gate := silu(b.conv(b.node("GlobalAveragePool", nil, x), 16, 4, 1, 1, 1))
	x = b.node("Mul", nil, x, b.node("Sigmoid", nil, b.conv(gate, 4, 16, 1, 1, 1)))
	x = b.node("Concat", ir.Attrs{"axis": 1}, x, b.conv(b.node("Relu", nil, b.norm(x, 16)), 16, 32, 3, 1, 1))
	x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}, x)
	x = b.node("HardSwish", nil, b.conv(x, 48, 20, 1, 1, 1))
	b.node("Softmax", nil, b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x)))
	return b.Graph
}

// TestGatedNet holds that network to the definition.
func TestGatedNet(t *testing.T) {
	g := gatedNet()
	in := randomInput(4, g, 3)
	want := exact(t, g, in)
	for _, isa := range hardware.Probe().ISAs {
		for _, threads := range []int{1, 2} {
			p := compile(t, g, machine(isa, threads), Plan{Batch: 3})
			if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 1e-4) {
				t.Errorf("%s threads=%d: differs by %g", isa, threads, d)
			}
			for _, n := range p.Nodes() {
				if n.Op == "Sigmoid" || n.Op == "Relu" {
					t.Errorf("%s is a node of its own: %s", n.Name, n.Op)
				}
			}
		}
	}
}

// bigNet is a few layers of VGG's size, some tenths of a second in Go.
func bigNet() *ir.Graph {
	b := newBuilder(1, 0, 64, 112, 112)
	x := "x"
	for range 3 {
		x = b.node("Relu", nil, b.conv(x, 64, 64, 3, 1, 1))
	}
	b.conv(x, 64, 64, 1, 1, 1)
	return b.Graph
}

// TestCancelledSoon cancels runs of large layers at any time: parts are short, so a run ends soon. What is measured here
// is some milliseconds; on a loaded machine it may be many.
func TestCancelledSoon(t *testing.T) {
	g := bigNet()
	in := narrow(randomInput(1, g, 1).Data)
	for _, isa := range []string{"go", hardware.Probe().ISA} {
		for _, threads := range []int{1, 2} {
			p := compile(t, g, machine(isa, threads), Plan{Algorithm: "direct"})
			out := make([]float32, p.OutShape().Elems())
			var late []time.Duration
			for i := range 12 {
				ctx, cancel := context.WithCancel(context.Background())
				var at atomic.Int64
				timer := time.AfterFunc(time.Duration(i)*700*time.Microsecond, func() {
					at.Store(time.Now().UnixNano())
					cancel()
				})
				if err := p.Run(ctx, in, out); err != nil {
					late = append(late, time.Duration(time.Now().UnixNano()-at.Load()))
				}
				timer.Stop()
				cancel()
			}
			if len(late) == 0 {
				continue // too fast to be cancelled here
			}
			slices.Sort(late)
			if d := late[len(late)/2]; d > 100*time.Millisecond {
				t.Errorf("%s threads=%d: a cancelled run ends after %v", isa, threads, d)
			}
		}
	}
}

// TestManyGoroutines runs one program from many goroutines: each gets what it would get alone, to the bit.
func TestManyGoroutines(t *testing.T) {
	g := residualNet(1, 0.5, 32, 32)
	p := compile(t, g, machine(hardware.Probe().ISA, 2), Plan{})
	const goroutines = 8
	var ins, wants [goroutines][]float32
	for i := range goroutines {
		ins[i] = narrow(randomInput(uint64(i), g, 1).Data)
		wants[i] = runOnce(t, p, ins[i])
	}
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			out := make([]float32, 10)
			for range 40 {
				if err := p.Run(context.Background(), ins[i], out); err != nil {
					t.Error(err)
				}
				if !slices.Equal(out, wants[i]) {
					t.Errorf("goroutine %d: got %v, want %v", i, out, wants[i])
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestCollectorGetsIn shows that the loops have safe points, in every algorithm: the garbage collector stops the world
// twice for a collection, and waits for them. It takes a fraction of a millisecond here; without safe points it took up to
// eleven seconds.
func TestCollectorGetsIn(t *testing.T) {
	b := newBuilder(1, 0, 64, 64, 64)
	x := b.conv(b.conv("x", 64, 128, 3, 1, 1), 128, 64, 3, 1, 1)
	b.conv(x, 64, 64, 3, 1, 64)
	in := narrow(randomInput(1, b.Graph, 1).Data)
	pauses := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	for _, c := range [][2]string{{"direct", "dense"}, {"winograd", "dense"}, {"direct", "csr"}} {
		p := compile(t, b.Graph, machine(hardware.Probe().ISA, 2), Plan{Algorithm: c[0], Format: c[1]})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			out := make([]float32, p.OutShape().Elems())
			for {
				select {
				case <-stop:
					return
				default:
					if err := p.Run(context.Background(), in, out); err != nil {
						t.Error(err)
					}
				}
			}
		})
		metrics.Read(pauses)
		before := slices.Clone(pauses[0].Value.Float64Histogram().Counts)
		for range 8 {
			runtime.GC()
		}
		metrics.Read(pauses)
		close(stop)
		wg.Wait()
		h, seen, long := pauses[0].Value.Float64Histogram(), uint64(0), uint64(0)
		for i, n := range h.Counts {
			if seen += n - before[i]; h.Buckets[i] > 0.4 {
				long += n - before[i]
			}
		}
		if seen < 16 || long > 1 {
			t.Errorf("%v: %d of %d pauses were longer than 400 ms", c, long, seen)
		}
	}
}

func TestRunErrors(t *testing.T) {
	g := residualNet(1, 0, 8, 8)
	p := compile(t, g, machine("go", 1), Plan{})
	in, out := make([]float32, 3*8*8), make([]float32, 10)
	for _, err := range []error{
		p.Run(context.Background(), in[1:], out),
		p.Run(context.Background(), in, out[1:]),
		p.Run(context.Background(), nil, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "the program reads 1x3x8x8 and writes 1x10") {
			t.Errorf("wrong lengths: %v", err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	if err := p.Run(ctx, in, out); !errors.Is(err, why) {
		t.Errorf("a cancelled run ends with %v", err)
	}
}

// fake is a kernel for Identity that calls f for each of its parts.
func fake(parts int, f func(call ir.Call)) []ir.Kernel {
	return []ir.Kernel{{
		Name: "fake", Op: "Relu", Type: ir.F32, ISA: "go", Algorithm: "direct", Format: "dense",
		Fits: func(ir.Problem) error { return nil },
		Bind: func(ir.Problem, ir.Schedule) (ir.Bound, error) {
			return ir.Bound{Run: f, Phases: []int{parts}, WorkspaceBytes: 64}, nil
		},
	}}
}

// relus is a chain of that many nodes.
func relus(n int) *ir.Graph {
	b := newBuilder(1, 0, 1, 2, 2)
	x := "x"
	for range n {
		x = b.node("Relu", nil, x)
	}
	return b.Graph
}

// TestPhases checks that every part of every phase runs exactly once, however workers and phases meet.
func TestPhases(t *testing.T) {
	const parts = 23
	var mu sync.Mutex
	counts := make([]int, parts)
	p, err := Compile(relus(40), fake(parts, func(call ir.Call) {
		mu.Lock()
		counts[call.Part]++
		mu.Unlock()
	}), machine("go", 4), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	p.crew = crewOf(4)
	for range 20 {
		if err := p.Run(context.Background(), make([]float32, 4), make([]float32, 4)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	}
	for i, n := range counts {
		if n != 20*40 {
			t.Errorf("part %d ran %d times, want %d", i, n, 20*40)
		}
	}
}

func TestCancelledBetweenNodes(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	ran := 0
	p, err := Compile(relus(5), fake(1, func(ir.Call) {
		if ran++; ran == 2 {
			cancel(why)
		}
	}), machine("go", 1), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(ctx, make([]float32, 4), make([]float32, 4)); !errors.Is(err, why) || ran != 2 {
		t.Errorf("after %d nodes the run ends with %v", ran, err)
	}
}

// TestPanicsBecomeErrors lets a kernel fail on whatever thread gets the part, and runs the program again.
func TestPanicsBecomeErrors(t *testing.T) {
	for _, threads := range []int{1, 2} {
		fail := true
		p, err := Compile(relus(3), fake(16, func(call ir.Call) {
			if fail && call.Part == 9 {
				panic("no such weight\nand more")
			}
		}), machine("go", threads), Plan{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := p.Run(context.Background(), make([]float32, 4), make([]float32, 4))
			if want := `L5 schedule: node "n0" (fake): a kernel failed: no such weight and more`; err == nil || err.Error() != want {
				t.Errorf("threads=%d: %v, want %s", threads, err, want)
			}
		}
		fail = false
		if err := p.Run(context.Background(), make([]float32, 4), make([]float32, 4)); err != nil {
			t.Errorf("threads=%d: after the failure: %v", threads, err)
		}
	}
}

// TestLayout checks on random spans that none overlaps another that is in use at the same time, and that memory is used
// again.
func TestLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		var spans []*span
		sum := 0
		for i := range 2 + r.IntN(30) {
			s := &span{size: 1 + r.IntN(1000), first: i, last: i + r.IntN(4)}
			spans = append(spans, s)
			sum += s.size + alignment
		}
		total, err := layout(spans)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range spans {
			if a.at%alignment != 0 || a.at+a.size > total {
				t.Fatalf("span %+v of an arena of %d", *a, total)
			}
			for _, b := range spans[:i] {
				if a.first <= b.last && b.first <= a.last && a.at < b.at+b.size && b.at < a.at+a.size {
					t.Fatalf("%+v and %+v overlap", *a, *b)
				}
			}
		}
		if len(spans) > 12 && total >= sum {
			t.Errorf("%d spans of together %d get an arena of %d", len(spans), sum, total)
		}
	}
	if _, err := layout([]*span{{size: 4 << 30, last: 1}, {size: 4 << 30, last: 1}}); err == nil {
		t.Error("an arena of 8 GiB is laid out")
	}
}
