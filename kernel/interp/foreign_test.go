package interp

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestPanicInMethodCalledOutside: what a cell returned may be printed where no cell runs; a panic of its methods is
// reported with its place in the cell, and compiled code goes on.
func TestPanicInMethodCalledOutside(t *testing.T) {
	for _, src := range []string{
		"type T struct{}\nfunc (T) String() string { panic(\"odd\") }\nT{}",
		"type E struct{ code int }\nfunc (e *E) Error() string { var m map[int]int; m[e.code] = 1; return \"odd\" }\n&E{}",
		"type T struct{ a, b, c int }\nfunc (t *T) String() string { panic(errors.New(\"odd\")) }\n&T{}",
	} {
		in, out := session(t)
		r, err := in.Eval(context.Background(), Cell{N: 3, Source: src})
		if err != nil || len(r.Values) != 1 {
			t.Fatalf("%s: %v, %v", src, r, err)
		}
		if got := fmt.Sprint(r.Values[0].Interface()); got != "" {
			t.Errorf("%s: prints %q", src, got)
		}
		if got := out.String(); !strings.HasPrefix(got, "panic: ") || !strings.Contains(got, "cell[3]:2:") {
			t.Errorf("%s: reports %q", src, got)
		}
		if r, err := in.Eval(context.Background(), Cell{N: 4, Source: "1 + 1"}); err != nil || len(r.Values) != 1 || r.Values[0].Int() != 2 {
			t.Errorf("%s: the next cell gives %v, %v", src, r, err)
		}
	}
}
