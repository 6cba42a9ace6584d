package jupytertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/godlas/godlas/install/installtest"
)

// TestHosts runs the installed kernel under the programs that people use beside JupyterLab, each in the Python file
// beside this one. None of its tests may fail, and none may skip.
func TestHosts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tests look at processes as Linux shows them")
	}
	env := installtest.Hosts(t)
	binary, vars := installtest.Kernel(t)
	python := venv(t, env.Python)
	papermill(t, "install", true, binary, python, vars)
	// The templates of nbconvert are in the shared environment.
	for i, v := range vars {
		if path, ok := strings.CutPrefix(v, "JUPYTER_PATH="); ok {
			vars[i] = "JUPYTER_PATH=" + path + string(os.PathListSeparator) + filepath.Join(env.Dir, "share", "jupyter")
		}
	}
	for _, tc := range []struct {
		file  string
		tests int // that it must have run
	}{
		{"console_test.py", 1},
		{"qtconsole_test.py", 9},
		{"notebooks_test.py", 15},
		{"vscode_test.py", 7},
		{"quarto_test.py", 2},
	} {
		t.Run(strings.TrimSuffix(tc.file, "_test.py"), func(t *testing.T) { runPython(t, python, tc.file, tc.tests, vars) })
	}
	papermill(t, "uninstall", false, binary, python, vars)
}

// venv makes an environment that sees the packages of python's and can be written to, and returns its interpreter.
func venv(t *testing.T, python string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "venv")
	if out, err := exec.Command(python, "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").Output()
	if err != nil {
		t.Fatal(err)
	}
	site, err := filepath.Glob(filepath.Join(dir, "lib", "python*", "site-packages"))
	if err != nil || len(site) != 1 {
		t.Fatalf("no folder of packages in %s: %v", dir, err)
	}
	if err := os.WriteFile(filepath.Join(site[0], "shared.pth"), out, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "bin", "python")
}

// papermill runs dlas install or uninstall with --papermill for a Python, after which its papermill knows Go or not.
func papermill(t *testing.T, verb string, want bool, binary, python string, vars []string) {
	t.Helper()
	cmd := exec.Command(binary, verb, "--prefix", filepath.Dir(filepath.Dir(python)), "--papermill")
	cmd.Env = append(os.Environ(), vars...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dlas %s: %v\n%s", verb, err, out)
	}
	out, err := exec.Command(python, "-c", "import papermill; print('go' in papermill.translators.papermill_translators._translators)").Output()
	if knows := strings.TrimSpace(string(out)) == "True"; err != nil || knows != want {
		t.Errorf("after dlas %s papermill's knowledge of Go is %v (%v)", verb, knows, err)
	}
}
