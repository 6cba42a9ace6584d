package dlas

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/system"
)

// toolsOf are the tools for a network of embedded weights and its data.
func toolsOf(t *testing.T, of ir.Choice) (*ir.Graph, compress.Tools) {
	t.Helper()
	g, err := model.Build(ir.Choice{Name: "resnet8"}, model.Request{Data: "fashion-mnist", C: 1, H: 28, W: 28, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	m := hardware.Probe()
	m.Threads = 2
	return g, toolsFor(g, of, &sets{}, m, system.Plan{})
}

// TestRunner: what a pass sees of a network is what the definition computes, every value of it, image after image.
func TestRunner(t *testing.T) {
	g, tools := toolsOf(t, ir.Choice{})
	const images = 3
	in := op.Array{Type: ir.F32, Shape: append(ir.Shape{images}, g.Input().Shape[1:]...)}
	for i := range in.Shape.Elems() {
		in.Data = append(in.Data, float64(float32(math.Sin(float64(i)))))
	}
	want := map[string]op.Array{}
	exact, err := op.Exact(t.Context(), g, in, func(n *ir.Node, a op.Array) { want[n.Out[0]] = a })
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	logits, err := tools.Runner.Run(t.Context(), g, in.Tensor(), func(n *ir.Node, out *ir.Tensor) {
		order = append(order, n.Name)
		w := want[n.Out[0]]
		if !out.Shape.Equal(w.Shape) {
			t.Fatalf("%s is %v, not %v", n.Name, out.Shape, w.Shape)
		}
		if d := exactness.Distance(out.F32(), w.Data); !(d <= 1e-4) {
			t.Errorf("%s differs by %g of the largest", n.Name, d)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Name)
	}
	if !slices.Equal(order, names) {
		t.Errorf("seen %v of %v", order, names)
	}
	for _, see := range []bool{true, false} {
		if !see {
			if logits, err = tools.Runner.Run(t.Context(), g, in.Tensor(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if d := exactness.Distance(logits.F32(), exact.Data); !logits.Shape.Equal(exact.Shape) || !(d <= 1e-4) {
			t.Errorf("seen %v: logits %v differ by %g of the largest", see, logits.Shape, d)
		}
	}
	if _, err := tools.Runner.Run(t.Context(), g, ir.NewF32(make([]float32, 5), 1, 5), nil); err == nil {
		t.Error("a batch of no image ran")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, see := range []func(*ir.Node, *ir.Tensor){nil, func(*ir.Node, *ir.Tensor) {}} {
		if _, err := tools.Runner.Run(ctx, g, in.Tensor(), see); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestMeter(t *testing.T) {
	defer func(b system.Budget) { meterBudget = b }(meterBudget)
	meterBudget = system.Budget{Least: 3, Width: 10}
	g, tools := toolsOf(t, ir.Choice{})
	if tools.Val != nil {
		t.Error("there are images without data")
	}
	for i := range 2 {
		if ms, err := tools.Meter.Time(t.Context(), g); err != nil || !(ms > 0) {
			t.Errorf("%v ms, %v", ms, err)
		}
		m := tools.Meter.(*meter)
		if n := len(m.samples[m.held[0]]); len(m.samples) != 1 || n < 3*(i+1) {
			t.Errorf("after %d times %d samples of %d programs", i+1, n, len(m.samples))
		}
	}
}

// TestVal: passes choose by the split val, whatever the stack runs on.
func TestVal(t *testing.T) {
	arg := func(k, v string) ir.Arg { return ir.Arg{Key: k, Op: "=", Value: v} }
	g, tools := toolsOf(t, ir.Choice{Name: "fashion-mnist", Args: []ir.Arg{arg("batch", "4"), arg("n", "7"), arg("split", "test")}})
	if n := tools.Val.Len(); n != 2000 {
		t.Errorf("val has %d images", n)
	}
	set, err := (&sets{}).open(ir.Choice{Name: "fashion-mnist", Args: []ir.Arg{arg("split", "val")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1999} {
		img, _ := set.Image(i)
		want, got := make([]float32, g.Input().Shape.Elems()), make([]float32, g.Input().Shape.Elems())
		if err := model.Prepare(g.Prep, []ir.Image{img}, want); err != nil {
			t.Fatal(err)
		}
		label, _ := set.Label(i)
		if class, err := tools.Val.Read(i, got); err != nil || class != label || !slices.Equal(got, want) {
			t.Errorf("image %d: class %d, %v", i, class, err)
		}
	}
	if _, err := tools.Val.Read(2000, nil); err == nil {
		t.Error("image 2000 of 2000 was read")
	}

	// What is known of them is told where a pass has looked at them, and only there.
	for words, told := range map[string]int{"none": 0, "recalibrate": 1} {
		_, tools = toolsOf(t, ir.Choice{Name: "fashion-mnist"})
		v := tools.Val.(*validation)
		if words == "recalibrate" {
			v.open()
			known := *v.set
			known.Caveat = "seen before"
			v.set = &known
		}
		c := ir.Choice{Name: words}
		if words == "recalibrate" {
			c.Args = []ir.Arg{arg("n", "2")}
		}
		_, lines, err := shrink(t.Context(), g, []ir.Choice{c}, tools)
		if err != nil || len(lines) != 2*told || told > 0 && lines[1] != "split val of fashion-mnist: seen before" {
			t.Errorf("%s says %q, %v", words, lines, err)
		}
	}

	// Random images to choose by are others than those that are run.
	of := ir.Choice{Name: "random", Value: []string{"2x1x28x28"}}
	_, tools = toolsOf(t, of)
	set, err = (&sets{}).open(of)
	if err != nil {
		t.Fatal(err)
	}
	got, run := make([]float32, g.Input().Shape.Elems()), make([]float32, g.Input().Shape.Elems())
	img, _ := set.Image(0)
	if err := model.Prepare(g.Prep, []ir.Image{img}, run); err != nil {
		t.Fatal(err)
	}
	if class, err := tools.Val.Read(63, got); tools.Val.Len() != 64 || class != -1 || err != nil {
		t.Errorf("%d random images, class %d, %v", tools.Val.Len(), class, err)
	}
	if _, err := tools.Val.Read(0, got); err != nil || slices.Equal(got, run) {
		t.Errorf("the first image to choose by is the first that is run: %v", err)
	}

	// A folder without val says how to give one.
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cat"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cat", "a.png"), pngOf(Picture(img, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, tools = toolsOf(t, ir.Choice{Name: "folder", Value: []string{dir}})
	_, err = tools.Val.Read(0, got)
	if tools.Val.Len() != 0 || err == nil || !strings.Contains(err.Error(), "has no folder val") || !strings.Contains(err.Error(), "a folder val beside test") {
		t.Errorf("%d images, %v", tools.Val.Len(), err)
	}
}
