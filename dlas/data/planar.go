package data

import (
	"image"
	"image/color"

	"github.com/godlas/godlas/dlas/ir"
)

// planar is an image of a set as one of the standard library.
type planar struct{ ir.Image }

func (p planar) ColorModel() color.Model { return color.NRGBAModel }

func (p planar) Bounds() image.Rectangle { return image.Rect(0, 0, p.W, p.H) }

func (p planar) At(x, y int) color.Color {
	i, plane := y*p.W+x, p.H*p.W
	if p.C < 3 {
		return color.Gray{Y: p.Pix[i]}
	}
	return color.NRGBA{p.Pix[i], p.Pix[plane+i], p.Pix[2*plane+i], 255}
}

// isGrey reports whether a picture has one channel.
func isGrey(c image.Config) bool {
	return c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
}
