package data

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

const (
	maxPictures   = 1 << 22
	maxLabelsFile = 256 << 20 // bytes
	maxClass      = 1<<16 - 1
	sideLimit     = 1 << 12 // of a set's images, in pixels
)

func folderSet() set {
	return set{
		option: ir.Option{
			Name: "folder",
			Help: "Your own pictures, PNG, JPEG or GIF: a folder or a zip file, which is read in place. Its folders are the classes, by name, or a file labels.tsv gives a line " +
				"`file<TAB>class` for each picture; without either the pictures have no labels. Folders test, val and train above the classes are the splits. " +
				"Write the path alone, data ./pictures or data pictures.zip, or folder(PATH). Pictures are scaled to resize pixels on the short side, bilinear with antialiasing, and the middle size x size pixels are cut out.",
			Params: append([]ir.Param{
				{Help: "path of the folder or of the zip file"},
				{Key: "size", Help: "height and width of the images, in pixels; as the files have it where all are equal and at most 64 wide", Default: ""},
				{Key: "resize", Help: "pixels of the short side before the middle is cut out; as many as size where that alone is given; without both 256, and size 224"},
			}, splitParams()...),
		},
		open: func(c ir.Choice, _ Env) (*Set, error) {
			if len(c.Value) != 1 {
				return nil, &ir.Error{Layer: ir.Data, What: "folder wants the path of one folder or zip file", Try: "try folder(./pictures)"}
			}
			return openFolder(c, c.Value[0])
		},
	}
}

// isPath reports whether a data set's name is the path of a folder or of a zip file.
func isPath(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.EqualFold(filepath.Ext(name), ".zip")
}

func openFolder(c ir.Choice, name string) (*Set, error) {
	split := c.Arg("split", "test")
	root, err := openTree(name)
	if err != nil {
		return nil, &ir.Error{Layer: ir.Data, What: name, Err: err}
	}
	s := &Set{Name: strings.TrimSuffix(filepath.Base(filepath.Clean(name)), filepath.Ext(name)), Split: split}
	fail := func(err error) error { return &ir.Error{Layer: ir.Data, What: name, Err: err} }
	if root, err = splitOf(root, split); err != nil {
		return nil, fail(err)
	}
	s.gallery, s.Classes, err = list(root)
	if err != nil {
		return nil, fail(err)
	}
	return s, s.openGallery(c, name)
}

// openGallery chooses the first n pictures, looks at all of them and decodes them.
func (s *Set) openGallery(c ir.Choice, name string) error {
	fail := func(err error) error { return &ir.Error{Layer: ir.Data, What: name, Err: err} }
	n, err := first(c, s.Split, len(s.gallery.files))
	if err != nil {
		return err
	}
	s.gallery.files = s.gallery.files[:n]
	for _, f := range s.gallery.files {
		s.MinClasses = max(s.MinClasses, f.class+1)
	}
	digest, w, h, err := s.gallery.survey()
	if err != nil {
		return fail(err)
	}
	s.Digest = digest
	if s.fit, err = fitOf(c, w, h); err != nil {
		return err
	}
	s.Shape = ir.Shape{3, s.fit.H, s.fit.W}
	if s.gallery.grey {
		s.Shape[0] = 1
	}
	if err := s.fill(); err != nil {
		var known *ir.Error
		if errors.As(err, &known) {
			return fail(known.Err)
		}
		return err
	}
	return nil
}

