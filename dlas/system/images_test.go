package system

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// joinedNet has what a batch makes hard: concatenations of concatenations, one of parts that do not fill blocks, a value
// that is a part twice.
func joinedNet(seed uint64) *ir.Graph {
	b := newBuilder(seed, 0, 3, 13, 11)
	x := b.node("Relu", nil, b.conv("x", 3, 32, 3, 1, 1))
	for i := range 3 { // as in DenseNet
		y := b.node("Relu", nil, b.conv(b.node("Relu", nil, b.conv(x, 32+16*i, 24, 1, 1, 1)), 24, 16, 3, 1, 1))
		x = b.node("Concat", ir.Attrs{"axis": 1}, x, y)
	}
	x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}}, x)
	squeezed := b.node("Relu", nil, b.conv(x, 80, 16, 1, 1, 1)) // as in SqueezeNet
	x = b.node("Concat", ir.Attrs{"axis": 1}, b.node("Relu", nil, b.conv(squeezed, 16, 32, 1, 1, 1)), b.node("Relu", nil, b.conv(squeezed, 16, 32, 3, 1, 1)))
	x = b.node("Concat", ir.Attrs{"axis": 1}, x, squeezed, squeezed)
	odd := b.conv(x, 96, 7, 1, 1, 1)
	x = b.node("Concat", ir.Attrs{"axis": 1}, odd, b.conv(x, 96, 25, 5, 1, 1), odd)
	x = b.node("Add", nil, b.conv(x, 39, 48, 3, 1, 1), b.node("Concat", ir.Attrs{"axis": 1}, b.conv(x, 39, 16, 1, 1, 1), b.conv(x, 39, 32, 3, 1, 1)))
	x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, b.conv(x, 48, 48, 3, 1, 48)))
	b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.3, 10, 48), b.weight("fcb", 0.1, 10))
	return b.Graph
}

// TestBatchIsImages: wherever a batch is cut into images, and where it is not at all, each image's output is what the
// network makes of that image alone.
func TestBatchIsImages(t *testing.T) {
	graphs := map[string]*ir.Graph{"joined": joinedNet(1), "residual": residualNet(2, 0, 12, 12)}
	for seed := range uint64(12) {
		graphs[fmt.Sprint("wandering ", seed)] = wandering(seed)
	}
	for name, g := range graphs {
		const images = 5
		in := randomInput(3, g, images)
		x := narrow(in.Data)
		rewritten, _, err := rewrite(g)
		if err != nil {
			t.Fatal(err)
		}
		cuts := []int{-1, 0, -1, -1}
		for i := range rewritten.Nodes {
			cuts = append(cuts, i+1)
		}
		want := exact(t, g, in)
		whole := 0
		for i, cut := range cuts {
			algorithm, limit := "direct", 2e-5
			if i%4 > 1 {
				algorithm, limit = "auto", 1e-4
			}
			p := compile(t, g, machine(hardware.Probe().ISA, 1+i%2), Plan{Batch: images, Algorithm: algorithm, cut: cut})
			if p.head != nil && len(p.steps) == 0 {
				whole++
			}
			for i, n := range p.Nodes() {
				if alone := p.head != nil && i < len(p.head.nodes); (n.Images == 1) != alone || !alone && n.Images != images {
					t.Fatalf("%s, cut after %d nodes: node %d takes %d images", name, cut, i, n.Images)
				}
			}
			out := make([]float32, len(want))
			for range 2 {
				if err := p.Run(context.Background(), x, out); err != nil {
					t.Fatal(name, cut, err)
				}
				if d := exactness.Distance(out, want); !(d <= limit) {
					t.Errorf("%s, cut after %d nodes: the error is %g", name, cut, d)
				}
			}
		}
		if whole == 0 && (name == "joined" || name == "residual") {
			t.Errorf("%s never ran image by image as a whole", name)
		}
	}
}

// TestImagesTogether: what looks at other images, or at how many there are, is not run image by image.
func TestImagesTogether(t *testing.T) {
	for name, build := range map[string]func(b *builder, x string) string{
		"softmax over images": func(b *builder, x string) string { return b.node("Softmax", ir.Attrs{"axis": 0}, x) },
		"concatenated images": func(b *builder, x string) string { return b.node("Concat", ir.Attrs{"axis": 0}, x, x) },
		"mean of images": func(b *builder, x string) string {
			return b.node("Sub", nil, x, b.node("ReduceMean", ir.Attrs{"axes": []int{0}, "keepdims": 1}, x))
		},
		"divided by their number": func(b *builder, x string) string {
			n := b.node("Cast", ir.Attrs{"to": 1}, b.node("Shape", ir.Attrs{"start": 0, "end": 1}, x))
			return b.node("Div", nil, x, n)
		},
		"images padded": func(b *builder, x string) string {
			return b.node("Pad", ir.Attrs{"pads": []int{1, 0, 0, 0, -1, 0, 0, 0}}, x)
		},
	} {
		b := newBuilder(4, 0, 3, 6, 6)
		build(b, b.node("Relu", nil, b.conv("x", 3, 4, 3, 1, 1)))
		p, err := Compile(b.Graph, primitive.Kernels(), machine(hardware.Probe().ISA, 2), Plan{Batch: 3})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in := randomInput(5, b.Graph, 3)
		want := exact(t, b.Graph, in)
		out := make([]float32, len(want))
		if err := p.Run(context.Background(), narrow(in.Data), out); err != nil {
			t.Fatal(err)
		}
		if d := exactness.Distance(out, want); !(d <= 2e-5) {
			t.Errorf("%s: the error is %g", name, d)
		}
	}
}

