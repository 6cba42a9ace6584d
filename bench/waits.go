package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/godlas/godlas/internal/blocked"
	"github.com/godlas/godlas/kernel/interp"
)

// wait is something that a user waits for or that a session keeps.
type wait struct {
	name    string
	limit   float64
	show    func(float64) string
	measure func(ctx context.Context) ([]float64, error)
}

func megabytes(b float64) string { return fmt.Sprintf("%.1f MB", b/1e6) }

func waits(dlas string) []wait {
	return []wait{
		{"start of an interpreter to its first result", 25e6, milliseconds, startToResult},
		{"a notebook of one cell, `dlas nb run`", 100e6, milliseconds, func(ctx context.Context) ([]float64, error) { return notebook(ctx, dlas) }},
		{"trivial cell, `x := 1 + y`", 0.1e6, milliseconds, cells("y := 2", func(int) string { return "x := 1 + y" }, 300)},
		{"trivial cell after 1,000 others", 0.1e6, milliseconds, late},
		{"cell of 200 lines", 25e6, milliseconds, cells("y := 1", func(int) string { return lines200() }, 30)},
		{"memory of 1,000 different cells", 20e6, megabytes, grown(1000, func(i int) string {
			return fmt.Sprintf("v%d := %d\nfunc f%d(x int) int { return x + v%d }\nf%d(1)", i, i, i, i, i)
		})},
		{"memory of a cell run 1,000 times", 1e6, megabytes, grown(1000, func(int) string {
			return "v := 1\ntype T struct{ a int }\nfunc (t T) M() int { return t.a }\nfunc f(x int) int { return x + v }\nf(T{2}.M())"
		})},
		{"interrupt of a loop", 100e6, milliseconds, interrupts("for {}")},
		{"interrupt of a recursion", 100e6, milliseconds, interrupts("func r(n int) int { if n == 0 { return 0 }; return r(n-1) + r(n-1) }; r(60)")},
		{"interrupt of a channel", 100e6, milliseconds, interrupts("<-make(chan int)")},
		{"interrupt of a select", 100e6, milliseconds, interrupts("select {}")},
		{"interrupt of a Sleep", 100e6, milliseconds, interrupts(`import "time"; time.Sleep(time.Hour)`)},
		{"interrupt of a Mutex", 100e6, milliseconds, interrupts(`import "sync"; var mu sync.Mutex; mu.Lock(); mu.Lock()`)},
		{"interrupt of each of all kinds of waiting", 100e6, milliseconds, interruptsOfAll},
		{"first completion", 100e6, milliseconds, completions(true)},
		{"completion once warm", 1e6, milliseconds, completions(false)},
	}
}

func eval(in *interp.Interp, n int, src string) error {
	_, err := in.Eval(context.Background(), interp.Cell{N: n, Source: src})
	return err
}

func startToResult(context.Context) (v []float64, err error) {
	for range 51 {
		began := time.Now()
		if err := eval(newInterp(), 1, "x := 6 * 7\nx"); err != nil {
			return nil, err
		}
		v = append(v, since(began))
	}
	return v, nil
}

