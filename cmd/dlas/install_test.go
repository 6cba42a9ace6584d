package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/install"
)

// The data sets, the results and the history must lie in the folder that install fills: neither package may import the
// other, so each has its own reading of the environment.
func TestOneCacheFolder(t *testing.T) {
	dir := t.TempDir()
	for _, env := range []map[string]string{
		{"DLAS_CACHE": filepath.Join(dir, "own")},
		{"DLAS_CACHE": "", "HOME": dir, "XDG_CACHE_HOME": ""},
		{"DLAS_CACHE": "", "HOME": dir, "XDG_CACHE_HOME": filepath.Join(dir, "xdg")},
		{"DLAS_CACHE": "", "HOME": "", "XDG_CACHE_HOME": "", "LocalAppData": ""},
	} {
		for name, value := range env {
			t.Setenv(name, value)
		}
		got, err := install.CacheDir()
		if want := data.EnvFromOS().Cache; got != want || (err == nil) != (want != "") {
			t.Errorf("%v: install has %q (%v), data %q", env, got, err, want)
		}
	}
}

func TestInstallAndUninstall(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DLAS_CACHE", filepath.Join(dir, "cache"))
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(dir, "user"))
	prefix := filepath.Join(dir, "env")
	for _, c := range []struct {
		args []string
		code int
		want string // the end of what it says
	}{
		{[]string{"uninstall"}, exitFailed, "no kernelspec godlas in " + filepath.Join(dir, "user", "kernels")},
		{[]string{"install", "--user", "--name", "Mine", "--display-name", "Mine", "--env", "A=b", "--env", "C=d", "--memory", "2GiB"}, exitOK, filepath.Join(dir, "user", "kernels", "mine")},
		{[]string{"install", "--prefix", prefix}, exitOK, filepath.Join(prefix, "share", "jupyter", "kernels", "godlas")},
		{[]string{"install", "--prefix", prefix}, exitOK, filepath.Join(prefix, "share", "jupyter", "kernels", "godlas")},
		{[]string{"uninstall", "--name", "MINE"}, exitOK, "removed the kernel from " + filepath.Join(dir, "user", "kernels", "mine")},
		{[]string{"uninstall", "--prefix", prefix}, exitOK, filepath.Join(prefix, "share", "jupyter", "kernels", "godlas")},
	} {
		code, stdout, stderr := start(t, c.args...)
		if code != c.code || !strings.HasSuffix(strings.TrimSpace(stdout+stderr), c.want) {
			t.Errorf("%v: exit code %d, %s%s", c.args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "user", "kernels", "mine")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mine is still there: %v", err)
	}
}
