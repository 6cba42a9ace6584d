package interp

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/heard"
	"github.com/godlas/godlas/kernel/interp/internal/difftest"
)

// nobody takes what a debugger tells.
var nobody = DebugOptions{Stopped: func(Stop) {}, Continued: func() {}, Thread: func(int, bool) {}}

// TestDebugCorpus runs the notebooks of testdata/cells with a debugger, and with one that comes and goes from cell to cell:
// they give what they give without.
func TestDebugCorpus(t *testing.T) {
	for i, s := range corpus(t) {
		if raceEnabled && i%5 != 0 { // it takes minutes
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []string{"attached", "coming and going"} {
				stdout, stderr := &heard.Buffer{}, &heard.Buffer{}
				in := New(Options{
					Libraries: []Library{Std()}, Stdout: stdout, Stderr: stderr,
					Stdin: strings.NewReader("42 word\nnext line\nlast line\n"), Exit: func(code int) { fmt.Fprintf(stderr, "exit %d\n", code) },
				})
				in.front.Fault = func(v any) { t.Errorf("no hooks: %v", v) }
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				var d *Debugger
				for i, c := range s.cells {
					switch {
					case d == nil && (mode == "attached" || i%2 == 1):
						var err error
						if d, err = in.Debug(nobody); err != nil {
							t.Fatal(err)
						}
					case d != nil && mode != "attached":
						d.Detach()
						d = nil
					}
					r, err := in.Eval(ctx, Cell{N: i + 1, Source: c.src})
					got := map[string]string{"result": resultText(r.Values), "error": errorText(err), "note": lines(r.Notes...)}
					got["stdout"], got["stderr"] = lines(stdout.Take()), lines(stderr.Take())
					for _, part := range given {
						if got[part] != c.want[part] {
							t.Errorf("%s: cell %d, %s\n%s\ngot:\n%swant:\n%s", mode, i+1, part, c.src, got[part], c.want[part])
						}
					}
				}
			}
		})
	}
}

// TestDebugRandomPrograms runs random programs with a debugger and without.
func TestDebugRandomPrograms(t *testing.T) {
	var seeds []uint64
	for i := range uint64(20) {
		seeds = append(seeds, 5000+i)
	}
	src := difftest.Program(seeds)
	var outs []string
	for _, debug := range []bool{false, true} {
		in, out := session(t)
		in.front.Fault = func(v any) { t.Errorf("no hooks: %v", v) }
		if debug {
			if _, err := in.Debug(nobody); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		_, err := in.Eval(ctx, Cell{N: 1, Source: src})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out.String())
	}
	if outs[0] != outs[1] || outs[0] == "" {
		t.Error(firstDifference(outs[1], outs[0]))
	}
}