// TestImagesFail: a kernel that fails on some image, and a run that is cancelled among images, end with an error that says
// so, and the program runs on.
func TestImagesFail(t *testing.T) {
	fail := false
	var cancel context.CancelCauseFunc
	var kernels []ir.Kernel
	for _, k := range primitive.Kernels() {
		if k.Op == "GlobalAveragePool" {
			bind := k.Bind
			k.Bind = func(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
				b, err := bind(p, s)
				run := b.Run
				b.Run = func(c ir.Call) {
					if fail {
						panic("broken")
					}
					if cancel != nil {
						cancel(errors.New("enough"))
					}
					run(c)
				}
				return b, err
			}
		}
		kernels = append(kernels, k)
	}
	g := residualNet(6, 0, 8, 8)
	const images = 4
	x := narrow(randomInput(7, g, images).Data)
	for _, threads := range []int{1, 2} {
		p, err := Compile(g, kernels, machine(hardware.Probe().ISA, threads), Plan{Batch: images})
		if err != nil {
			t.Fatal(err)
		}
		if p.head == nil || !slices.ContainsFunc(p.head.nodes, func(n Node) bool { return n.Op == "GlobalAveragePool" }) {
			t.Fatal("it does not run image by image")
		}
		out, again := make([]float32, 10*images), make([]float32, 10*images)
		if err := p.Run(context.Background(), x, out); err != nil {
			t.Fatal(err)
		}
		fail = true
		var e *ir.Error
		if err := p.Run(context.Background(), x, again); !errors.As(err, &e) || e.Layer != ir.Sched {
			t.Errorf("%d threads: a kernel panics, but the error is %v", threads, err)
		}
		fail = false
		var ctx context.Context
		ctx, cancel = context.WithCancelCause(context.Background())
		if err := p.Run(ctx, x, again); err == nil || err.Error() != "enough" {
			t.Errorf("%d threads: cancelled, but the error is %v", threads, err)
		}
		cancel = nil
		clear(again)
		if err := p.Run(context.Background(), x, again); err != nil || !slices.Equal(out, again) {
			t.Errorf("%d threads: afterwards it makes something else, or %v", threads, err)
		}
		if n := testing.AllocsPerRun(20, func() { _ = p.Run(context.Background(), x, again) }); n > 0 {
			t.Errorf("%d threads: a run allocates %v times", threads, n)
		}
		ms, err := p.Profile(context.Background(), x, 3)
		if err != nil || len(ms) != len(p.Nodes()) || slices.Contains(ms, 0) {
			t.Errorf("%d threads: the nodes' times are %v, %v", threads, ms, err)
		}
	}
}

// TestMostImages: a batch of more images than a phase may have parts is not handed out image by image.
func TestMostImages(t *testing.T) {
	const images = maxParts + 1
	b := newBuilder(8, 0, 1, 1, 2)
	b.node("Relu", nil, b.node("Add", nil, "x", b.weight("one", 1, 1, 1, 2)))
	for _, cut := range []int{0, 1, 2} {
		p := compile(t, b.Graph, machine(hardware.Probe().ISA, 2), Plan{Batch: images, cut: cut})
		in, out := make([]float32, 2*images), make([]float32, 2*images)
		for i := range in {
			in[i] = 5
		}
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		if err := p.Run(ctx, in, out); err != nil {
			t.Fatal(err)
		}
		stop()
		for i, v := range out {
			if v == 0 || v != out[i%2] {
				t.Fatalf("cut after %d nodes: image %d has %g, the first one %g", cut, i/2, v, out[i%2])
			}
		}
	}
}

// TestImagesMemory: a run beside others takes the memory of one image, however many threads there are.
func TestImagesMemory(t *testing.T) {
	g := residualNet(6, 0, 96, 96)
	p := compile(t, g, machine(hardware.Probe().ISA, 16), Plan{Batch: 16})
	if p.head == nil || len(p.steps) > 0 || p.head.arena == 0 {
		t.Fatal("it does not run image by image as a whole")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := p.newState()
	runtime.ReadMemStats(&after)
	most := 2*(p.head.arena+p.head.scratch) + 32<<10
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(most) {
		t.Errorf("a run takes %d bytes, want at most %d", n, most)
	}
	runtime.KeepAlive(s)
}
