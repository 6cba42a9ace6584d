package data

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

func choice(name string, words ...string) ir.Choice {
	c := ir.Choice{Name: name}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			c.Args = append(c.Args, ir.Arg{Key: k, Op: "=", Value: v})
		} else {
			c.Value = append(c.Value, w)
		}
	}
	return c
}

func open(t *testing.T, env Env, name string, words ...string) *Set {
	t.Helper()
	s, err := Open(choice(name, words...), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pixels(t *testing.T, s *Set, i int) []uint8 {
	t.Helper()
	img, err := s.Image(i)
	if err != nil {
		t.Fatal(err)
	}
	return img.Pix
}

func TestFashionTestAndValAreEmbedded(t *testing.T) {
	test, val := open(t, Env{}, "fashion-mnist"), open(t, Env{}, "fashion-mnist", "split=val")
	if test.Len() != 10000 || test.Split != "test" || !test.Shape.Equal(ir.Shape{1, 28, 28}) || len(test.Classes) != 10 {
		t.Fatalf("test: %d images, split %q, shape %v", test.Len(), test.Split, test.Shape)
	}
	if val.Len() != 2000 {
		t.Fatalf("val holds %d images", val.Len())
	}
	count := map[int]int{}
	for i := range val.Len() {
		l, ok := val.Label(i)
		if !ok {
			t.Fatal("val has no labels")
		}
		count[l]++
	}
	for c := range 10 {
		if count[c] != 200 {
			t.Errorf("val holds %d images of class %d", count[c], c)
		}
	}
	// The first ten labels of the official test set, as its authors' reader prints them.
	for i, want := range []int{9, 2, 1, 1, 6, 1, 4, 6, 5, 7} {
		if got, _ := test.Label(i); got != want {
			t.Errorf("label %d is %d, not %d", i, got, want)
		}
	}
	if test.Digest == val.Digest {
		t.Error("two splits have one digest")
	}
}

func TestFirstImagesArePrefix(t *testing.T) {
	all, some := open(t, Env{}, "fashion-mnist"), open(t, Env{}, "fashion-mnist", "n=50", "batch=8", "split=test")
	if some.Len() != 50 {
		t.Fatalf("n=50 opened %d images", some.Len())
	}
	for i := range 50 {
		if !bytes.Equal(pixels(t, all, i), pixels(t, some, i)) {
			t.Fatalf("image %d differs", i)
		}
	}
	if all.Digest == some.Digest {
		t.Error("50 and 10,000 images have one digest")
	}
	if again := open(t, Env{}, "fashion-mnist", "n=50"); again.Digest != some.Digest {
		t.Error("the same images have two digests")
	}
}

func TestFashionTrainLeavesOutVal(t *testing.T) {
	if _, err := os.Stat(debianFashion); err != nil {
		need.Missing(t, "data", "the package dataset-fashion-mnist is not installed")
	}
	train := open(t, Env{}, "fashion-mnist", "split=train")
	if train.Len() != 58000 || train.Caveat == "" {
		t.Fatalf("train holds %d images, caveat %q", train.Len(), train.Caveat)
	}
	x, err := readIDX(debianFashion, fashionTrainX)
	if err != nil {
		t.Fatal(err)
	}
	y, err := readIDX(debianFashion, fashionTrainY)
	if err != nil {
		t.Fatal(err)
	}
	cut, _ := splitVal(x, y)
	val, err := fashionValOnce()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cut.x, val.x) || !bytes.Equal(cut.y, val.y) {
		t.Error("the embedded val is not what splitVal cuts off the official files")
	}
	// The same folder, unpacked, under DLAS_DATA.
	dir := filepath.Join(t.TempDir(), "fashion-mnist")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, fashionTrainX.name), append([]byte{0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28}, x...))
	write(t, filepath.Join(dir, fashionTrainY.name), append([]byte{0, 0, 8, 1, 0, 0, 0xea, 0x60}, y...))
	if s := open(t, Env{Dir: filepath.Dir(dir)}, "fashion-mnist", "split=train"); s.Digest != train.Digest {
		t.Error("packed and unpacked files open differently")
	}
	// A changed pixel is found.
	x[5]++
	write(t, filepath.Join(dir, fashionTrainX.name), append([]byte{0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28}, x...))
	wantError(t, Env{Dir: filepath.Dir(dir)}, choice("fashion-mnist", "split=train"), "train-images-idx3-ubyte is not the official file")
	write(t, filepath.Join(dir, fashionTrainX.name), x[:1000])
	wantError(t, Env{Dir: filepath.Dir(dir)}, choice("fashion-mnist", "split=train"), "holds 1000 bytes uncompressed and should hold 47040016")
}

