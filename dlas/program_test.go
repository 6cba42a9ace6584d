package dlas

import (
	"context"
	"sync"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestProgram uses a compiled stack as a library, from several goroutines, and finds the classes that Run reports.
func TestProgram(t *testing.T) {
	st := New().Data("fashion-mnist(n=50, batch=5)")
	p, err := st.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if in, out := p.InShape(), p.OutShape(); !in.Equal(ir.Shape{5, 1, 32, 32}) || !out.Equal(ir.Shape{5, 10}) || len(p.Classes()) != 10 {
		t.Fatalf("shapes %v and %v, classes %v", in, out, p.Classes())
	}
	want := predictions(t, st)
	got := make([]int, len(want))
	var wg sync.WaitGroup
	for first := 0; first < len(want); first += 5 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var images []ir.Image
			for i := range 5 {
				img, err := p.run.set.Image(first + i)
				if err != nil {
					t.Error(err)
					return
				}
				images = append(images, img)
			}
			in, out := make([]float32, p.InShape().Elems()), make([]float32, p.OutShape().Elems())
			if err := p.Prepare(images, in); err != nil {
				t.Error(err)
			}
			if err := p.Run(context.Background(), in, out); err != nil {
				t.Error(err)
			}
			for i := range images {
				got[first+i] = argmax(out[i*10 : i*10+10])
			}
		}()
	}
	wg.Wait()
	if d := differing(got, want); d != 0 {
		t.Errorf("%d of 50 classes differ from the run's", d)
	}
	if err := p.Run(context.Background(), nil, nil); err == nil {
		t.Error("no error for empty slices")
	}
	in, out := make([]float32, p.InShape().Elems()), make([]float32, p.OutShape().Elems())
	if n := testing.AllocsPerRun(20, func() {
		if err := p.Run(context.Background(), in, out); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("a warm run allocates %v times", n)
	}
	if _, err := New().Prune(0, 0.5).Compile(context.Background()); err == nil {
		t.Error("two points were compiled into one program")
	}
}
