package dlas

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/install/installtest"
)

// TestQuantisedAgreesWithONNXRuntime quantises networks with ONNX Runtime's own quantiser and runs them in both. Sums and
// tables are exact in both; a mean, a sum or a product of two quantised values may round otherwise on a tie, by one step
// of its scale, so logits may be off by a step of theirs, and few of them are.
func TestQuantisedAgreesWithONNXRuntime(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"resnet20", "cifar-mobilenetv2"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			float, path, calibration := filepath.Join(dir, "float.onnx"), filepath.Join(dir, "int8.onnx"), filepath.Join(dir, "images")
			st := New().Model(name)
			if err := st.Export(t.Context(), float); err != nil {
				t.Fatal(err)
			}
			g, _, err := st.network(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			shape := slices.Clone(g.Input().Shape)
			shape[0] = 8
			images := pictures(t, g.Prep, "random("+shape.String()+")", 8)
			var raw []byte
			for _, v := range images {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			}
			if err := os.WriteFile(calibration, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), installtest.Engines(t).Python, "-I", filepath.Join("testdata", "quantise.py"), float, path, calibration)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			net, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := net.Compile(CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range p.run.program.Nodes() {
				if n.Type != ir.I8 && n.Op != "Layout" {
					t.Errorf("node %q runs in %s, by %s", n.Name, n.Type, n.Kernel)
				}
			}
			got, want := ours(t, p, images), peer(t, "check", path, images)
			step, off := outputScale(net.graph), 0
			for i := range want {
				d := math.Abs(float64(got[i]) - float64(want[i]))
				if !(d < 1.01*step) {
					t.Errorf("logit %d is %v, and %v there: more than a step of %v", i, got[i], want[i], step)
				}
				if d > 0 {
					off++
				}
			}
			if len(want) != 8*10 || off > len(want)/4 {
				t.Errorf("%d of %d logits differ", off, len(want))
			}
			t.Logf("%d of %d logits differ", off, len(want))
		})
	}
}
