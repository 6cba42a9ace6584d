package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The oldest Python that the pinned packages run on.
const minMajor, minMinor = 3, 11

// NoPython says that no fit Python was found, and what was.
type NoPython struct {
	Found []string // what was looked at and why it will not do, a phrase each
}

func (e *NoPython) Error() string {
	found := "found none on PATH"
	if len(e.Found) > 0 {
		found = "found only " + strings.Join(e.Found, "; ")
	}
	return fmt.Sprintf("JupyterLab needs Python %d.%d or newer with venv and ensurepip; %s", minMajor, minMinor, found)
}

// Detail says what to install on each system.
func (e *NoPython) Detail() string {
	return `To get Python:
  Debian, Ubuntu   sudo apt install python3 python3-venv
  macOS            brew install python      (or the installer of python.org)
  Windows          winget install Python.Python.3.13      (or the installer of python.org)`
}

// python is an interpreter that can make an environment.
type python struct {
	argv    []string // how to start it
	version string   // 3.11.7
	base    string   // the interpreter itself, links resolved
}

// findPython returns the first fit interpreter among the usual names on PATH, or a *NoPython.
func findPython(ctx context.Context) (python, error) {
	names := [][]string{{"python3"}, {"python"}}
	for minor := 14; minor >= minMinor; minor-- {
		names = append(names, []string{"python3." + strconv.Itoa(minor)})
	}
	names = append(names, []string{"py", "-3"})

	none := &NoPython{}
	for _, argv := range names {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			continue
		}
		p, err := probe(ctx, append([]string{path}, argv[1:]...))
		if err == nil {
			return p, nil
		}
		if ctx.Err() != nil {
			return python{}, context.Cause(ctx)
		}
		none.Found = append(none.Found, argv[0]+" ("+err.Error()+")")
	}
	return python{}, none
}

// probe starts an interpreter and says why it will not do, if so.
func probe(ctx context.Context, argv []string) (python, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	const ask = `import sys, platform
has = []
for m in ("venv", "ensurepip"):
    try:
        __import__(m); has.append(m)
    except ImportError:
        pass
print("godlas", sys.version_info[0], sys.version_info[1], platform.python_version(), ",".join(has) or "-",
      getattr(sys, "_base_executable", sys.executable), sep="|")`
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:len(argv):len(argv)], "-I", "-c", ask)...)
	out, err := cmd.Output()
	f := strings.SplitN(strings.TrimSpace(string(out)), "|", 6)
	if err != nil || len(f) != 6 || f[0] != "godlas" {
		// The stand-ins that Windows and macOS put on PATH end here too.
		return python{}, errors.New("it does not start")
	}
	major, _ := strconv.Atoi(f[1])
	minor, _ := strconv.Atoi(f[2])
	if major != minMajor || minor < minMinor {
		return python{}, errors.New("it is " + f[3])
	}
	for _, m := range []string{"venv", "ensurepip"} {
		if !strings.Contains(f[4], m) {
			return python{}, fmt.Errorf("it is %s without %s: on Debian and Ubuntu, apt install python3.%d-venv", f[3], m, minor)
		}
	}
	p := python{argv: argv, version: f[3], base: f[5]}
	if real, err := filepath.EvalSymlinks(p.base); err == nil {
		p.base = real
	}
	return p, nil
}

// pythonEnv is the environment that a Python of ours starts with: the user's, without what would turn it to other
// packages than its own or make pip install elsewhere. How to reach a package index stays the user's.
func pythonEnv() []string {
	drop := map[string]bool{
		"PYTHONHOME": true, "PYTHONPATH": true, "PYTHONSTARTUP": true, "PYTHONUSERBASE": true, "VIRTUAL_ENV": true,
		"PIP_TARGET": true, "PIP_PREFIX": true, "PIP_ROOT": true, "PIP_CONSTRAINT": true, "PIP_NO_BINARY": true,
		"PIP_DRY_RUN": true, "__PYVENV_LAUNCHER__": true,
	}
	var env []string
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); !drop[strings.ToUpper(k)] {
			env = append(env, kv)
		}
	}
	return append(env, "PYTHONNOUSERSITE=1", "PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0", "PIP_DISABLE_PIP_VERSION_CHECK=1")
}
