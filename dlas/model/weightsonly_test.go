package model

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestWeightsAlone names no network: the file's tensors do.
func TestWeightsAlone(t *testing.T) {
	path := filepath.Join("weights", "fashion-mnist", "resnet8.safetensors")
	r := Request{Data: "fashion-mnist", C: 1, H: 28, W: 28, MinClasses: 10}
	g, err := Build(ir.Choice{Name: path}, r)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Build(ir.Choice{Name: "resnet8"}, r)
	if err != nil {
		t.Fatal(err)
	}
	if g.Name != want.Name || g.Digest != want.Digest || !g.Trained || len(g.Weights) != len(want.Weights) || g.Prep.Pad != want.Prep.Pad || !slices.Equal(g.Prep.Mean, want.Prep.Mean) {
		t.Errorf("%q %s %v, want %q %s %v", g.Name, g.Digest, g.Prep, want.Name, want.Digest, want.Prep)
	}
	if !slices.ContainsFunc(g.Notes, func(n string) bool { return strings.Contains(n, "network: resnet8,") }) {
		t.Errorf("notes %q", g.Notes)
	}
	dir := t.TempDir()
	plant := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	// With ten thousand rows of the last layer it would be another network, and one tensor too many is none of ours.
	strange := save(t, nil, map[string][]int{"a.weight": {2, 3}}, func(string, int) float32 { return 1 })
	for _, c := range []struct {
		choice ir.Choice
		r      Request
		want   string
	}{
		{ir.Choice{Name: plant("strange.safetensors", strange)}, r, "no network here"},
		{ir.Choice{Name: plant("short.safetensors", strange[:len(strange)-1])}, r, "short.safetensors: "},
		{ir.Choice{Name: plant("text.safetensors", []byte("hello, world"))}, r, "text.safetensors: "},
		{ir.Choice{Name: path}, Request{Data: "cifar100", C: 1, H: 28, W: 28, Classes: 100}, "resnet8 with 10 outputs, and cifar100 has 100 classes"},
		{ir.Choice{Name: path}, Request{Data: "cifar10", C: 3, H: 32, W: 32}, "images have 3"},
		{ir.Choice{Name: path, Args: []ir.Arg{{Key: "layout", Op: "=", Value: "nhwc"}}}, r, "layout=nhwc"},
		{ir.Choice{Name: path, Args: []ir.Arg{{Key: "means", Op: "=", Value: "1"}}}, r, "means"},
	} {
		if _, err := Build(c.choice, c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not say %q", c.choice.Name, err, c.want)
		}
	}
}

// TestNetworkIsReadOnce holds a file that is no safetensors to be read once: what it is shows in its first bytes.
func TestNetworkIsReadOnce(t *testing.T) {
	const size = 64 << 20
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Build(ir.Choice{Name: path}, Request{Data: "cifar10", C: 3, H: 32, W: 32}); err == nil {
		t.Fatal("zeros are a network")
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > size+size/2 {
		t.Errorf("%d bytes allocated for a file of %d", spent, size)
	}
}

// TestWeightsAloneAreNoNetwork: who reads a file of weights as a network is told what goes with it.
func TestWeightsAloneAreNoNetwork(t *testing.T) {
	raw := append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}"...)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path, FileOptions{}); err == nil || !strings.Contains(err.Error(), "data of its shape") {
		t.Error(err)
	}
}
