package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// see fails unless a check found just this: a status, words of its line, and words of the command that mends it.
func see(t *testing.T, got []Finding, s Status, what, mend string) {
	t.Helper()
	if len(got) != 1 || got[0].Status != s || !strings.Contains(got[0].What, what) || !strings.Contains(got[0].Mend, mend) {
		t.Errorf("found %+v, want %s: %s -> %s", got, s, what, mend)
	}
	for _, f := range got {
		if f.What != oneLine(f.What) || f.What == "" {
			t.Errorf("not one line: %q", f.What)
		}
	}
}

func TestDoctorCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DLAS_CACHE", filepath.Join(dir, "new"))
	see(t, checkCache(t.Context()), OK, "free", "")
	if left, err := os.ReadDir(filepath.Join(dir, "new")); err != nil || len(left) != 0 {
		t.Errorf("the check leaves %v (%v)", left, err)
	}
	// A home that is a file.
	file := filepath.Join(dir, "home")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DLAS_CACHE", "")
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, file)
	}
	see(t, checkCache(t.Context()), Fail, "cannot be kept", "DLAS_CACHE=FOLDER")
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	see(t, checkCache(t.Context()), Fail, "no cache folder", "DLAS_CACHE=FOLDER")
}

func TestDoctorFolders(t *testing.T) {
	dir := t.TempDir()
	room := func(n uint64) func(string) (uint64, error) {
		return func(string) (uint64, error) { return n, nil }
	}
	see(t, checkFolder(dir, room(0), "mend", "lost"), Fail, "0 bytes left: lost", "mend")
	see(t, checkFolder(dir, room(100<<20), "mend", "lost"), Warn, "100.0 MiB left", "mend")
	see(t, checkFolder(dir, room(2<<40), "mend", "lost"), OK, "2.0 TiB free", "")
	see(t, checkFolder(dir, func(string) (uint64, error) { return 0, errors.New("no idea") }, "", ""), OK, "can be written", "")
	if runtime.GOOS == "linux" {
		see(t, checkFolder("/proc/nothing", freeSpace, "mend", "lost"), Fail, "lost", "mend")
		if _, err := os.Stat("/dev/full"); err == nil {
			see(t, checkFolder("/dev/full", freeSpace, "mend", "lost"), Fail, "not a directory", "mend")
		}
	}
	t.Setenv("TMPDIR", "/proc/nothing")
	t.Setenv("TMP", `Q:\nothing`)
	see(t, checkTemporary(t.Context()), Fail, "no place for their files", "FOLDER")
	if n, err := freeSpace(dir); err != nil || n == 0 {
		t.Errorf("free space of %s is %d (%v)", dir, n, err)
	}
}

// deaf is a listener that nobody reaches, as behind a firewall.
type deaf struct{ net.Listener }

func TestDoctorLoopback(t *testing.T) {
	see(t, checkLoopback(t.Context(), net.Listen), OK, "127.0.0.1 answers", "")
	refused := func(string, string) (net.Listener, error) { return nil, errors.New("cannot assign requested address") }
	see(t, checkLoopback(t.Context(), refused), Fail, "cannot assign requested address", "")
	closed := func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err == nil {
			l.Close()
		}
		return deaf{l}, err
	}
	see(t, checkLoopback(t.Context(), closed), Fail, "can be bound and not reached", "")
	stranger := func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				c.Write([]byte("HTTP"))
				c.Close()
			}
		}()
		return unaccepting{l}, nil
	}
	see(t, checkLoopback(t.Context(), stranger), Fail, "not reached", "")
}

