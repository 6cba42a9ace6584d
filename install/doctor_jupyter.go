package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// JupyterChecks are whether a Jupyter is there, whether it finds this kernel, and whether `dlas lab` could run.
func JupyterChecks() []Check {
	var j jupyter
	return []Check{
		{"jupyter", func(ctx context.Context) []Finding {
			j = askJupyter(ctx)
			return checkJupyter(j)
		}},
		{"kernelspec", func(context.Context) []Finding {
			self, err := os.Executable()
			if err != nil {
				return failing("", "%v", err)
			}
			return checkKernelspecs(j, self)
		}},
		{"lab", checkLab},
	}
}

// jupyter is the Jupyter that the user's shell starts.
type jupyter struct {
	command string   // that was asked; "" where there is none
	data    []string // folders that it looks for kernelspecs in, first to last
	runtime string   // where it puts connection files; "" if unknown
	trouble string   // why a command that is there does not answer
}

// askJupyter asks the Jupyter on PATH for its folders; without one they are what its rules say.
func askJupyter(ctx context.Context) jupyter {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	j := jupyter{data: thisSystem().searchPath()}
	commands := [][]string{{"jupyter"}, {"python", "-m", "jupyter"}, {"python3", "-m", "jupyter"}}
	for i, argv := range commands {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, append(argv[1:], "--paths", "--json")...)
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		var paths struct{ Runtime, Data []string }
		if err == nil {
			err = json.Unmarshal(out, &paths)
		}
		if err == nil && len(paths.Data) > 0 {
			j.command, j.data, j.trouble = strings.Join(argv, " "), paths.Data, ""
			if len(paths.Runtime) > 0 {
				j.runtime = paths.Runtime[0]
			}
			return j
		}
		if i == 0 { // a python without the module is no trouble
			j.trouble = path + " does not say its folders"
			if err != nil {
				j.trouble += ": " + err.Error()
			}
		}
	}
	return j
}

func checkJupyter(j jupyter) []Finding {
	if j.command == "" {
		what := "no Jupyter on PATH"
		if j.trouble != "" {
			what = j.trouble
		}
		return warning("dlas lab", "%s; dlas lab has one of its own, dlas nb runs notebooks without, VS Code needs none", what)
	}
	if j.runtime != "" {
		dir := j.runtime
		for !exists(dir) && filepath.Dir(dir) != dir { // Jupyter makes it
			dir = filepath.Dir(dir)
		}
		if err := tryFolder(dir); err != nil {
			return failing(setEnv("JUPYTER_RUNTIME_DIR", "FOLDER"), "Jupyter cannot write connection files into %s: %v", j.runtime, err)
		}
	}
	return ok("%s looks in %s", j.command, strings.Join(j.data, ", "))
}

// found is a kernelspec in one of Jupyter's folders.
type found struct {
	data, name string
	spec       kernelspec
	err        error // why kernel.json cannot be read
}

func (f found) dir() string { return filepath.Join(f.data, "kernels", f.name) }

// command is the dlas command line that installs or removes this kernelspec as it is.
func (f found) command(verb string) string {
	line := "dlas " + verb
	user, _ := Place{}.data()
	if prefix, ok := strings.CutSuffix(filepath.ToSlash(f.data), "/share/jupyter"); sameDir(f.data, user) {
		line += " --user"
	} else if ok {
		line += " --prefix " + quote(prefix)
	} else {
		line = "JUPYTER_DATA_DIR=" + quote(f.data) + " " + line
	}
	if name := strings.ToLower(f.name); name != Name {
		line += " --name " + quote(name)
	}
	if verb != "install" {
		return line
	}
	if d := f.spec.DisplayName; d != "" && d != "Go (godlas)" {
		line += " --display-name " + quote(d)
	}
	var names []string
	for name := range f.spec.Env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		line += " --env " + quote(name+"="+f.spec.Env[name])
	}
	if i := slices.Index(f.spec.Argv, "--memory"); i > 0 && i+1 < len(f.spec.Argv) {
		line += " --memory " + quote(f.spec.Argv[i+1])
	}
	return line
}

