package data

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image/color"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// mat writes MAT-files of level 5, as SciPy and MATLAB do.
type mat struct{ bytes.Buffer }

func (m *mat) element(kind uint32, data []byte) {
	if n := len(data); n <= 4 && n > 0 { // what is small lies in its tag
		binary.Write(m, binary.LittleEndian, uint32(n)<<16|kind)
		m.Write(append(data, 0, 0, 0)[:4])
		return
	}
	binary.Write(m, binary.LittleEndian, []uint32{kind, uint32(len(data))})
	m.Write(data)
	if kind != matCompressed {
		m.Write(make([]byte, -len(data)&7))
	}
}

// array is one whose content f writes.
func (m *mat) array(class byte, name string, dims []uint32, f func(*mat)) {
	var in mat
	in.element(matUint32, []byte{class, 0, 0, 0, 0, 0, 0, 0})
	d := new(bytes.Buffer)
	binary.Write(d, binary.LittleEndian, dims)
	in.element(matInt32, d.Bytes())
	in.element(matInt8, []byte(name))
	f(&in)
	m.element(matMatrix, in.Bytes())
}

// metaFile is a development kit's meta.mat with classes whose names come in the reverse order of their numbers.
func metaFile(classes int, compressed, double bool) []byte {
	var body mat
	const width = 16
	fields := make([]byte, 3*width)
	copy(fields, "ILSVRC2012_ID")
	copy(fields[width:], "WNID")
	copy(fields[2*width:], "words")
	body.array(matStruct, "synsets", []uint32{uint32(classes), 1}, func(s *mat) {
		s.element(matInt32, []byte{width, 0, 0, 0})
		s.element(matInt8, fields)
		text := func(words string) {
			s.array(4, "", []uint32{1, uint32(len(words))}, func(c *mat) { c.element(matUTF8, []byte(words)) })
		}
		for i := range classes {
			s.array(6, "", []uint32{1, 1}, func(c *mat) {
				if double {
					c.element(matDouble, binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(i+1))))
				} else {
					c.element(matUint16, binary.LittleEndian.AppendUint16(nil, uint16(i+1)))
				}
			})
			text(fmt.Sprintf("n%08d", 20000000-i))
			text("some words")
		}
	})
	file := append([]byte(fmt.Sprintf("%-124s", "MATLAB 5.0 MAT-file")), 0, 1, 'I', 'M')
	if !compressed {
		return append(file, body.Bytes()...)
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(body.Bytes())
	w.Close()
	var out mat
	out.element(matCompressed, z.Bytes())
	return append(file, out.Bytes()...)
}

func TestMetaFile(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		for _, double := range []bool{false, true} {
			order, err := readMeta(metaFile(1010, compressed, double)) // the last ten are above the classes
			if err != nil || len(order) != 1000 || order[1] != 999 || order[1000] != 0 {
				t.Errorf("compressed=%v double=%v: %d classes, 1 is %d, 1000 is %d, %v", compressed, double, len(order), order[1], order[1000], err)
			}
		}
	}
	for _, c := range []struct {
		file []byte
		want string
	}{{metaFile(999, true, true), "names 999 classes"}, {metaFile(1000, false, true)[:5000], errMat.Error()}, {nil, errMat.Error()}} {
		if _, err := readMeta(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bytes: %v does not say %q", len(c.file), err, c.want)
		}
	}
}

func FuzzMeta(f *testing.F) {
	f.Add(metaFile(3, false, true))
	f.Add(metaFile(3, false, false))
	f.Add(metaFile(3, true, true))
	f.Fuzz(func(t *testing.T, file []byte) {
		begin := time.Now()
		if order, err := readMeta(file); err == nil && len(order) != imagenetClasses {
			t.Errorf("%d classes", len(order))
		}
		if took := time.Since(begin); len(file) < 1<<16 && took > 20*time.Second {
			t.Errorf("%d bytes took %v", len(file), took)
		}
	})
}

// FuzzFolder takes the bytes for the zip file of a set, and for a picture and the labels of one.
func FuzzFolder(f *testing.F) {
	picture := pngBytes(paint(4, 3, color.RGBA{9, 0, 0, 255}))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"labels.tsv", "a.png", "test/x/a.png"} {
		w, err := z.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		w.Write(map[bool][]byte{true: picture, false: []byte("a.png\t1\n")}[strings.HasSuffix(name, "png")])
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(picture)
	f.Add([]byte("file\tclass\na.png\tcat\nb.png\tdog\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return
		}
		if c, err := header(raw); err == nil && c.Width*c.Height < 1<<16 {
			decode(raw)
		}
		if g, classes, err := listed(fstest.MapFS{}, string(raw)); err == nil {
			for _, p := range g.files {
				if p.class < 0 || classes != nil && p.class >= len(classes) || p.class > maxClass {
					t.Errorf("%q is of class %d of %d", p.name, p.class, len(classes))
				}
			}
		}
		z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		root, err := splitOf(&zipTree{z}, "test")
		if err != nil {
			return
		}
		if g, _, err := list(root); err == nil {
			g.survey()
		}
	})
}