// fitOf is the size of a set's images: what its arguments say, else that of its files where they are small and all of
// one size, else 224 pixels cut out of 256.
func fitOf(c ir.Choice, w, h int) (Fit, error) {
	get := func(key string) (int, error) {
		text := c.Arg(key, "")
		if text == "" {
			return 0, nil
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 || v > sideLimit {
			return 0, ir.Errorf(ir.Data, "%s=%s of %s is not a number of pixels from 1 to %d", key, text, c.Name, sideLimit)
		}
		return v, nil
	}
	size, err := get("size")
	if err != nil {
		return Fit{}, err
	}
	resize, err := get("resize")
	switch {
	case err != nil:
		return Fit{}, err
	case size == 0 && resize == 0 && w > 0 && w <= 64 && h <= 64:
		return Fit{H: h, W: w}, nil
	case size == 0 && resize == 0:
		return Fit{Resize: 256, H: 224, W: 224}, nil
	case size == 0:
		return Fit{Resize: resize, H: resize, W: resize}, nil
	case resize == 0:
		resize = size
	case resize < size:
		return Fit{}, &ir.Error{Layer: ir.Data, What: fmt.Sprintf("resize=%d of %s leaves less than the size=%d to be cut out", resize, c.Name, size), Try: fmt.Sprintf("try resize=%d", size)}
	}
	return Fit{Resize: resize, H: size, W: size}, nil
}

// openTree opens a folder or a zip file as a tree of files.
func openTree(name string) (fs.FS, error) {
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &ir.Error{What: "there is no such folder or file"}
	case err != nil:
		return nil, pathless(err)
	case st.IsDir():
		return os.DirFS(name), nil
	case !st.Mode().IsRegular():
		return nil, errors.New("is neither a folder nor a file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, pathless(err)
	}
	z, err := zip.NewReader(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("is no folder and no zip file: %w", err)
	}
	if len(z.File) > maxPictures {
		f.Close()
		return nil, fmt.Errorf("holds %d files, more than %d", len(z.File), maxPictures)
	}
	return &zipTree{z}, nil
}

// zipTree is a zip file whose entries say how large they are before they are read. The file stays open as long as the
// tree is in use; the collector closes it.
type zipTree struct{ *zip.Reader }

var zipLock sync.Mutex // the tree of a zip.Reader is built by the first who asks

func (z *zipTree) Open(name string) (fs.File, error) {
	zipLock.Lock()
	f, err := z.Reader.Open(name)
	zipLock.Unlock()
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err == nil && !st.IsDir() && st.Size() > maxLabelsFile {
		f.Close()
		return nil, fmt.Errorf("%s holds %d bytes", name, st.Size())
	}
	return f, nil
}

// splitOf goes to the folder of a split, where the tree has such folders. Without them all pictures are `test`.
func splitOf(root fs.FS, split string) (fs.FS, error) {
	root, entries, err := enter(root)
	if err != nil {
		return nil, err
	}
	names := map[string][]string{"test": {"test"}, "val": {"val", "valid", "validation"}, "train": {"train"}}
	var have []string
	for _, s := range []string{"test", "val", "train"} {
		for _, e := range entries {
			if e.IsDir() && slices.Contains(names[s], e.Name()) {
				if s == split {
					return fs.Sub(root, e.Name())
				}
				have = append(have, s)
			}
		}
	}
	if len(have) > 0 {
		return nil, &ir.Error{What: "has no split " + split, Try: "split=" + strings.Join(have, " or split=")}
	}
	if split != "test" {
		return nil, &ir.Error{What: "has no folder " + split + ", and all its pictures are the split test"}
	}
	return root, nil
}

// enter steps over a folder that holds all there is, as zip files often have one, unless its pictures lie right in it:
// then it is a class.
func enter(root fs.FS) (fs.FS, []fs.DirEntry, error) {
	for range 4 {
		entries, err := fs.ReadDir(root, ".")
		if err != nil {
			return nil, nil, pathless(err)
		}
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") || e.Name() == "__MACOSX" })
		if len(entries) != 1 || !entries[0].IsDir() {
			return root, entries, nil
		}
		below, err := fs.ReadDir(root, entries[0].Name())
		if err != nil {
			return nil, nil, pathless(err)
		}
		only := func(e fs.DirEntry) bool { return isPicture(e.Name()) }
		if slices.ContainsFunc(below, only) && !slices.ContainsFunc(below, func(e fs.DirEntry) bool { return e.Name() == labelsFile }) {
			return root, entries, nil
		}
		if root, err = fs.Sub(root, entries[0].Name()); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errors.New("has nothing but folders within folders")
}

const labelsFile = "labels.tsv"

// list finds the pictures of a tree and their classes.
func list(root fs.FS) (*gallery, []string, error) {
	text, err := readText(root, labelsFile)
	if err == nil {
		return listed(root, text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s %w", labelsFile, err)
	}
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, nil, pathless(err)
	}
	byClass := map[string][]string{}
	var flat []string
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), ".") || e.Name() == "__MACOSX":
		case isFolder(root, e):
			names, err := walk(root, e.Name())
			if err != nil {
				return nil, nil, err
			}
			if len(names) > 0 {
				byClass[e.Name()] = names
			}
		case isPicture(e.Name()):
			flat = append(flat, e.Name())
		}
	}
	g := &gallery{root: root}
	switch {
	case len(byClass) == 0 && len(flat) == 0:
		return nil, nil, &ir.Error{What: "holds no pictures", Try: "PNG, JPEG or GIF files in folders named after their classes, or with a labels.tsv beside them"}
	case len(byClass) > maxClass:
		return nil, nil, fmt.Errorf("has %d classes, more than %d", len(byClass), maxClass)
	case len(byClass) > 0 && len(flat) > 0:
		return nil, nil, fmt.Errorf("has pictures (%s) beside its folders of classes", flat[0])
	case len(byClass) == 0:
		for _, name := range flat {
			g.files = append(g.files, picture{name, -1})
		}
		return g, nil, nil
	}
	var classes []string
	for c := range byClass {
		classes = append(classes, c)
	}
	slices.Sort(classes)
	// One of each class in turn, so that the first n are of all classes.
	for round, more := 0, true; more; round++ {
		more = false
		for i, c := range classes {
			if names := byClass[c]; round < len(names) {
				g.files, more = append(g.files, picture{names[round], i}), true
			}
		}
	}
	return g, classes, nil
}

