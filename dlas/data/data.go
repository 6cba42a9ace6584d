// Package data is L1, datasets and problem spaces: it opens a named set of images and labels.
//
// A set is a file of this package and a row of its table. Opening one reads, checks and decodes the images that will be
// used, so that a broken file is an error in one line there and never later. Nothing here downloads but Get.
package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/godlas/godlas/dlas/ir"
)

// Env says where sets are looked for.
type Env struct {
	Dir    string // the user's folder of data, DLAS_DATA; may be empty
	Cache  string // where Get puts what it downloads; may be empty
	Mirror string // address that stands for every set's own home in Get; may be empty
}

// EnvFromOS reads DLAS_DATA, DLAS_DATA_MIRROR and DLAS_CACHE (else godlas in the user's cache folder).
func EnvFromOS() Env {
	cache := os.Getenv("DLAS_CACHE")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "godlas")
		}
	}
	return Env{Dir: os.Getenv("DLAS_DATA"), Cache: cache, Mirror: os.Getenv("DLAS_DATA_MIRROR")}
}

// cached is the folder that Get fills for a set; empty without a cache.
func (e Env) cached(set string) string {
	if e.Cache == "" {
		return ""
	}
	return filepath.Join(e.Cache, "data", set)
}

// Set is the images of one run, decoded, in the set's official order.
type Set struct {
	Name    string
	Split   string   // test, val or train; empty where the set has none
	Digest  string   // SHA-256 over shape, pixels and labels of the images in use, hex
	Classes []string // names by label; nil where the set has none
	Shape   ir.Shape // of one image: C, H, W
	Caveat  string   // what a reader of an accuracy on this split must know; may be empty
	// MinClasses is the least number of classes that a network for the set has, where Classes does not tell.
	MinClasses int

	pix    []uint8 // image after image, each C x H x W
	labels []uint8 // nil: none, or in the gallery
	count  int     // of images

	// Of a set whose images come from files of pictures:
	gallery *gallery
	fit     Fit                           // how they were made the set's size
	load    func(i int) (ir.Image, error) // makes image i where pix does not hold it
}

// Len is the number of images.
func (s *Set) Len() int {
	switch {
	case s.gallery != nil:
		return len(s.gallery.files)
	case s.labels != nil:
		return len(s.labels)
	}
	return s.count
}

// Image returns image i, 0 <= i < Len. Its pixels are shared: they may not be changed. It fails only for a set too large
// to keep decoded, where a file is broken behind its header.
func (s *Set) Image(i int) (ir.Image, error) {
	if s.load != nil {
		return s.load(i)
	}
	n := s.Shape.Elems()
	return ir.Image{C: s.Shape[0], H: s.Shape[1], W: s.Shape[2], Pix: s.pix[i*n : (i+1)*n : (i+1)*n]}, nil
}

// Label returns the class of image i; false where the set has no labels.
func (s *Set) Label(i int) (int, bool) {
	if s.gallery != nil {
		class := s.gallery.files[i].class
		return max(class, 0), class >= 0
	}
	if s.labels == nil {
		return 0, false
	}
	return int(s.labels[i]), true
}

// Key tells sets apart: name, split, digest and the size of their images.
func (s *Set) Key() string {
	return fmt.Sprint(s.Name, " ", s.Split, " ", s.Digest, " ", s.Shape, " ", s.fit)
}

// seal fills in the digest.
func (s *Set) seal() *Set {
	s.count = len(s.pix) / s.Shape.Elems()
	h := sha256.New()
	h.Write([]byte(s.Shape.String() + "\n"))
	h.Write(s.pix)
	h.Write(s.labels)
	s.Digest = hex.EncodeToString(h.Sum(nil))
	return s
}

// set is a row of the table.
type set struct {
	option ir.Option
	open   func(c ir.Choice, env Env) (*Set, error)
}

func sets() []set { return []set{fashionSet(), cifarSet(), imagenetSet(), folderSet(), randomSet()} }