func TestRandom(t *testing.T) {
	a, b, c := open(t, Env{}, "random", "2x3x8x9"), open(t, Env{}, "random", "2x3x8x9", "seed=1"), open(t, Env{}, "random", "2x3x8x9", "seed=2")
	if a.Len() != 2 || !a.Shape.Equal(ir.Shape{3, 8, 9}) || len(pixels(t, a, 1)) != 216 {
		t.Fatalf("%d images of %v", a.Len(), a.Shape)
	}
	if _, ok := a.Label(0); ok {
		t.Error("a random input has a label")
	}
	if a.Digest != b.Digest || a.Digest == c.Digest {
		t.Error("the seed does not decide the pixels")
	}
}

func wantError(t *testing.T, env Env, c ir.Choice, parts ...string) {
	t.Helper()
	_, err := Open(c, env)
	var e *ir.Error
	if !errors.As(err, &e) || e.Layer != ir.Data {
		t.Fatalf("%s: error %v is not one of layer data", c, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%s: error %q does not say %q", c, err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %q has more than one line", c, err)
	}
}

func TestBadChoices(t *testing.T) {
	for _, x := range []struct {
		c    ir.Choice
		want string
	}{
		{choice("fashon-mnist"), `L1 data: unknown data set "fashon-mnist"; try fashion-mnist, random, imagenet`},
		{choice("fashion-mnist", "n=0"), "n=0 of fashion-mnist is not a number from 1"},
		{choice("fashion-mnist", "n=ten"), "n=ten of fashion-mnist is not a number from 1"},
		{choice("fashion-mnist", "n=10001"), "n=10001 is more than the 10000 images of fashion-mnist's split test; try n=10000"},
		{choice("fashion-mnist", "batch=-1"), "batch=-1"},
		{choice("fashion-mnist", "split=vall"), `unknown split of fashion-mnist "vall"; try val`},
		{choice("fashion-mnist", "m=3"), `unknown argument of fashion-mnist "m"`},
		{choice("fashion-mnist", "100"), "write fashion-mnist(n=100)"},
		{choice("random", "3x32x32"), "try random(1x3x32x32)"},
		{choice("random", "1x0x3x3"), "each from 1 to 65536"},
		{choice("random", "65536x65536x65536x65536"), "more than 256 MiB"},
		{choice("random", "1x1x1x1", "2x2x2x2"), "takes one shape or path, but got 2"},
		{choice("random", "seed=-1"), "seed=-1"},
		{ir.Choice{Name: "fashion-mnist", Args: []ir.Arg{{Key: "n", Op: ">=", Value: "3"}}}, "is set with =, not >="},
	} {
		wantError(t, Env{}, x.c, x.want)
	}
	env := Env{Dir: "/nonexistent-folder", Cache: "/nonexistent-cache"}
	wantError(t, env, choice("cifar10"), "cifar10 was not found; looked in", filepath.Join("/nonexistent-folder", "cifar10"), "/nonexistent-cache", "dlas data get cifar10")
	wantError(t, Env{}, choice("cifar10"), "DLAS_DATA (not set)")
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCIFARForms opens the real sheets, writes them in the official binary format, and opens those.
func TestCIFARForms(t *testing.T) {
	env := Env{Dir: filepath.Dir(need.Data(t, "cifar10"))}
	sheets := open(t, env, "cifar10")
	if sheets.Len() != 10000 || !sheets.Shape.Equal(ir.Shape{3, 32, 32}) {
		t.Fatalf("%d images of %v", sheets.Len(), sheets.Shape)
	}
	for i, want := range []int{3, 8, 8, 0, 6, 6, 1, 6, 3, 1} { // the official test set begins cat, ship, ship, airplane, frog, ...
		if got, _ := sheets.Label(i); got != want {
			t.Errorf("label %d is %d, not %d", i, got, want)
		}
	}
	val := open(t, env, "cifar10", "split=val", "n=1500")
	if val.Caveat == "" {
		t.Error("val of cifar10 has no caveat")
	}
	dir := filepath.Join(t.TempDir(), "cifar10")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	records := func(s *Set) []byte {
		var b []byte
		for i := range s.Len() {
			l, _ := s.Label(i)
			b = append(append(b, byte(l)), pixels(t, s, i)...)
		}
		return b
	}
	write(t, filepath.Join(dir, "test_batch.bin"), records(sheets))
	last := make([]byte, 5000*cifarRecord)
	last = append(last, records(open(t, env, "cifar10", "split=val"))...)
	write(t, filepath.Join(dir, "data_batch_5.bin"), last)
	write(t, filepath.Join(dir, "batches.meta.txt"), []byte(strings.Join(cifarClasses(), "\n")+"\n\n"))
	bin := Env{Dir: filepath.Dir(dir)}
	if s := open(t, bin, "cifar10"); s.Digest != sheets.Digest {
		t.Error("the two forms of the test set open differently")
	}
	if s := open(t, bin, "cifar10", "split=val", "n=1500"); s.Digest != val.Digest {
		t.Error("the two forms of val open differently")
	}
}

// TestCIFARBroken makes folders of the official format that are wrong in one way each.
func TestCIFARBroken(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "cifar10")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	env := Env{Dir: root}
	good := make([]byte, cifarPerBatch*cifarRecord)
	for i := range cifarPerBatch {
		good[i*cifarRecord] = byte(i % 10)
	}
	path := filepath.Join(dir, "test_batch.bin")
	write(t, path, good)
	if s := open(t, env, "cifar10", "n=3"); s.Len() != 3 {
		t.Fatal("the good folder does not open")
	}
	wantError(t, env, choice("cifar10", "split=train", "n=3"), "data_batch_1.bin")
	write(t, filepath.Join(dir, "batches.meta.txt"), []byte("cat\ndog\n"))
	wantError(t, env, choice("cifar10"), "batches.meta.txt names 2 classes and should name 10")
	os.Remove(filepath.Join(dir, "batches.meta.txt"))
	write(t, path, good[:100])
	wantError(t, env, choice("cifar10"), "test_batch.bin holds 100 bytes and should hold 30730000")
	good[2*cifarRecord] = 77
	write(t, path, good)
	wantError(t, env, choice("cifar10"), "label 2 is 77 and should be 0 to 9")

	sheets := filepath.Join(t.TempDir(), "cifar10")
	if err := os.MkdirAll(sheets, 0o755); err != nil {
		t.Fatal(err)
	}
	env.Dir = filepath.Dir(sheets)
	write(t, filepath.Join(sheets, "test_labels.u8"), make([]byte, 9999))
	wantError(t, env, choice("cifar10"), "test_labels.u8 holds 9999 bytes and should hold 10000")
	write(t, filepath.Join(sheets, "test_labels.u8"), make([]byte, 10000))
	wantError(t, env, choice("cifar10", "n=1"), "test_00.png")
	write(t, filepath.Join(sheets, "test_00.png"), []byte("not a picture"))
	wantError(t, env, choice("cifar10", "n=1"), "test_00.png")
	// A tiny file whose header claims a huge picture must not be decoded.
	huge := fmt.Appendf(nil, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00\x90\x91\x68\x36")
	write(t, filepath.Join(sheets, "test_00.png"), huge)
	wantError(t, env, choice("cifar10", "n=1"), "test_00.png")
}

func TestOptionsMatchTheTable(t *testing.T) {
	for _, o := range Options() {
		if o.Help == "" || len(o.Params) == 0 {
			t.Errorf("%s has no help or parameters", o.Name)
		}
		for _, p := range o.Params {
			if p.Default == "" || p.Key == "" {
				continue
			}
			if err := Check(choice(o.Name, p.Key+"="+p.Default)); err != nil {
				t.Errorf("the default of %s is refused: %v", p.Key, err)
			}
		}
	}
}
