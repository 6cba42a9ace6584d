package install

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// copies makes a folder of n copies, the first the oldest, and returns their folders.
func copies(t *testing.T, bin string, n int) []string {
	t.Helper()
	var dirs []string
	for i := range n {
		dir := filepath.Join(bin, fmt.Sprintf("%016x", i+1))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "dlas"), []byte{byte(i)}, 0o755); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	for i, dir := range dirs {
		at := time.Now().Add(time.Duration(i-n) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "dlas"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

// Of ten copies stay the one in use by a kernelspec that is noted, the one of the user's own Jupyter, the one that a
// kernel runs from, the current one and the newest three of the others.
func TestOldCopiesGo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(tmp, "user"))
	bin := filepath.Join(tmp, "cache", "bin")
	dirs := copies(t, bin, 10)
	binary := func(i int) string { return filepath.Join(dirs[i], "dlas") }
	noted, err := WriteKernelspec(filepath.Join(tmp, "a prefix", "share", "jupyter"), binary(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WriteKernelspec(filepath.Join(tmp, "user"), binary(1)); err != nil {
		t.Fatal(err)
	}
	running := hold(dirs[2])
	if running == nil {
		t.Fatal("a copy cannot be held")
	}
	defer running.Close()
	for _, other := range []string{"notes", "0123"} { // somebody else's
		if err := os.MkdirAll(filepath.Join(bin, other), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := tidy(bin, binary(3), noted); err != nil {
		t.Fatal(err)
	}
	there := func() (got []int) {
		for i := range dirs {
			if exists(binary(i)) {
				got = append(got, i)
			}
		}
		return got
	}
	if got, want := there(), []int{0, 1, 2, 3, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("copies %v stay, want %v", got, want)
	}
	for _, i := range []int{4, 5, 6} {
		if exists(dirs[i]) {
			t.Errorf("the folder of copy %d stays", i)
		}
	}
	if !exists(filepath.Join(bin, "notes")) || !exists(filepath.Join(bin, "0123")) {
		t.Error("what is not a copy was removed")
	}
	// The kernel ends and the kernelspec is removed: then they are old ones too.
	running.Close()
	if err := os.RemoveAll(noted); err != nil {
		t.Fatal(err)
	}
	if err := tidy(bin, binary(3), ""); err != nil {
		t.Fatal(err)
	}
	if got, want := there(), []int{1, 3, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("copies %v stay, want %v", got, want)
	}
	if lines, err := readLines(filepath.Join(bin, specsName)); err != nil || len(lines) != 0 {
		t.Errorf("the note still has %q (%v)", lines, err)
	}
}

// Install and Uninstall keep the note, and the cache does not grow with every build.
func TestInstallTidies(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("HOME", tmp)
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(tmp, "user"))
	t.Setenv("DLAS_CACHE", filepath.Join(tmp, "cache"))
	bin := filepath.Join(tmp, "cache", "bin")
	copies(t, bin, 6)
	dir, err := Install(Place{Prefix: filepath.Join(tmp, "p")}, Kernelspec{Name: "Two"})
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(dir) != "two" {
		t.Errorf("installed into %s, and Jupyter looks names up in lower case", dir)
	}
	k, err := readKernelspec(dir)
	if err != nil || !exists(k.Argv[0]) {
		t.Fatalf("it starts %v (%v)", k.Argv, err)
	}
	if all, _ := filepath.Glob(filepath.Join(bin, "????????????????")); len(all) != keptCopies+1 {
		t.Errorf("%d copies are there: %v", len(all), all)
	}
	if lines, err := readLines(filepath.Join(bin, specsName)); err != nil || !slices.Equal(lines, []string{dir}) {
		t.Errorf("the note has %q (%v)", lines, err)
	}
	if _, err := Uninstall(Place{Prefix: filepath.Join(tmp, "p")}, "two"); err != nil {
		t.Fatal(err)
	}
	if lines, _ := readLines(filepath.Join(bin, specsName)); len(lines) != 0 {
		t.Errorf("the note has %q after uninstalling", lines)
	}
}