// A machine without loopback, for real: the check runs again in a network of its own, where nothing is up.
func TestDoctorWithoutNetwork(t *testing.T) {
	if os.Getenv("INSTALL_TEST_LOOPBACK") != "" {
		see(t, checkLoopback(t.Context(), net.Listen), Fail, "Jupyter and the kernel talk there", "ip link set lo up")
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.Command(unshare, "--map-root-user", "--net", "true").Run() != nil {
		t.Skip("needs unshare, and that this user may make a network")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(unshare, "--map-root-user", "--net", self, "-test.run=^TestDoctorWithoutNetwork$", "-test.v")
	cmd.Env = append(os.Environ(), "INSTALL_TEST_LOOPBACK=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// unaccepting leaves its connections to somebody else.
type unaccepting struct{ net.Listener }

func (unaccepting) Accept() (net.Conn, error) { return nil, errors.New("not mine") }

func TestDoctorLimits(t *testing.T) {
	see(t, checkLimits(limits{}), OK, "no limit", "")
	see(t, checkLimits(limits{files: 1024, address: 64 << 30, memory: 4 << 30}), OK, "files 1024, address space 64.0 GiB, memory 4.0 GiB", "")
	see(t, checkLimits(limits{files: 64}), Warn, "64 files", "ulimit -n")
	see(t, checkLimits(limits{address: 1 << 30}), Fail, "1.0 GiB of address space", "ulimit -v")
	see(t, checkLimits(limits{memory: 400 << 20}), Warn, "400.0 MiB of memory", "dlas install --memory 300MiB")
	see(t, checkLimits(limits{pss: errors.New("permission denied")}), Warn, "permission denied", "")
	if got := checkLimits(limits{files: 10, address: 10, memory: 10}); len(got) != 3 {
		t.Errorf("three limits give %v", got)
	}
}

func TestDoctorGo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	for _, tc := range []struct {
		script string
		s      Status
		what   string
	}{
		{"", Warn, "no Go toolchain on PATH"},
		{"exit 2", Warn, "does not run"},
		{"echo gone", Warn, "does not run"},
		{"echo go1.17.13", Warn, "older than this program's"},
		{"echo " + runtime.Version(), OK, runtime.Version()},
		{"echo go1.999", OK, "go1.999"},
	} {
		bin := t.TempDir()
		if tc.script != "" {
			writeScript(t, filepath.Join(bin, "go"), tc.script)
		}
		t.Setenv("PATH", bin)
		mend := ""
		if tc.s != OK {
			mend = "go"
		}
		see(t, checkGo(t.Context()), tc.s, tc.what, mend)
	}
}

func writeScript(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorJupyter(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("JUPYTER_PATH", "")
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(dir, "data"))
	j := askJupyter(t.Context())
	see(t, checkJupyter(j), Warn, "no Jupyter on PATH", "dlas lab")
	if len(j.data) == 0 || j.data[0] != filepath.Join(dir, "data") {
		t.Errorf("without Jupyter it looks in %v", j.data)
	}
	writeScript(t, filepath.Join(bin, "jupyter"), "exit 1")
	see(t, checkJupyter(askJupyter(t.Context())), Warn, "does not say its folders: exit status 1", "dlas lab")
	writeScript(t, filepath.Join(bin, "jupyter"), fmt.Sprintf(`echo '{"runtime": ["%s/r"], "config": [], "data": ["/one", "/two"]}'`, dir))
	j = askJupyter(t.Context())
	see(t, checkJupyter(j), OK, "jupyter looks in /one, /two", "")
	if !slices.Equal(j.data, []string{"/one", "/two"}) {
		t.Errorf("it looks in %v", j.data)
	}
	writeScript(t, filepath.Join(bin, "jupyter"), `echo '{"runtime": ["/proc/nothing/r"], "data": ["/one"]}'`)
	see(t, checkJupyter(askJupyter(t.Context())), Fail, "cannot write connection files", "JUPYTER_RUNTIME_DIR")
}

// The folders must be those of the real Jupyter, in its order.
func TestDoctorAsksTheRealJupyter(t *testing.T) {
	e := realEnv(t)
	dir := t.TempDir()
	t.Setenv("JUPYTER_PATH", filepath.Join(dir, "first"))
	t.Setenv("JUPYTER_DATA_DIR", filepath.Join(dir, "data"))
	t.Setenv("PATH", filepath.Dir(e.Python))
	j := askJupyter(t.Context())
	out, err := exec.Command(e.Python, "-c", "import json; from jupyter_core.paths import jupyter_path; print(json.dumps(jupyter_path()))").Output()
	var want []string
	if err != nil || json.Unmarshal(out, &want) != nil || !slices.Equal(j.data, want) || j.command != "python -m jupyter" {
		t.Errorf("%s looks in %v, jupyter_core says %s (%v)", j.command, j.data, out, err)
	}
	see(t, checkJupyter(j), OK, filepath.Join(dir, "first"), "")
}

// Every way in which a kernelspec can be wrong, each with a command line that is then run and mends it.
func TestDoctorKernelspecs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are Unix's")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	type world struct {
		j        jupyter
		user     string // Jupyter's data folder of the user
		prefix   string // one of an environment, found after it
		program  string // this build
		notOurs  string // a kernel.json of another kernel
		specFile func(data, name string) string
	}
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, w world)
		s     Status
		what  string
		mend  string
	}{
		{"installed", func(t *testing.T, w world) { place(t, Kernelspec{}, w.user, w.program) }, OK, "starts this build", ""},
		{"absent", func(*testing.T, world) {}, Fail, "Jupyter does not know the kernel", "dlas install"},
		{"program gone", func(t *testing.T, w world) { place(t, Kernelspec{}, w.user, "/nowhere/dlas") }, Fail, "a program that is gone", "dlas install --user"},
		{"program not runnable", func(t *testing.T, w world) {
			path := filepath.Join(w.prefix, "dlas")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			place(t, Kernelspec{}, w.user, path)
		}, Fail, "which is no program", "dlas install --user"},
		{"program damaged", func(t *testing.T, w world) {
			path := filepath.Join(w.prefix, "0123456789abcdef", "dlas")
			os.MkdirAll(filepath.Dir(path), 0o755)
			writeScript(t, path, "exit 0")
			place(t, Kernelspec{}, w.user, path)
		}, Fail, "whose content is damaged", "rm "},
		{"older build", func(t *testing.T, w world) {
			path := filepath.Join(w.prefix, "dlas")
			writeScript(t, path, "exit 0")
			place(t, Kernelspec{Name: "mine", DisplayName: "My Go", Env: map[string]string{"B": "x y", "A": "1"}, Args: []string{"--memory", "4GiB"}}, w.user, path)
		}, Warn, "another build than this one", "dlas install --user --name mine --display-name 'My Go' --env A=1 --env 'B=x y' --memory 4GiB"},
		{"damaged file", func(t *testing.T, w world) {
			place(t, Kernelspec{}, w.user, w.program)
			if err := os.WriteFile(w.specFile(w.user, Name), []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, Fail, "is damaged", "dlas install --user"},
		{"half removed", func(t *testing.T, w world) {
			place(t, Kernelspec{}, w.user, w.program)
			if err := os.Remove(w.specFile(w.user, Name)); err != nil {
				t.Fatal(err)
			}
		}, Fail, "is damaged", "dlas install --user"},
		{"signals", func(t *testing.T, w world) {
			place(t, Kernelspec{}, w.user, w.program)
			b, _ := os.ReadFile(w.specFile(w.user, Name))
			os.WriteFile(w.specFile(w.user, Name), bytes.ReplaceAll(b, []byte(`"message"`), []byte(`"signal"`)), 0o644)
		}, Fail, "interrupt_mode", "dlas install --user"},
		{"another kernel of the name", func(t *testing.T, w world) {
			os.MkdirAll(filepath.Dir(w.specFile(w.user, Name)), 0o755)
			os.WriteFile(w.specFile(w.user, Name), []byte(w.notOurs), 0o644)
		}, Fail, "another kernel of the same name", "--name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			w := world{
				user: filepath.Join(dir, "user"), prefix: filepath.Join(dir, "env", "share", "jupyter"), program: self,
				notOurs:  `{"argv": ["python", "-m", "x"], "language": "python", "display_name": "x"}`,
				specFile: func(data, name string) string { return filepath.Join(data, "kernels", name, "kernel.json") },
			}
			for _, d := range []string{w.user, w.prefix} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("JUPYTER_DATA_DIR", w.user)
			w.j = jupyter{command: "jupyter", data: []string{w.user, w.prefix, w.user + "/"}}
			tc.spoil(t, w)
			see(t, checkKernelspecs(w.j, self), tc.s, tc.what, tc.mend)
		})
	}
}

