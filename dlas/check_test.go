package dlas

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model/onnx"
	"github.com/godlas/godlas/install/installtest"
)

// TestOperatorCases runs the operator cases of the onnx package: none fails, and most pass.
func TestOperatorCases(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(installtest.Engines(t).Python, "-I", "-c", "import importlib.util as u; print(u.find_spec('onnx').submodule_search_locations[0])").Output()
	if err != nil {
		t.Fatal(err)
	}
	folders, err := CheckFolders([]string{filepath.Join(strings.TrimSpace(string(out)), "backend", "test", "data", "node")})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	count, common := map[Verdict]int{}, map[Verdict]int{}
	todo := make(chan string)
	for range 2 {
		wg.Go(func() {
			for f := range todo {
				c, usual := Check(t.Context(), f), commonTypes(f)
				mu.Lock()
				if count[c.Verdict]++; usual {
					common[c.Verdict]++
				}
				mu.Unlock()
				if c.Verdict == Fail || c.Verdict == Unsupported && c.Why == "" {
					t.Error(c)
				}
			}
		})
	}
	for _, f := range folders {
		todo <- f
	}
	close(todo)
	wg.Wait()
	t.Logf("all %v, with f32, i8, u8, i32, i64 or bool at the borders %v", count, common)
	if len(folders) != 1615 || count[Pass] < leastCases || common[Pass] < leastCommon {
		t.Errorf("of %d folders %d pass, not %d; of those with common types at the borders %d, not %d", len(folders), count[Pass], leastCases, common[Pass], leastCommon)
	}
}

// What passes today: a change that loses one is a change for the worse.
const (
	leastCases  = 1325
	leastCommon = 1181
)

// commonTypes reports whether all tensors of a case have the types that most networks have at their borders.
func commonTypes(folder string) bool {
	files, _ := filepath.Glob(filepath.Join(folder, "test_data_set_0", "*.pb"))
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return false
		}
		if _, t, err := onnx.ReadTensor(raw); err != nil || !slices.Contains([]ir.Type{ir.F32, ir.I8, ir.U8, ir.I32, ir.I64, ir.Bool}, t.Type) {
			return false
		}
	}
	return true
}

// TestCheckCanFail shows that a wrong result, and one of another type or shape, is found, and integers are not rounded.
func TestCheckCanFail(t *testing.T) {
	f := func(v ...float32) *ir.Tensor { return ir.NewF32(v, len(v)) }
	i := func(v ...int64) *ir.Tensor { return &ir.Tensor{Type: ir.I64, Shape: ir.Shape{len(v)}, Data: v} }
	for _, c := range []struct {
		got, want *ir.Tensor
		same      bool
	}{
		{f(1, 2), f(1.0009, 2), true},
		{f(1, 2), f(1.0011, 2), false},
		{f(1e-8), f(-1e-8), true},
		{f(1e-6), f(0), false},
		{i(100000), i(100001), false},
		{i(7), i(7), true},
		{f(7), i(7), false},
		{f(1, 2), &ir.Tensor{Type: ir.F32, Shape: ir.Shape{2, 1}, Data: []float32{1, 2}}, false},
	} {
		if err := compareTensors(c.got, c.want); (err == nil) != c.same {
			t.Errorf("%v and %v: %v", c.got.Data, c.want.Data, err)
		}
	}
	dir := t.TempDir()
	if _, err := CheckFolders([]string{dir}); err == nil || !strings.Contains(err.Error(), "no file model.onnx") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "net.onnx")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CheckFolders([]string{other}); err == nil || !strings.Contains(err.Error(), "net.onnx: is not a folder; name a folder with") {
		t.Error(err)
	}
	if c := Check(t.Context(), dir); c.Verdict != Unsupported || c.Why != "it has no test_data_set_0" {
		t.Error(c)
	}
	if err := os.Mkdir(filepath.Join(dir, "test_data_set_0"), 0o700); err != nil {
		t.Fatal(err)
	}
	if c := Check(t.Context(), dir); c.Verdict != Unsupported || c.Why == "" || strings.Contains(c.Why, "\n") {
		t.Error(c)
	}
}