// isFolder follows a link: trees of large sets are often made of links.
func isFolder(root fs.FS, e fs.DirEntry) bool {
	if e.IsDir() {
		return true
	}
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	st, err := fs.Stat(root, e.Name())
	return err == nil && st.IsDir()
}

// walk lists the pictures below a folder, sorted.
func walk(root fs.FS, dir string) ([]string, error) {
	var names []string
	// A path that ends in a stroke and a point is the folder behind a link.
	sub, err := fs.Sub(root, dir)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(sub, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("folder %s: %w", path.Join(dir, name), pathless(err))
		case !e.IsDir() && isPicture(name):
			names = append(names, path.Join(dir, name))
		}
		if len(names) > maxPictures {
			return fmt.Errorf("has more than %d pictures", maxPictures)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// readText reads a small file of words.
func readText(root fs.FS, name string) (string, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLabelsFile+1))
	if err == nil && len(b) > maxLabelsFile {
		err = fmt.Errorf("holds more than %d MiB", maxLabelsFile>>20)
	}
	return string(bytes.TrimPrefix(b, []byte("\ufeff"))), err
}

// listed reads a labels.tsv: a line `file<TAB>class` a picture, in the set's official order. Classes are numbers, or
// names, which are numbered in their sorted order.
func listed(root fs.FS, text string) (*gallery, []string, error) {
	g := &gallery{root: root}
	var words []string
	numbers := true
	line := 0
	for row := range strings.Lines(text) {
		line++
		row = strings.TrimRight(row, "\r\n")
		if strings.TrimSpace(row) == "" {
			continue
		}
		file, class, ok := strings.Cut(row, "\t")
		if line == 1 && file == "file" {
			continue
		}
		class, _, _ = strings.Cut(class, "\t")
		class = strings.TrimSpace(class)
		switch {
		case !ok || class == "":
			return nil, nil, fmt.Errorf("%s, line %d: %q is not a file, a tab and a class", labelsFile, line, row)
		case !fs.ValidPath(file):
			return nil, nil, fmt.Errorf("%s, line %d: %q is no path below the folder", labelsFile, line, file)
		case len(g.files) >= maxPictures:
			return nil, nil, fmt.Errorf("%s has more than %d lines", labelsFile, maxPictures)
		}
		if v, err := strconv.Atoi(class); err != nil || v < 0 || v > maxClass {
			numbers = false
		}
		g.files, words = append(g.files, picture{file, 0}), append(words, class)
	}
	if len(g.files) == 0 {
		return nil, nil, fmt.Errorf("%s has no lines", labelsFile)
	}
	if numbers {
		for i, w := range words {
			g.files[i].class, _ = strconv.Atoi(w)
		}
		return g, nil, nil
	}
	classes := slices.Compact(slices.Sorted(slices.Values(words)))
	if len(classes) > maxClass {
		return nil, nil, fmt.Errorf("%s has %d classes, more than %d", labelsFile, len(classes), maxClass)
	}
	for i, w := range words {
		g.files[i].class, _ = slices.BinarySearch(classes, w)
	}
	return g, classes, nil
}
