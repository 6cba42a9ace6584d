package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/install"
)

// found fails unless a check found just this.
func found(t *testing.T, got []install.Finding, s install.Status, what, mend string) {
	t.Helper()
	if len(got) != 1 || got[0].Status != s || !strings.Contains(got[0].What, what) || !strings.Contains(got[0].Mend, mend) {
		t.Errorf("found %+v, want %s: %s -> %s", got, s, what, mend)
	}
}

func TestDoctorHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	found(t, checkHistory(path), install.OK, "none yet", "")
	good := `{"k":"a"}` + "\n" + `{"k":"a","n":1,"in":"x"}` + "\n"
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, checkHistory(path), install.OK, "1 cells", "")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	found(t, checkHistory(path), install.Warn, "others may read", "chmod 600 "+path)
	if err := os.WriteFile(path, []byte(good+"\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, checkHistory(path), install.Warn, "are passed over: 1; cells that can: 1", "mv "+path)
	found(t, checkHistory(filepath.Dir(path)), install.Warn, "no history is kept", "mv ")
	found(t, checkHistory(filepath.Join(path, "history.jsonl")), install.Warn, "no history is kept", "DLAS_CACHE")
}

func TestDoctorProcessor(t *testing.T) {
	m := ir.Machine{CPU: "Some CPU", Arch: "amd64", ISAs: []string{"go", "avx2"}, Cores: 4, Logical: 8, Threads: 4}
	found(t, checkProcessor(m), install.OK, "Some CPU, avx2, 4 threads", "")
	m.ISAs = []string{"go"}
	found(t, checkProcessor(m), install.Warn, "no AVX2", "")
	m.Arch = "arm64"
	found(t, checkProcessor(m), install.Warn, "plain loops", "")
	m.ISAs, m.Arch, m.Cores = []string{"go", "avx2"}, "amd64", 1
	found(t, checkProcessor(m), install.Warn, "one core's worth of time among 8 processors", "")
	m.Logical = 1
	found(t, checkProcessor(m), install.Warn, "one core:", "")
}

func TestDoctorData(t *testing.T) {
	dir := t.TempDir()
	found(t, checkData(data.Env{}), install.OK, "not set", "")
	found(t, checkData(data.Env{Dir: dir}), install.OK, dir, "")
	found(t, checkData(data.Env{Dir: filepath.Join(dir, "none")}), install.Fail, "names no folder", "unset DLAS_DATA")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, checkData(data.Env{Dir: file}), install.Fail, "is no folder", "unset DLAS_DATA")
}

func TestDoctorResults(t *testing.T) {
	dir := t.TempDir()
	found(t, checkResults(""), install.Warn, "no folder", "DLAS_STORE")
	found(t, checkResults(dir), install.OK, "0 in", "")
	path := filepath.Join(dir, "results.jsonl")
	if err := os.WriteFile(path, []byte("not a record\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, checkResults(dir), install.Warn, "1 records", "cp ")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	found(t, checkResults(dir), install.Warn, "cannot be read", "DLAS_STORE")
}

func TestDoctorKernel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found(t, probeKernel(ctx, []string{filepath.Join(t.TempDir(), "dlas")}), install.Fail, "does not start", "--verbose")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A kernel that does not know where its ports are ends at once.
	found(t, probeKernel(ctx, []string{self, "kernel"}), install.Fail, "the kernel ended: exit status 2", "--verbose")
}

// The command as a user types it, on a machine that is well and on one that is not.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DLAS_CACHE", filepath.Join(dir, "cache"))
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(dir, "user"))
	t.Setenv("JUPYTER_PATH", "")
	t.Setenv("DLAS_DATA", "")
	t.Setenv("DLAS_STORE", "")
	if code, stdout, stderr := start(t, "install"); code != exitOK {
		t.Fatal(stdout, stderr)
	}
	code, stdout, stderr := start(t, "doctor", "--json")
	checks := map[string]install.Finding{}
	for line := range strings.Lines(stdout) {
		var f install.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		checks[f.Check] = f
	}
	if len(checks) != 13 || code != exitOK || stderr != "" {
		t.Errorf("exit code %d and %d checks:\n%s%s", code, len(checks), stdout, stderr)
	}
	for _, name := range []string{"cache", "loopback", "kernel", "kernelspec"} {
		if checks[name].Status != install.OK {
			t.Errorf("%s: %+v", name, checks[name])
		}
	}
	t.Setenv("DLAS_DATA", filepath.Join(dir, "none"))
	code, stdout, _ = start(t, "doctor")
	if code != exitFailed || !strings.Contains(stdout, "fail  data ") || !strings.Contains(stdout, "-> unset DLAS_DATA") || !strings.Contains(stdout, "\n1 to mend") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}