func place(t *testing.T, k Kernelspec, data, program string) {
	t.Helper()
	if _, err := k.Write(data, program); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorShadowedKernelspecs(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	user, env := filepath.Join(dir, "user"), filepath.Join(dir, "env", "share", "jupyter")
	t.Setenv("JUPYTER_DATA_DIR", user)
	j := jupyter{command: "jupyter", data: []string{env, user}}
	place(t, Kernelspec{}, user, self)
	place(t, Kernelspec{}, env, self)
	got := checkKernelspecs(j, self)
	if len(got) != 2 {
		t.Fatalf("found %+v", got)
	}
	see(t, got[:1], OK, "starts this build", "")
	see(t, got[1:], Warn, "is never used: "+filepath.Join(env, "kernels", Name), "dlas uninstall --user")
	// The other way round the one of the environment is hidden, and the command names it.
	got = checkKernelspecs(jupyter{command: "jupyter", data: []string{user, env}}, self)
	see(t, got[1:], Warn, "is never used", "dlas uninstall --prefix "+filepath.Join(dir, "env"))

	if err := os.WriteFile(filepath.Join(env, "kernels", Name, "kernel.json"), []byte(`{"argv": ["x", "y"], "language": "python"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	got = checkKernelspecs(j, self)
	if len(got) != 2 {
		t.Fatalf("found %+v", got)
	}
	see(t, got[1:], Fail, "another kernel's, has the same name and comes first", "dlas install --user --name godlas-go")

	// Without a Jupyter, an absent kernelspec is no failure.
	see(t, checkKernelspecs(jupyter{data: []string{filepath.Join(dir, "none")}}, self), Warn, "not installed", "dlas install")
}

func TestDoctorLab(t *testing.T) {
	t.Setenv("DLAS_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	see(t, checkLab(t.Context()), Warn, "JupyterLab needs Python", pythonCommand())
	for _, name := range []string{"DLAS_CACHE", "HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	see(t, checkLab(t.Context()), Fail, "no cache folder", "DLAS_CACHE")
}

func TestDoctorFindsTheEnvironment(t *testing.T) {
	e := realEnv(t)
	t.Setenv("PATH", t.TempDir())
	see(t, checkLab(t.Context()), OK, e.Dir, "")
}

// A check that breaks or hangs is a failure of its own, and the others run.
func TestExamine(t *testing.T) {
	var got []Finding
	warned, failed := Examine(t.Context(), []Check{
		{"panics", func(context.Context) []Finding { panic("no\nway") }},
		{"warns", func(context.Context) []Finding { return warning("do", "%s", "two\nlines\x1b[31m") }},
		{"fine", func(context.Context) []Finding { return ok("fine") }},
	}, func(f Finding) { got = append(got, f) })
	if warned != 1 || failed != 1 || len(got) != 3 {
		t.Fatalf("%d warned, %d failed: %+v", warned, failed, got)
	}
	var text, lines bytes.Buffer
	for _, f := range got {
		f.WriteText(&text)
		if err := f.WriteJSON(&lines); err != nil {
			t.Fatal(err)
		}
	}
	want := "fail  panics      the check itself failed: no way\n" +
		"warn  warns       two lines [31m\n                  -> do\n" +
		"ok    fine        fine\n"
	if text.String() != want {
		t.Errorf("the table is\n%swant\n%s", text.String(), want)
	}
	var back Finding
	if first, _, _ := strings.Cut(lines.String(), "\n"); json.Unmarshal([]byte(first), &back) != nil || back != got[0] {
		t.Errorf("the JSON is %s", lines.String())
	}
	hung := examine(t.Context(), Check{"hangs", func(ctx context.Context) []Finding { select {} }}, 10*time.Millisecond)
	see(t, hung, Fail, "did not come to its end: not done within 10ms", "")
}
