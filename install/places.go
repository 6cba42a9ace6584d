package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Place is one of the places where Jupyter looks for kernelspecs. Its zero value is the user's own.
type Place struct {
	Prefix    string // of a Python environment: PREFIX/share/jupyter
	SysPrefix bool   // the environment of the Python that is first on PATH
}

// data returns the place's Jupyter data folder, absolute.
func (p Place) data() (string, error) {
	prefix := p.Prefix
	if p.SysPrefix {
		if prefix != "" {
			return "", errors.New("a prefix and the environment of the Python on PATH are two places")
		}
		py, err := pathPython(context.Background())
		if err != nil {
			return "", err
		}
		prefix = py.prefix
	}
	if prefix != "" {
		abs, err := filepath.Abs(prefix)
		return filepath.Join(abs, "share", "jupyter"), err
	}
	dir, err := thisSystem().dataDir()
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// foundPython is an interpreter on PATH and its environment.
type foundPython struct {
	path   string // of the interpreter
	prefix string // its sys.prefix
}

// pathPython asks the first Python on PATH for its environment: the active one, where one is.
func pathPython(ctx context.Context) (foundPython, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, argv := range [][]string{{"python"}, {"python3"}, {"py", "-3"}} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, append(argv[1:], "-c", "import sys; print(sys.version_info[0]); print(sys.executable); print(sys.prefix)")...)
		out, err := cmd.Output()
		lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(string(out)), "\r", ""), "\n")
		if err == nil && len(lines) == 3 && lines[0] == "3" {
			return foundPython{path: lines[1], prefix: lines[2]}, nil
		}
	}
	return foundPython{}, errors.New("there is no Python 3 on PATH whose environment could be meant; name it with --prefix")
}

// system is what the place of Jupyter's user data depends on.
type system struct {
	goos   string
	getenv func(string) string
	home   func() (string, error)
}

func thisSystem() system { return system{runtime.GOOS, os.Getenv, homeDir} }

// homeDir is the user's, as the password file has it where HOME is not set.
func homeDir() (string, error) {
	if dir, err := os.UserHomeDir(); err == nil {
		return dir, nil
	}
	u, err := user.Current()
	if err != nil || u.HomeDir == "" {
		return "", errors.New("this user has no home folder; name Jupyter's with JUPYTER_DATA_DIR")
	}
	return u.HomeDir, nil
}

// dataDir is the user's Jupyter data folder by the rules of jupyter_core.paths.jupyter_data_dir.
func (s system) dataDir() (string, error) {
	if dir := s.getenv("JUPYTER_DATA_DIR"); dir != "" {
		return dir, nil
	}
	home, err := s.home()
	if err != nil {
		return "", err
	}
	platform := s.envSet("JUPYTER_PLATFORM_DIRS")
	switch s.goos {
	case "darwin":
		if platform {
			return filepath.Join(home, "Library", "Application Support", "Jupyter"), nil
		}
		return filepath.Join(home, "Library", "Jupyter"), nil
	case "windows":
		if platform {
			if dir := s.getenv("LOCALAPPDATA"); dir != "" {
				return filepath.Join(dir, "Jupyter"), nil
			}
			return filepath.Join(home, "AppData", "Local", "Jupyter"), nil
		}
		if dir := s.getenv("APPDATA"); dir != "" {
			return filepath.Join(dir, "jupyter"), nil
		}
		config := s.getenv("JUPYTER_CONFIG_DIR")
		if config == "" {
			config = filepath.Join(home, ".jupyter")
		}
		return filepath.Join(config, "data"), nil
	}
	if dir := s.getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

// envSet is jupyter_core's reading of a switch in the environment.
func (s system) envSet(name string) bool {
	switch strings.ToLower(s.getenv(name)) {
	case "", "no", "n", "false", "off", "0", "0.0":
		return false
	}
	return true
}

// searchPath is where Jupyter looks for data without a Python to ask: JUPYTER_PATH, the user's, the system's.
func (s system) searchPath() []string {
	var dirs []string
	for _, d := range filepath.SplitList(s.getenv("JUPYTER_PATH")) {
		dirs = append(dirs, strings.TrimRight(d, string(os.PathSeparator)))
	}
	if d, err := s.dataDir(); err == nil {
		dirs = append(dirs, d)
	}
	if s.goos != "windows" {
		dirs = append(dirs, "/usr/local/share/jupyter", "/usr/share/jupyter")
	} else if d := s.getenv("PROGRAMDATA"); d != "" && s.envSet("JUPYTER_USE_PROGRAMDATA") {
		dirs = append(dirs, filepath.Join(d, "jupyter"))
	}
	return dirs
}

// ParseEnv reads NAME=VALUE.
func ParseEnv(s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || strings.ContainsAny(s, "\x00") || strings.ContainsAny(name, " \t\n") {
		return "", "", fmt.Errorf("%q is not NAME=VALUE", s)
	}
	return name, value, nil
}
