package plotting

import (
	"image"
	"image/color"

	"gonum.org/v1/plot/vg"
)

// DrawImage implements vg.Canvas. It repeats the columns of an image as wide as another: fpdf writes images in the order of
// their widths, and those of equal ones in the random order of a map.
func (c pdfCanvas) DrawImage(rect vg.Rectangle, img image.Image) {
	w, times := img.Bounds().Dx(), 1
	for c.widths[w*times] {
		times++
	}
	c.widths[w*times] = true
	if times > 1 {
		img = wide{img, times}
	}
	c.Canvas.DrawImage(rect, img)
}

// wide is an image whose every column is there so many times.
type wide struct {
	image.Image
	times int
}

func (w wide) Bounds() image.Rectangle {
	b := w.Image.Bounds()
	return image.Rect(0, 0, b.Dx()*w.times, b.Dy())
}

func (w wide) At(x, y int) color.Color {
	b := w.Image.Bounds()
	return w.Image.At(b.Min.X+x/w.times, b.Min.Y+y)
}
