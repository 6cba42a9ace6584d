package interp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
)

func besideInterp() *Interp {
	return New(Options{Libraries: []Library{Std()}, Stdout: io.Discard, Stderr: io.Discard})
}

func evalWith(in *Interp, ctx context.Context, n int, src string) (string, error) {
	r, err := in.Eval(ctx, Cell{N: n, Source: src})
	if err != nil || len(r.Values) == 0 {
		return "", err
	}
	return fmt.Sprint(r.Values[0]), nil
}

// TestCellBesideACell: a cell runs while another does, sees what that one has declared, and can end it; stopping one leaves
// the other alone.
func TestCellBesideACell(t *testing.T) {
	in := besideInterp()
	ctx := context.Background()
	if _, err := evalWith(in, ctx, 1, `go1, go2 := make(chan int), make(chan int); x := 1`); err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 1)
	go func() {
		v, err := evalWith(in, ctx, 2, `go1 <- 1; y := <-go2; y * 2`)
		ended <- fmt.Sprint(v, err)
	}()
	if v, err := evalWith(in, ctx, 3, `<-go1 + x`); v != "2" || err != nil {
		t.Fatal(v, err)
	}
	stopped, stop := context.WithCancelCause(ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := evalWith(in, stopped, 4, `go1 <- 2; for {}`)
		failed <- err
	}()
	if v, err := evalWith(in, ctx, 5, `<-go1`); v != "2" || err != nil {
		t.Fatal(v, err)
	}
	why := errors.New("enough")
	stop(why)
	if err := <-failed; !errors.Is(err, why) {
		t.Fatal(err)
	}
	if _, err := evalWith(in, ctx, 6, `go2 <- 21`); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-ended:
		if got != "42<nil>" && got != "42 <nil>" {
			t.Error(got)
		}
	case <-awake.After(20 * time.Second):
		t.Fatal("the first cell does not end")
	}
	if v, err := evalWith(in, ctx, 7, `y`); v != "21" || err != nil {
		t.Error(v, err)
	}
}

// TestCallerOfCellsBesideEachOther: what a cell calls finds the context of its own cell, also on goroutines.
func TestCallerOfCellsBesideEachOther(t *testing.T) {
	type key struct{}
	in := besideInterp()
	seen := sync.Map{}
	in.Set("tell", func(cell int) { seen.Store(cell, in.Caller().Value(key{})) })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ctx := context.WithValue(context.Background(), key{}, i)
			if _, err := evalWith(in, ctx, i+1, fmt.Sprintf(`done%d := make(chan bool); go func() { tell(%d); close(done%[1]d) }(); <-done%[1]d`, i, i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		if v, _ := seen.Load(i); v != i {
			t.Errorf("cell %d: %v", i, v)
		}
	}
}

// TestManyCellsBesideEachOther has goroutines that all declare, fail, call each other's functions and import.
func TestManyCellsBesideEachOther(t *testing.T) {
	in := besideInterp()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 25 {
				n := 1 + g*100 + i
				v, err := evalWith(in, context.Background(), n, fmt.Sprintf(`import "strings"
type T%d struct{ a int }
func (t T%[1]d) Up(s string) string { return strings.ToUpper(s) + fmt.Sprint(t.a) }
v%[1]d := T%[1]d{%[2]d}
v%[1]d.Up("x")`, g, i))
				if err != nil || v != fmt.Sprintf("X%d", i) {
					t.Errorf("%d: %q %v", n, v, err)
				}
				if _, err := evalWith(in, context.Background(), n, fmt.Sprintf(`bad%d := 1; panic(bad%[1]d)`, g)); err == nil {
					t.Error("no panic")
				}
				in.Complete("strings.To", 10)
				in.Vars()
			}
		})
	}
	wg.Wait()
}

// TestTurnIsLeft: a cell that waits for another's packages to be initialised can be stopped.
func TestTurnIsLeft(t *testing.T) {
	in := besideInterp()
	next, err := in.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	ctx, stop := context.WithCancelCause(context.Background())
	time.AfterFunc(10*time.Millisecond, func() { stop(why) })
	if _, err := evalWith(in, ctx, 1, "1"); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	next()
	next()
	if v, err := evalWith(in, context.Background(), 2, "1"); v != "1" || err != nil {
		t.Error(v, err)
	}
}

// TestMark: code that is no cell's is found by what has marked its goroutine.
func TestMark(t *testing.T) {
	type key struct{}
	got := make(chan any, 1)
	go func() {
		if Marked() != nil {
			t.Error("marked from the start")
		}
		Mark(context.WithValue(context.Background(), key{}, 7))
		go func() { got <- Marked().Value(key{}) }()
	}()
	if v := <-got; v != 7 {
		t.Error(v)
	}
}