// notebook times a whole process that starts a session for one cell.
func notebook(ctx context.Context, dlas string) (v []float64, err error) {
	file := filepath.Join(filepath.Dir(dlas), "one.ipynb")
	text := `{"cells":[{"cell_type":"code","id":"a","metadata":{},"execution_count":null,"outputs":[],"source":"x := 6 * 7\nx"}],"metadata":{},"nbformat":4,"nbformat_minor":5}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	for range 21 {
		began := time.Now()
		if out, err := exec.CommandContext(ctx, dlas, "nb", "run", file).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		v = append(v, since(began))
	}
	return v, nil
}

func cells(setup string, src func(i int) string, n int) func(context.Context) ([]float64, error) {
	return func(context.Context) (v []float64, err error) {
		in := newInterp()
		if err := eval(in, 1, setup); err != nil {
			return nil, err
		}
		for i := range n {
			began := time.Now()
			if err := eval(in, i+2, src(i)); err != nil {
				return nil, err
			}
			v = append(v, since(began))
		}
		return v, nil
	}
}

func late(context.Context) (v []float64, err error) {
	in := newInterp()
	for i := range 1000 {
		if err := eval(in, i+1, fmt.Sprintf("y%d := %d", i, i)); err != nil {
			return nil, err
		}
	}
	for i := range 300 {
		began := time.Now()
		if err := eval(in, 1001+i, "x := 1 + y7"); err != nil {
			return nil, err
		}
		v = append(v, since(began))
	}
	return v, nil
}

func lines200() string {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("x%d := %d + y", i, i))
	}
	return strings.Join(lines, "\n")
}

// live is what the collector leaves.
func live() float64 {
	var m runtime.MemStats
	for range 3 { // pools and finalizers take more than one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func grown(n int, src func(i int) string) func(context.Context) ([]float64, error) {
	return func(context.Context) (v []float64, err error) {
		for range 3 {
			in := newInterp()
			const first = 200 // what is made once, and the history of results
			for i := range first {
				if err := eval(in, i+1, src(i)); err != nil {
					return nil, err
				}
			}
			before := live()
			for i := range n {
				if err := eval(in, first+i+1, src(first+i)); err != nil {
					return nil, err
				}
			}
			v = append(v, live()-before)
			runtime.KeepAlive(in)
		}
		return v, nil
	}
}

// interrupts times the way from a cell's interrupt to its end.
func interrupts(src string) func(context.Context) ([]float64, error) {
	return func(ctx context.Context) (v []float64, err error) {
		in := newInterp()
		for i := range 25 {
			cell, cancel := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() {
				_, err := in.Eval(cell, interp.Cell{N: i + 1, Source: src})
				done <- err
			}()
			time.Sleep(time.Duration(5+i%7) * time.Millisecond)
			began := time.Now()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				return nil, fmt.Errorf("the cell ended with %v", err)
			}
			v = append(v, since(began))
		}
		return v, nil
	}
}

// interruptsOfAll times an interrupt of everything that can keep a cell from ending and leaves nothing behind.
func interruptsOfAll(ctx context.Context) (v []float64, err error) {
	said := make(chan bool, 1)
	in := interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Stdin: silence{}, Stdout: signaller(said), Stderr: io.Discard})
	if err := eval(in, 1, "quit := make(chan bool)"); err != nil {
		return nil, err
	}
	for i, k := range blocked.Kinds {
		if k.Setup != "" {
			if err := eval(in, 2*i+2, k.Setup); err != nil {
				return nil, fmt.Errorf("%s: %w", k.Name, err)
			}
		}
		cell, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() {
			_, err := in.Eval(cell, interp.Cell{N: 2*i + 3, Source: k.Source})
			done <- err
		}()
		select {
		case <-said:
		case err := <-done:
			cancel()
			return nil, fmt.Errorf("%s: the cell ended with %v", k.Name, err)
		}
		time.Sleep(5 * time.Millisecond)
		began := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("%s: the cell ended with %v", k.Name, err)
		}
		v = append(v, since(began))
	}
	return v, nil
}

// signaller is a standard output that tells of each write.
type signaller chan bool

func (s signaller) Write(p []byte) (int, error) {
	select {
	case s <- true:
	default:
	}
	return len(p), nil
}

// silence is a standard input that never says anything.
type silence struct{}

func (silence) Read([]byte) (int, error) { select {} }

func completions(first bool) func(context.Context) ([]float64, error) {
	return func(context.Context) (v []float64, err error) {
		const src = "sb.Wri"
		ask := func(in *interp.Interp) (float64, error) {
			began := time.Now()
			c := in.Complete(src, len(src))
			d := since(began)
			if len(c.Items) == 0 {
				return 0, errors.New("no completion")
			}
			return d, nil
		}
		start := func() (*interp.Interp, error) {
			in := newInterp()
			return in, eval(in, 1, `import "strings"; var sb strings.Builder`)
		}
		in, err := start()
		if err != nil {
			return nil, err
		}
		if !first {
			if _, err := ask(in); err != nil {
				return nil, err
			}
		}
		for i := range 30 {
			if first && i > 0 {
				if in, err = start(); err != nil {
					return nil, err
				}
			}
			d, err := ask(in)
			if err != nil {
				return nil, err
			}
			v = append(v, d)
		}
		return v, nil
	}
}
