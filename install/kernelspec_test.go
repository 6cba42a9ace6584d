package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
			dir, err := Install(tt.prefix)
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
			if _, err := Uninstall(tt.prefix); err != nil || exists(dir) {
				t.Errorf("not removed: %v", err)
			}
			if _, err := Uninstall(tt.prefix); !errors.Is(err, fs.ErrNotExist) {
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
	if _, err := Uninstall(prefix); err == nil || !exists(dir) {
		t.Errorf("somebody else's kernelspec was removed (%v)", err)
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
