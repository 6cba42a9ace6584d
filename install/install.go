// Package install puts godlas where Jupyter finds it: a copy of the running binary in the user's cache, a private
// JupyterLab environment beside it, and the kernelspec that joins the two.
//
// Everything lies below the user's cache folder, in godlas/ (or in DLAS_CACHE), so that removing that folder undoes it
// all:
//
//	godlas/bin/HASH/dlas      copies of the binary, by content (go run's own copy is gone when it ends); the newest few,
//	                          and those that a kernelspec starts or a kernel runs from
//	godlas/python/HASH/       JupyterLab, by the hash of the embedded lock file
//	godlas/jupyter/           JupyterLab's settings and log, apart from the user's own Jupyter
//
// Nothing here is half made: files and folders appear by a rename, under a lock that other processes respect.
package install

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Name is the kernelspec's name, as `jupyter kernelspec list` shows it and as notebooks store it.
const Name = "godlas"

// CacheDir returns the folder that everything made here lies in: DLAS_CACHE, else godlas in the user's cache folder. It
// does not create it.
func CacheDir() (string, error) {
	if dir := os.Getenv("DLAS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for this user: %w", err)
	}
	return filepath.Join(dir, "godlas"), nil
}

// writeFile puts data at path through a rename, so that a reader sees the old content or the new, never a part.
func writeFile(path string, data []byte, mode os.FileMode) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(data); err != nil {
		return err
	}
	if err = tmp.Chmod(mode); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// isDir reports whether path is a folder.
func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// exists reports whether there is something at path, following links.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// token returns n random bytes in hex.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// failure is an error of one line with more to read beside it, such as the end of a log.
type failure struct{ line, detail string }

func (f *failure) Error() string  { return f.line }
func (f *failure) Detail() string { return f.detail }

// explain writes to out what an error has to say beyond its line.
func explain(out io.Writer, err error) {
	var more interface{ Detail() string }
	if errors.As(err, &more) {
		fmt.Fprintln(out, more.Detail())
	}
}

// lastLines returns the last n lines of a text that are not blank, indented.
func lastLines(text string, n int) string {
	var keep []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			keep = append(keep, "  "+line)
		}
	}
	return strings.Join(keep[max(0, len(keep)-n):], "\n")
}
