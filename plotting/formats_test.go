package plotting

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// TestPDF follows the update at the end of the file by its offsets.
func TestPDF(t *testing.T) {
	f, err := Plot("pareto", levels())
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PDF()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(b)
	if m == nil {
		t.Fatal("no startxref at the end")
	}
	at, _ := strconv.Atoi(string(m[1]))
	x := regexp.MustCompile(`^xref\n(\d+) 1\n(\d{10}) 00000 n \ntrailer`).FindSubmatch(b[at:])
	if x == nil {
		t.Fatalf("no table at %d", at)
	}
	at, _ = strconv.Atoi(string(x[2]))
	if !bytes.HasPrefix(b[at:], []byte(string(x[1])+" 0 obj\n<< /Title <FEFF00700061")) {
		t.Errorf("no information at %d: %q", at, b[at:at+60])
	}
	if !bytes.Contains(b, []byte("/FontFile2")) {
		t.Error("no font inside")
	}
	if d := regexp.MustCompile(`\(D:\d+\)`).FindAll(b, -1); len(d) != 2 || string(d[0]) != "(D:19700101000000)" || string(d[1]) != "(D:19700101000000)" {
		t.Errorf("dates %q", d)
	}
}

func TestPNG(t *testing.T) {
	f, err := Plot("pareto", levels(), "width=84mm", "font=8pt")
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Bounds().Dx(); w != 635 { // 84 mm at 192 dots an inch
		t.Errorf("%d dots wide", w)
	}
	if r, g, bl, a := m.At(0, 0).RGBA(); r&g&bl&a != 0xffff {
		t.Error("the paper is not white")
	}
	if !bytes.Contains(b, []byte("iTXtEnvironment\x00\x00\x00\x00\x00e0e1e2e3e4e5e6e7")) {
		t.Error("no environment in the metadata")
	}
}

func TestSave(t *testing.T) {
	f, err := Plot("bars", levels())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, ext := range []string{"svg", "png", "pdf", "csv"} {
		file := filepath.Join(dir, "f."+strings.ToUpper(ext))
		if err := f.Save(file); err != nil {
			t.Error(err)
		}
		if st, err := os.Stat(file); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := f.Save(filepath.Join(dir, "f.jpg")); err == nil || !strings.Contains(err.Error(), ".svg, .png, .pdf or .csv") {
		t.Error(err)
	}
	if err := f.Save(filepath.Join(dir, "none", "f.csv")); err == nil || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestBundle(t *testing.T) {
	p := plot.New()
	p.Title.Text = "Mine"
	l, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 2}})
	if err != nil {
		t.Fatal(err)
	}
	p.Add(l)
	m, ok := Bundle(p)
	if !ok || !strings.Contains(fmt.Sprint(m["image/svg+xml"]), "Mine") || m["image/png"] == nil || !strings.Contains(fmt.Sprint(m["text/plain"]), "Mine") {
		t.Errorf("%v", m)
	}
	if _, ok := Bundle((*plot.Plot)(nil)); ok {
		t.Error("a nil plot has a bundle")
	}
	if _, ok := Bundle(3); ok {
		t.Error("an int has a bundle")
	}
	// What gonum panics over is said in the text.
	p.X.Scale = plot.LogScale{}
	m, ok = Bundle(p)
	if !ok || m["image/svg+xml"] != nil || !strings.Contains(fmt.Sprint(m["text/plain"]), "cannot be drawn") {
		t.Errorf("%v", m["text/plain"])
	}
}

// TestPDFText reads the page's text back: it is in the fonts' encoding.
func TestPDFText(t *testing.T) {
	f, err := Plot("bars", levels(), "y=speedup")
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PDF()
	if err != nil {
		t.Fatal(err)
	}
	var page []byte
	for _, m := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(b, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		if s, err := io.ReadAll(z); err == nil && bytes.Contains(s, []byte(")Tj ET")) {
			page = s
		}
	}
	if !bytes.Contains(page, []byte("Speed-up over the first \\(\xd7\\)")) {
		t.Errorf("the label is not on the page of %d bytes", len(page))
	}
	if bytes.Contains(page, []byte("\xc3")) || bytes.Contains(page, []byte("\xc2")) {
		t.Error("UTF-8 on the page")
	}
}
