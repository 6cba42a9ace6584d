package display

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
)

// maxPixels is the largest side of an image that is shown as it is; no page is wider, and PNGs travel in messages.
const maxPixels = 1600

func imageBundle(m image.Image) map[string]any {
	r := m.Bounds()
	d := map[string]any{plain: fmt.Sprintf("%T, %dx%d", m, r.Dx(), r.Dy())}
	if r.Empty() {
		return d // it has no PNG
	}
	if r.Dx() > maxPixels || r.Dy() > maxPixels {
		m = shrink(m)
		d[plain] = fmt.Sprintf("%s, shown at %dx%d", d[plain], m.Bounds().Dx(), m.Bounds().Dy())
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err == nil {
		d["image/png"] = base64.StdEncoding.EncodeToString(b.Bytes())
	}
	return d
}

// shrink makes an image fit: each pixel is the mean of a few of those that it stands for.
func shrink(m image.Image) image.Image {
	const samples = 3
	r := m.Bounds()
	w, h := r.Dx(), r.Dy()
	long := max(w, h)
	nw, nh := max(1, int(int64(w)*maxPixels/int64(long))), max(1, int(int64(h)*maxPixels/int64(long)))
	out := image.NewNRGBA(image.Rect(0, 0, nw, nh))
	at := func(i, k, n, size int) int { // the k-th sample of pixel i of n
		return int((int64(i)*samples + int64(k)) * int64(size) / (int64(n) * samples))
	}
	for y := range nh {
		for x := range nw {
			var red, green, blue, alpha uint32
			for ky := range samples {
				for kx := range samples {
					cr, cg, cb, ca := m.At(r.Min.X+at(x, kx, nw, w), r.Min.Y+at(y, ky, nh, h)).RGBA()
					red, green, blue, alpha = red+cr, green+cg, blue+cb, alpha+ca
				}
			}
			const n = samples * samples
			out.Set(x, y, color.RGBA64{R: uint16(red / n), G: uint16(green / n), B: uint16(blue / n), A: uint16(alpha / n)})
		}
	}
	return out
}

// imageType is the type of a picture's file.
func imageType(b []byte) (string, bool) {
	switch t := http.DetectContentType(b); t {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return t, true
	}
	return "", false
}

func fileBundle(mime string, b []byte) map[string]any {
	return map[string]any{mime: base64.StdEncoding.EncodeToString(b), plain: fmt.Sprintf("%s, %d bytes", mime, len(b))}
}
