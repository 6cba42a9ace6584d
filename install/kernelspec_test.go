package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
)

// realEnv returns the environment that users get.
func realEnv(t *testing.T) *Env {
	t.Helper()
	if _, err := findPython(t.Context()); err != nil {
		need.Missing(t, "python", "there is no Python of 3.11 or newer with venv and ensurepip on PATH")
	}
	e, err := MakeEnv(t.Context(), t.Output())
	if err != nil {
		need.Missing(t, "python", err.Error())
	}
	return e
}

// What Install writes must be what jupyter_client finds, under the user's folders and under a prefix.
func TestKernelspecIsFound(t *testing.T) {
	e := realEnv(t)
	tmp := t.TempDir()
	t.Setenv("HOME", tmp)
	t.Setenv("DLAS_CACHE", filepath.Join(tmp, "cache"))
	t.Setenv("JUPYTER_DATA_DIR", "")
	t.Setenv("XDG_DATA_HOME", "")
	prefix := filepath.Join(tmp, "prefix")
	for _, tt := range []struct{ name, prefix, path string }{
		{"user", "", ""},
		{"prefix", prefix, filepath.Join(prefix, "share", "jupyter")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := Install(Place{Prefix: tt.prefix}, Kernelspec{})
			if err != nil {
				t.Fatal(err)
			}
			find := exec.Command(e.Python, "-c", `import json, jupyter_client.kernelspec as k
s = k.KernelSpecManager().get_kernel_spec("godlas")
print(json.dumps(dict(s.to_dict(), resource_dir=s.resource_dir)))`)
			find.Env = append(pythonEnv(), "JUPYTER_PATH="+tt.path)
			out, err := find.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Argv          []string
				Language      string
				InterruptMode string `json:"interrupt_mode"`
				ResourceDir   string `json:"resource_dir"`
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got.ResourceDir != dir || got.Language != "go" || got.InterruptMode != "message" || len(got.Argv) != 4 {
				t.Errorf("jupyter_client reads %+v, want it from %s", got, dir)
			}
			if fi, err := os.Stat(got.Argv[0]); err != nil || fi.Mode()&0o111 == 0 {
				t.Errorf("the kernelspec starts %s: %v", got.Argv[0], err)
			}
			if _, err := Uninstall(Place{Prefix: tt.prefix}, ""); err != nil || exists(dir) {
				t.Errorf("not removed: %v", err)
			}
			if _, err := Uninstall(Place{Prefix: tt.prefix}, ""); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("removing nothing: %v", err)
			}
		})
	}
}

func TestUninstallLeavesOthers(t *testing.T) {
	prefix := t.TempDir()
	dir := filepath.Join(prefix, "share", "jupyter", "kernels", Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	other := []byte(`{"argv":["python","-m","other"],"language":"python","display_name":"other"}`)
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Uninstall(Place{Prefix: prefix}, ""); err == nil || !exists(dir) {
		t.Errorf("somebody else's kernelspec was removed (%v)", err)
	}
}

// What a user says about a kernelspec is what Jupyter hands to the process that it starts.
func TestKernelspecAsSaid(t *testing.T) {
	e := realEnv(t)
	data := filepath.Join(t.TempDir(), "share", "jupyter")
	// Stands for the binary: it writes what it was started with to where it is told.
	program := filepath.Join(t.TempDir(), "dlas")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" \"$GREETING\" \"$WHERE\" >\"$OUT\"\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	k := Kernelspec{
		Name: "Go-2", DisplayName: "Go, zwei <b>", Args: []string{"--memory", "4GiB"},
		Env: map[string]string{"GREETING": "a = \"b\"", "WHERE": "${PLACE}/x", "OUT": out},
	}
	dir, err := k.Write(data, program)
	if err != nil {
		t.Fatal(err)
	}
	find := exec.Command(e.Python, "-c", `import time
from jupyter_client.manager import KernelManager
km = KernelManager(kernel_name="go-2")
print(km.kernel_spec.display_name, km.kernel_spec.interrupt_mode, sep="|")
km.start_kernel()
km.provisioner.process.wait()
km.cleanup_resources()`)
	find.Env = append(pythonEnv(), "JUPYTER_PATH="+data, "PLACE=/here", "HOME="+t.TempDir(), "JUPYTER_RUNTIME_DIR="+t.TempDir())
	said, err := find.CombinedOutput()
	if err != nil || string(said) != "Go, zwei <b>|message\n" {
		t.Fatalf("%v: %s", err, said)
	}
	got, err := os.ReadFile(out)
	lines := strings.Split(string(got), "\n")
	if err != nil || len(lines) != 8 {
		t.Fatalf("%v: it was started with %q", err, got)
	}
	lines[4] = "" // the connection file
	if want := []string{"kernel", "--memory", "4GiB", "--connection-file", "", `a = "b"`, "/here/x", ""}; !slices.Equal(lines, want) {
		t.Errorf("it was started with %q, want %q", lines, want)
	}
	list := exec.Command(e.Python, "-m", "jupyter_client.kernelspecapp", "list", "--json")
	list.Env = append(pythonEnv(), "JUPYTER_PATH="+data)
	var specs struct {
		Kernelspecs map[string]struct {
			ResourceDir string `json:"resource_dir"`
		}
	}
	if b, err := list.Output(); err != nil || json.Unmarshal(b, &specs) != nil || specs.Kernelspecs["go-2"].ResourceDir != dir {
		t.Errorf("jupyter kernelspec list has %v (%v), want go-2 in %s", specs, err, dir)
	}
	files, err := os.ReadDir(dir)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg", "quarto_cleanup_cell", "quarto_setup_cell"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
	if left, _ := os.ReadDir(data); len(left) != 1 {
		t.Errorf("beside kernels there is left %v", left)
	}
}

