package interp

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/interp/internal/difftest"
)

var (
	diffFrom  = flag.Uint64("diff.from", 1, "first seed of the random programs")
	diffCount = flag.Int("diff.count", 60, "number of random programs")
)

// TestDifferential runs random programs, interpreted and compiled; they must print the same. More of them run with
//
//	go test ./kernel/interp -run Differential -diff.from 1000 -diff.count 2000
//
// and what they find is kept, made small, in testdata/programs.txt.
func TestDifferential(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	if runtime.GOARCH != "amd64" {
		t.Skip("elsewhere the compiler fuses floating-point operations")
	}
	for n := 0; n < *diffCount; n += 200 { // in one build each
		var seeds []uint64
		for i := n; i < min(n+200, *diffCount); i++ {
			seeds = append(seeds, *diffFrom+uint64(i))
		}
		src := difftest.Program(seeds)
		compiled := runGo(t, goTool, t.TempDir(), []snippet{{"random", src}})
		in, out := session(t)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		_, err := in.Eval(ctx, Cell{N: 1, Source: src})
		cancel()
		if err != nil {
			t.Fatalf("seeds from %d: %v", seeds[0], err)
		}
		_, compiled, _ = strings.Cut(compiled, "\n")
		want, got := bySeed(compiled), bySeed(out.String())
		if len(want) != len(seeds) {
			t.Errorf("%d of %d programs ran", len(want), len(seeds))
		}
		for _, s := range seeds {
			k := fmt.Sprint(s)
			if got[k] != want[k] {
				t.Errorf("seed %d: %s", s, firstDifference(got[k], want[k]))
			}
		}
	}
}

func bySeed(out string) map[string]string {
	m := map[string]string{}
	for _, part := range strings.Split("\n"+out, "\n== ")[1:] {
		seed, text, _ := strings.Cut(part, "\n")
		m[seed] = text
	}
	return m
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(g) || g[i] != w[i] {
			return fmt.Sprintf("line %d\ngot  %q\nwant %q", i, strings.Join(g[min(i, len(g)):min(i+1, len(g))], ""), w[i])
		}
	}
	return fmt.Sprintf("more output: %q", strings.Join(g[len(w):], "\n"))
}
