package plotting

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/godlas/godlas/dlas"
)

// filled lists the boxes that drawing a plot fills with a colour, and the area
// in which it draws its data.
func filled(p *plot.Plot, w, h vg.Length) (boxes map[color.Color][]vg.Rectangle, data draw.Canvas) {
	rec := &recorder.Canvas{}
	c := draw.NewCanvas(rec, w, h)
	p.Draw(c)
	data = p.DataCanvas(c)
	boxes = map[color.Color][]vg.Rectangle{}
	var now color.Color
	for _, a := range rec.Actions {
		switch a := a.(type) {
		case *recorder.SetColor:
			now = a.Color
		case *recorder.Fill:
			r := vg.Rectangle{Min: vg.Point{X: math.MaxFloat64, Y: math.MaxFloat64}, Max: vg.Point{X: -math.MaxFloat64, Y: -math.MaxFloat64}}
			for _, q := range a.Path {
				if q.Type != vg.CloseComp {
					r.Min.X, r.Min.Y = min(r.Min.X, q.Pos.X), min(r.Min.Y, q.Pos.Y)
					r.Max.X, r.Max.Y = max(r.Max.X, q.Pos.X), max(r.Max.Y, q.Pos.Y)
				}
			}
			boxes[now] = append(boxes[now], r)
		}
	}
	return boxes, data
}

// TestGrey draws all markers and hatches in one colour: without colours they
// must still differ, each from each.
func TestGrey(t *testing.T) {
	paint := func(d func(c *draw.Canvas)) []byte {
		img := vgimg.NewWith(vgimg.UseWH(30, 30), vgimg.UseDPI(144))
		c := draw.New(img)
		d(&c)
		b := img.Image().Bounds()
		var px []byte
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				px = append(px, color.GrayModel.Convert(img.Image().At(x, y)).(color.Gray).Y)
			}
		}
		return px
	}
	differ := func(what string, pics [][]byte) {
		for i := range pics {
			for j := range i {
				n := 0
				for k := range pics[i] {
					if d := int(pics[i][k]) - int(pics[j][k]); d > 64 || d < -64 {
						n++
					}
				}
				if n < 12 {
					t.Errorf("%s %d and %d differ in %d pixels", what, i, j, n)
				}
			}
		}
	}
	var pics [][]byte
	for i := range maxStyles {
		s := styleOf(i)
		s.colour = ink
		pics = append(pics, paint(func(c *draw.Canvas) { drawMarker(c, s, 8, vg.Point{X: 15, Y: 15}) }))
	}
	differ("markers", pics)
	pics = nil
	for i := range hatches {
		s := styleOf(i)
		s.colour = ink
		pics = append(pics, paint(func(c *draw.Canvas) {
			drawBar(c, s, vg.Rectangle{Min: vg.Point{X: 2, Y: 2}, Max: vg.Point{X: 28, Y: 28}})
		}))
	}
	differ("hatches", pics)
	for s := 0.0; s < 1; s += 0.01 {
		a, b := color.GrayModel.Convert(shade(s)).(color.Gray).Y, color.GrayModel.Convert(shade(s+0.01)).(color.Gray).Y
		if b > a {
			t.Errorf("shade gets lighter at %v", s)
		}
	}
}

