package modules

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// File is what a go.mod says that matters here.
type File struct {
	Path     string // of the file
	Module   string
	Requires []Require
}

// Require is a module that a go.mod records.
type Require struct{ Path, Version string }

// ModFile returns the path of the go.mod that counts: that of the workspace, or of the nearest folder above it; empty if
// there is none.
func (w Workspace) ModFile() string {
	for dir := w.Dir; ; {
		p := filepath.Join(dir, "go.mod")
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// File reads the go.mod that counts; it is nil where there is none. What it does not understand, which the go command
// will complain of, it leaves out.
func (w Workspace) File() *File {
	path := w.ModFile()
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	f := &File{Path: path}
	block := ""
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		for i, w := range words {
			if s, err := strconv.Unquote(w); err == nil {
				words[i] = s
			}
		}
		switch {
		case len(words) == 0:
			continue
		case words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch {
		case words[0] == "module" && len(words) == 2:
			f.Module = words[1]
		case words[0] == "require" && len(words) == 3:
			f.Requires = append(f.Requires, Require{words[1], words[2]})
		}
	}
	return f
}

// Modules lists the paths of the module itself and of those that it requires.
func (f *File) Modules() []string {
	out := []string{f.Module}
	for _, r := range f.Requires {
		out = append(out, r.Path)
	}
	return out
}

// Requirement finds the required module that a package path is of, as far as the path tells.
func (f *File) Requirement(path string) (best Require, ok bool) {
	if f == nil {
		return best, false
	}
	for _, r := range f.Requires {
		if inModule(path, r.Path) && len(r.Path) > len(best.Path) {
			best, ok = r, true
		}
	}
	return best, ok
}

func inModule(path, module string) bool {
	return path == module || module != "" && strings.HasPrefix(path, module+"/")
}
