package dlas

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"

	_ "image/jpeg" // pictures that a user names

	"golang.org/x/image/draw"

	"github.com/godlas/godlas/dlas/ir"
)

// Limits of a picture file: its size is checked before it is decoded.
const (
	maxPictureBytes  = 64 << 20
	maxPicturePixels = 1 << 26
)

// ReadPicture decodes a PNG or JPEG file.
func ReadPicture(path string) (image.Image, error) {
	fail := func(what string, err error) error {
		return &ir.Error{Layer: ir.Data, What: what + " " + path, Err: err, Try: "a picture is a PNG or JPEG file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fail("cannot open picture", pathless(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPictureBytes+1))
	if err != nil {
		return nil, fail("cannot read picture", pathless(err))
	}
	if len(b) > maxPictureBytes {
		return nil, fail("more than 64 MiB in", nil)
	}
	cfg, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fail("cannot decode", err)
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxPicturePixels/cfg.Height {
		return nil, fail("more than 64 million pixels in", nil)
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fail("cannot decode", err)
	}
	return m, nil
}

// toImage scales a picture to the pixels of a data set: its short side cut to the middle square of the set's form,
// grey where the set has one channel.
func toImage(m image.Image, shape ir.Shape) ir.Image {
	c, h, w := shape[0], shape[1], shape[2]
	r := m.Bounds()
	// The largest part in the middle that has the set's form.
	cw, ch := r.Dx(), r.Dx()*h/w
	if ch > r.Dy() {
		cw, ch = r.Dy()*w/h, r.Dy()
	}
	cw, ch = max(1, cw), max(1, ch)
	part := image.Rect(0, 0, cw, ch).Add(image.Pt(r.Min.X+(r.Dx()-cw)/2, r.Min.Y+(r.Dy()-ch)/2))
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(dst, dst.Bounds(), m, part, draw.Over, nil)
	out := ir.Image{C: c, H: h, W: w, Pix: make([]uint8, c*h*w)}
	for y := range h {
		for x := range w {
			p := dst.RGBAAt(x, y)
			if c == 1 {
				out.Pix[y*w+x] = color.GrayModel.Convert(p).(color.Gray).Y
				continue
			}
			for k, v := range []uint8{p.R, p.G, p.B} {
				if k < c {
					out.Pix[(k*h+y)*w+x] = v
				}
			}
		}
	}
	return out
}

// Picture is an image of a data set as one of the standard library, each pixel drawn as scale x scale.
func Picture(img ir.Image, scale int) image.Image {
	scale = max(1, scale)
	m := image.NewRGBA(image.Rect(0, 0, img.W*scale, img.H*scale))
	plane := img.H * img.W
	for y := range img.H * scale {
		for x := range img.W * scale {
			i := y/scale*img.W + x/scale
			p := color.RGBA{img.Pix[i], img.Pix[i], img.Pix[i], 255}
			if img.C >= 3 {
				p.G, p.B = img.Pix[plane+i], img.Pix[2*plane+i]
			}
			m.SetRGBA(x, y, p)
		}
	}
	return m
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return nil // only for a picture without pixels
	}
	return b.Bytes()
}
