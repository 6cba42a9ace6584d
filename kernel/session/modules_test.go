package session

import (
	"archive/zip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// proxy makes a module proxy of files, with versions of modules, and a Go environment that knows no other.
func proxy(t *testing.T, versions map[string]map[string]string) {
	t.Helper()
	need.Program(t, "go", "go")
	root := t.TempDir()
	listed := map[string]string{}
	for id, files := range versions {
		path, version, _ := strings.Cut(id, "@")
		dir := filepath.Join(root, filepath.FromSlash(path), "@v")
		listed[dir] += version + "\n"
		write(t, filepath.Join(dir, "list"), listed[dir])
		write(t, filepath.Join(dir, version+".info"), `{"Version":"`+version+`","Time":"2024-01-02T03:04:05Z"}`)
		write(t, filepath.Join(dir, version+".mod"), files["go.mod"])
		f, err := os.Create(filepath.Join(dir, version+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for name, text := range files {
			w, err := z.Create(id + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{
		"GOPROXY": server.URL, "GOSUMDB": "off", "GOMODCACHE": t.TempDir(), "GOFLAGS": "-modcacherw", "GOENV": "off", "GOWORK": "",
		"GOTOOLCHAIN": "local", "GONOPROXY": "", "GOPRIVATE": "",
	} {
		t.Setenv(k, v)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

const aMod = "module example.org/a\n\ngo 1.24\n"

var aVersions = map[string]map[string]string{
	"example.org/a@v1.0.0": {"go.mod": aMod, "a.go": "package a\n\ntype T struct{ N int }\n\nfunc (T) V() string { return \"one\" }\n\nfunc New() T { return T{1} }\n"},
	"example.org/a@v1.1.0": {"go.mod": aMod, "a.go": "package a\n\ntype T struct{ N, M int }\n\nfunc (T) V() string { return \"two\" }\n\nfunc New() T { return T{1, 2} }\n"},
	"example.org/b@v0.1.0": {
		"go.mod": "module example.org/b\n\ngo 1.24\n\nrequire example.org/a v1.0.0\n",
		"b.go":   "package b\n\nimport \"example.org/a\"\n\nfunc V() string { return \"b\" + a.New().V() }\n",
	},
}

// steps runs cells and compares the beginning of what each shows.
func steps(t *testing.T, c *client, cells [][2]string) {
	t.Helper()
	for i, x := range cells {
		out, done := c.execute(pipe.Execute{Code: x[0], Count: i + 1})
		if got := strings.Join(out, " | "); !strings.Contains(got, x[1]) || x[1] == "" && got != "" {
			t.Errorf("%q:\n got %s\nwant %s", x[0], got, x[1])
			if done.Err != nil {
				t.Log(strings.Join(done.Err.Traceback, "\n"))
			}
		}
	}
}

func TestGet(t *testing.T) {
	proxy(t, aVersions)
	dir := t.TempDir()
	t.Chdir(dir)
	std := Options{Libraries: []interp.Library{interp.Std()}}
	c := start(t, std)
	steps(t, c, [][2]string{
		{`import "example.org/a"`, "%get example.org/a@latest gets it"},
		{"%get", "%get: which module? %get example.org/x@v1.2.3"},
		{"%get fmt", "the standard library needs no %get"},
		{"%get ./a", "%get: ./a is a folder; %use ./a makes it importable"},
		{"%get example.org/a@", "has no version after the @"},
		{"%get -u example.org/a", "there are no flags"},
		{"%get example.org/a@v9.0.0", "there is no such version: example.org/a@v9.0.0"},
		{"%get example.org/a@latest\u0000", "%get: "},
		{"%get example.org/none", "there is no such module: example.org/none"},
		{"!ls go.mod", "exit status"},
		{"%get example.org/a@v1.0.0", "added example.org/a v1.0.0"},
		{"import \"example.org/a\"\nx := a.New()\nx.V()", "result: one"},
		{"%get example.org/a", "example.org/a is there, at v1.0.0"},
		{"%get example.org/b", "added example.org/b v0.1.0"},
		{"import \"example.org/b\"\nb.V()", "result: bone"},
		{"func f() string { return a.New().V() + b.V() }\nf()", "result: onebone"},
		{"%get example.org/a@v1.1.0", "example.org/a was loaded at v1.0.0: cells from now on use v1.1.0"},
		{"a.New().V() + x.V() + b.V()", "result: twoonebtwo"},
		{"f()", "result: onebone"},
		{"y := a.New()\ny.M + x.N", "result: 3"},
		{"x = y", "cannot use y"},
	})
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(mod), "module notebook") || !strings.Contains(string(mod), "example.org/a v1.1.0") {
		t.Errorf("go.mod: %v\n%s", err, mod)
	}
	if sum, err := os.ReadFile(filepath.Join(dir, "go.sum")); err != nil || !strings.Contains(string(sum), "example.org/a v1.1.0 h1:") {
		t.Errorf("go.sum: %v\n%s", err, sum)
	}

	// later, offline, in a folder below
	t.Setenv("GOPROXY", "off")
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Chdir(sub)
	steps(t, start(t, std), [][2]string{
		{"%get example.org/a", "example.org/a is there, at v1.1.0"},
		{"import \"example.org/b\"\nb.V()", "result: btwo"},
		{"%get example.org/c", "downloading is forbidden by GOPROXY=off"},
		{`import "example.org/c"`, "no module that is recorded here has package example.org/c: %get example.org/c@latest gets it"},
		{`import "strng"`, "package strng is not built into this kernel"},
	})
	if b, _ := os.ReadFile(filepath.Join(dir, "go.mod")); string(b) != string(mod) {
		t.Errorf("what was recorded has changed:\n%s", b)
	}

	// on a machine that has the notebook but not the modules
	t.Setenv("GOMODCACHE", t.TempDir())
	steps(t, start(t, std), [][2]string{{`import "example.org/a"`, "package example.org/a is not downloaded: %get example.org/a gets it"}})
}

// TestNoToolchain says what is missing.
func TestNoToolchain(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", t.TempDir())
	steps(t, start(t, Options{Libraries: []interp.Library{interp.Std()}}), [][2]string{
		{`import "example.org/a"`, "importing example.org/a needs a Go toolchain: there is no go command on the PATH"},
		{"%get example.org/a", "%get: this needs a Go toolchain: there is no go command on the PATH"},
		{"%use .", "%use: this needs a Go toolchain: there is no go command on the PATH"},
		{`import "strings"`, ""},
	})
}

func TestUse(t *testing.T) {
	proxy(t, aVersions)
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	write(t, filepath.Join(work, "n.ipynb"), "")
	write(t, filepath.Join(dir, "lib", "go.mod"), "module example.net/lib\n\ngo 1.24\n\nrequire example.org/a v1.0.0\n")
	write(t, filepath.Join(dir, "lib", "lib.go"), "package lib\n\nimport \"example.org/a\"\n\nfunc F() string { return a.New().V() + \"!\" }\n")
	write(t, filepath.Join(dir, "lib", "deep", "d.go"), "package deep\n\nvar D = 4\n")
	write(t, filepath.Join(dir, "loose", "l.go"), "package loose\n")
	write(t, filepath.Join(work, "own", "own.go"), "package own\n\nconst C = 5\n")
	write(t, filepath.Join(work, "empty", "x.txt"), "")
	t.Chdir(work)
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	steps(t, c, [][2]string{
		{"%use", "%use: which folder? %use ./DIR"},
		{"%use nowhere", "nowhere is not a folder"},
		{"%use ../loose", "has no go.mod and is not below"},
		{"%use ../lib/deep", "is in another module: %use " + filepath.Join(dir, "lib")},
		{"%use ./empty", "has no package that can be imported"},
		{"%use ../lib", `import "example.net/lib"`},
		{"import \"example.net/lib\"\nimport \"example.net/lib/deep\"\nlib.F()", "result: one!"},
		{"deep.D", "result: 4"},
		{"%use ./own", `import "notebook/own"`},
		{"import \"notebook/own\"\nown.C", "result: 5"},
	})
	write(t, filepath.Join(dir, "lib", "lib.go"), "package lib\n\nfunc F() string { return \"edited\" }\n")
	steps(t, c, [][2]string{
		{"lib.F()", "result: one!"},
		{"%use ../lib", `import "example.net/lib" // loaded anew`},
		{"lib.F()", "result: edited"},
	})
	write(t, filepath.Join(dir, "lib", "lib.go"), "package lib\n\nfunc F() string { return 1 }\n")
	steps(t, c, [][2]string{
		{"%use ../lib", `import "example.net/lib"`},
		{"lib.F()", "example.net/lib/lib.go:3:26: cannot use 1"},
	})
	write(t, filepath.Join(dir, "lib", "lib.go"), "package lib\n\nfunc F() string { return \"mended\" }\n")
	steps(t, c, [][2]string{
		{"%use ../lib", `import "example.net/lib"`},
		{"lib.F()", "result: mended"},
	})
}

// TestCompleteGet offers what go.mod records.
func TestCompleteGet(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module m\n\nrequire (\n\texample.org/alpha v1.2.3\n\texample.org/beta v0.1.0 // indirect\n)\n")
	t.Chdir(dir)
	c := start(t, Options{})
	_, f := c.answer(c.send(pipe.KindComplete, 0, cursor("%get example.org/a|")))
	if got := string(f.Body); !strings.Contains(got, "example.org/alpha@v1.2.3") || strings.Contains(got, "beta") {
		t.Error(got)
	}
}

// TestGetInterrupt ends a download that never answers.
func TestGetInterrupt(t *testing.T) {
	proxy(t, nil)
	asked, release := make(chan bool, 16), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- true
		<-release
	}))
	defer server.Close()
	defer close(release)
	t.Setenv("GOPROXY", server.URL)
	t.Chdir(t.TempDir())
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "%get example.org/a", Count: 1})
	<-asked
	c.send(pipe.KindInterrupt, id, nil)
	if _, last := c.answer(id); !body[pipe.Done](t, last).Interrupted {
		t.Errorf("it ends with %s", last.Body)
	}
	if _, err := os.Stat("go.mod"); err == nil {
		t.Error("a go.mod is left behind")
	}
}
