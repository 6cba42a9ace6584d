package install

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keptCopies is how many copies of the binary stay though nothing is known to use them.
const keptCopies = 3

// Names in the folder of copies.
const (
	specsName = "kernelspecs" // the folders of all kernelspecs that start a copy, one a line
	usedName  = ".used"       // in a copy's folder; locked by every kernel that runs from it
)

// programs are the names that a copy has.
var programs = []string{"dlas", "dlas.exe"}

// withBinary gives do the path of a copy of the running binary and notes the kernelspec's folder that do returns. Then
// it removes old copies. Other processes that install wait.
func withBinary(do func(binary string) (spec string, err error)) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cache, "bin")
	unlock, err := lockFile(context.Background(), filepath.Join(bin, ".lock"), nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	binary, err := Binary()
	if err != nil {
		return "", err
	}
	spec, err := do(binary)
	if err != nil {
		return spec, err
	}
	return spec, tidy(bin, binary, spec)
}

// forget removes the copies that nothing uses once a kernelspec is gone.
func forget(spec string) error {
	cache, err := CacheDir()
	if err != nil {
		return nil // then there are no copies either
	}
	bin := filepath.Join(cache, "bin")
	if !isDir(bin) {
		return nil
	}
	unlock, err := lockFile(context.Background(), filepath.Join(bin, ".lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	return tidy(bin, "", "")
}

// tidy notes one more kernelspec, if named, and removes from a folder of copies those that no noted kernelspec starts
// and no kernel runs from, but for the newest and the one named current. The caller has the folder's lock.
func tidy(bin, current, spec string) error {
	noted, err := readLines(filepath.Join(bin, specsName))
	if err != nil {
		return err
	}
	if spec != "" && !slices.Contains(noted, spec) {
		noted = append(noted, spec)
	}
	used := map[string]bool{filepath.Dir(current): true}
	var there []string
	for _, dir := range noted {
		k, err := readKernelspec(dir)
		if errors.Is(err, fs.ErrNotExist) {
			// A folder that is away for the moment, on a disk not mounted say, counts as removed too: install mends it.
			continue
		}
		there = append(there, dir)
		if err == nil && len(k.Argv) > 0 {
			used[filepath.Dir(filepath.Clean(k.Argv[0]))] = true
		}
	}
	// Those in the user's own Jupyter count though they were made before there was a note.
	if data, err := (Place{}).data(); err == nil {
		specs, _ := filepath.Glob(filepath.Join(data, "kernels", "*"))
		for _, dir := range specs {
			if k, err := readKernelspec(dir); err == nil && len(k.Argv) > 0 {
				used[filepath.Dir(filepath.Clean(k.Argv[0]))] = true
			}
		}
	}
	text := ""
	if len(there) > 0 {
		text = strings.Join(there, "\n") + "\n"
	}
	if err := writeFile(filepath.Join(bin, specsName), []byte(text), 0o644); err != nil {
		return err
	}

	type copied struct {
		dir string
		at  time.Time
	}
	var idle []copied
	entries, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(bin, e.Name())
		if !e.IsDir() || !isHash(e.Name()) || used[dir] {
			continue
		}
		var at time.Time // of a folder without a program: it goes first
		for _, name := range programs {
			if fi, err := os.Stat(filepath.Join(dir, name)); err == nil {
				at = fi.ModTime()
			}
		}
		idle = append(idle, copied{dir, at})
	}
	slices.SortFunc(idle, func(a, b copied) int { return b.at.Compare(a.at) })
	keep := keptCopies
	for _, c := range idle {
		f := claim(c.dir)
		if f == nil {
			continue
		}
		if keep--; keep < 0 {
			removeCopy(c.dir)
		}
		f.Close()
	}
	return nil
}

// isHash reports whether a name is one that copyBinary gives a folder.
func isHash(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}

// claim takes the lock of a copy that no kernel runs from. It is nil where one does, or where it cannot be told.
func claim(dir string) *os.File {
	f, err := os.OpenFile(filepath.Join(dir, usedName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	if free, err := tryLock(f); err != nil || !free {
		f.Close()
		return nil
	}
	return f
}

// removeCopy removes a copy of the binary. What cannot be removed stays for another time.
func removeCopy(dir string) {
	// The program goes first: what starts it in this moment finds it or does not, and never half a folder.
	for _, name := range programs {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	os.RemoveAll(dir)
}

// HoldBinary keeps the copy of the binary that this process runs from, if it is one, until the returned function is
// called or the process ends: a kernel starts its sessions from it.
func HoldBinary() (release func()) {
	exe, err := os.Executable()
	if err != nil {
		return func() {}
	}
	dir := filepath.Dir(exe)
	if !isHash(filepath.Base(dir)) || filepath.Base(filepath.Dir(dir)) != "bin" {
		return func() {}
	}
	f := hold(dir)
	return func() { f.Close() } // of nil, it does nothing
}

// hold takes a share of a copy's lock, nil where it cannot be had.
func hold(dir string) *os.File {
	f, err := os.OpenFile(filepath.Join(dir, usedName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil // a cache that cannot be written is not tidied either
	}
	if err := shareLock(f); err != nil {
		f.Close()
		return nil
	}
	return f
}

// readLines returns the lines of a small file; one that is not there has none.
func readLines(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' }), err
}
