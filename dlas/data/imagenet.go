package data

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

const (
	imagenetClasses = 1000
	imagenetVal     = 50000
	// imagenetChoosing is how many training pictures the split val has, where n does not say.
	imagenetChoosing = 5000
)

func imagenetSet() set {
	return set{
		option: ir.Option{
			Name: "imagenet",
			Help: "ImageNet (ILSVRC 2012): colour pictures of any size in 1,000 classes, numbered in the order of their WordNet names as published networks have it. The split test is the official validation set of 50,000, val the first 5,000 training pictures. " +
				"Read from DLAS_DATA/imagenet or DLAS_DATA/ILSVRC2012_img_val, a folder or a zip file, or from imagenet(PATH): the official files (ILSVRC2012_val_00000001.JPEG, ...) with their ground truth, " +
				"folders of classes (n01440764, ...), or a labels.tsv. Pictures are scaled to 256 pixels on the short side and the middle 224x224 are cut out.",
			Source: "Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, 2015",
			Params: append([]ir.Param{
				{Help: "path of the folder or of the zip file, where it is not in DLAS_DATA"},
				{Key: "size", Help: "height and width of the images, in pixels", Default: "224"},
				{Key: "resize", Help: "pixels of the short side before the middle is cut out", Default: "256"},
			}, splitParams()...),
		},
		open: openImageNet,
	}
}

func openImageNet(c ir.Choice, env Env) (*Set, error) {
	name, err := findImageNet(c, env)
	if err != nil {
		return nil, err
	}
	s := &Set{Name: "imagenet", Split: c.Arg("split", "test")}
	fail := func(err error) error { return &ir.Error{Layer: ir.Data, What: "imagenet in " + name, Err: err} }
	root, err := openTree(name)
	if err != nil {
		return nil, fail(err)
	}
	if s.gallery, s.Classes, err = listImageNet(root, s.Split); err != nil {
		return nil, fail(err)
	}
	if have := len(s.gallery.files); s.Split == "test" && have != imagenetVal {
		s.Caveat = fmt.Sprintf("these are %d pictures, not the official 50,000: an accuracy on them says nothing beside published ones", have)
	}
	if s.Split == "val" {
		s.Caveat = "published networks were trained on these images"
		if c.Arg("n", "") == "" {
			n := strconv.Itoa(min(imagenetChoosing, len(s.gallery.files)))
			c.Args = append(slices.Clone(c.Args), ir.Arg{Key: "n", Op: "=", Value: n})
		}
	}
	for _, a := range []ir.Arg{{Key: "size", Op: "=", Value: "224"}, {Key: "resize", Op: "=", Value: "256"}} {
		if c.Arg(a.Key, "") == "" {
			c.Args = append(slices.Clone(c.Args), a)
		}
	}
	if err := s.openGallery(c, "imagenet in "+name); err != nil {
		return nil, err
	}
	if s.MinClasses > imagenetClasses {
		return nil, fail(fmt.Errorf("has a class %d, and ImageNet's are 0 to 999", s.MinClasses-1))
	}
	s.MinClasses = imagenetClasses
	return s, nil
}

// findImageNet is the path that the choice names, or the first of the usual places that exists.
func findImageNet(c ir.Choice, env Env) (string, error) {
	if len(c.Value) == 1 {
		return c.Value[0], nil
	}
	for _, dir := range []string{env.Dir, env.cached("imagenet")} {
		if dir == "" {
			continue
		}
		for _, pattern := range []string{"imagenet", "ILSVRC2012_img_val", "imagenet.zip", "ILSVRC2012_img_val.zip", "imagenet*.zip"} {
			if found, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil && len(found) > 0 {
				return found[0], nil
			}
		}
	}
	where := "DLAS_DATA is not set"
	if env.Dir != "" {
		where = "there is neither imagenet nor ILSVRC2012_img_val in " + env.Dir
	}
	return "", &ir.Error{Layer: ir.Data, What: "imagenet is not here: " + where, Try: "set DLAS_DATA to the folder above it, or write imagenet(PATH)"}
}

