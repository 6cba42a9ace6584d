package dlas

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

// TestJoinedFiles runs a network that is published in two files, and the same two one after the other in LiteRT: the outputs
// have the same bits.
func TestJoinedFiles(t *testing.T) {
	t.Parallel()
	body := need.Data(t, "weights", "coral", "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
	head := need.Data(t, "weights", "coral", "mobilenet_quant_v1_224_head_layers.tflite")
	names := need.Data(t, "weights", "coral", "imagenet_labels.txt")
	set := ir.QuoteName(need.Data(t, "imagenet-sample-200.zip"))
	n := 20
	if need.Required("whole") {
		n = 200
	}
	st := New().Data(set).Model(fmt.Sprintf("%s(head=%s, classes=%s)", ir.QuoteName(body), ir.Quote(head), ir.Quote(names)))
	g, _, err := st.network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Classes) != 1001 || g.Digest == "" || !strings.Contains(strings.Join(g.Notes, "\n"), "goes on in "+head+" with 1x1024x1x1 of u8 in steps of 0.0235") {
		t.Errorf("%d classes, digest %q, notes %q", len(g.Classes), g.Digest, g.Notes)
	}
	p, err := (&Network{graph: g}).Compile(CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	classes := p.OutShape().Elems()
	pixels, images := rawPictures(t, set, n)
	var got []float32
	for i := range images {
		in, out := make([]float32, p.InShape().Elems()), make([]float32, classes)
		if err := p.Prepare(images[i:i+1], in); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context(), in, out); err != nil {
			t.Fatal(err)
		}
		got = append(got, out...)
	}
	want := peer(t, "tflite", body+","+head, pixels)
	if len(want) != len(got) {
		t.Fatalf("%d outputs, and %d elsewhere", len(got), len(want))
	}
	off := 0
	for i := range want {
		if got[i] != want[i] {
			off++
		}
	}
	if off > 0 {
		t.Errorf("%d of %d outputs differ", off, len(want))
	}
}

// TestHeadsThatDoNotFit says what the two files differ in.
func TestHeadsThatDoNotFit(t *testing.T) {
	body := need.Data(t, "weights", "coral", "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
	head := need.Data(t, "weights", "coral", "mobilenet_quant_v1_224_head_layers.tflite")
	raw, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	// The scale of the head's input, as the file holds it.
	scale := string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.023528477)))
	other := filepath.Join(t.TempDir(), "other.tflite")
	if !strings.Contains(string(raw), scale) {
		t.Fatal("the head's scale is not in its file")
	}
	if err := os.WriteFile(other, []byte(strings.ReplaceAll(string(raw), scale, "\x00\x00\x80\x3d")), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		other: "does not fit: it takes u8 in steps of 0.0625, zero at 0, and the network before it gives u8 in steps of 0.0235",
		body:  "does not fit: it takes f32 1x3x224x224, and the network before it gives f32 1x1024x1x1",
		filepath.Join(t.TempDir(), "none.tflite"): "no such file",
	} {
		st := New().Data("random(1x3x224x224)").Model(fmt.Sprintf("%s(head=%s)", ir.QuoteName(body), ir.Quote(file)))
		if _, _, err := st.network(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

// TestHelpOfFiles: what may be said of a network's file is explained like any other choice.
func TestHelpOfFiles(t *testing.T) {
	layer, err := Help("model")
	if err != nil || !strings.Contains(layer, "\n  FILE ") {
		t.Errorf("%v\n%s", err, layer)
	}
	text, err := Help("FILE")
	if err != nil || !strings.Contains(text, "\n  head: the file of a network") || !strings.Contains(text, "\n  mean: ") {
		t.Errorf("%v\n%s", err, text)
	}
}
