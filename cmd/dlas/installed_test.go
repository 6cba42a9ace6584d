package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/probe"
)

// What install writes must start: every flag that it passes on is one of the kernel's, and what it says of the
// environment reaches cells.
func TestInstalledKernelStarts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DLAS_CACHE", filepath.Join(dir, "cache"))
	if code, stdout, stderr := start(t, "install", "--prefix", dir, "--memory", "1.5GiB", "--env", "GREETING=hello"); code != exitOK {
		t.Fatal(stdout, stderr)
	}
	b, err := os.ReadFile(filepath.Join(dir, "share", "jupyter", "kernels", "godlas", "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Argv []string
		Env  map[string]string
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	for name, value := range spec.Env {
		t.Setenv(name, value)
	}
	r, err := probe.Run(t.Context(), spec.Argv, `os.Getenv("GREETING")`)
	if err != nil || !strings.Contains(r.Text, "hello") {
		t.Errorf("%v: %+v, started with %q", err, r, spec.Argv)
	}
}