// listImageNet finds the pictures of one of the forms that ImageNet comes in.
func listImageNet(root fs.FS, split string) (*gallery, []string, error) {
	root, entries, err := enter(root)
	if err != nil {
		return nil, nil, err
	}
	names, err := readSynsets(root)
	if err != nil {
		return nil, nil, err
	}
	dir := "."
	for _, d := range []string{"ILSVRC/Data/CLS-LOC", "Data/CLS-LOC"} {
		if st, err := fs.Stat(root, d); err == nil && st.IsDir() {
			dir = d
		}
	}
	// The official validation set is what scores; its folder is called val.
	want := map[string][]string{"test": {"val", "validation", "ILSVRC2012_img_val"}, "train": {"train", "ILSVRC2012_img_train"}, "val": {"train", "ILSVRC2012_img_train"}}[split]
	var pictures fs.FS
	for _, w := range want {
		if st, err := fs.Stat(root, filepath.ToSlash(filepath.Join(dir, w))); err == nil && st.IsDir() {
			if pictures, err = fs.Sub(root, filepath.ToSlash(filepath.Join(dir, w))); err != nil {
				return nil, nil, err
			}
			break
		}
	}
	switch {
	case pictures == nil && split == "test":
		pictures = root
	case pictures == nil:
		return nil, nil, &ir.Error{What: "has no folder train, which the split " + split + " is taken from", Try: "split=test, the official validation set"}
	}
	if _, err := fs.Stat(pictures, labelsFile); err == nil {
		g, classes, err := list(pictures)
		if err == nil && classes != nil {
			err = fmt.Errorf("%s gives the class %q, and ImageNet's are numbers from 0 to 999", labelsFile, classes[0])
		}
		return g, names.words, err
	}
	if pictures == root && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isFolder(root, e) && isWordNet(e.Name()) }) || hasOfficial(pictures) {
		g, err := official(root, pictures, names)
		return g, names.words, err
	}
	g, classes, err := list(pictures)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range classes {
		switch {
		case names.number != nil:
			n, ok := names.number[c]
			if !ok {
				return nil, nil, fmt.Errorf("has a folder %s, which is no class of ImageNet", c)
			}
			for j := range g.files {
				if g.files[j].class == i {
					g.files[j].class = -2 - n
				}
			}
		case !isWordNet(c):
			return nil, nil, fmt.Errorf("has a folder %s, and ImageNet's classes are folders such as n01440764", c)
		case len(classes) != imagenetClasses:
			return nil, nil, &ir.Error{What: fmt.Sprintf("has %d folders of classes, and ImageNet has 1000", len(classes)), Try: "put LOC_synset_mapping.txt beside them, or open it as a folder: data ./PATH"}
		}
	}
	for j := range g.files {
		if c := g.files[j].class; c < -1 {
			g.files[j].class = -2 - c
		}
	}
	if names.words == nil {
		names.words = classes
	}
	return g, names.words, nil
}

// synsets are the classes by their WordNet names, and how they are called.
type synsets struct {
	number map[string]int
	words  []string
}

// readSynsets reads LOC_synset_mapping.txt or synset_words.txt: a line `n01440764 tench, Tinca tinca` a class. None of
// them is no error.
func readSynsets(root fs.FS) (synsets, error) {
	for _, name := range []string{"LOC_synset_mapping.txt", "synset_words.txt", "ILSVRC/LOC_synset_mapping.txt"} {
		text, err := readText(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return synsets{}, fmt.Errorf("%s %w", name, err)
		}
		s := synsets{number: map[string]int{}}
		var rows []string
		for row := range strings.Lines(text) {
			if row = strings.TrimSpace(row); row != "" {
				rows = append(rows, row)
			}
		}
		slices.Sort(rows)
		for i, row := range rows {
			id, words, _ := strings.Cut(row, " ")
			if !isWordNet(id) {
				return s, fmt.Errorf("%s: %q does not begin with a name such as n01440764", name, row)
			}
			s.number[id] = i
			words, _, _ = strings.Cut(words, ",")
			s.words = append(s.words, words)
		}
		if len(s.words) != imagenetClasses {
			return s, fmt.Errorf("%s has %d classes and should have 1000", name, len(s.words))
		}
		return s, nil
	}
	return synsets{}, nil
}

func isWordNet(name string) bool {
	if len(name) != 9 || name[0] != 'n' {
		return false
	}
	_, err := strconv.Atoi(name[1:])
	return err == nil
}

func hasOfficial(root fs.FS) bool {
	_, err := fs.Stat(root, officialName(1))
	return err == nil
}

