package model

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/internal/need"
)

func fashion() Request { return Request{Data: "fashion-mnist", C: 1, H: 28, W: 28, Classes: 10} }

func cifar(dir string) Request {
	return Request{Data: "cifar10", C: 3, H: 32, W: 32, Classes: 10, Env: Env{Dir: dir}}
}

func build(t *testing.T, name string, r Request) *ir.Graph {
	t.Helper()
	g, err := Build(ir.Choice{Name: name}, r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSizes(t *testing.T) {
	// ResNet-20 has 0.27 M parameters and ResNet-56 0.85 M in table 6 of He et al.; the exact numbers are those of its
	// definition. MACs are added up by hand: a 3x3 convolution that keeps 16 channels at 32x32, 32 at 16x16 or 64 at 8x8
	// takes 2,359,296, one that doubles the channels and halves the map half of that.
	const same = 16 * 16 * 9 * 32 * 32
	for _, c := range []struct {
		model  string
		req    Request
		params int64
		macs   int64
	}{
		{"resnet20", cifar(""), 269722, 442368 + 6*same + 2*(same/2+5*same) + 640},
		{"resnet56", cifar(""), 853018, 442368 + 18*same + 2*(same/2+17*same) + 640},
		{"resnet8", fashion(), 77754, 147456 + 2*same + 2*(same/18+same/2+same) + 640},
	} {
		g := build(t, c.model, c.req)
		if got := Count(g).Params; got != c.params {
			t.Errorf("%s has %d parameters, not %d", c.model, got, c.params)
		}
		work, err := op.Count(g)
		if err != nil {
			t.Fatal(err)
		}
		var macs int64
		for _, w := range work {
			macs += w.MACs
		}
		if macs != c.macs {
			t.Errorf("%s takes %d MACs, not %d", c.model, macs, c.macs)
		}
	}
}

// TestEveryModelOnEveryShape builds all networks for the sets there are and for odd sizes.
func TestEveryModelOnEveryShape(t *testing.T) {
	for _, o := range Options() {
		if o.Help == "" || o.Source == "" {
			t.Errorf("%s has no help or no source", o.Name)
		}
		for _, r := range []Request{fashion(), cifar(""), {Data: "random", C: 3, H: 33, W: 47, Classes: 5}, {Data: "random", C: 2, H: 9, W: 8}} {
			g, err := Build(ir.Choice{Name: o.Name}, r)
			if o.Name == "resnet8-p90" && r.Data != "fashion-mnist" {
				if err == nil || !strings.Contains(err.Error(), "is its trained weights, and there are none for "+r.Data) {
					t.Errorf("resnet8-p90 on %s: %v", r.Data, err)
				}
				continue
			}
			if err != nil && o.Name == "efficientnet-b0" && strings.Contains(err.Error(), "unknown operator") {
				continue // until there is Sigmoid
			}
			least, _ := lookup(ir.Choice{Name: o.Name})
			if err != nil && least.fit(r).least > r.H && strings.Contains(err.Error(), "needs images of at least") {
				continue
			}
			if err != nil {
				t.Errorf("%s on %+v: %v", o.Name, r, err)
				continue
			}
			shapes, err := op.Infer(g, 3)
			if err != nil {
				t.Errorf("%s on %+v: %v", o.Name, r, err)
				continue
			}
			classes := r.Classes
			if classes == 0 {
				classes = least.form.classes()
			}
			if got := shapes[g.Output()].Shape; !got.Equal(ir.Shape{3, classes}) {
				t.Errorf("%s on %+v gives %v", o.Name, r, got)
			}
			if g.Trained != (g.Digest != "") {
				t.Errorf("%s: trained %v with digest %q", o.Name, g.Trained, g.Digest)
			}
		}
	}
}

func TestRandomWeightsAreSeeded(t *testing.T) {
	r := cifar("")
	a, b := build(t, "resnet20", r), build(t, "resnet20", r)
	r.Seed = 1
	c := build(t, "resnet20", r)
	if a.Trained {
		t.Fatal("a network without a file of weights says that it is trained")
	}
	w := func(g *ir.Graph) []float32 { return g.Weights["layer3.2.conv2.weight"].F32() }
	same, other := true, true
	var sum float64
	for i, v := range w(a) {
		same, other = same && v == w(b)[i], other && v == w(c)[i]
		sum += float64(v) * float64(v)
	}
	if !same || other {
		t.Errorf("same seed gives the same: %v; another seed gives the same: %v", same, other)
	}
	// He: variance 2/(in*k*k), here over 36,864 draws, whose variance estimate has a relative deviation of 0.7 %.
	if v, want := sum/float64(len(w(a))), 2.0/(64*9); math.Abs(v/want-1) > 0.05 {
		t.Errorf("the weights' variance is %v, not %v", v, want)
	}
}

// embeddedWeights are the files that _models/train.py wrote, and the top-1 on the whole test set that it measured.
var embeddedWeights = map[string]struct{ digest, top1 string }{
	"mobilenetv2": {"a4c2b78eb7ce9a54d2d32a10d37730e5535a08f5fc4c2758dbb7a2c4f8779941", "0.9220"},
	"resnet8":     {"93641a2f0e5a1fb2e3f2751e915ee60ced1e52d751ef63f305b30aa0526b6666", "0.9278"},
	"resnet8-p90": {"eb6c4557e93180a57c9d4ad40f23b208bc9e063f18c20b557b93ad80a3209f79", "0.9232"},
	"vgg7":        {"41504cc297dd235449555a21c543185a6dc8f6f8da98f3cf6d5a9a526f6c1521", "0.9337"},
}

func TestEmbeddedWeights(t *testing.T) {
	for name, want := range embeddedWeights {
		raw, err := embedded.ReadFile("weights/fashion-mnist/" + name + ".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 400e3 {
			t.Errorf("%s takes %d bytes, more than 400 KB", name, len(raw))
		}
		g := build(t, name, fashion())
		if g.Digest != want.digest || !g.Trained {
			t.Errorf("%s has digest %s (trained %v), not %s", name, g.Digest, g.Trained, want.digest)
		}
		s, err := read(raw)
		if err != nil {
			t.Fatal(err)
		}
		if s.Metadata["top1_test"] != want.top1 {
			t.Errorf("%s says top-1 %s, not %s", name, s.Metadata["top1_test"], want.top1)
		}
		if p := g.Prep; p.Pad != 2 || p.Scale != 1./255 || len(p.Mean) != 1 || p.Mean[0] != 0.286 || p.Std[0] != 0.353 {
			t.Errorf("%s states the preprocessing %+v", name, p)
		}
		if c := Count(g); name == "resnet8-p90" && c.Zeros != int64(math.Round(0.9*float64(c.Sparse))) {
			t.Errorf("%s has %d zeros of %d", name, c.Zeros, c.Sparse)
		}
	}
}

// resnet8Shapes lists the tensors of resnet8 as its file holds them.
func resnet8Shapes(t *testing.T) map[string][]int {
	shapes := map[string][]int{}
	r := fashion()
	r.Data = "none"
	for name, w := range build(t, "resnet8", r).Weights {
		shapes[name] = w.Shape
	}
	return shapes
}

// TestWeightsFiles puts files of weights for a set of its own into a folder and builds from them.
func TestWeightsFiles(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "weights", "toy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "resnet8.safetensors")
	r := Request{Data: "toy", C: 1, H: 32, W: 32, Env: Env{Dir: root}}
	put := func(meta map[string]string, change func(map[string][]int)) {
		t.Helper()
		shapes := resnet8Shapes(t)
		if change != nil {
			change(shapes)
		}
		if err := os.WriteFile(path, save(t, meta, shapes, func(string, int) float32 { return 0.5 }), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(map[string]string{"model": "resnet8", "mean": "0.5", "std": "0.25", "scale": "1/255", "pad": "3"}, func(m map[string][]int) {
		m["linear.weight"], m["linear.bias"] = m["fc.weight"], m["fc.bias"] // another name of the head
		delete(m, "fc.weight")
		delete(m, "fc.bias")
		m["bn1.num_batches_tracked"] = []int{1}
	})
	g := build(t, "resnet8", r)
	if !g.Trained || g.Weights["fc.weight"].F32()[0] != 0.5 || g.Prep.Pad != 3 || g.Prep.Mean[0] != 0.5 || !g.Input().Shape.Equal(ir.Shape{1, 1, 38, 38}) {
		t.Errorf("trained %v, preprocessing %+v, input %v", g.Trained, g.Prep, g.Input().Shape)
	}
	cache := Request{Data: "toy", C: 1, H: 32, W: 32, Env: Env{Cache: root}}
	if g := build(t, "resnet8", cache); !g.Trained {
		t.Error("weights in the cache are not found")
	}
	for _, c := range []struct {
		name   string
		meta   map[string]string
		change func(map[string][]int)
		want   string
	}{
		{"wrong shape", nil, func(m map[string][]int) { m["layer1.0.conv1.weight"] = []int{16, 16, 5, 5} }, `tensor "layer1.0.conv1.weight" has shape 16x16x5x5 and should have 16x16x3x3`},
		{"missing", nil, func(m map[string][]int) { delete(m, "fc.bias") }, `has no tensor "fc.bias" (shape 10)`},
		{"extra", nil, func(m map[string][]int) { m["layer4.0.conv1.weight"] = []int{1} }, `tensor "layer4.0.conv1.weight" that the network has no place for`},
		{"another model", map[string]string{"arch": "vgg16"}, nil, `is of the model "vgg16", not resnet8`},
		{"mean of three", map[string]string{"mean": "0.1 0.2 0.3"}, nil, "states mean for 3 channels, and the images have 1"},
		{"std of zero", map[string]string{"std": "0"}, nil, `states std "0"`},
		{"pad", map[string]string{"pad": "1000000000"}, nil, `states pad "1000000000"`},
		{"scale", map[string]string{"scale": "1/0"}, nil, `states scale "1/0"`},
		{"norm", map[string]string{"norm": "like always"}, nil, `norm "like always"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			put(c.meta, c.change)
			wantError(t, "resnet8", r, "L2 model: weights file "+path, c.want)
		})
	}
	for name, v := range map[string]float32{"NaN": float32(math.NaN()), "+Inf": float32(math.Inf(1)), "-0.5": -0.5} {
		odd := "layer1.0.bn1.running_var"
		file := save(t, nil, resnet8Shapes(t), func(name string, i int) float32 {
			if name == odd && i == 3 {
				return v
			}
			return 0.5
		})
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		wantError(t, "resnet8", r, `tensor "`+odd+`" holds `+name)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, "resnet8", r, path)
}

func wantError(t *testing.T, name string, r Request, parts ...string) {
	t.Helper()
	_, err := Build(ir.Choice{Name: name}, r)
	var e *ir.Error
	if !errors.As(err, &e) || e.Layer != ir.Model {
		t.Fatalf("error %v is not one of layer model", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestBadChoices(t *testing.T) {
	wantError(t, "resnet9", fashion(), `unknown model "resnet9"; try resnet8`)
	wantError(t, "vgg7", Request{Data: "random", C: 1, H: 7, W: 7}, "needs images of at least 8x8 pixels, and random has 7x7")
	wantError(t, "vgg7", Request{Data: "random", C: 0, H: 7, W: 7}, "cannot take images of 0x7x7")
	if err := Check(ir.Choice{Name: "vgg7", Value: []string{"3"}}); err == nil || !strings.Contains(err.Error(), "vgg7 takes no arguments") {
		t.Errorf("vgg7(3): %v", err)
	}
}

func TestPrepare(t *testing.T) {
	p := ir.Preprocess{Pad: 1, Scale: 1. / 255, Mean: []float64{0.5, 0}, Std: []float64{0.25, 1}}
	m := ir.Image{C: 2, H: 1, W: 2, Pix: []uint8{255, 0, 51, 102}}
	dst := make([]float32, 2*2*3*4)
	if err := Prepare(p, []ir.Image{m, m}, dst); err != nil {
		t.Fatal(err)
	}
	want := []float32{
		-2, -2, -2, -2, -2, 2, -2, -2, -2, -2, -2, -2,
		0, 0, 0, 0, 0, 0.2, 0.4, 0, 0, 0, 0, 0,
	}
	for i, v := range dst {
		if math.Abs(float64(v-want[i%24])) > 1e-6 {
			t.Errorf("element %d is %v, not %v", i, v, want[i%24])
		}
	}
	if err := Prepare(p, []ir.Image{m}, dst); err == nil {
		t.Error("a buffer of the wrong size is accepted")
	}
	if err := Prepare(p, []ir.Image{m, {C: 2, H: 2, W: 1, Pix: m.Pix}}, dst); err == nil {
		t.Error("images of two sizes are accepted")
	}
	if err := Prepare(ir.Preprocess{Mean: []float64{1}}, []ir.Image{m, m}, dst[:8]); err == nil {
		t.Error("a mean for one channel is accepted for two")
	}
}

// TestPublishedResNets reads the files of weights as their publisher made them.
func TestPublishedResNets(t *testing.T) {
	root := filepath.Dir(filepath.Dir(need.Data(t, "weights", "cifar10")))
	for _, name := range []string{"resnet20", "resnet32", "resnet44", "resnet56"} {
		g := build(t, name, cifar(root))
		p := g.Prep
		if !g.Trained || p.Pad != 0 || p.Scale != 1./255 || p.Mean[2] != 0.406 || p.Std[0] != 0.229 {
			t.Errorf("%s: trained %v, preprocessing %+v", name, g.Trained, p)
		}
	}
}
