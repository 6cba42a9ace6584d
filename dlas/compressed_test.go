package dlas

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/internal/need"
)

// Networks that others have compressed, and networks that were compressed here, as files.

// TestProductQuantisedAgainstNumPy decodes the product-quantised ResNets here and in NumPy, by the rule that the files
// state: the same bits. Written by us they take what their codes and books take, not what is decoded.
func TestProductQuantisedAgainstNumPy(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"imagenet-resnet18": "imagenet_pqf_resnet18", "resnet50": "imagenet_pqf_resnet50_large"} {
		t.Run(name, func(t *testing.T) {
			path := need.Data(t, "weights", "imagenet", file+".safetensors")
			out := filepath.Join(t.TempDir(), "out")
			cmd := exec.CommandContext(t.Context(), installtest.Engines(t).Python, "-I", filepath.Join("testdata", "decode.py"), path, out)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			lines, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			g, _, err := New().Model(name).network(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tensors := 0
			for line := range strings.Lines(string(lines)) {
				tensor, want, _ := strings.Cut(strings.TrimSpace(line), " ")
				w := g.Weights[tensor]
				if w == nil {
					t.Fatalf("the network has no %q", tensor)
				}
				if sum := sha256.Sum256(w.Memory()); hex.EncodeToString(sum[:]) != want {
					t.Errorf("%s is decoded to other numbers", tensor)
				}
				tensors++
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			c := model.Count(g)
			if tensors < 60 || c.Bytes > info.Size()*11/10 {
				t.Errorf("%d tensors of %d bytes, from a file of %d: %v", tensors, c.Bytes, info.Size(), c.Stored)
			}
			t.Logf("%d tensors; the file has %d bytes, stored here the weights take %d", tensors, info.Size(), c.Bytes)
		})
	}
}

// TestDeepCompressed: SqueezeNet keeps its zeros, and what its publisher shared among weights is found again. Its classifier,
// four fifths zeros, is bound to CSR rows; its 3x3 convolutions, of which two thirds are zeros, to Winograd's dense kernels,
// which are faster than CSR there.
func TestDeepCompressed(t *testing.T) {
	t.Parallel()
	need.Data(t, "weights", "imagenet", "imagenet_squeezenet1.0_deepcompressed_dense.safetensors")
	g, _, err := New().Model("squeezenet1.0").network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dense := int64(0)
	for name, w := range g.Weights {
		dense += w.Bytes()
		if len(w.Shape) < 2 {
			continue
		}
		if form, bytes := model.Stored(w); !strings.Contains(form, "palette(8)") {
			t.Errorf("%s is stored as %s in %d bytes of %d", name, form, bytes, w.Bytes())
		}
	}
	c := model.Count(g)
	if c.Bytes > dense/8 {
		t.Errorf("%d bytes of %d: %v", c.Bytes, dense, c.Stored)
	}
	t.Logf("%d bytes of %d: %v", c.Bytes, dense, c.Stored)
	for _, isa := range []string{"avx512", "avx2"} {
		p, err := (&Network{graph: g}).Compile(CompileOptions{ISA: isa, Threads: 1}) // among more threads csr gains less, and dense kernels may be as fast
		if err != nil {
			t.Logf("not on %s: %v", isa, err)
			continue
		}
		csr := 0
		for _, n := range p.run.program.Nodes() {
			zeros := 1 - float64(n.MACsNonzero)/float64(max(1, n.MACs))
			switch {
			case n.Op != "Conv":
			case zeros > 0.75:
				if csr++; n.Format != "csr" {
					t.Errorf("%s on %s: %.0f %% zeros, and bound to %s", n.Name, isa, 100*zeros, n.Kernel)
				}
			case zeros > 0.6 && n.Algorithm != "winograd" || n.Format != "dense":
				t.Errorf("%s on %s: %.0f %% zeros, and bound to %s", n.Name, isa, 100*zeros, n.Kernel)
			}
		}
		if csr == 0 {
			t.Errorf("no node is sparse on %s", isa)
		}
	}
}

// TestNativeExport: a run of the file that Export wrote computes the same logits, bit for bit, and says the same size.
func TestNativeExport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pruned.dlas")
	st := New().Data("fashion-mnist(n=100)").Model("vgg7").Prune(0.8)
	if err := st.Export(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	a, b := predictions(t, st), predictions(t, New().Data("fashion-mnist(n=100)").Model(ir.QuoteName(path)))
	if d := differing(a, b); d > 0 {
		t.Errorf("%d of 100 images are of another class", d)
	}
	g, _, err := st.network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	net, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Exported(path)
	if err != nil {
		t.Fatal(err)
	}
	if x, y := model.Count(g), model.Count(net.graph); x.Bytes != y.Bytes || x.Zeros != y.Zeros || !strings.Contains(text, "sparse f32") || !strings.Contains(text, bytesText(x.Bytes)) {
		t.Errorf("%+v, read again %+v: %s", x, y, text)
	}
	images := pictures(t, g.Prep, "fashion-mnist(n=4)", 4)
	var logits [2][]float32
	for i, n := range []*Network{{graph: g}, net} {
		p, err := n.Compile(CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		logits[i] = ours(t, p, images)
	}
	for i, v := range logits[0] {
		if v != logits[1][i] {
			t.Fatalf("logit %d is %v, and %v of the file", i, v, logits[1][i])
		}
	}
}

// TestCompressedExportAgreesWithONNXRuntime writes compressed networks as ONNX: ONNX Runtime computes the same logits from
// the file, in int8 the same bits.
func TestCompressedExportAgreesWithONNXRuntime(t *testing.T) {
	t.Parallel()
	for _, passes := range []string{"fp16", "bf16", "prune(0.8) palette(4)", "int8(n=50)", "blocks(0.5, 16x1) int8(n=50)"} {
		t.Run(passes, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "network.onnx")
			st := New().Model("resnet8").Compress(passes)
			if err := st.Export(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			net, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := net.Compile(CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			images := pictures(t, net.graph.Prep, "fashion-mnist(n=50)", 50)
			got, want := ours(t, p, images), peer(t, "check", path, images)
			if !strings.Contains(passes, "int8") {
				agree(t, got, want, p.OutShape()[1])
				return
			}
			needVNNI(t)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("logit %d is %v, and %v there", i, got[i], want[i])
				}
			}
		})
	}
}