func officialName(i int) string { return fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", i) }

// official reads the validation set as it is distributed, a flat folder of numbered files, with one of the files that
// give their classes: val.txt (`file class`), LOC_val_solution.csv (WordNet names), or the development kit's
// ILSVRC2012_validation_ground_truth.txt, whose numbers its meta.mat explains.
func official(root, pictures fs.FS, names synsets) (*gallery, error) {
	g := &gallery{root: pictures}
	if !hasOfficial(pictures) {
		return nil, &ir.Error{What: "has neither " + officialName(1) + ", nor folders of classes, nor a " + labelsFile}
	}
	either := func(name string) (string, error) {
		for _, r := range []fs.FS{root, pictures} {
			for _, dir := range []string{"", "ILSVRC2012_devkit_t12/data/", "data/", "ILSVRC/"} {
				text, err := readText(r, dir+name)
				if err == nil || !errors.Is(err, fs.ErrNotExist) {
					return text, err
				}
			}
		}
		return "", fs.ErrNotExist
	}
	add := func(file string, class int) error {
		if class < 0 || class >= imagenetClasses {
			return fmt.Errorf("%s has the class %d, and ImageNet's are 0 to 999", file, class)
		}
		if !fs.ValidPath(file) {
			return fmt.Errorf("%q is no path below the folder", file)
		}
		g.files = append(g.files, picture{file, class})
		return nil
	}
	if text, err := either("val.txt"); err == nil {
		for row := range strings.Lines(text) {
			f := strings.Fields(row)
			if len(f) == 0 {
				continue
			}
			class := -1
			if len(f) == 2 {
				if v, err := strconv.Atoi(f[1]); err == nil {
					class = v
				}
			}
			if class < 0 {
				return nil, fmt.Errorf("val.txt: %q is not a file and a number", strings.TrimSpace(row))
			}
			if err := add(f[0], class); err != nil {
				return nil, err
			}
		}
		return g, nil
	}
	if text, err := either("LOC_val_solution.csv"); err == nil {
		return g, solution(g, text, names, add)
	}
	text, err := either("ILSVRC2012_validation_ground_truth.txt")
	if err != nil {
		return nil, &ir.Error{What: "has pictures and no file that gives their classes", Try: "put ILSVRC2012_validation_ground_truth.txt and meta.mat of the development kit beside them, or LOC_val_solution.csv, or a val.txt"}
	}
	meta, err := either("meta.mat")
	if err != nil {
		return nil, &ir.Error{What: "ILSVRC2012_validation_ground_truth.txt counts classes in an order of its own", Try: "put the development kit's meta.mat beside it"}
	}
	order, err := readMeta([]byte(meta))
	if err != nil {
		return nil, fmt.Errorf("meta.mat %w", err)
	}
	for i, row := range strings.Fields(text) {
		id, err := strconv.Atoi(row)
		class, ok := order[id]
		if err != nil || !ok {
			return nil, fmt.Errorf("ILSVRC2012_validation_ground_truth.txt, line %d: %q is no class", i+1, row)
		}
		if err := add(officialName(i+1), class); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// solution reads rows `ILSVRC2012_val_00048981,n03995372 85 1 499 272`, sorted by file.
func solution(g *gallery, text string, names synsets, add func(string, int) error) error {
	type row struct{ file, id string }
	var rows []row
	seen := map[string]bool{}
	for i, line := range slices.Collect(strings.Lines(text)) {
		file, rest, _ := strings.Cut(strings.TrimSpace(line), ",")
		if i == 0 && file == "ImageId" || file == "" {
			continue
		}
		id, _, _ := strings.Cut(rest, " ")
		if !isWordNet(id) {
			return fmt.Errorf("LOC_val_solution.csv, line %d: %q names no class", i+1, strings.TrimSpace(line))
		}
		rows, seen[id] = append(rows, row{file, id}), true
	}
	number := names.number
	if number == nil {
		if len(seen) != imagenetClasses {
			return fmt.Errorf("LOC_val_solution.csv names %d classes; without LOC_synset_mapping.txt all 1000 are needed", len(seen))
		}
		ids := make([]string, 0, len(seen))
		for id := range seen {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		number = map[string]int{}
		for i, id := range ids {
			number[id] = i
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.file, b.file) })
	for _, r := range rows {
		n, ok := number[r.id]
		if !ok {
			return fmt.Errorf("LOC_val_solution.csv: %s is of %s, which is no class of ImageNet", r.file, r.id)
		}
		if err := add(r.file+".JPEG", n); err != nil {
			return err
		}
	}
	return nil
}
