package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every link of the README and of the pages to a file of this repository must lead there, and each page must be
// reached from the README.
func TestDocsLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linked := map[string]bool{}
	for _, page := range append([]string{filepath.Join(root, "README.md")}, pages...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			path := filepath.Join(filepath.Dir(page), filepath.FromSlash(target))
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), m[1])
			}
			if strings.HasSuffix(page, "README.md") {
				linked[filepath.Clean(path)] = true
			}
		}
	}
	for _, page := range pages {
		if !linked[filepath.Clean(page)] {
			t.Errorf("the README leads to no %s", filepath.Base(page))
		}
	}
}

// The README's commands must be those that there are.
func TestReadmeNamesCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, row := range commands() {
		names[row.name] = true
	}
	for _, m := range regexp.MustCompile("(?:`|go run \\./cmd/)dlas ([a-z]+)").FindAllStringSubmatch(string(text), -1) {
		if !names[m[1]] {
			t.Errorf("the README says dlas %s, and there is no such command", m[1])
		}
	}
}
