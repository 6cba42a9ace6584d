package compiled

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Limits of what is kept of programs: the oldest go first.
const (
	maxPrograms = 128
	maxBytes    = 512 << 20
)

// cache keeps built programs in a folder of the user's, each under the name of its content.
type cache struct {
	want string // the folder that was asked for, or ""
	dir  string // the folder, once it is there
}

// open makes the folder: compiled, in the folder godlas of the user's cache, or a temporary one where that cannot be.
func (c *cache) open() error {
	if c.dir != "" {
		return nil
	}
	d := c.want
	if user, err := os.UserCacheDir(); d == "" && err == nil {
		d = filepath.Join(user, "godlas", "compiled")
	}
	if d != "" {
		if err := os.MkdirAll(d, 0o700); err == nil {
			c.dir = d
			c.sweep()
			return nil
		}
	}
	d, err := os.MkdirTemp("", "dlas-compiled-")
	if err != nil {
		return fmt.Errorf("there is no place for programs: %w", err)
	}
	c.dir = d
	return nil
}

func (c *cache) programs() string { return filepath.Join(c.dir, "programs") }

// find returns the program of a key and notes that it is used.
func (c *cache) find(key string) (string, bool) {
	p := filepath.Join(c.programs(), key+exe())
	if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return "", false
	}
	now := time.Now()
	_ = os.Chtimes(p, now, now)
	return p, true
}

// put takes a program over and forgets the oldest where there are too many.
func (c *cache) put(key, program string) (string, error) {
	if err := os.MkdirAll(c.programs(), 0o700); err != nil {
		return "", err
	}
	p := filepath.Join(c.programs(), key+exe())
	if err := os.Rename(program, p); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(c.programs())
	if err != nil {
		return p, nil
	}
	type file struct {
		name string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	for _, e := range entries {
		if st, err := e.Info(); err == nil && e.Name() != filepath.Base(p) {
			files = append(files, file{e.Name(), st.Size(), st.ModTime()})
			total += st.Size()
		}
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for n := len(files); len(files) > 0 && (n >= maxPrograms || total > maxBytes); n-- {
		_ = os.Remove(filepath.Join(c.programs(), files[0].name))
		total -= files[0].size
		files = files[1:]
	}
	return p, nil
}

// sweep removes what builds have left that were killed.
func (c *cache) sweep() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "build-") && !strings.HasPrefix(e.Name(), "go-") {
			continue
		}
		if st, err := e.Info(); err == nil && (time.Since(st.ModTime()) > time.Hour || time.Since(st.ModTime()) > time.Minute && leftBehind(e.Name())) {
			_ = os.RemoveAll(filepath.Join(c.dir, e.Name()))
		}
	}
}

// buildPrefix begins the names of this process's temporary folders.
func buildPrefix() string { return fmt.Sprintf("build-%d-", os.Getpid()) }

// leftBehind reports whether the process that has made a temporary folder is there no more.
func leftBehind(name string) bool {
	var pid int
	if _, err := fmt.Sscanf(name, "build-%d-", &pid); err != nil || runtime.GOOS != "linux" {
		return false
	}
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return errors.Is(err, fs.ErrNotExist)
}

// module is the folder of the module for notebooks that have none.
func (c *cache) module() string { return filepath.Join(c.dir, "module") }

// makeModule makes it, for a version of Go.
func (c *cache) makeModule(goLine string) error {
	standin, err := c.standin(goLine)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("module notebook\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %s => ../%s\n", goLine, standinPath, standinPath, filepath.Base(standin))
	return writeOnce(filepath.Join(c.module(), "go.mod"), text)
}

//go:embed standin
var standinFiles embed.FS

// standin writes the module that stands in for GoNB's and returns its folder.
func (c *cache) standin(goLine string) (string, error) {
	h := sha256.New()
	texts := map[string]string{"go.mod": fmt.Sprintf("module %s\n\ngo %s\n", standinPath, goLine)}
	h.Write([]byte(texts["go.mod"]))
	err := fs.WalkDir(standinFiles, "standin", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := standinFiles.ReadFile(p)
		h.Write(b)
		texts[strings.TrimSuffix(strings.TrimPrefix(p, "standin/"), ".txt")] = string(b)
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(c.dir, "gonb-"+hex.EncodeToString(h.Sum(nil)[:6]))
	for name, text := range texts {
		if err := writeOnce(filepath.Join(dir, filepath.FromSlash(path.Clean(name))), text); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// writeOnce writes a file unless it is there with that text; another session may do the same at the same time.
func writeOnce(p, text string) error {
	if b, err := os.ReadFile(p); err == nil && string(b) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), p)
}
