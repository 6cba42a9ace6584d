package dlas

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/internal/need"
)

// Whole networks against other engines: ONNX Runtime on what Export wrote, LiteRT on TFLite files.

// peer runs a model elsewhere, on images of f32 one after the other.
func peer(t *testing.T, kind, path string, images []float32) []float32 {
	t.Helper()
	env := installtest.Engines(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	raw := make([]byte, 0, 4*len(images))
	for _, v := range images {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	if err := os.WriteFile(in, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), env.Python, "-I", filepath.Join("testdata", "peers.py"), kind, path, in, out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", kind, err, text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, len(raw)/4)
	for i := range logits {
		logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return logits
}

// openSet opens the one set that a data line names.
func openSet(t *testing.T, dataText string) *data.Set {
	t.Helper()
	line, err := grammar.Parse(ir.Data, dataText)
	if err != nil {
		t.Fatal(err)
	}
	points, err := line.Points(ir.Data)
	if err != nil {
		t.Fatal(err)
	}
	set, err := data.Open(points[0][0], data.EnvFromOS())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// pictures are the prepared images of a set, for a network of a stack.
func pictures(t *testing.T, prep ir.Preprocess, dataText string, n int) []float32 {
	t.Helper()
	set := openSet(t, dataText)
	n = min(n, set.Len())
	images := make([]ir.Image, n)
	for i := range images {
		var err error
		if images[i], err = set.Image(i); err != nil {
			t.Fatal(err)
		}
	}
	dst := make([]float32, n*images[0].C*(images[0].H+2*prep.Pad)*(images[0].W+2*prep.Pad))
	if err := model.Prepare(prep, images, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// ours runs a program on images one after the other.
func ours(t *testing.T, p *Program, images []float32) []float32 {
	t.Helper()
	in, out := p.InShape().Elems(), p.OutShape().Elems()
	var logits []float32
	for ; len(images) > 0; images = images[in:] {
		y := make([]float32, out)
		if err := p.Run(context.Background(), images[:in], y); err != nil {
			t.Fatal(err)
		}
		logits = append(logits, y...)
	}
	return logits
}

// agree compares logits image by image: within 1e-4 of the image's largest, and the same class unless the first two are
// closer than that.
func agree(t *testing.T, got, want []float32, classes int) {
	t.Helper()
	if len(got) != len(want) || len(got)%classes != 0 {
		t.Fatalf("%d logits, and %d elsewhere", len(got), len(want))
	}
	worst, others := 0.0, 0
	for i := 0; i < len(got); i += classes {
		a, b := got[i:i+classes], want[i:i+classes]
		largest, diff := 0.0, 0.0
		for k := range a {
			largest = max(largest, math.Abs(float64(b[k])))
			d := math.Abs(float64(a[k]) - float64(b[k]))
			if !(d <= math.MaxFloat32) { // NaN too
				t.Fatalf("image %d: logit %d is %v, and %v elsewhere", i/classes, k, a[k], b[k])
			}
			diff = max(diff, d)
		}
		if largest == 0 {
			t.Fatalf("image %d: all logits are 0", i/classes)
		}
		worst = max(worst, diff/largest)
		if x, y := argmax(a), argmax(b); x != y {
			if others++; math.Abs(float64(b[x])-float64(b[y])) > 1e-4*largest {
				t.Errorf("image %d is of class %d, and %d elsewhere, by more than the first two may differ", i/classes, x, y)
			}
		}
	}
	if worst > 1e-4 {
		t.Errorf("a logit differs by %.2g of the largest", worst)
	}
	t.Logf("%d images: worst logit off by %.2g of the largest, %d of another class", len(got)/classes, worst, others)
}

// TestExportAgreesWithONNXRuntime runs every network that there is in ONNX Runtime, from the file that Export wrote, and
// reads that file back. The larger ones take long, so they and whole test sets run only where DLAS_REQUIRE names whole.
func TestExportAgreesWithONNXRuntime(t *testing.T) {
	t.Parallel()
	entries, err := model.Survey(model.Env{Dir: os.Getenv("DLAS_DATA")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(e.Name, func(t *testing.T) {
			if e.MACs > 95e6 && !need.Required("whole") {
				t.Skip("needs whole: this network is large")
			}
			if e.Weights == "" && strings.HasSuffix(e.Name, "-p90") {
				t.Skip("has no weights")
			}
			exported(t, e)
		})
	}
}

func exported(t *testing.T, e model.Entry) {
	dir := t.TempDir()
	path := filepath.Join(dir, "network.onnx")
	st := New().Model(e.Name)
	if err := st.Export(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	g, _, err := st.network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	net, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !sameShape(net.graph, g) {
		t.Error("what was read is not what was written")
	}
	set, n := "random("+g.Input().Shape.String()+")", 1
	switch {
	case strings.Contains(e.Weights, "fashion-mnist"):
		set, n = "fashion-mnist", 50
	case strings.Contains(e.Weights, "cifar10"):
		set, n = "cifar10(n=50)", 50
		if need.Required("whole") {
			set, n = "cifar10", 10_000
		}
	case strings.Contains(e.Weights, "imagenet"):
		set, n = ir.QuoteName(need.Data(t, "imagenet-sample-200.zip")), 200
	}
	images := pictures(t, g.Prep, set, n)
	p, err := net.Compile(CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := ours(t, p, images)
	agree(t, got, peer(t, "check", path, images), p.OutShape()[1])
}

// sameShape reports whether two graphs have the same operators, weights and preprocessing.
func sameShape(a, b *ir.Graph) bool {
	ops := func(g *ir.Graph) (list []string) {
		for _, n := range g.Nodes {
			list = append(list, n.Name+" "+n.Op)
		}
		return list
	}
	for name, w := range b.Weights {
		v := a.Weights[name]
		if v == nil || !v.Shape.Equal(w.Shape) || !slices.Equal(v.F32(), w.F32()) {
			return false
		}
	}
	return slices.Equal(ops(a), ops(b)) && a.Prep.Pad == b.Prep.Pad && a.Prep.Scale == b.Prep.Scale && slices.Equal(a.Prep.Mean, b.Prep.Mean) &&
		slices.Equal(a.Prep.Std, b.Prep.Std) && slices.Equal(a.Classes, b.Classes) && a.Trained == b.Trained && a.Name == b.Name
}
