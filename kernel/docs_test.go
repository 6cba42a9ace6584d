package kernel

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestChecklistNamesTests: each test that a page of docs names is there, and each row of docs/jupyter.md but the one that it
// says is not there names one.
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
	named := regexp.MustCompile(`\b(Test[A-Z]\w+|test_\w+)\b`)
	examples := regexp.MustCompile("(?ms)^```.*?^```")
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, p := range append(pages, "../README.md", "../RATIONALE.md") {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range named.FindAllString(examples.ReplaceAllString(string(text), ""), -1) {
			if !there[n] {
				t.Errorf("%s: there is no %s", p, n)
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		names := named.FindAllString(line, -1)
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
