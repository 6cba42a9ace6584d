package plotting

import (
	"cmp"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"

	"gonum.org/v1/plot/vg/vgimg"
)

// palettePNG writes an image with a palette where it has few colours: a figure is a quarter as large so. What has more
// than 256 are the smoothed edges of letters.
type palettePNG struct{ *vgimg.Canvas }

// WriteTo implements io.WriterTo.
func (c palettePNG) WriteTo(w io.Writer) (int64, error) {
	n := &counter{w: w}
	img := c.Image()
	if p := fewColours(img); p != nil {
		img = p
	}
	err := png.Encode(n, img)
	return n.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

const (
	manyColours     = 5000 // of a photograph
	frequentColours = 160  // that are taken as they are
	colourStep      = 24   // of 255: how far a rare colour of an edge may move, in each channel
)

// fewColours is the image in 256 colours of its own; nil where another one is farther than a step from all of them.
func fewColours(img image.Image) *image.Paletted {
	b := img.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	if m, ok := img.(*image.RGBA); ok {
		at = m.RGBAAt
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(x, y)]++
		}
		if len(count) > manyColours {
			return nil
		}
	}
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(p, q color.RGBA) int {
		return cmp.Or(count[q]-count[p], cmp.Compare(p.R, q.R), cmp.Compare(p.G, q.G), cmp.Compare(p.B, q.B), cmp.Compare(p.A, q.A))
	})
	// The most frequent, and then, again and again, the one that is farthest from all.
	out := image.NewPaletted(b, nil)
	index := map[color.RGBA]uint8{}
	near := make([]struct{ entry, off int }, len(colours))
	for i := range near {
		near[i].off = 256
	}
	for len(out.Palette) < min(256, len(colours)) {
		next := len(out.Palette)
		if next >= frequentColours {
			for i := range near {
				if near[i].off > near[next].off {
					next = i
				}
			}
		}
		entry := len(out.Palette)
		out.Palette = append(out.Palette, colours[next])
		for i, c := range colours {
			if d := farthest(c, colours[next]); d < near[i].off {
				near[i].entry, near[i].off = entry, d
			}
		}
	}
	for i, c := range colours {
		if near[i].off > colourStep {
			return nil
		}
		index[c] = uint8(near[i].entry)
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return out
}

// farthest is the largest difference of two colours in a channel.
func farthest(p, q color.RGBA) int {
	d := 0
	for _, v := range [4][2]uint8{{p.R, q.R}, {p.G, q.G}, {p.B, q.B}, {p.A, q.A}} {
		d = max(d, int(v[0])-int(v[1]), int(v[1])-int(v[0]))
	}
	return d
}
