package notebooks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/notebooks"
)

// TestExercises: a check cell says not tried of a blank and right of the solution.
func TestExercises(t *testing.T) {
	t.Parallel()
	binary, env := installtest.Kernel(t)
	for _, name := range names(t) {
		if name == notebooks.Quickstart {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, "nb", "test", "--solutions", lay(t, name))
			cmd.Env = append(os.Environ(), env...)
			text, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(text), " exercises, 0 wrong\n") || strings.Contains(string(text), ": 0 exercises") {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// TestWrongExercises: what an author may get wrong is found.
func TestWrongExercises(t *testing.T) {
	t.Parallel()
	binary, env := installtest.Kernel(t)
	code := func(id, metadata, source string) string {
		return `{"cell_type":"code","id":"` + id + `","metadata":` + metadata + `,"source":"` + source + `","outputs":[],"execution_count":null}`
	}
	const check = `{"tags":["check"]}`
	blank := code("blank", `{"solution":"x := 3"}`, "x := 0")
	for want, cells := range map[string][]string{
		`cell 2 (c): wrong: with the blank it prints \"right\"`:        {blank, code("c", check, `fmt.Println(\"right\")`)},
		`cell 2 (c): wrong: with the solution it prints \"not tried\"`: {blank, code("c", check, `fmt.Println(\"not tried\")`)},
		`cell 1 (c): wrong: no cell before it has a solution`:          {code("c", check, `fmt.Println(\"not tried\")`)},
		`cell 1: wrong: an exercise has no check cell after it`:        {blank},
		`cell 2: wrong: the cell fails: `:                              {blank, code("c", check, `panic(1)`)},
		`cell 2 (c): right` + "\n":                                     {blank, code("c", check, `fmt.Println(map[bool]string{true: \"right\", false: \"not tried\"}[x == 3])`)},
	} {
		path := filepath.Join(t.TempDir(), "x.ipynb")
		if err := os.WriteFile(path, []byte(`{"cells":[`+strings.Join(cells, ",")+`],"metadata":{},"nbformat":4,"nbformat_minor":5}`), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, "nb", "test", "--solutions", path)
		cmd.Env = append(os.Environ(), env...)
		text, err := cmd.CombinedOutput()
		want = strings.ReplaceAll(want, `\"`, `"`)
		if !strings.Contains(string(text), want) || (err == nil) != strings.HasSuffix(want, "right\n") {
			t.Errorf("%v, %s\nwant %s", err, text, want)
		}
	}
}
