package data

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

const (
	cifarSide     = 32
	cifarPixels   = 3 * cifarSide * cifarSide
	cifarRecord   = 1 + cifarPixels
	cifarPerBatch = 10000
	cifarTrain    = 50000
	cifarTest     = 10000
	cifarVal      = 5000 // the last of the training images
	cifarPerSheet = 1000
)

func cifarClasses() []string {
	return []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
}

func cifarSet() set {
	return set{
		option: ir.Option{
			Name: "cifar10",
			Help: "CIFAR-10: 60,000 colour pictures, 32x32 pixels, in 10 classes; 10,000 of them are `test`, the last 5,000 training images `val`. " +
				"Read from DLAS_DATA/cifar10, in the official binary format or as sheets (PNG files of 1,000 pictures, one a row), or from what `dlas data get cifar10` fetched.",
			Source: "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
			Params: splitParams(),
		},
		open: openCIFAR,
	}
}

func openCIFAR(c ir.Choice, env Env) (*Set, error) {
	dir, err := findCIFAR(env)
	if err != nil {
		return nil, err
	}
	split := c.Arg("split", "test")
	from, have := 0, cifarTest
	switch split {
	case "train":
		have = cifarTrain - cifarVal
	case "val":
		from, have = cifarTrain-cifarVal, cifarVal
	}
	n, err := first(c, split, have)
	if err != nil {
		return nil, err
	}
	s := &Set{Name: "cifar10", Split: split, Shape: ir.Shape{3, cifarSide, cifarSide}}
	if split != "test" {
		s.Caveat = "published CIFAR-10 networks, the ResNets among them, were trained on these images"
	}
	read := readSheets
	if isBinaryCIFAR(dir) {
		read = readCIFARBinary
	}
	s.pix, s.labels, err = read(dir, split == "test", from, n)
	if err == nil {
		s.Classes, err = cifarNames(dir)
	}
	if err != nil {
		return nil, &ir.Error{Layer: ir.Data, What: "cifar10 in " + dir, Err: err}
	}
	return s.seal(), nil
}

func isBinaryCIFAR(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "test_batch.bin"))
	return err == nil
}

func findCIFAR(env Env) (string, error) {
	has := func(dir string) bool {
		if isBinaryCIFAR(dir) {
			return true
		}
		_, err := os.Stat(filepath.Join(dir, "test_labels.u8"))
		return err == nil
	}
	var places []string
	if env.Dir != "" {
		places = append(places, filepath.Join(env.Dir, "cifar-10-batches-bin"))
	}
	return findDir("cifar10", env, places, has)
}

// cifarNames reads the class names beside the images, which must be the official ten; without the file those are used.
func cifarNames(dir string) ([]string, error) {
	want := cifarClasses()
	f, err := os.Open(filepath.Join(dir, "batches.meta.txt"))
	if errors.Is(err, os.ErrNotExist) {
		return want, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, err
	}
	got := strings.Fields(string(text))
	if len(got) != len(want) {
		return nil, fmt.Errorf("batches.meta.txt names %d classes and should name %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			return nil, fmt.Errorf("batches.meta.txt names class %d %q and should name it %q", i, got[i], want[i])
		}
	}
	return want, nil
}

func checkSize(f *os.File, want int64) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != want {
		return fmt.Errorf("%s holds %d bytes and should hold %d", filepath.Base(f.Name()), st.Size(), want)
	}
	return nil
}

func checkLabels(name string, labels []uint8) error {
	for i, l := range labels {
		if l > 9 {
			return fmt.Errorf("%s: label %d is %d and should be 0 to 9", name, i, l)
		}
	}
	return nil
}

// readCIFARBinary reads images from..from+n of the official format: records of a label and 3x32x32 pixels, red first.
func readCIFARBinary(dir string, test bool, from, n int) (pix, labels []uint8, err error) {
	pix, labels = make([]uint8, 0, n*cifarPixels), make([]uint8, 0, n)
	for at := from; at < from+n; {
		name, inFile := "test_batch.bin", at
		if !test {
			name, inFile = fmt.Sprintf("data_batch_%d.bin", at/cifarPerBatch+1), at%cifarPerBatch
		}
		take := min(from+n-at, cifarPerBatch-inFile)
		if err := func() error {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			defer f.Close()
			if err := checkSize(f, cifarPerBatch*cifarRecord); err != nil {
				return err
			}
			raw := make([]byte, take*cifarRecord)
			if _, err := f.ReadAt(raw, int64(inFile)*cifarRecord); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for i := range take {
				labels = append(labels, raw[i*cifarRecord])
				pix = append(pix, raw[i*cifarRecord+1:(i+1)*cifarRecord]...)
			}
			return checkLabels(name, labels[len(labels)-take:])
		}(); err != nil {
			return nil, nil, err
		}
		at += take
	}
	return pix, labels, nil
}

// readSheets reads images from..from+n of the form that is easier to look at: PNG sheets of 1,000 images, each a row of
// 1,024 RGB pixels, and one byte a label. Sheets are decoded at once on all cores.
func readSheets(dir string, test bool, from, n int) (pix, labels []uint8, err error) {
	stem, total := "train", cifarTrain
	if test {
		stem, total = "test", cifarTest
	}
	name := stem + "_labels.u8"
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := checkSize(f, int64(total)); err != nil {
		return nil, nil, err
	}
	labels = make([]uint8, n)
	if _, err := f.ReadAt(labels, int64(from)); err != nil {
		return nil, nil, err
	}
	if err := checkLabels(name, labels); err != nil {
		return nil, nil, err
	}
	pix = make([]uint8, n*cifarPixels)
	sheetOf := func(i int) int { return i / cifarPerSheet }
	lo, hi := sheetOf(from), sheetOf(from+n-1)
	errs := make([]error, hi-lo+1)
	var wg sync.WaitGroup
	for s := lo; s <= hi; s++ {
		wg.Go(func() {
			begin := max(from, s*cifarPerSheet)
			end := min(from+n, (s+1)*cifarPerSheet)
			errs[s-lo] = readSheet(filepath.Join(dir, fmt.Sprintf("%s_%02d.png", stem, s)), begin-s*cifarPerSheet,
				pix[(begin-from)*cifarPixels:(end-from)*cifarPixels])
		})
	}
	wg.Wait()
	return pix, labels, errors.Join(errs...)
}

// readSheet decodes rows from first on into dst, channel by channel.
func readSheet(path string, first int, dst []uint8) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	name := filepath.Base(path)
	c, err := png.DecodeConfig(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	const pixels = cifarSide * cifarSide
	if c.Width != pixels || c.Height != cifarPerSheet {
		return fmt.Errorf("%s is %dx%d pixels and should be %dx%d", name, c.Width, c.Height, pixels, cifarPerSheet)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	m, err := png.Decode(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	rgba, ok := m.(*image.RGBA) // what a PNG of 8-bit RGB decodes to
	if !ok {
		return fmt.Errorf("%s is not of 8-bit RGB pixels", name)
	}
	for i := range len(dst) / cifarPixels {
		row := rgba.Pix[(first+i)*rgba.Stride:][:4*pixels]
		out := dst[i*cifarPixels:][:cifarPixels]
		for p := range pixels {
			out[p], out[pixels+p], out[2*pixels+p] = row[4*p], row[4*p+1], row[4*p+2]
		}
	}
	return nil
}
