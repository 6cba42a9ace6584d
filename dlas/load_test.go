package dlas

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestOpen holds that a network opened at once computes what one does that was loaded and compiled, and shares its program
// with whoever compiles the same.
func TestOpen(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	path := filepath.Join(t.TempDir(), "vgg7.onnx")
	if err := New().Model("vgg7").Export(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	n, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []CompileOptions{{Threads: 1}, {Threads: 2, Primitive: "direct"}, {Threads: 1, Compress: "prune(0.5)"}} {
		output := func(p *Program) []float32 {
			in, out := make([]float32, p.InShape().Elems()), make([]float32, p.OutShape().Elems())
			for i := range in {
				in[i] = float32(i%251)/125 - 1 // the first image of any batch
			}
			if err := p.Run(context.Background(), in, out); err != nil {
				t.Fatal(err)
			}
			return out
		}
		first, err := Open(path, o) // makes the program
		if err != nil {
			t.Fatal(err)
		}
		second, err := n.Compile(o)
		if err != nil {
			t.Fatal(err)
		}
		if first.run.program != second.run.program {
			t.Errorf("%+v: two programs of one network", o)
		}
		o.Batch = 2 // a program of its own
		apart, err := n.Compile(o)
		if err != nil {
			t.Fatal(err)
		}
		got, want := output(first), output(apart)
		for i := range got {
			if math.Abs(float64(got[i]-want[i])) > 1e-4*math.Abs(float64(slices.Max(want))) {
				t.Errorf("%+v: output %d is %v, want %v", o, i, got[i], want[i])
			}
		}
	}
	var e *ir.Error
	if _, err := Open(filepath.Join(t.TempDir(), "none.onnx"), CompileOptions{}); !errors.As(err, &e) || e.Layer != ir.Model {
		t.Errorf("no file: %v", err)
	}
}
