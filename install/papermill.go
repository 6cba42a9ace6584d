package install

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Papermill knows no Go by itself: this module, found by its entry point, says how parameters are written.
//
//go:embed papermill/godlas_papermill.py
var papermillModule []byte

const (
	papermillName    = "godlas_papermill"
	papermillVersion = "1.0"
)

// papermillWheel is the module as a Python package.
func papermillWheel() ([]byte, error) {
	info := papermillName + "-" + papermillVersion + ".dist-info/"
	files := []struct{ name, text string }{
		{papermillName + ".py", string(papermillModule)},
		{info + "METADATA", "Metadata-Version: 2.1\nName: godlas-papermill\nVersion: " + papermillVersion +
			"\nSummary: Parameters of Go notebooks for papermill\nRequires-Python: >=3.8\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: dlas\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "entry_points.txt", "[papermill.engine]\ngodlas = " + papermillName + ":GodlasEngine\n"},
	}
	var record strings.Builder
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.text))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.text))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	files = append(files, struct{ name, text string }{info + "RECORD", record.String()})
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// python returns the interpreter of a place: the prefix's own, else the first on PATH.
func (p Place) python(ctx context.Context) (string, error) {
	if p.Prefix != "" {
		path := envPython(p.Prefix)
		if !exists(path) {
			return "", fmt.Errorf("%s has no Python of its own (%s)", p.Prefix, path)
		}
		return filepath.Abs(path)
	}
	py, err := pathPython(ctx)
	return py.path, err
}

// InstallPapermill adds to a place's Python the package by which papermill writes parameters in Go. It is installed by
// that Python's pip from a file, without network. What pip says goes to out where it fails.
func InstallPapermill(ctx context.Context, place Place, out io.Writer) (python string, err error) {
	if python, err = place.python(ctx); err != nil {
		return "", err
	}
	wheel, err := papermillWheel()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "godlas-papermill-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, papermillName+"-"+papermillVersion+"-py3-none-any.whl")
	if err := os.WriteFile(path, wheel, 0o644); err != nil {
		return "", err
	}
	return python, pip(ctx, out, python, "install", "--no-index", "--no-deps", "--force-reinstall", path)
}

// UninstallPapermill removes it again. That it is not there is an error.
func UninstallPapermill(ctx context.Context, place Place, out io.Writer) (python string, err error) {
	if python, err = place.python(ctx); err != nil {
		return "", err
	}
	if exec.CommandContext(ctx, python, "-m", "pip", "show", "--quiet", "godlas-papermill").Run() != nil {
		return python, errors.New("godlas-papermill is not installed for " + python)
	}
	return python, pip(ctx, out, python, "uninstall", "--yes", "godlas-papermill")
}

func pip(ctx context.Context, out io.Writer, python string, args ...string) error {
	cmd := exec.CommandContext(ctx, python, append([]string{"-m", "pip", "--disable-pip-version-check", "--no-input"}, args...)...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintln(out, lastLines(string(said), 8))
		return fmt.Errorf("pip of %s fails: %w; what it says is above", python, err)
	}
	return nil
}
