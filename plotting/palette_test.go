package plotting

import (
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// TestFewColours: the picture is the same within a step, and one that needs more colours keeps them.
func TestFewColours(t *testing.T) {
	edges, noise := image.NewRGBA(image.Rect(0, 0, 60, 60)), image.NewRGBA(image.Rect(0, 0, 60, 60))
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 3600 {
		x, y := i%60, i/60
		shade := color.RGBA{uint8(i / 15 &^ 15), 100, 0, 255}
		if i%7 == 0 { // rare ones beside them
			shade.R, shade.B = uint8(i/15), uint8(i%20)
		}
		edges.SetRGBA(x, y, shade)
		noise.SetRGBA(x, y, color.RGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32()), 255})
	}
	p := fewColours(edges)
	if p == nil || len(p.Palette) != 256 {
		t.Fatal("shades of a colour have no palette")
	}
	worst := 0
	for i := range 3600 {
		c := color.RGBAModel.Convert(p.At(i%60, i/60)).(color.RGBA)
		worst = max(worst, farthest(c, edges.RGBAAt(i%60, i/60)))
	}
	if worst == 0 || worst > colourStep {
		t.Errorf("a colour moved by %d", worst)
	}
	if fewColours(noise) != nil {
		t.Error("3,600 colours at random fit in 256")
	}
}

func TestFitParts(t *testing.T) {
	sty := textStyle(10, ink)
	full := "channels(0.05, by=l1) recalibrate(n=200), spatialpack dense"
	got := fitParts(full, sty, sty.Width(full)*vg.Length(0.7))
	if first, second, ok := strings.Cut(got, "…, "); !ok || second != "spatialpack dense" || !strings.HasPrefix(first, "channels(0.05, by") || sty.Width(got) > sty.Width(full)*0.7 {
		t.Errorf("%q", got)
	}
	if got := fitParts(full, sty, sty.Width(full)*2); got != full {
		t.Errorf("%q", got)
	}
	if got := fitParts(full, sty, sty.Width("channels, s")); sty.Width(got) > sty.Width("channels, s") {
		t.Errorf("%q", got)
	}
}
