package kernel

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestChecklistNamesTests: each test that docs/jupyter.md names is there, and each row but the one that it says is not there
// names one.
func TestChecklistNamesTests(t *testing.T) {
	page, err := os.ReadFile("../docs/jupyter.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^(?:func (Test\w+)\(|    def (test_\w+)\()`)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "shared") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_test.py") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			there[string(m[1])+string(m[2])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		names := regexp.MustCompile(`\b(Test[A-Z]\w+|test_\w+)\b`).FindAllString(line, -1)
		for _, n := range names {
			if !there[n] {
				t.Errorf("there is no %s", n)
			}
		}
		if regexp.MustCompile(`^\| \d+ \|`).MatchString(line) {
			if rows++; len(names) == 0 && !strings.Contains(line, "not there") {
				t.Errorf("no test: %s", line)
			}
		}
	}
	if rows != 45 {
		t.Errorf("%d rows of 45", rows)
	}
}
