package interp

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// TestTypes runs programs whose types compiled packages look into. What they print must be what the compiled program
// prints; TestTypesAgainstGo made sure of that.
func TestTypes(t *testing.T) {
	want := map[string]string{}
	for _, s := range sections(t, "types.out") {
		want[s.name] = s.src
	}
	for _, s := range sections(t, "types.txt") {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			in, out := session(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r, err := in.Eval(ctx, Cell{N: 1, Source: s.src})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want[s.name] || len(r.Notes) > 0 {
				t.Errorf("got:\n%s\nwant:\n%s\nnotes: %q", got, want[s.name], r.Notes)
			}
		})
	}
}

// TestTypesAgainstGo compiles the programs of TestTypes.
func TestTypesAgainstGo(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	got := runGo(t, goTool, t.TempDir(), sections(t, "types.txt"))
	file := filepath.Join("testdata", "types.out")
	if *update {
		write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the compiled programs print something else than %s; run with -update and look at the difference", file)
	}
}
