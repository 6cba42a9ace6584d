package dlas

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
)

const module = "github.com/godlas/godlas"

// layers are the packages that meet only as data, in package dlas.
var layers = []string{"data", "model", "compress", "primitive", "system", "hardware"}

type listed struct {
	ImportPath string
	Standard   bool
	Deps       []string
}

// below reports whether path is the package or one in its folder.
func below(path, pkg string) bool { return path == pkg || strings.HasPrefix(path, pkg+"/") }

// broken names the imports of one package that the house does not allow. standard says what is of the standard library.
func broken(p listed, standard map[string]bool) []string {
	var out []string
	forbid := func(dep, why string) { out = append(out, p.ImportPath+" imports "+dep+": "+why) }
	for _, dep := range p.Deps {
		if below(p.ImportPath, module+"/kernel") && (below(dep, module+"/dlas") || below(dep, module+"/plotting")) {
			forbid(dep, "nothing under kernel knows DLAS")
		}
		if p.ImportPath == module+"/kernel" && below(dep, module) && !below(dep, module+"/kernel/internal") && !below(dep, module+"/internal") {
			forbid(dep, "the front knows neither a language nor what a cell shows")
		}
		if below(p.ImportPath, module+"/kernel/display") && below(dep, module) && !below(dep, module+"/kernel/display") && !below(dep, module+"/kernel/internal/comms") {
			forbid(dep, "what a cell calls needs no session")
		}
		if below(p.ImportPath, module+"/dlas/ir") && !standard[dep] && !below(dep, module+"/dlas/ir") {
			forbid(dep, "ir needs the standard library alone")
		}
		for _, l := range layers {
			if !below(p.ImportPath, module+"/dlas/"+l) {
				continue
			}
			if below(dep, module) && !below(dep, module+"/dlas/"+l) && !below(dep, module+"/dlas/ir") {
				forbid(dep, "a layer knows ir and itself")
			}
		}
		if p.ImportPath == module+"/dlas" && (below(dep, module+"/kernel") || below(dep, module+"/plotting") || below(dep, module+"/install")) {
			forbid(dep, "the front door of DLAS is a library")
		}
	}
	return out
}

func TestLayering(t *testing.T) {
	t.Parallel()
	need.Program(t, "go", "go")
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Deps", module+"/...")
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("go list: %v\n%s", err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	standard := map[string]bool{"C": true}
	var ours []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		standard[p.ImportPath] = p.Standard
		if below(p.ImportPath, module) {
			ours = append(ours, p)
		}
	}
	var seen []string
	for _, p := range ours {
		seen = append(seen, p.ImportPath)
		for _, b := range broken(p, standard) {
			t.Error(b)
		}
	}
	for _, l := range append([]string{"ir"}, layers...) {
		if !slices.Contains(seen, module+"/dlas/"+l) {
			t.Errorf("go list shows no package dlas/%s", l)
		}
	}
}

// TestKernelIsTestedWithoutALanguage holds that the front's own tests need no interpreter: their session is scripted.
func TestKernelIsTestedWithoutALanguage(t *testing.T) {
	need.Program(t, "go", "go")
	out, err := exec.Command("go", "list", "-deps", "-test", module+"/kernel").Output()
	if err != nil {
		t.Fatal(err)
	}
	tested := false
	for dep := range strings.Lines(string(out)) {
		dep, _, _ = strings.Cut(strings.TrimSpace(dep), " ") // "path [of a test]"
		tested = tested || dep == module+"/kernel.test"
		if dep == module+"/kernel" || dep == module+"/kernel.test" || !below(dep, module) {
			continue
		}
		for _, b := range broken(listed{ImportPath: module + "/kernel", Deps: []string{dep}}, nil) {
			t.Error(b)
		}
	}
	if !tested {
		t.Errorf("go list shows no tests of package kernel:\n%s", out)
	}
}

// TestLayeringSeesABreak makes sure that the rule above can fail.
func TestLayeringSeesABreak(t *testing.T) {
	standard := map[string]bool{"fmt": true}
	for _, p := range []listed{
		{ImportPath: module + "/kernel/nb", Deps: []string{"fmt", module + "/dlas/ir"}},
		{ImportPath: module + "/kernel", Deps: []string{module + "/kernel/interp"}},
		{ImportPath: module + "/kernel", Deps: []string{module + "/kernel/display"}},
		{ImportPath: module + "/kernel/display/widget", Deps: []string{module + "/kernel/session"}},
		{ImportPath: module + "/dlas/ir/op", Deps: []string{"gonum.org/v1/gonum/mat"}},
		{ImportPath: module + "/dlas/model", Deps: []string{module + "/dlas/data"}},
		{ImportPath: module + "/dlas/system", Deps: []string{module + "/dlas"}},
		{ImportPath: module + "/dlas", Deps: []string{module + "/kernel/display"}},
	} {
		if len(broken(p, standard)) != 1 {
			t.Errorf("%s may import %v", p.ImportPath, p.Deps)
		}
	}
	if b := broken(listed{ImportPath: module + "/dlas/model", Deps: []string{"fmt", module + "/dlas/ir", module + "/dlas/ir/op"}}, standard); b != nil {
		t.Error(b)
	}
}