// Options describes the sets there are.
func Options() []ir.Option {
	var o []ir.Option
	for _, s := range sets() {
		o = append(o, s.option)
	}
	return o
}

// Open opens the set that c names, with its arguments: n, split and batch (which the set ignores; the run batches).
// Errors are *ir.Error of layer data.
func Open(c ir.Choice, env Env) (*Set, error) {
	if err := Check(c); err != nil {
		return nil, err
	}
	for _, s := range sets() {
		if s.option.Name == c.Name {
			return s.open(c, env)
		}
	}
	return openFolder(c, c.Name) // Check has let nothing else through
}

// Check finds what is wrong with a choice without opening anything.
func Check(c ir.Choice) error {
	for _, s := range sets() {
		if s.option.Name == c.Name {
			return checkArgs(c, s.option)
		}
	}
	if isPath(c.Name) {
		o := folderSet().option
		o.Params = o.Params[1:] // the path is the name
		return checkArgs(c, o)
	}
	return unknown(c.Name)
}

func unknown(name string) error {
	var names []string
	for _, o := range Options() {
		names = append(names, o.Name)
	}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return &ir.Error{Layer: ir.Data, What: "unknown data set " + strconv.Quote(name), Try: "the folder of that name is ./" + name}
	}
	return ir.Unknown(ir.Data, "data set", name, names)
}

func checkArgs(c ir.Choice, o ir.Option) error {
	var keys []string
	positional := false
	params := map[string]ir.Param{}
	for _, p := range o.Params {
		if p.Key == "" {
			positional = true
			continue
		}
		keys = append(keys, p.Key)
		params[p.Key] = p
	}
	if len(c.Value) > 0 && !positional {
		return &ir.Error{Layer: ir.Data, What: c.Name + " takes no plain argument, but got " + strconv.Quote(c.Value[0]), Try: "write " + c.Name + "(n=" + c.Value[0] + ")"}
	}
	if len(c.Value) > 1 {
		return ir.Errorf(ir.Data, "%s takes one shape or path, but got %d", c.Name, len(c.Value))
	}
	for _, a := range c.Args {
		p, ok := params[a.Key]
		if !ok {
			return ir.Unknown(ir.Data, "argument of "+c.Name, a.Key, keys)
		}
		if a.Op != "=" {
			return ir.Errorf(ir.Data, "argument %s of %s is set with =, not %s", a.Key, c.Name, a.Op)
		}
		switch a.Key {
		case "n", "batch", "size", "resize":
			if v, err := strconv.Atoi(a.Value); err != nil || v < 1 {
				return ir.Errorf(ir.Data, "%s=%s of %s is not a number from 1", a.Key, a.Value, c.Name)
			}
		case "seed":
			if _, err := strconv.ParseUint(a.Value, 10, 63); err != nil {
				return ir.Errorf(ir.Data, "seed=%s of %s is not a number from 0", a.Value, c.Name)
			}
		case "split":
			known := false
			for _, v := range p.Values {
				known = known || v == a.Value
			}
			if !known {
				return ir.Unknown(ir.Data, "split of "+c.Name, a.Value, p.Values)
			}
		}
	}
	return nil
}

// first returns how many images to use of have: n=, or all.
func first(c ir.Choice, split string, have int) (int, error) {
	v := c.Arg("n", "")
	if v == "" {
		return have, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, ir.Errorf(ir.Data, "n=%s of %s is not a number from 1", v, c.Name)
	}
	if n > have {
		return 0, &ir.Error{Layer: ir.Data, What: "n=" + v + " is more than the " + strconv.Itoa(have) + " images of " + c.Name + "'s split " + split, Try: "try n=" + strconv.Itoa(have)}
	}
	return n, nil
}

func splitParams() []ir.Param {
	return []ir.Param{
		{Key: "n", Help: "use the first n images in the set's official order; all where it is not given"},
		{Key: "batch", Help: "images that one run of the network takes", Default: "1"},
		{Key: "split", Help: "test scores; val is what may choose something; train is the rest", Default: "test", Values: []string{"test", "val", "train"}},
	}
}
