package data

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// paint is a picture of one colour.
func paint(w, h int, c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	return m
}

func pngBytes(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// red is a picture whose red is v.
func red(v uint8) []byte { return pngBytes(paint(40, 30, color.RGBA{v, 0, 0, 255})) }

func plant(t *testing.T, root string, files map[string][]byte) string {
	t.Helper()
	for name, b := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// reds are the red values of a set's images in order, with their labels.
func reds(t *testing.T, s *Set) string {
	t.Helper()
	var out []string
	for i := range s.Len() {
		l, ok := s.Label(i)
		if !ok {
			l = -1
		}
		out = append(out, fmt.Sprintf("%d:%d", pixels(t, s, i)[0], l))
	}
	return strings.Join(out, " ")
}

func TestFolderOfClasses(t *testing.T) {
	files := map[string][]byte{
		"ant/2.png": red(12), "ant/1.png": red(11), "ant/3/3.png": red(13), "ant/notes.txt": []byte("no picture"),
		"bee/1.png": red(21), "cat/1.PNG": red(31), "cat/2.png": red(32), ".hidden/1.png": red(99), "empty/x.txt": nil,
	}
	dir := plant(t, filepath.Join(t.TempDir(), "pets"), files)
	// The first of each class, then the second of each, classes and files by name.
	const want = "11:0 21:1 31:2 12:0 32:2 13:0"
	s := open(t, Env{}, dir)
	if got := reds(t, s); got != want || s.Name != "pets" || strings.Join(s.Classes, " ") != "ant bee cat" || !s.Shape.Equal(ir.Shape{3, 30, 40}) {
		t.Errorf("%s of classes %v is %s with %s, not %s", s.Name, s.Classes, s.Shape, got, want)
	}
	some := open(t, Env{}, dir, "n=3")
	if got := reds(t, some); got != "11:0 21:1 31:2" || some.Digest == s.Digest {
		t.Errorf("n=3 gives %s", got)
	}
	sized := open(t, Env{}, "folder", dir, "size=16")
	if !sized.Shape.Equal(ir.Shape{3, 16, 16}) || reds(t, sized) != want || sized.Digest != s.Digest {
		t.Errorf("size=16 gives %s of %s", reds(t, sized), sized.Shape)
	}

	// The same in a zip file, below a folder of its own, is the same set.
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		f, err := z.Create("pets/" + name)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := plant(t, t.TempDir(), map[string][]byte{"pets.zip": b.Bytes()}) + "/pets.zip"
	if zipped := open(t, Env{}, file); reds(t, zipped) != want || zipped.Digest != s.Digest || zipped.Name != "pets" {
		t.Errorf("the zip file has %s", reds(t, zipped))
	}
}

func TestLabelsAndSplits(t *testing.T) {
	dir := plant(t, t.TempDir(), map[string][]byte{
		"a.png": red(1), "b.png": red(2), "sub/c.png": red(3), "d.png": red(4), "labels.tsv": []byte("\ufefffile\tclass\nd.png\tzebra\r\nsub/c.png\tant\na.png\tzebra\n"),
	})
	s := open(t, Env{}, dir)
	if got := reds(t, s); got != "4:1 3:0 1:1" || strings.Join(s.Classes, " ") != "ant zebra" {
		t.Errorf("labels.tsv gives %s of classes %v", got, s.Classes)
	}
	plant(t, dir, map[string][]byte{"labels.tsv": []byte("a.png\t7\nb.png\t300\n")})
	if s = open(t, Env{}, dir); reds(t, s) != "1:7 2:300" || s.Classes != nil || s.MinClasses != 301 {
		t.Errorf("numbers give %s, classes %v, at least %d", reds(t, s), s.Classes, s.MinClasses)
	}
	flat := plant(t, t.TempDir(), map[string][]byte{"b.png": red(2), "a.png": red(1)})
	if s = open(t, Env{}, flat); reds(t, s) != "1:-1 2:-1" {
		t.Errorf("pictures without labels are %s", reds(t, s))
	}
	split := plant(t, t.TempDir(), map[string][]byte{"train/x/1.png": red(5), "validation/x/1.png": red(6), "test/x/1.png": red(7)})
	for name, want := range map[string]string{"train": "5:0", "val": "6:0", "test": "7:0"} {
		if s = open(t, Env{}, split, "split="+name); reds(t, s) != want || s.Split != name {
			t.Errorf("split %s is %s", name, reds(t, s))
		}
	}
}

// TestFolderFormats: the three formats, grey ones, and a set of several sizes.
func TestFolderFormats(t *testing.T) {
	c := color.RGBA{200, 100, 50, 255}
	var j, g bytes.Buffer
	if err := jpeg.Encode(&j, paint(300, 200, c), &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&g, paint(300, 400, c), nil); err != nil {
		t.Fatal(err)
	}
	dir := plant(t, t.TempDir(), map[string][]byte{"a.jpeg": j.Bytes(), "b.gif": g.Bytes(), "c.png": pngBytes(paint(10, 20, c))})
	s := open(t, Env{}, dir)
	if !s.Shape.Equal(ir.Shape{3, 224, 224}) || s.Len() != 3 {
		t.Fatalf("%d pictures of %s", s.Len(), s.Shape)
	}
	for i := range 3 {
		p := pixels(t, s, i)
		for ch, want := range []int{200, 100, 50} {
			sum := 0
			for _, v := range p[ch*224*224 : (ch+1)*224*224] {
				sum += int(v)
			}
			// JPEG at its best quality is off by rounding; GIF's palette is dithered, so that its mean is right.
			if got := sum / (224 * 224); got < want-3 || got > want+3 {
				t.Errorf("picture %d, channel %d is %d in the mean, not %d", i, ch, got, want)
			}
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 28, 28))
	grey.Pix[5] = 77
	dir = plant(t, t.TempDir(), map[string][]byte{"x/1.png": pngBytes(grey)})
	if s = open(t, Env{}, dir); !s.Shape.Equal(ir.Shape{1, 28, 28}) || pixels(t, s, 0)[5] != 77 {
		t.Errorf("grey pictures are %s", s.Shape)
	}
}

// hugePNG is a header that promises w x h pixels, and nothing behind it.
func hugePNG(w, h uint32) []byte {
	ihdr := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

// TestHostilePictures: each is one line that names the file.
func TestHostilePictures(t *testing.T) {
	whole := red(3)
	var j bytes.Buffer
	if err := jpeg.Encode(&j, paint(64, 64, color.White), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		files      map[string][]byte
	}{
		{"huge", "picture x/bad.png: has 100000x100000 pixels, more than 67 million", map[string][]byte{"x/bad.png": hugePNG(100000, 100000)}},
		{"header alone", "picture x/bad.png: is truncated", map[string][]byte{"x/bad.png": hugePNG(32, 32)}},
		{"truncated", "picture x/bad.png: is truncated", map[string][]byte{"x/a.png": whole, "x/bad.png": whole[:len(whole)/2]}},
		{"truncated JPEG", "picture x/bad.jpg: is truncated", map[string][]byte{"x/bad.jpg": j.Bytes()[:j.Len()/2]}},
		{"no picture", "picture x/bad.png: is no PNG, JPEG or GIF", map[string][]byte{"x/bad.png": []byte("<html>")}},
		{"empty file", "picture x/bad.png: is no PNG, JPEG or GIF", map[string][]byte{"x/bad.png": nil}},
		{"no pictures", "holds no pictures; PNG, JPEG or GIF files in folders", map[string][]byte{"x/readme.txt": nil}},
		{"beside classes", "has pictures (y.png) beside its folders of classes", map[string][]byte{"x/a.png": whole, "y.png": whole}},
		{"missing", "picture b.png: no such file", map[string][]byte{"labels.tsv": []byte("b.png\t1\n")}},
		{"no tab", `labels.tsv, line 2: "b.png 1" is not a file, a tab and a class`, map[string][]byte{"a.png": whole, "labels.tsv": []byte("a.png\t1\nb.png 1\n")}},
		{"outside", `labels.tsv, line 1: "../a.png" is no path below the folder`, map[string][]byte{"labels.tsv": []byte("../a.png\t1\n")}},
		{"no lines", "labels.tsv has no lines", map[string][]byte{"labels.tsv": []byte("\n")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := plant(t, t.TempDir(), c.files)
			_, err := Open(choice(dir), Env{})
			var e *ir.Error
			if !errors.As(err, &e) || e.Layer != ir.Data || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
	for name, want := range map[string]string{"./nothing/here": "there is no such folder or file", "nothing.zip": "there is no such folder or file"} {
		if _, err := Open(choice(name), Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := plant(t, t.TempDir(), map[string][]byte{"x.zip": []byte("PK no zip")})
	if _, err := Open(choice(bad+"/x.zip"), Env{}); err == nil || !strings.Contains(err.Error(), "is no folder and no zip file") {
		t.Errorf("a broken zip file: %v", err)
	}
	dir := plant(t, t.TempDir(), map[string][]byte{"x/a.png": whole})
	for arg, want := range map[string]string{
		"size=0": "size=0 of", "size=9999": "size=9999 of", "split=val": "has no folder val", "n=2": "n=2 is more than the 1 images", "sizes=3": `unknown argument of`,
	} {
		if _, err := Open(choice(dir, arg), Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// TestLargeSetsAreDecodedLate: a set that would not fit into memory gives the same images.
func TestLargeSetsAreDecodedLate(t *testing.T) {
	dir := plant(t, t.TempDir(), map[string][]byte{"x/a.png": red(1), "x/b.png": red(2)})
	s := open(t, Env{}, dir, "size=20")
	late := *s
	late.pix = nil
	late.load = func(i int) (ir.Image, error) { return s.decodeAt(i) }
	if got := reds(t, &late); got != "1:0 2:0" {
		t.Errorf("decoded late they are %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "x/b.png"), red(2)[:60], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Image(1); err == nil || !strings.Contains(err.Error(), "picture x/b.png: ") {
		t.Errorf("a file that broke since: %v", err)
	}
}
