package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history.jsonl")
	if _, err := Check(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := l.Append(i+1, "x", ""); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Check(path); err != nil || s != (State{Cells: 3, Mode: 0o600}) {
		t.Errorf("got %+v, %v", s, err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\x00\x00\n{}\n\n{\"k\":\"a\",\"n\":1,\"in\":\"cut o")
	f.Close()
	if s, err := Check(path); err != nil || s.Cells != 3 || s.Damaged != 3 {
		t.Errorf("got %+v, %v; want 3 cells and 3 damaged lines", s, err)
	}
	if _, err := Check(dir); err == nil {
		t.Error("a folder is taken for a history")
	}
}