func TestKernelspecRefusals(t *testing.T) {
	data := t.TempDir()
	python := filepath.Join(data, "kernels", "python3")
	if err := os.MkdirAll(python, 0o755); err != nil {
		t.Fatal(err)
	}
	other := []byte(`{"argv":["python","-m","ipykernel_launcher"],"language":"python","display_name":"Python 3"}`)
	if err := os.WriteFile(filepath.Join(python, "kernel.json"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "kernels", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Kernelspec{Name: "file"}).Write(data, filepath.Join(data, "dlas")); err == nil || !strings.HasSuffix(err.Error(), "is a file, where the folder of the kernelspec belongs; remove it") {
		t.Error(err)
	}
	for _, k := range []Kernelspec{
		{Name: "python3"},
		{Name: "Python3"},
		{Name: "../up"},
		{Name: ".."},
		{Name: "a b"},
		{Name: "ü"},
		{Env: map[string]string{"": "x"}},
		{Env: map[string]string{"A=B": "x"}},
	} {
		if dir, err := k.Write(data, "/bin/dlas"); err == nil {
			t.Errorf("%+v was written to %s", k, dir)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(python, "kernel.json")); !bytes.Equal(b, other) {
		t.Errorf("another kernel's file is now %s", b)
	}
	if _, err := (Kernelspec{}).Write(data, "dlas"); err == nil {
		t.Error("a path that depends on the working folder was written")
	}
	// One whose file is damaged is mended.
	dir := filepath.Join(data, "kernels", Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Uninstall(Place{Prefix: filepath.Join(data, "..")}, ""); err == nil || !exists(dir) {
		t.Errorf("a damaged kernelspec was taken for ours (%v)", err)
	}
	if _, err := WriteKernelspec(data, "/bin/dlas"); err != nil {
		t.Error(err)
	}
	if k, err := readKernelspec(dir); err != nil || k.Argv[0] != "/bin/dlas" {
		t.Errorf("not mended: %v, %v", k, err)
	}
}

// --sys-prefix is the environment of the Python on PATH: an active one's, here a new one.
func TestSysPrefix(t *testing.T) {
	e := realEnv(t)
	venv := filepath.Join(t.TempDir(), "venv")
	if out, err := exec.Command(e.Python, "-m", "venv", "--without-pip", venv).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("PATH", filepath.Dir(envPython(venv))+string(os.PathListSeparator)+os.Getenv("PATH"))
	got, err := Place{SysPrefix: true}.data()
	want, _ := filepath.EvalSymlinks(venv)
	if real, _ := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(got))); err != nil || real != want {
		t.Errorf("%s (%v), want below %s", got, err, want)
	}
	t.Setenv("PATH", t.TempDir())
	if got, err := (Place{SysPrefix: true}).data(); err == nil {
		t.Errorf("without a Python there is %s", got)
	}
}

func TestBinaryIsCopiedOnce(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	if err := os.WriteFile(src, []byte("program one"), 0o755); err != nil {
		t.Fatal(err)
	}
	one, err := copyBinary(src, "dlas", filepath.Join(dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(one)
	if err != nil {
		t.Fatal(err)
	}
	again, err := copyBinary(src, "dlas", filepath.Join(dir, "bin"))
	if err != nil || again != one {
		t.Fatal(again, err)
	}
	if after, _ := os.Stat(one); !os.SameFile(before, after) {
		t.Error("the same program was copied twice")
	}
	if err := os.WriteFile(src, []byte("program two"), 0o755); err != nil {
		t.Fatal(err)
	}
	if two, err := copyBinary(src, "dlas", filepath.Join(dir, "bin")); err != nil || two == one {
		t.Errorf("another program has the same place: %s, %v", two, err)
	}
	if b, _ := os.ReadFile(one); string(b) != "program one" {
		t.Errorf("the first copy holds %q", b)
	}
	// One that was cut short, by a full disk say, is made anew.
	if err := os.Truncate(one, 3); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(src, []byte("program one"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := copyBinary(src, "dlas", filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(one); string(b) != "program one" {
		t.Errorf("a cut copy was kept: %q", b)
	}
}
