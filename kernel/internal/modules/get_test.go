package modules

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestWhy reads what go commands say when they fail.
func TestWhy(t *testing.T) {
	for said, want := range map[string]string{
		"go: example.org/x@latest: module example.org/x: Get \"https://p.example/x/@v/list\": dial tcp: lookup p.example: no such host": "the network cannot be reached, and nothing was changed (",
		"go: example.org/x@v9: invalid version: unknown revision v9":                                                                    "there is no such version: example.org/x@v9",
		"go: unrecognized import path \"example.org/x\": reading https://example.org/x?go-get=1: 404 Not Found":                         "there is no such module: ",
		"go: module lookup disabled by GOPROXY=off":                                                                                     "downloading is forbidden by GOPROXY=off",
		"verifying example.org/x@v1.0.0: checksum mismatch\n\tdownloaded: h1:a\n\tgo.sum: h1:b\n\nSECURITY ERROR":                       "verifying example.org/x@v1.0.0: checksum mismatch; downloaded: h1:a; go.sum: h1:b; SECURITY ERROR",
		"": "the go command failed and did not say why",
	} {
		got := why(strings.Split(said, "\n"))
		if !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	text := "module \"example.org/m\" // mine\n\ngo 1.26.0\n\nrequire example.org/one v1.0.0\nrequire (\n\texample.org/two/v2 v2.1.0 // indirect\n\t\"example.org/one/sub\" v0.1.0\n)\nreplace (\n\texample.org/one => ../one\n)\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	f := Workspace{Dir: below}.File()
	want := &File{Path: filepath.Join(dir, "go.mod"), Module: "example.org/m", Requires: []Require{
		{"example.org/one", "v1.0.0"}, {"example.org/two/v2", "v2.1.0"}, {"example.org/one/sub", "v0.1.0"},
	}}
	if !reflect.DeepEqual(f, want) {
		t.Fatalf("%+v", f)
	}
	for path, module := range map[string]string{
		"example.org/one": "example.org/one", "example.org/one/x": "example.org/one", "example.org/one/sub/x": "example.org/one/sub", "example.org/oneness": "", "example.org/two": "",
	} {
		if r, ok := f.Requirement(path); r.Path != module || ok != (module != "") {
			t.Errorf("%s is of %q", path, r.Path)
		}
	}
}
