package interp

import (
	"context"
	"testing"
)

// TestSyntaxErrorAtEnd: what a cell lacks at its end is missed there.
func TestSyntaxErrorAtEnd(t *testing.T) {
	for src, want := range map[string]string{
		"x := ":               "cell[1]:1:5: expected operand, found end of cell",
		"y := 3 +\n\n":        "cell[1]:1:9: expected operand, found end of cell",
		"a := 1\nb := a *":    "cell[1]:2:9: expected operand, found end of cell",
		"{ c := }":            "cell[1]:1:8: expected operand, found '}'",
		"e := 1 + // not yet": "cell[1]:1:20: expected operand, found end of cell",
		"f := \"é\" +":        "cell[1]:1:12: expected operand, found end of cell",
	} {
		in, _ := session(t)
		_, err := in.Eval(context.Background(), Cell{N: 1, Source: src})
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}
