package compress

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/internal/awake"
)

// images are some whose reading is what the test says.
type images func() (int, error)

func (images) Len() int                           { return 4 }
func (f images) Read(int, []float32) (int, error) { return f() }

// TestPassEndsWithItsContext checks that who waits for a pass waits no longer than its context, whatever the pass is at,
// and hears no more of it.
func TestPassEndsWithItsContext(t *testing.T) {
	reading, wait, end := make(chan bool, 1), make(chan bool), errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var told atomic.Int64
	tools := Tools{Runner: op.Reference{}, Progress: func(string, int, int) { told.Add(1) }, Val: images(func() (int, error) {
		select {
		case reading <- true:
		default:
		}
		<-wait
		return 0, nil
	})}
	ended := make(chan error)
	go func() {
		_, _, err := Apply(ctx, plainNet(), []ir.Choice{choice("recalibrate", "n=4")}, tools)
		ended <- err
	}()
	select {
	case <-reading:
	case err := <-ended:
		t.Fatalf("it has not begun: %v", err)
	}
	cancel(end)
	select {
	case err := <-ended:
		if !errors.Is(err, end) {
			t.Errorf("it ended with %v", err)
		}
	case <-awake.After(20 * time.Second):
		t.Fatal("a pass goes on after its context has ended")
	}
	before := told.Load()
	close(wait)
	time.Sleep(10 * time.Millisecond)
	if told.Load() != before {
		t.Error("a pass tells of its progress after its context has ended")
	}
}

// TestPanicOfPass checks that a pass panics where it was called: there it can be recovered.
func TestPanicOfPass(t *testing.T) {
	defer func() {
		if p := recover(); p != "no image" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _, err := Apply(t.Context(), plainNet(), []ir.Choice{choice("recalibrate", "n=4")}, Tools{Runner: op.Reference{}, Val: images(func() (int, error) { panic("no image") })})
	t.Errorf("no panic, and %v", err)
}

// TestPassStops checks that a pass whose context has ended ends itself, whatever it is at: work that nobody waits for takes
// the time of what comes next. A network of two layers of millions of weights has inner loops that take long.
func TestPassStops(t *testing.T) {
	g := &ir.Graph{Name: "wide", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, 512, 4, 4}}}, Outputs: []string{"y"}, Weights: map[string]*ir.Tensor{}}
	last := "x"
	for i := range 2 {
		w := fmt.Sprint("w", i)
		g.Weights[w] = ir.NewF32(normalNumbers(512*512*9, uint64(i)), 512, 512, 3, 3)
		out := []string{"h", "y"}[i]
		g.Nodes = append(g.Nodes, &ir.Node{Name: w + " conv", Op: "Conv", In: []string{last, w}, Out: []string{out}, Attrs: ir.Attrs{"pads": []int{1, 1, 1, 1}}})
		last = out
	}
	end := errors.New("enough")
	for _, text := range []string{
		"prune(0.8)", "blocks(0.8, 16x1)", "punch(0.8, 8x4)", "pattern(0.7)", "palette(6)", "lowrank(0.5)", "ternary(ends=ternary)", "fp16", "bf16", "channels(0.5)", "int8(n=2)",
	} {
		c := choices(text)[0]
		p, err := lookup(c.Name)
		if err != nil {
			t.Fatal(err)
		}
		least := time.Hour // of some tries: other work on the machine makes them longer, never shorter
		afters := []time.Duration{time.Millisecond, 5 * time.Millisecond, 12 * time.Millisecond, 30 * time.Millisecond}
		for try := 0; try < len(afters) || least > 100*time.Millisecond && try < 4*len(afters); try++ {
			after := afters[try%len(afters)]
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan time.Time, 1)
			tools := Tools{Runner: stopping{}, Val: images(func() (int, error) { return 0, nil })}
			var failed error
			go func() {
				_, _, failed = p.run(ctx, g, c, tools)
				ended <- time.Now()
			}()
			time.Sleep(after)
			at := time.Now()
			cancel(end)
			took := (<-ended).Sub(at)
			if failed == nil {
				continue // it was done before
			}
			if !errors.Is(failed, end) {
				t.Errorf("%s ended with %v", text, failed)
			}
			least = min(least, took)
		}
		if least > 100*time.Millisecond { // an hour: it never was at work when the context ended
			t.Errorf("%s went on for %v after its context had ended", text, least)
		}
	}
}

// stopping is a Runner that shows nothing, and ends with its context.
type stopping struct{}

func (stopping) Run(ctx context.Context, g *ir.Graph, batch *ir.Tensor, see func(*ir.Node, *ir.Tensor)) (*ir.Tensor, error) {
	for _, n := range g.Nodes {
		if see != nil && ctx.Err() == nil {
			see(n, ir.NewF32(make([]float32, 1<<20), 1, 512, 2048))
		}
	}
	return batch, context.Cause(ctx)
}

func normalNumbers(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return data
}
