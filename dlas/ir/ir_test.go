package ir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestErrorIsOneLine(t *testing.T) {
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{Errorf(Primitive, "no %s kernel for %s", "int8", "csr"), "L4 primitive: no int8 kernel for csr"},
		{&Error{What: "nothing to run", Try: "try help"}, "nothing to run; try help"},
		{&Error{Layer: Model, What: "node \"a\nb\x1b[31m\u202e\"", Err: errors.New("bad\r\nfile\u2028"), Try: "x\ty"}, "L2 model: node \"a b [31m \": bad  file ; x y"},
		{Unknown(Data, "data set", "fashon", []string{"cifar10", "random", "fashion-mnist"}), `L1 data: unknown data set "fashon"; try fashion-mnist, random, cifar10`},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if err := error(&Error{Layer: Data, What: "no file", Err: fs.ErrNotExist}); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

func TestNearest(t *testing.T) {
	have := []string{"resnet8", "resnet20", "mobilenetv2", "vgg", "resnet8-p90"}
	for got, want := range map[string]string{"resnet-20": "resnet20", "vg": "vgg", "VGG": "vgg", "mobilenet": "mobilenetv2", "resnet8p90": "resnet8-p90"} {
		if n := Nearest(got, have, 3); n[0] != want || len(n) != 3 {
			t.Errorf("nearest to %s: %v, want %s first", got, n, want)
		}
	}
	if n := Nearest("x", have, 9); len(n) != len(have) || !slices.Equal(have[:2], []string{"resnet8", "resnet20"}) {
		t.Errorf("%v of %v", n, have)
	}
}

func TestChoiceString(t *testing.T) {
	c := Choice{Name: "prune", Value: []string{"0.9"}, Args: []Arg{{"accuracy", ">=", "0.9"}, {"scope", "=", "layer"}}}
	if got := c.String(); got != "prune(0.9, accuracy>=0.9, scope=layer)" {
		t.Error(got)
	}
	if c.Arg("scope", "global") != "layer" || c.Arg("accuracy", "none") != "none" {
		t.Error("Arg finds a bound, or not what is given")
	}
	if got := (Choice{Name: "none"}).String(); got != "none" {
		t.Error(got)
	}
}

func TestLayers(t *testing.T) {
	for i, l := range Layers() {
		if l.Number() != i+1 || l.Title() == "" {
			t.Errorf("%s is number %d, %q", l, l.Number(), l.Title())
		}
	}
	if Layer("kernel").Number() != 0 {
		t.Error("kernel is a layer")
	}
}

func TestTensor(t *testing.T) {
	a := NewF32([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	b := a.Clone()
	b.F32()[0] = 9
	b.Shape[0] = 7
	if a.F32()[0] != 1 || a.Shape[0] != 2 || a.Bytes() != 24 || a.Shape.String() != "2x3" || Shape(nil).String() != "scalar" || Shape(nil).Elems() != 1 {
		t.Errorf("%v %v", a, b)
	}
	for typ, size := range map[Type]int{F32: 4, F16: 2, BF16: 2, I8: 1, U8: 1, I32: 4, I64: 8} {
		if typ.Size() != size {
			t.Errorf("%s has %d bytes", typ, typ.Size())
		}
	}
	for _, data := range []any{[]uint16{1}, []int8{1}, []uint8{1}, []int32{1}, []int64{1}} {
		if c := (&Tensor{Shape: Shape{1}, Data: data}).Clone(); c.Data == nil {
			t.Errorf("a clone of %T has no data", data)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("NewF32 takes data that differ from the shape")
		}
	}()
	NewF32(make([]float32, 5), 2, 3)
}

func TestGraphClone(t *testing.T) {
	g := &Graph{
		Nodes:   []*Node{{Name: "a", In: []string{"x"}, Out: []string{"y"}, Attrs: Attrs{"group": 2, "pads": []int{1, 2}, "epsilon": 0.5, "act": "relu"}}},
		Weights: map[string]*Tensor{"w": NewF32([]float32{1}, 1)},
	}
	c := g.Clone()
	c.Nodes[0].In[0], c.Nodes[0].Attrs["group"] = "z", 3
	c.Weights["v"] = nil
	c.Nodes = append(c.Nodes, &Node{Name: "b"})
	n := g.Node("a")
	if n.In[0] != "x" || n.Attrs.Int("group", 1) != 2 || len(g.Weights) != 1 || g.Node("b") != nil || c.Node("b") == nil {
		t.Error("a change of the clone shows in the original")
	}
	if n.Attrs.Ints("pads")[1] != 2 || n.Attrs.Float("epsilon", 1) != 0.5 || n.Attrs.Str("act", "") != "relu" {
		t.Error("attributes are not read")
	}
	if n.Attrs.Int("pads", 7) != 7 || n.Attrs.Ints("none", 4)[0] != 4 || n.Attrs.Float("group", 8) != 8 || n.Attrs.Str("none", "d") != "d" {
		t.Error("defaults are not taken")
	}
}

// TestHugePages holds that large memory lies on huge pages where the system gives them to who asks.
func TestHugePages(t *testing.T) {
	mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil || strings.Contains(string(mode), "[never]") {
		t.Skip("no transparent huge pages here")
	}
	huge := func() (kb int) {
		b, err := os.ReadFile("/proc/self/smaps_rollup")
		if err != nil {
			t.Skip(err)
		}
		_, rest, _ := strings.Cut(string(b), "AnonHugePages:")
		_, _ = fmt.Sscan(rest, &kb)
		return kb
	}
	before := huge()
	m := NewMemory(64 << 20)
	for i := 0; i < len(m); i += 4096 {
		m[i] = 1
	}
	// A fragmented machine may not have all of them.
	if got := huge() - before; got < 8<<10 {
		t.Errorf("of 64 MiB %d KiB lie on huge pages", got)
	}
	runtime.KeepAlive(m)
}
