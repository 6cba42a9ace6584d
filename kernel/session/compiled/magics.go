package compiled

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/kernel/session/magic"
)

const goHelp = `build the cell with the Go toolchain and run it as a program of its own
FLAGS are those of go build that have a meaning here (-tags, -gcflags, -ldflags, -cover, …); what follows them, or --, are the
program's arguments. The cell holds declarations and statements, or a whole program with func main; behind a line %% ARGS there
are statements alone. Missing imports are added. The program has what earlier %%go cells declared and, of other cells, the
functions, types and constants that it needs, with copies of variables. It is kept: the same cell again starts at once.
-input asks for a line of input at once and again, where it cannot be seen that the program waits for it.`

const testHelp = `run tests, benchmarks, examples and the seeds of fuzz tests with go test
They are those of the cell, or of all cells where it has none; -run and -bench choose others. Flags are go test's: -v, -run,
-bench, -benchmem, -count, -cover, -short and so on. Functions, types and constants of earlier cells are there, with copies of
variables. A test that fails fails the cell.`

// Magics are the rows of the table that this package has.
func (cs *Cells) Magics() []magic.Magic {
	rows := []magic.Magic{
		{Name: "go", Args: "[FLAGS] [ARGS]", Cell: true, Go: true, Run: cs.goCell, Help: goHelp, Complete: completeGo},
		{Name: "test", Args: "[FLAGS]", Cell: true, Line: true, Go: true, Run: cs.testCell, Help: testHelp, Complete: completeTest},
	}
	return append(rows, cs.gonbMagics()...)
}

func completeGo(c magic.Completing) ([]magic.Match, int) {
	if c.Body {
		return nil, 0
	}
	return magic.Words(c.Text, " ", "-asmflags", "-cover", "-covermode", "-gcflags", "-input", "-ldflags", "-pgo", "-tags")
}

func completeTest(c magic.Completing) ([]magic.Match, int) {
	if c.Body {
		return nil, 0
	}
	return magic.Words(c.Text, " ", "-v", "-run", "-bench", "-benchmem", "-benchtime", "-count", "-cover", "-short", "-failfast", "-timeout")
}

// lines joins words for the user.
func list(words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, fmt.Sprintf("%q", w))
	}
	return "[" + strings.Join(quoted, " ") + "]"
}
