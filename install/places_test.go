package install

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The user's data folder must be jupyter_core's own on every system: it is asked, told that it runs on another.
func TestDataDirIsJupyters(t *testing.T) {
	e := realEnv(t)
	home := t.TempDir()
	type one struct {
		OS  string            `json:"os"`
		Env map[string]string `json:"env"`
	}
	var cases []one
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, env := range []map[string]string{
			{},
			{"JUPYTER_DATA_DIR": "/set"},
			{"JUPYTER_PLATFORM_DIRS": "1"},
			{"JUPYTER_PLATFORM_DIRS": "1", "JUPYTER_DATA_DIR": "/set"},
			{"JUPYTER_PLATFORM_DIRS": "False"},
			{"JUPYTER_PLATFORM_DIRS": "off"},
			{"XDG_DATA_HOME": "/xdg"},
			{"XDG_DATA_HOME": "/xdg", "JUPYTER_PLATFORM_DIRS": "yes"},
			{"JUPYTER_CONFIG_DIR": "/config"},
			{"APPDATA": "/roaming"},
			{"LOCALAPPDATA": "/local", "APPDATA": "/roaming", "JUPYTER_PLATFORM_DIRS": "1"},
		} {
			if goos == "windows" && env["JUPYTER_PLATFORM_DIRS"] == "1" && env["LOCALAPPDATA"] == "" && env["JUPYTER_DATA_DIR"] == "" {
				continue // platformdirs then asks the system itself, which is not here
			}
			if env["XDG_DATA_HOME"] != "" && goos != "linux" {
				continue // platformdirs reads it on macOS since 4.4: a user who sets it there can name the folder
			}
			cases = append(cases, one{goos, env})
		}
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	const ask = `
import importlib, json, os, sys, types
real = sys.platform
# jupyter_core and platformdirs choose by these when imported, so each case imports them anew.
answers = []
base = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "XDG")) and k not in ("APPDATA", "LOCALAPPDATA")}
for case in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(base)
    os.environ.update(case["env"])
    for name in [n for n in sys.modules if n.startswith(("jupyter_core", "platformdirs"))]:
        del sys.modules[name]
    import platformdirs
    paths = importlib.import_module("jupyter_core.paths")
    sys.platform = {"linux": "linux", "darwin": "darwin", "windows": "win32"}[case["os"]]
    paths.APPNAME = "jupyter" if case["os"] == "linux" else "Jupyter"
    if case["os"] == "darwin":
        from platformdirs.macos import MacOS as dirs
    elif case["os"] == "windows":
        import platformdirs.windows as w
        w.get_win_folder = w.get_win_folder_from_env_vars
        dirs = w.Windows
    else:
        from platformdirs.unix import Unix as dirs
    paths.platformdirs = types.SimpleNamespace(user_data_dir=lambda app, appauthor: dirs(app, appauthor).user_data_dir)
    answers.append(paths.jupyter_data_dir())
    sys.platform = real
print(json.dumps(answers))
`
	cmd := exec.Command(e.Python, "-c", ask)
	cmd.Env = append(pythonEnv(), "HOME="+home)
	cmd.Stdin = strings.NewReader(string(in))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var want []string
	if err := json.Unmarshal(out, &want); err != nil || len(want) != len(cases) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, c := range cases {
		s := system{c.OS, func(name string) string { return c.Env[name] }, func() (string, error) { return home, nil }}
		got, err := s.dataDir()
		if clean := strings.ReplaceAll(want[i], `\`, "/"); err != nil || got != clean {
			t.Errorf("%s %v: %s (%v), jupyter_core says %s", c.OS, c.Env, got, err, clean)
		}
	}
}

func TestDataDirWithoutHome(t *testing.T) {
	s := system{"linux", func(string) string { return "" }, func() (string, error) { return "", errors.New("no home") }}
	if dir, err := s.dataDir(); err == nil {
		t.Errorf("got %s", dir)
	}
}

func TestSearchPathWithoutPython(t *testing.T) {
	env := map[string]string{"JUPYTER_PATH": "/a/" + string(os.PathListSeparator) + "/b", "XDG_DATA_HOME": "/xdg"}
	s := system{"linux", func(n string) string { return env[n] }, func() (string, error) { return "/home/u", nil }}
	want := "/a /b /xdg/jupyter /usr/local/share/jupyter /usr/share/jupyter"
	if got := strings.Join(s.searchPath(), " "); filepath.ToSlash(got) != want {
		t.Errorf("got %s", got)
	}
	env = map[string]string{"APPDATA": "/r", "PROGRAMDATA": "/p", "JUPYTER_USE_PROGRAMDATA": "1"}
	s.goos = "windows"
	if got := strings.Join(s.searchPath(), " "); filepath.ToSlash(got) != "/r/jupyter /p/jupyter" {
		t.Errorf("got %s", got)
	}
}

func TestParseEnv(t *testing.T) {
	for text, want := range map[string]string{"A=b": "A|b", "A=": "A|", "A=b=c": "A|b=c", "A": "", "=b": "", "A B=c": "", "A=\x00": ""} {
		name, value, err := ParseEnv(text)
		got := name + "|" + value
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
	}
}
