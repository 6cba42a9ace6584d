//go:build ignore

// Draw makes the kernel's logos: six plates, one for each layer of the stack, and one of them changed.
// Run it by go generate in package install.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"

	"golang.org/x/image/vector"
)

// A plate is a rhombus with two sides, in a square of 100 by 100.
type plate struct{ top, side color.RGBA }

const (
	left, middle, right = 4, 50, 96
	lowest, apart       = 76, 10.4 // the height of the lowest plate's corners, and between two plates
	half, thick         = 18, 5
)

// From the bottom up; the fourth is the one that somebody changed.
var plates = []plate{
	{rgb(0x007d9c), rgb(0x005e76)},
	{rgb(0x0090b3), rgb(0x006c87)},
	{rgb(0x00a3ca), rgb(0x007b98)},
	{rgb(0xfdb515), rgb(0xc98c00)},
	{rgb(0x2fc4e8), rgb(0x1a9dbd)},
	{rgb(0x6fd9f2), rgb(0x45b3cf)},
}

func rgb(v uint32) color.RGBA { return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255} }

// shape is a polygon of one colour.
type shape struct {
	points [][2]float32
	fill   color.RGBA
}

func main() {
	log.SetFlags(0)
	var shapes []shape
	for i, p := range plates {
		y := float32(lowest - apart*float64(i))
		shapes = append(shapes,
			shape{[][2]float32{{left, y}, {left, y + thick}, {middle, y + half + thick}, {right, y + thick}, {right, y}}, p.side},
			shape{[][2]float32{{middle, y - half}, {right, y}, {middle, y + half}, {left, y}}, p.top})
	}
	write("logo/logo-svg.svg", svg(shapes))
	for _, size := range []int{32, 64} {
		write(fmt.Sprintf("logo/logo-%dx%d.png", size, size), raster(shapes, size))
	}
}

func svg(shapes []shape) []byte {
	var b bytes.Buffer
	b.WriteString("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 100\" width=\"100\" height=\"100\">\n" +
		"  <title>godlas: six layers, one of them changed</title>\n")
	for _, s := range shapes {
		fmt.Fprintf(&b, `  <polygon fill="#%02x%02x%02x" points="`, s.fill.R, s.fill.G, s.fill.B)
		for i, p := range s.points {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%.4g,%.4g", p[0], p[1])
		}
		b.WriteString("\"/>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func raster(shapes []shape, size int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	k := float32(size) / 100
	for _, s := range shapes {
		z := vector.NewRasterizer(size, size)
		for i, p := range s.points {
			if i == 0 {
				z.MoveTo(p[0]*k, p[1]*k)
			} else {
				z.LineTo(p[0]*k, p[1]*k)
			}
		}
		z.ClosePath()
		z.DrawOp = draw.Over
		z.Draw(img, img.Bounds(), image.NewUniform(s.fill), image.Point{})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

func write(name string, data []byte) {
	if err := os.WriteFile(name, data, 0o644); err != nil {
		log.Fatal(err)
	}
}
