package dlas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model/onnx"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// Verdict is what a check of a folder found.
type Verdict string

// The verdicts. Unsupported is decided when the model is read, never after comparing.
const (
	Pass        Verdict = "pass"
	Fail        Verdict = "fail"
	Unsupported Verdict = "unsupported"
)

// Checked is the result of one folder: why it failed or is unsupported, in one line.
type Checked struct {
	Folder  string
	Verdict Verdict
	Why     string
}

func (c Checked) String() string {
	if c.Why == "" {
		return fmt.Sprintf("%s %s", c.Folder, c.Verdict)
	}
	return fmt.Sprintf("%s %s: %s", c.Folder, c.Verdict, c.Why)
}

// Tolerances of a check: a floating-point number may differ from the expected e by CheckAbsolute + CheckRelative*|e|;
// integers and truth values not at all. They are those of ONNX's own tests.
const (
	CheckRelative = 1e-3
	CheckAbsolute = 1e-7
)

// CheckFolders finds the folders with a file model.onnx in those given and all below them, in order of their names.
func CheckFolders(dirs []string) ([]string, error) {
	var found []string
	for _, dir := range dirs {
		before := len(found)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "model.onnx" && d.Type().IsRegular() {
				found = append(found, filepath.Dir(path))
			}
			return err
		})
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		if err != nil {
			return nil, &ir.Error{Layer: ir.Model, What: dir, Err: err}
		}
		if len(found) == before {
			what := ": no file model.onnx in it"
			if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
				what = ": is not a folder"
			}
			return nil, &ir.Error{Layer: ir.Model, What: dir + what, Try: "name a folder with model.onnx and test_data_set_0/input_0.pb, output_0.pb"}
		}
	}
	return found, nil
}

// Check runs the model of a folder on its data sets (test_data_set_*/input_*.pb) on this machine and compares what it
// makes with what is expected (output_*.pb). Inputs whose numbers decide shapes are bound as constants: a program's shapes
// are fixed when it is compiled.
func Check(ctx context.Context, folder string) Checked {
	c := Checked{Folder: folder, Verdict: Pass}
	sets, err := filepath.Glob(filepath.Join(escapeGlob(folder), "test_data_set_*"))
	if err == nil && len(sets) == 0 {
		c.Verdict, c.Why = Unsupported, "it has no test_data_set_0"
		return c
	}
	slices.Sort(sets)
	for _, set := range sets {
		if c.Verdict, err = checkSet(ctx, folder, set); err != nil {
			c.Why = strings.TrimPrefix((&ir.Error{What: err.Error()}).Error(), "L2 model: ")
			if len(sets) > 1 {
				c.Why = filepath.Base(set) + ": " + c.Why
			}
			return c
		}
	}
	return c
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func checkSet(ctx context.Context, folder, set string) (v Verdict, err error) {
	prog, in, err := readCase(folder, set)
	if err != nil {
		return Unsupported, err
	}
	defer func() {
		if r := recover(); r != nil {
			v, err = Fail, fmt.Errorf("panic: %v", r)
		}
	}()
	outputs := prog.Outputs()
	out, made := make([]ir.Memory, len(outputs)), make([]*ir.Tensor, len(outputs))
	for i, o := range outputs {
		made[i] = op.NewTensor(o.Type, o.Shape)
		out[i] = made[i].Memory()
	}
	if err := prog.RunAll(ctx, in, out); err != nil {
		return Fail, err
	}
	for i, o := range outputs {
		want, err := readTensor(filepath.Join(set, fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return Fail, err
		}
		if err := compareTensors(made[i], want); err != nil {
			return Fail, fmt.Errorf("output %q: %w", o.Name, err)
		}
	}
	return Pass, nil
}

// readCase compiles a folder's model for a data set, and reads the inputs that it runs on.
func readCase(folder, set string) (*system.Program, []ir.Memory, error) {
	raw, err := readCaseFile(filepath.Join(folder, "model.onnx"))
	if err != nil {
		return nil, nil, err
	}
	data, err := onnx.OpenFolder(folder)
	if err != nil {
		return nil, nil, err
	}
	defer data.Close()
	m, err := onnx.Read(raw, onnx.Options{Folder: data})
	if err != nil {
		return nil, nil, err
	}
	g := m.Graph
	if err := op.Modernise(g, m.Opsets); err != nil {
		return nil, nil, err
	}
	if err := contradicted(g); err != nil {
		return nil, nil, err
	}
	given := map[string]*ir.Tensor{}
	for i := range g.Inputs {
		v := &g.Inputs[i]
		t, err := readTensor(filepath.Join(set, fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return nil, nil, err
		}
		if t.Type != v.Type {
			return nil, nil, fmt.Errorf("input %q is %s, the model's %s", v.Name, t.Type, v.Type)
		}
		v.Shape = t.Shape // open axes are bound by the data
		given[v.Name] = t
	}
	if g, _, err = op.Bind(g, given); err != nil {
		return nil, nil, err
	}
	if g, err = op.Fold(g); err != nil {
		return nil, nil, err
	}
	machine := hardware.Probe()
	machine.Threads = 1
	prog, err := system.Compile(g, primitive.Kernels(), machine, system.Plan{})
	if err != nil {
		return nil, nil, err
	}
	var in []ir.Memory
	for _, v := range prog.Inputs() {
		in = append(in, given[v.Name].Memory())
	}
	return prog, in, nil
}

// contradicted says what ONNX's own cases expect against its definition.
func contradicted(g *ir.Graph) error {
	for _, n := range g.Nodes {
		if n.Op != "QLinearMatMul" || len(n.In) < 8 {
			continue
		}
		for _, v := range g.Inputs {
			if v.Name == n.In[7] && v.Type == ir.I8 {
				return fmt.Errorf("node %q (QLinearMatMul): into an i8 whose zero point is an input; ONNX's cases expect such results to wrap, its definition and this program saturate them", n.Name)
			}
		}
	}
	return nil
}

// readTensor reads a file that holds one tensor.
func readTensor(path string) (*ir.Tensor, error) {
	raw, err := readCaseFile(path)
	if err != nil {
		return nil, err
	}
	_, t, err := onnx.ReadTensor(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return t, nil
}

// mostCase bounds a file of a case: 2 GiB, what one message of ONNX can hold.
const mostCase = 1 << 31

func readCaseFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), errors.Unwrap(err))
	}
	if !st.Mode().IsRegular() || st.Size() > mostCase {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", filepath.Base(path), int64(mostCase))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, mostCase))
}

// compareTensors says where a result is not what is expected.
func compareTensors(got, want *ir.Tensor) error {
	if got.Type != want.Type || !got.Shape.Equal(want.Shape) {
		return fmt.Errorf("is %s %v, expected %s %v", got.Type, got.Shape, want.Type, want.Shape)
	}
	a, b := op.Widen(got), op.Widen(want)
	for i, w := range b.Data {
		g := a.Data[i]
		same := g == w || math.IsNaN(g) && math.IsNaN(w)
		if got.Type.Float() && !math.IsInf(w, 0) {
			same = same || math.Abs(g-w) <= CheckAbsolute+CheckRelative*math.Abs(w)
		}
		if !same {
			return fmt.Errorf("element %d is %v, expected %v", i, g, w)
		}
	}
	return nil
}