// quote makes one word of a shell of text.
func quote(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=+:,@") == "" {
		return text
	}
	if runtime.GOOS == "windows" {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func sameDir(a, b string) bool {
	ra, erra := filepath.EvalSymlinks(a)
	rb, errb := filepath.EvalSymlinks(b)
	if erra != nil || errb != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	return ra == rb
}

// list returns every kernelspec below the folders, in the order that Jupyter looks.
func list(folders []string) []found {
	var all []found
	for i, data := range folders {
		if slices.ContainsFunc(folders[:i], func(d string) bool { return sameDir(d, data) }) {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(data, "kernels"))
		if err != nil {
			continue
		}
		for _, e := range entries {
			f := found{data: data, name: e.Name()}
			if f.spec, f.err = readKernelspec(f.dir()); errors.Is(f.err, fs.ErrNotExist) && !strings.EqualFold(f.name, Name) {
				continue
			}
			all = append(all, f)
		}
	}
	return all
}

// checkKernelspecs looks at every kernelspec of ours that Jupyter could find, and says whether it does and what it
// would start. self is the running program.
func checkKernelspecs(j jupyter, self string) []Finding {
	all := list(j.data)
	var out []Finding
	seen := false
	for i, f := range all {
		ours := f.err == nil && f.spec.ours()
		if !ours && !strings.EqualFold(f.name, Name) {
			continue
		}
		if f.err != nil {
			out = append(out, failing(found{data: f.data, name: f.name}.command("install"), "%s is damaged: %v", f.dir(), f.err)...)
			continue
		}
		first := slices.IndexFunc(all, func(g found) bool { return strings.EqualFold(g.name, f.name) && g.err == nil })
		switch {
		case !ours:
			out = append(out, failing("dlas install --name godlas-go", "%s is another kernel of the same name", f.dir())...)
		case first < i && all[first].spec.ours():
			out = append(out, warning(f.command("uninstall"), "%s is never used: %s comes first", f.dir(), all[first].dir())...)
		case first < i:
			out = append(out, failing(f.command("install")+" --name godlas-go", "%s is never used: %s, another kernel's, has the same name and comes first", f.dir(), all[first].dir())...)
		default:
			seen = true
			out = append(out, f.state(self)...)
		}
	}
	if seen || slices.ContainsFunc(out, func(f Finding) bool { return f.Status == Fail }) {
		return out
	}
	if j.command == "" {
		return append(out, warning("dlas install", "not installed; only dlas lab and dlas nb know the kernel")...)
	}
	return append(out, failing("dlas install", "Jupyter does not know the kernel: no kernelspec of it in %s", strings.Join(j.data, ", "))...)
}

// state says whether what a kernelspec starts is there, whole and this build.
func (f found) state(self string) []Finding {
	program := f.spec.Argv[0]
	mend := f.command("install")
	if !filepath.IsAbs(program) {
		path, err := exec.LookPath(program)
		if err != nil {
			return failing(mend, "%s starts %s, which is not on PATH", f.dir(), program)
		}
		program = path
	}
	fi, err := os.Stat(program)
	switch {
	case err != nil:
		return failing(mend, "%s starts a program that is gone: %v", f.dir(), err)
	case fi.IsDir() || runtime.GOOS != "windows" && fi.Mode()&0o111 == 0:
		return failing(mend, "%s starts %s, which is no program", f.dir(), program)
	}
	sum, err := fileSum(program)
	if err != nil {
		return failing(mend, "%s starts a program that cannot be read: %v", f.dir(), err)
	}
	if name := filepath.Base(filepath.Dir(program)); isHash(name) && name != sum[:16] {
		return failing("rm "+quote(program)+" && "+mend, "%s starts %s, whose content is damaged", f.dir(), program)
	}
	if runtime.GOOS == "linux" {
		self = "/proc/self/exe"
	}
	if own, err := fileSum(self); err == nil && own != sum {
		return warning(mend, "%s starts another build than this one: %s", f.dir(), program)
	}
	if !strings.EqualFold(f.spec.InterruptMode, "message") {
		return failing(mend, "%s has interrupt_mode %q: an interrupt would not reach the kernel", f.dir(), f.spec.InterruptMode)
	}
	return ok("%s starts this build", f.dir())
}

// fileSum is the SHA-256 of a file in hex.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// checkLab says whether `dlas lab` has its environment or could make it.
func checkLab(ctx context.Context) []Finding {
	cache, err := CacheDir()
	if err != nil {
		return failing(setEnv("DLAS_CACHE", "FOLDER"), "%v", err)
	}
	if e := openEnv(envDir(filepath.Join(cache, "python"), labLock)); e != nil {
		return ok("JupyterLab is in %s", e.Dir)
	}
	py, err := findPython(ctx)
	if err != nil {
		return warning(pythonCommand(), "%v; only dlas lab needs it", err)
	}
	return ok("the first dlas lab makes its environment with Python %s (about 50 MB to download)", py.version)
}

// pythonCommand gets a Python here.
func pythonCommand() string {
	switch runtime.GOOS {
	case "darwin":
		return "brew install python"
	case "windows":
		return "winget install Python.Python.3.13"
	}
	return "sudo apt install python3 python3-venv"
}
