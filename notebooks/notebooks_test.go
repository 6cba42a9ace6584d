package notebooks_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/install"
	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/kernel/nb"
	"github.com/godlas/godlas/notebooks"
)

// book is a notebook file, as far as the tests read it.
type book struct {
	Cells    []cell
	Metadata struct {
		Kernelspec struct{ Name, Language string }
		Keep       bool `json:"keep_output"`
	}
	Format int `json:"nbformat"`
}

type cell struct {
	Type     string `json:"cell_type"`
	ID       string
	Source   lines
	Count    *int `json:"execution_count"`
	Metadata struct{ Tags []string }
	Outputs  []struct {
		Type  string `json:"output_type"`
		EName string
		Value string `json:"evalue"`
		Text  lines
		Data  map[string]json.RawMessage
	}
}

// lines is a text of a notebook: a string, or a list of its lines.
type lines string

func (l *lines) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*l = lines(strings.Join(list, ""))
		return nil
	}
	return json.Unmarshal(b, (*string)(l))
}

const mayFail = "raises-exception"

func names(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(notebooks.Files, "*.ipynb")
	if err != nil || !slices.Contains(names, notebooks.Quickstart) {
		t.Fatal(names, err)
	}
	return names
}

func parse(t *testing.T, data []byte) book {
	t.Helper()
	var b book
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// Notebooks are kept as their author wrote them: outputs are what a reader's machine gives, but for those that say that
// their outputs belong to them.
func TestNotebooksAreClean(t *testing.T) {
	for _, name := range names(t) {
		data, err := notebooks.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b := parse(t, data)
		if b.Format != 4 || b.Metadata.Kernelspec.Name != install.Name || b.Metadata.Kernelspec.Language != "go" {
			t.Errorf("%s is of format %d for the kernel %+v", name, b.Format, b.Metadata.Kernelspec)
		}
		if n, err := nb.Read(bytes.NewReader(data)); err != nil || n.Clean() {
			t.Errorf("%s is not as dlas nb clean leaves it: %v", name, err)
		}
		seen := map[string]bool{}
		for _, c := range b.Cells {
			if c.ID == "" || seen[c.ID] {
				t.Errorf("%s: the cell id %q is missing or given twice", name, c.ID)
			}
			seen[c.ID] = true
			if !b.Metadata.Keep && (len(c.Outputs) > 0 || c.Count != nil) {
				t.Errorf("%s: cell %s has outputs", name, c.ID)
			}
		}
		if b.Metadata.Keep {
			kept(t, name, data, b)
		}
	}
}

// kept looks at outputs that a notebook comes with: one whole run in order, with its figures and without an error, small,
// with nothing in it of where it ran. That they are of the kinds that a run shows is for dlas nb test --solutions.
func kept(t *testing.T, name string, data []byte, b book) {
	t.Helper()
	if len(data) > 300_000 {
		t.Errorf("%s has %d bytes", name, len(data))
	}
	count, pictures, checks := 0, 0, 0
	for _, c := range b.Cells {
		if c.Type != "code" {
			continue
		}
		if count++; c.Count == nil || *c.Count != count {
			t.Errorf("%s: cell %s is not the one that ran as number %d: dlas nb run --write", name, c.ID, count)
		}
		printed := ""
		for _, o := range c.Outputs {
			printed += string(o.Text)
			if o.Type == "error" {
				t.Errorf("%s: cell %s failed: %s", name, c.ID, o.Value)
			}
			if o.Data["image/svg+xml"] != nil {
				pictures++
				if o.Data["image/png"] == nil || o.Data["text/plain"] == nil {
					t.Errorf("%s: cell %s: a picture without PNG or text beside it", name, c.ID)
				}
			}
			shown := printed
			for mime, d := range o.Data {
				if mime != "image/png" {
					shown += string(d)
				}
			}
			if m := regexp.MustCompile(`(?i)/(home|root|tmp|work|usr|var|users)/|[a-z]:\\\\?users|\.dlas\b|\bpid\b`).FindString(shown); m != "" {
				t.Errorf("%s: cell %s shows where it ran: %s", name, c.ID, m)
			}
		}
		if slices.Contains(c.Metadata.Tags, "check") {
			if checks++; strings.TrimSpace(printed) != "not tried" {
				t.Errorf("%s: cell %s keeps %q", name, c.ID, printed)
			}
		}
	}
	if pictures == 0 || checks == 0 {
		t.Errorf("%s keeps %d pictures and %d checks", name, pictures, checks)
	}
}

// check looks at a notebook that was run: every code cell ran, and exactly those that are tagged so failed.
func check(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, c := range parse(t, data).Cells {
		if c.Type != "code" {
			continue
		}
		failed := ""
		for _, o := range c.Outputs {
			if o.Type == "error" {
				failed = o.EName + ": " + o.Value
			}
			if o.Data["image/svg+xml"] != nil {
				pictures++
				if o.Data["image/png"] == nil || o.Data["text/plain"] == nil {
					t.Errorf("cell %s: a picture without PNG or text beside it", c.ID)
				}
			}
		}
		switch want := slices.Contains(c.Metadata.Tags, mayFail); {
		case c.Count == nil:
			t.Errorf("cell %s did not run:\n%s", c.ID, c.Source)
		case want != (failed != ""):
			t.Errorf("cell %s: error %q, want one: %v\n%s", c.ID, failed, want, c.Source)
		}
	}
	if filepath.Base(path) == notebooks.Quickstart && pictures < 2 {
		t.Errorf("the quickstart drew %d figures, want the sweep's and the reader's own at least", pictures)
	}
}

// lay writes a notebook into a folder of the test's own.
func lay(t *testing.T, name string) string {
	t.Helper()
	data, err := notebooks.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in.ipynb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestQuickstartByDlas runs the one notebook without exercises by dlas nb run; TestExercises and JupyterLab run the others.
func TestQuickstartByDlas(t *testing.T) {
	t.Parallel()
	binary, env := installtest.Kernel(t)
	runQuickstart(t, env, func(in, out string) *exec.Cmd {
		return exec.CommandContext(t.Context(), binary, "nb", "run", in, "-o", out)
	})
}

// TestQuickstartByNbclient: JupyterLab speaks to the kernel as nbclient does, and runs the others.
func TestQuickstartByNbclient(t *testing.T) {
	t.Parallel()
	py := installtest.Env(t)
	_, env := installtest.Kernel(t)
	runQuickstart(t, env, func(in, out string) *exec.Cmd {
		return exec.CommandContext(t.Context(), py.Python, filepath.Join("testdata", "nbclient_run.py"), in, out)
	})
}

// runQuickstart runs a program that reads the notebook and writes it anew, and looks at what it wrote.
func runQuickstart(t *testing.T, env []string, program func(in, out string) *exec.Cmd) {
	t.Helper()
	out := filepath.Join(t.TempDir(), notebooks.Quickstart)
	cmd := program(lay(t, notebooks.Quickstart), out)
	cmd.Env = append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	check(t, out)
}