// TestTextsDoNotOverlap draws crowded figures and compares the boxes of all
// texts that are not turned.
func TestTextsDoNotOverlap(t *testing.T) {
	long := crossed()
	for i, r := range long {
		r.Name = fmt.Sprintf("a rather long name that somebody gave to result %d", i)
	}
	six := crossed()[:12]
	for i, r := range six {
		r.Spec.Model = fmt.Sprintf("a-network-of-some-name-%d", i/2)
	}
	wide := levels()
	for i, r := range wide {
		r.Latency = &dlas.Latency{Median: math.Pow(10, float64(i)), Low: math.Pow(10, float64(i)) * 0.9, High: math.Pow(10, float64(i)) * 1.3, N: 31, Batch: 1}
	}
	deep := made("none", "direct dense", 0.9, 9)
	deep.Nodes = nil
	for i := range 90 {
		ms := 3 / float64(1+i%50)
		deep.Nodes = append(deep.Nodes, dlas.Node{Name: fmt.Sprintf("stage%d.block%d.branch.with.a.long.name.conv", i/10, i%10), Op: "conv", Primitive: "direct", Format: "dense", MS: &ms})
	}
	for name, make := range map[string]func() (*Figure, error){
		"one point":    func() (*Figure, error) { return Plot("pareto", levels()[:1]) },
		"one bar":      func() (*Figure, error) { return Plot("bars", levels()[:1], "y=speedup", "width=60mm") },
		"six panels":   func() (*Figure, error) { return Plot("pareto", six, "panel=model", "width=100mm", "font=8pt") },
		"wide":         func() (*Figure, error) { return Plot("pareto", wide, "width=84mm") },
		"wide bars":    func() (*Figure, error) { return Plot("bars", wide, "width=84mm") },
		"large font":   func() (*Figure, error) { return Plot("bars", levels(), "font=20pt") },
		"deep":         func() (*Figure, error) { return Plot("layers", []*dlas.Result{deep}) },
		"pareto":       func() (*Figure, error) { return Plot("pareto", crossed()) },
		"pareto small": func() (*Figure, error) { return Plot("pareto", crossed(), "width=84mm", "font=8pt") },
		"pareto x":     func() (*Figure, error) { return Plot("pareto", crossed(), "x=speedup") },
		"pareto long":  func() (*Figure, error) { return Plot("pareto", long[:8]) },
		"panels":       func() (*Figure, error) { return Plot("pareto", crossed(), "panel=compress") },
		"bars":         func() (*Figure, error) { return Plot("bars", long) },
		"layers":       func() (*Figure, error) { return Plot("layers", crossed()[:3]) },
	} {
		f, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if dir := os.Getenv("DLAS_PICTURES"); dir != "" {
			if err := f.Save(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".png")); err != nil {
				t.Error(err)
			}
		}
		rec := &recorder.Canvas{}
		f.Draw(draw.NewCanvas(rec, f.Width, f.Height))
		type text struct {
			s string
			r vg.Rectangle
		}
		var texts []text
		turned, depth := 0, 0
		for _, a := range rec.Actions {
			switch a := a.(type) {
			case *recorder.Push:
				depth++
			case *recorder.Pop:
				depth--
				if turned > depth {
					turned = 0
				}
			case *recorder.Rotate:
				turned = depth
			case *recorder.FillString:
				if turned == 0 && strings.TrimSpace(a.String) != "" {
					sty := textStyle(a.Size, ink)
					texts = append(texts, text{a.String, vg.Rectangle{Min: a.Point, Max: vg.Point{X: a.Point.X + sty.Width(a.String), Y: a.Point.Y + a.Size*0.7}}})
				}
			}
		}
		if len(texts) < 5 {
			t.Fatalf("%s: %d texts", name, len(texts))
		}
		for i, a := range texts {
			if a.r.Min.X < 0 || a.r.Max.X > f.Width+0.5 || a.r.Min.Y < 0 || a.r.Max.Y > f.Height {
				t.Errorf("%s: %q reaches out of the figure: %v", name, a.s, a.r)
			}
			for _, b := range texts[:i] {
				if a.r.Min.X < b.r.Max.X && b.r.Min.X < a.r.Max.X && a.r.Min.Y < b.r.Max.Y && b.r.Min.Y < a.r.Max.Y {
					t.Errorf("%s: %q lies on %q", name, a.s, b.s)
				}
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		ticker    plot.Ticker
		low, high float64
		want      string
	}{
		{niceTicks{}, 0, 100, "0 20 40 60 80 100"},
		{niceTicks{}, 0, 2.6, "0.0 0.5 1.0 1.5 2.0 2.5"},
		{niceTicks{}, 91.2, 91.9, "91.2 91.4 91.6 91.8"},
		{niceTicks{}, 3, 3, "3"},
		{niceTicks{}, 0, 12000, "0 2,000 4,000 6,000 8,000 10,000 12,000"},
		{logTicks{}, 1, 100, "1 2 5 10 20 50 100"},
		{logTicks{}, 0.3, 2.5, "0.5 1 2"},
		{logTicks{}, 0.9, 3.5, "1 1.2 1.5 2 2.5 3"},
		{logTicks{}, 0.9, 4.6, "1 1.5 2 3 4"},
		{logTicks{}, 1e-3, 1e4, "0.001 0.01 0.1 1 10 100 1,000 10,000"},
		{logTicks{}, 0.98, 1.02, "0.98 0.99 1.00 1.01 1.02"},
	} {
		var got []string
		for _, k := range c.ticker.Ticks(c.low, c.high) {
			got = append(got, k.Label)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%T %v to %v: %s, want %s", c.ticker, c.low, c.high, s, c.want)
		}
	}
}

// TestApart: labels of hardware keep what differs, and all of it where more than arguments do.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		choices, want []string
		common        string
	}{
		{[]string{"cpu(isa=go, threads=1)", "cpu(isa=avx2, threads=1)"}, []string{"isa=go", "isa=avx2"}, "cpu(threads=1)"},
		{[]string{"cpu(isa=go, threads=1)", "cpu(isa=go, threads=2)", "cpu(isa=avx2, threads=2)"}, []string{"isa=go threads=1", "isa=go threads=2", "isa=avx2 threads=2"}, ""},
		{[]string{"cpu(threads=1)", "gpu(threads=1)"}, []string{"cpu(threads=1)", "gpu(threads=1)"}, ""},
		{[]string{"cpu(threads=1)", "cpu(isa=go, threads=1)"}, []string{"cpu(threads=1)", "cpu(isa=go, threads=1)"}, ""},
		{[]string{"cpu(threads=1)"}, []string{"cpu(threads=1)"}, ""},
	} {
		short := apart(c.choices)
		if got := together(c.choices); got != c.common {
			t.Errorf("%q have %q in common, want %q", c.choices, got, c.common)
		}
		for i, name := range c.choices {
			if short[name] != c.want[i] {
				t.Errorf("%s is %q, want %q", name, short[name], c.want[i])
			}
		}
	}
}
