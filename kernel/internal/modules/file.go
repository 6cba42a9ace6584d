package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// File is a go.mod.
type File struct {
	Path    string `json:"-"`
	Module  struct{ Path string }
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

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

// File reads the go.mod that counts; it is nil where there is none.
func (w Workspace) File(ctx context.Context) (*File, error) {
	path := w.ModFile()
	if path == "" {
		return nil, nil
	}
	out, err := w.output(ctx, "mod", "edit", "-json", path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path}
	if err := json.Unmarshal(out, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Modules lists the module itself and those that it requires.
func (f *File) Modules() []string {
	out := []string{f.Module.Path}
	for _, r := range f.Require {
		out = append(out, r.Path)
	}
	return out
}
