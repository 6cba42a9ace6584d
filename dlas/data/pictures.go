package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // formats of pictures
	_ "image/jpeg" //
	_ "image/png"  //
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
)

// Limits of a picture: its size and extents are checked before it is decoded.
const (
	maxPictureBytes  = 64 << 20
	maxPicturePixels = 1 << 26
	// maxDecoded is the most bytes of pixels that a set keeps; one with more decodes its pictures anew each time.
	maxDecoded = 1 << 30
)

// picture is a file of a set: where it lies and its class.
type picture struct {
	name  string // path below the set's root
	class int    // -1: none
}

// gallery is pictures in files.
type gallery struct {
	root  fs.FS
	files []picture
	grey  bool // all of them are grey
}

// isPicture reports whether a file's name is that of a picture.
func isPicture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return !strings.HasPrefix(path.Base(name), ".")
	}
	return false
}

// readPicture reads the bytes of a picture's file, which must be a plain one.
func readPicture(root fs.FS, name string) ([]byte, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPictureBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxPictureBytes {
		return nil, fmt.Errorf("holds more than %d MiB", maxPictureBytes>>20)
	}
	return b, nil
}

// openPlain opens a file that is neither a folder nor a pipe: opening one of those might wait for ever.
func openPlain(root fs.FS, name string) (fs.File, error) {
	st, err := fs.Stat(root, name)
	if err != nil {
		return nil, pathless(err)
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	f, err := root.Open(name)
	return f, pathless(err)
}

// pathless drops the path that an error of a file repeats.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// header reads a picture's form and extents.
func header(b []byte) (image.Config, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(b))
	switch {
	case errors.Is(err, image.ErrFormat):
		return c, errors.New("is no PNG, JPEG or GIF")
	case err != nil:
		return c, readable(err)
	case c.Width < 1 || c.Height < 1:
		return c, fmt.Errorf("has %dx%d pixels", c.Width, c.Height)
	case c.Width > maxPicturePixels/c.Height:
		return c, fmt.Errorf("has %dx%d pixels, more than %d million", c.Width, c.Height, maxPicturePixels/1000000)
	}
	return c, nil
}

// decode decodes a picture whose header has been checked.
func decode(b []byte) (image.Image, error) {
	if _, err := header(b); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, readable(err)
	}
	return m, nil
}

// readable says what a decoder's error means.
func readable(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "not enough pixel data") {
		return errors.New("is truncated")
	}
	return err
}

// survey reads every file once: its extents, and the digest of all of them with their classes. It returns the one size
// that they have, or 0 x 0 where there are several.
func (g *gallery) survey() (digest string, w, h int, err error) {
	type seen struct {
		sum  [sha256.Size]byte
		w, h int
		grey bool
	}
	all := make([]seen, len(g.files))
	err = g.each(func(i int, b []byte) error {
		c, err := header(b)
		if err != nil {
			return err
		}
		all[i] = seen{sha256.Sum256(b), c.Width, c.Height, isGrey(c)}
		return nil
	})
	if err != nil {
		return "", 0, 0, err
	}
	d := sha256.New()
	w, h, g.grey = all[0].w, all[0].h, true
	for i, s := range all {
		d.Write(s.sum[:])
		d.Write(binary.LittleEndian.AppendUint32(nil, uint32(int32(g.files[i].class))))
		if s.w != w || s.h != h {
			w, h = 0, 0
		}
		g.grey = g.grey && s.grey
	}
	return hex.EncodeToString(d.Sum(nil)), w, h, nil
}

// each calls f with the bytes of every file, on all cores. The error is that of the first file in order that has one.
func (g *gallery) each(f func(i int, b []byte) error) error {
	errs := make([]error, len(g.files))
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(g.files)) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(g.files) {
					return
				}
				b, err := readPicture(g.root, g.files[i].name)
				if err == nil {
					err = f(i, b)
				}
				if err != nil {
					errs[i] = fmt.Errorf("picture %s: %w", g.files[i].name, err)
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// Fit returns the set with pictures of another size. A set whose images have the one size that its files have is scaled
// from that.
func (s *Set) Fit(f Fit) (*Set, error) {
	if f.H == s.Shape[1] && f.W == s.Shape[2] && (f == s.fit || s.gallery == nil && f.Resize == 0) {
		return s, nil
	}
	c := *s
	c.fit, c.Shape, c.pix, c.load = f, ir.Shape{s.Shape[0], f.H, f.W}, nil, nil
	if s.gallery == nil {
		c.load = func(i int) (ir.Image, error) {
			img, err := s.Image(i)
			if err != nil {
				return img, err
			}
			return Resample(planar{img}, s.Shape[0], f), nil
		}
		return &c, nil
	}
	return &c, c.fill()
}

// fill decodes the pictures of a gallery at the set's fit, where they are not too many; those of a larger one are
// decoded when they are asked for.
func (s *Set) fill() error {
	g, each := s.gallery, s.Shape.Elems()
	if len(g.files) > maxDecoded/each {
		s.load = s.decodeAt
		return nil
	}
	s.pix = make([]uint8, len(g.files)*each)
	err := g.each(func(i int, b []byte) error {
		img, err := s.made(b)
		copy(s.pix[i*each:(i+1)*each], img.Pix)
		return err
	})
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// made is the image that a file's bytes make.
func (s *Set) made(b []byte) (ir.Image, error) {
	m, err := decode(b)
	if err != nil {
		return ir.Image{}, err
	}
	return Resample(m, s.Shape[0], s.fit), nil
}

// decodeAt reads and decodes image i.
func (s *Set) decodeAt(i int) (ir.Image, error) {
	name := s.gallery.files[i].name
	b, err := readPicture(s.gallery.root, name)
	if err == nil {
		var img ir.Image
		if img, err = s.made(b); err == nil {
			return img, nil
		}
	}
	return ir.Image{}, s.failed(fmt.Errorf("picture %s: %w", name, err))
}

func (s *Set) failed(err error) error { return &ir.Error{Layer: ir.Data, What: s.Name, Err: err} }

// FitPicture makes of a picture that is not in the set an image like the set's own.
func (s *Set) FitPicture(m image.Image) ir.Image {
	f := s.fit
	if f == (Fit{}) {
		f = Fit{H: s.Shape[1], W: s.Shape[2]}
	}
	return Resample(m, s.Shape[0], f)
}

// Fitted says how the images were made their size; the zero Fit where they have it by themselves.
func (s *Set) Fitted() Fit { return s.fit }

// Pictures reports whether the set's images come from files of pictures, which have any size.
func (s *Set) Pictures() bool { return s.gallery != nil }
