package cells

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/session/compiled"
	"github.com/godlas/godlas/kernel/session/magic"
)

var write = flag.Bool("write", false, "write the table of docs/magics.md anew")

// TestMagicsPage holds the table of docs/magics.md to the rows that a session has.
func TestMagicsPage(t *testing.T) {
	const page = "../../docs/magics.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	var table strings.Builder
	table.WriteString("| magic | what it does |\n| --- | --- |\n")
	for _, m := range magic.NewTable(magic.Builtin(), compiled.New("", "", nil).Magics(), Magics()).Rows() {
		if strings.HasPrefix(m.Help, "of GoNB: ") {
			continue // they say what to do instead
		}
		var forms []string
		if m.Line {
			forms = append(forms, "`"+strings.TrimSpace("%"+m.Name+" "+m.Args)+"`")
		}
		if m.Cell {
			forms = append(forms, "`"+strings.TrimSpace("%%"+m.Name+" "+m.Args)+"`")
			if m.Line {
				forms[1] = "`%%" + m.Name + "`"
			}
		}
		fmt.Fprintf(&table, "| %s | %s |\n", cell(strings.Join(forms, ", ")), cell(m.Brief()))
	}
	table.WriteString("| `!COMMAND` | run a command of the shell |\n| `NAME?`, `NAME??` | show help on a name, with its source |\n")
	head, rest, ok := strings.Cut(string(b), " -args -write -->\n\n")
	old, tail, ok2 := strings.Cut(rest, "\n<!-- end -->")
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	if old == table.String() {
		return
	}
	if !*write {
		t.Fatalf("%s is not of this table; run go test ./dlas/cells -run TestMagicsPage -args -write", page)
	}
	if err := os.WriteFile(page, []byte(head+" -args -write -->\n\n"+table.String()+"\n<!-- end -->"+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
