package op

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write the list of operators into docs/operators.md")

// TestDocs holds the list of operators in the docs to the table; -args -write writes it.
func TestDocs(t *testing.T) {
	const path, mark = "../../../docs/operators.md", "a test compares -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(raw), mark)
	_, after, more := strings.Cut(after, "\n")
	if !ok || !more {
		t.Fatal("docs/operators.md has no list of operators")
	}
	want := before + mark + "`" + strings.Join(Names(), "` `") + "`\n" + after
	if *write {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("the list in docs/operators.md is not the table's: go test ./dlas/ir/op -run TestDocs -args -write")
	}
}
