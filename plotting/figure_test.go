package plotting

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

var update = flag.Bool("update", false, "write the golden files")

// examples are one figure of each sort.
var examples = map[string]func() (*Figure, error){
	"pareto":      func() (*Figure, error) { return Plot("pareto", levels()) },
	"bars":        func() (*Figure, error) { return Plot("bars", levels(), "y=speedup") },
	"layers":      func() (*Figure, error) { return Plot("layers", levels()[:1]) },
	"landscape":   func() (*Figure, error) { return Plot("landscape", []*dlas.Result{searched()}) },
	"elbow":       func() (*Figure, error) { return Plot("elbow", []*dlas.Result{scanned()}) },
	"sensitivity": func() (*Figure, error) { return Plot("sensitivity", []*dlas.Result{sensed()}) },
	"expected":    func() (*Figure, error) { return Plot("expected", withWork(crossed())) },
	"flip":        func() (*Figure, error) { return Plot("flip", flips()) },
	"histogram":   func() (*Figure, error) { return Plot("histogram", levels()[3:4]) },
	"sparsity":    func() (*Figure, error) { return Plot("sparsity", levels()[3:4]) },
	"confusion":   func() (*Figure, error) { return Plot("confusion", levels()[2:3], "width=84mm", "font=8pt") },
	"graph":       func() (*Figure, error) { return network("fashion-mnist", "resnet8") },
	"network":     func() (*Figure, error) { return network("random(1x3x64x64)", "imagenet-resnet18", "width=174mm") },
	"samples": func() (*Figure, error) {
		return Samples("fashion-mnist, test", []image.Image{picture(1), picture(2)}, []string{"Bag", "Coat"})
	},
	"prediction": func() (*Figure, error) {
		return Prediction("resnet8", picture(3), []string{"Bag", "Coat", "Dress"}, []float64{.8, .15, .05}, "Coat")
	},
}

func network(data, model string, args ...string) (*Figure, error) {
	n, err := dlas.New().Data(data).Model(model).Diagram(context.Background())
	if err != nil {
		return nil, err
	}
	return Network(n, args...)
}

func TestGolden(t *testing.T) {
	for name, make := range examples {
		f, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := f.SVG()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s; look at it, then run go test -update", name, file)
		}
	}
	for _, k := range Kinds() {
		if examples[k.Name] == nil {
			t.Errorf("kind %s has no golden file", k.Name)
		}
	}
}

// TestSameBytes draws everything several times, since an order of a map shows
// itself only now and then.
func TestSameBytes(t *testing.T) {
	for name, make := range examples {
		var first [4][]byte
		for i := range 4 {
			f, err := make()
			if err != nil {
				t.Fatal(err)
			}
			for k, write := range []func() ([]byte, error){f.SVG, f.PNG, f.PDF, f.CSV} {
				b, err := write()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if i == 0 {
					first[k] = b
				} else if !bytes.Equal(b, first[k]) {
					t.Errorf("%s, format %d: other bytes the second time", name, k)
				}
			}
		}
	}
}

func TestEveryFigureSays(t *testing.T) {
	for name, make := range examples {
		f, err := make()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(f.Caption, "n = ") {
			t.Errorf("%s: no n in the caption %q", name, f.Caption)
		}
		unit := regexp.MustCompile(`\(.+\)$`)
		for _, p := range f.Plots {
			for _, l := range []string{p.X.Label.Text, p.Y.Label.Text} {
				// Names have no unit.
				if l != "" && !unit.MatchString(l) && !strings.HasSuffix(l, "class") {
					t.Errorf("%s: no unit in %q", name, l)
				}
			}
		}
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !slices.Contains([]string{"samples", "prediction", "graph", "network"}, name) { // those show nothing measured
			for _, want := range []string{"Spec: " + f.metaValue("Spec"), "Environment: e0e1e2e3e4e5e6e7"} {
				if !strings.Contains(string(svg), want) {
					t.Errorf("%s: %q is not in the SVG", name, want)
				}
			}
		}
	}
}

func (f *Figure) metaValue(name string) string {
	for _, p := range f.Meta {
		if p.Name == name {
			return p.Value
		}
	}
	return "none"
}

// rows reads a figure's CSV, as maps from column to text.
func rows(t *testing.T, f *Figure) []map[string]string {
	t.Helper()
	b, err := f.CSV()
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, c := range r {
			m[all[0][i]] = c
		}
		out = append(out, m)
	}
	return out
}

func value(t *testing.T, m map[string]string, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(m[column], 64)
	if err != nil {
		t.Fatalf("column %q: %v", column, err)
	}
	return v
}

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

// TestCSVIsWhatIsDrawn measures the drawing and compares it with the CSV and
// the CSV with the results.
func TestCSVIsWhatIsDrawn(t *testing.T) {
	rs := levels()
	near := func(a, b vg.Length) bool { return math.Abs(float64(a-b)) < 0.01 }

	f, err := Plot("bars", rs)
	if err != nil {
		t.Fatal(err)
	}
	table := rows(t, f)
	p := f.Plots[0]
	boxes, data := filled(p, 400, 300)
	trX, _ := p.Transforms(&data)
	bars := boxes[tint(okabeIto[0], 0.85)]
	if len(bars) != len(rs) || len(table) != len(rs) {
		t.Fatalf("%d bars and %d rows of %d results", len(bars), len(table), len(rs))
	}
	for i, r := range rs {
		ms := value(t, table[i], "Latency (ms)")
		if ms != r.Latency.Median || value(t, table[i], "latency low") != r.Latency.Low || value(t, table[i], "latency high") != r.Latency.High {
			t.Errorf("row %d is %v, the result %v", i, table[i], r.Latency)
		}
		if !near(bars[i].Min.X, trX(0)) || !near(bars[i].Max.X, trX(ms)) {
			t.Errorf("bar %d reaches from %v to %v, its row says %v to %v", i, bars[i].Min.X, bars[i].Max.X, trX(0), trX(ms))
		}
	}

	f, err = Plot("pareto", rs)
	if err != nil {
		t.Fatal(err)
	}
	table = rows(t, f)
	p = f.Plots[0]
	boxes, data = filled(p, 400, 300)
	trX, trY := p.Transforms(&data)
	for _, i := range []int{0, 1, 3} { // the markers that are symmetrical
		x, y := value(t, table[i], "Latency (ms)"), value(t, table[i], "Top-1 accuracy (%)")
		if x != rs[i].Latency.Median || y != 100*rs[i].Accuracy.Top1 {
			t.Errorf("row %d is %v", i, table[i])
		}
		b := boxes[okabeIto[i]]
		if len(b) != 1 {
			t.Errorf("%d markers of colour %d", len(b), i)
			continue
		}
		mid := vg.Point{X: (b[0].Min.X + b[0].Max.X) / 2, Y: (b[0].Min.Y + b[0].Max.Y) / 2}
		if !near(mid.X, trX(x)) || !near(mid.Y, trY(y)) {
			t.Errorf("marker %d is at %v, its row says %v, %v", i, mid, trX(x), trY(y))
		}
	}
	var front, lost []string
	for _, r := range table {
		front, lost = append(front, r["on front"]), append(lost, r["near chance"])
	}
	if got := strings.Join(front, " "); got != "true true true true false" {
		t.Errorf("on front: %s", got)
	}
	if got := strings.Join(lost, " "); got != "false false false false true" {
		t.Errorf("near chance: %s", got)
	}
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

// TestPanelsDrawAChoiceOnce: an elbow may be a level that stands in the sweep already, and two bars would overlap.
func TestPanelsDrawAChoiceOnce(t *testing.T) {
	f, err := Plot("bars", append(levels(), made("none", "direct csr", 0.9173, 2.8)), "panel=compress")
	if err != nil || len(f.Rows) != len(levels()) || f.Rows[len(f.Rows)-1][2] != "2.8" {
		t.Fatalf("%v, %v", f.Rows, err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	many := make([]*dlas.Result, maxBars+1)
	for i := range many {
		many[i] = made(fmt.Sprint("prune(", i, ")"), "direct csr", 0.9, 1)
	}
	bare := made("none", "direct dense", 0.9, 1)
	bare.Accuracy, bare.Seen, bare.Nodes = nil, nil, nil
	wrong := made("none", "direct dense", 0.9, 1)
	wrong.Seen.Predicted[3] = 10
	short := made("none", "direct dense", 0.9, 1)
	short.Seen.Predicted = short.Seen.Predicted[1:]
	for _, c := range []struct {
		kind string
		rs   []*dlas.Result
		args []string
		want string
	}{
		{"paretto", levels(), nil, `unknown plot "paretto"; try pareto`},
		{"pareto", nil, nil, "no result to plot"},
		{"pareto", []*dlas.Result{nil}, nil, "no result to plot"},
		{"pareto", levels(), []string{"x=latncy"}, `unknown metric "latncy"; try latency`},
		{"pareto", levels(), []string{"colour=kernel"}, `unknown colour "kernel"`},
		{"pareto", levels(), []string{"panel="}, "is not an option"},
		{"pareto", levels(), []string{"size=3mm"}, `unknown option of plot "size"`},
		{"pareto", levels(), []string{"width=84"}, "is not a length; write it like 84mm"},
		{"pareto", levels(), []string{"width=NaNmm"}, "is out of range"},
		{"pareto", levels(), []string{"width=1e9mm"}, "is out of range"},
		{"pareto", levels(), []string{"font=0pt"}, "is out of range"},
		{"pareto", levels(), []string{"grey"}, "is not an option"},
		{"pareto", many, []string{"panel=compress"}, "makes 201 panels"},
		{"pareto", []*dlas.Result{bare}, nil, "no result has both latency and accuracy"},
		{"bars", many, nil, "201 bars do not fit"},
		{"bars", []*dlas.Result{bare}, []string{"y=accuracy"}, "no result has accuracy"},
		{"bars", levels(), []string{"x=latency"}, "bars has no x="},
		{"layers", []*dlas.Result{bare}, nil, "no result has times by node"},
		{"layers", crossed(), nil, "one to four results, not 16"},
		{"confusion", levels(), nil, "one result, not 5"},
		{"confusion", []*dlas.Result{bare}, nil, "no predicted classes"},
		{"confusion", []*dlas.Result{wrong}, nil, "is not one of 10"},
		{"confusion", []*dlas.Result{short}, nil, "1999 predictions for 2000 labels"},
	} {
		f, err := Plot(c.kind, c.rs, c.args...)
		var e *ir.Error
		if !errors.As(err, &e) || f != nil {
			t.Errorf("%s %v: %v, %v", c.kind, c.args, f, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %v: %q, want %q", c.kind, c.args, err, c.want)
		}
	}
}

// TestHostileNames draws names that want to be something else.
func TestHostileNames(t *testing.T) {
	r := made("none", "direct dense", 0.9, 1)
	r.Name = "<img src=x onerror=alert(1)>\x1b[31m\u202e&\n]]>"
	r.Nodes[0].Name = "</text><script>alert(1)</script>"
	r.Seen.Classes[0] = "日本\x00)"
	r.SpecHash = "--><svg onload=alert(1)>"
	r.Tuning = searched().Tuning
	r.Tuning.Nodes[0].Names[0] = r.Nodes[0].Name
	r.Scans = append(scanned().Scans[:1], sensed().Scans...)
	r.Scans[0].Pass, r.Scans[1].Layers[0].Name = r.Nodes[0].Name, r.Nodes[0].Name
	other := made("prune(0.9)", "direct csr", 0.9, 1)
	other.Name = r.Name
	withWork([]*dlas.Result{r, other})
	for _, kind := range Kinds() {
		rs := []*dlas.Result{r}
		if kind.Name == "expected" || kind.Name == "flip" { // they compare
			rs = append(rs, other)
		}
		f, err := Plot(kind.Name, rs)
		if err != nil {
			t.Fatal(err)
		}
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(svg))
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", kind.Name, err)
			}
			if s, ok := tok.(xml.StartElement); ok && slices.Contains([]string{"img", "script"}, s.Name.Local) {
				t.Errorf("%s: an element %s", kind.Name, s.Name.Local)
			}
		}
		if bytes.ContainsAny(svg, "\x00\x1b") || bytes.Contains(svg, []byte("\u202e")) || bytes.Count(svg, []byte("<svg")) != 1 {
			t.Errorf("%s: control characters or a second svg", kind.Name)
		}
		if _, err := f.PDF(); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
		if _, err := f.PNG(); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}

// TestPDF follows the update at the end of the file by its offsets.
func TestPDF(t *testing.T) {
	f, err := Plot("pareto", levels())
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PDF()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(b)
	if m == nil {
		t.Fatal("no startxref at the end")
	}
	at, _ := strconv.Atoi(string(m[1]))
	x := regexp.MustCompile(`^xref\n(\d+) 1\n(\d{10}) 00000 n \ntrailer`).FindSubmatch(b[at:])
	if x == nil {
		t.Fatalf("no table at %d", at)
	}
	at, _ = strconv.Atoi(string(x[2]))
	if !bytes.HasPrefix(b[at:], []byte(string(x[1])+" 0 obj\n<< /Title <FEFF00700061")) {
		t.Errorf("no information at %d: %q", at, b[at:at+60])
	}
	if !bytes.Contains(b, []byte("/FontFile2")) {
		t.Error("no font inside")
	}
	if d := regexp.MustCompile(`\(D:\d+\)`).FindAll(b, -1); len(d) != 2 || string(d[0]) != "(D:19700101000000)" || string(d[1]) != "(D:19700101000000)" {
		t.Errorf("dates %q", d)
	}
}

func TestPNG(t *testing.T) {
	f, err := Plot("pareto", levels(), "width=84mm", "font=8pt")
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Bounds().Dx(); w != 635 { // 84 mm at 192 dots an inch
		t.Errorf("%d dots wide", w)
	}
	if r, g, bl, a := m.At(0, 0).RGBA(); r&g&bl&a != 0xffff {
		t.Error("the paper is not white")
	}
	if !bytes.Contains(b, []byte("iTXtEnvironment\x00\x00\x00\x00\x00e0e1e2e3e4e5e6e7")) {
		t.Error("no environment in the metadata")
	}
}

func TestSave(t *testing.T) {
	f, err := Plot("bars", levels())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, ext := range []string{"svg", "png", "pdf", "csv"} {
		file := filepath.Join(dir, "f."+strings.ToUpper(ext))
		if err := f.Save(file); err != nil {
			t.Error(err)
		}
		if st, err := os.Stat(file); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := f.Save(filepath.Join(dir, "f.jpg")); err == nil || !strings.Contains(err.Error(), ".svg, .png, .pdf or .csv") {
		t.Error(err)
	}
	if err := f.Save(filepath.Join(dir, "none", "f.csv")); err == nil || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestConfusionCounts(t *testing.T) {
	r := levels()[2]
	r.Seen.Labels[0] = -1 // no label: not counted
	f, err := Plot("confusion", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	sum, right := 0.0, 0.0
	for _, row := range rows(t, f) {
		n := value(t, row, "images")
		want := 0
		for i, l := range r.Seen.Labels {
			if l >= 0 && r.Seen.Classes[l] == row["true class"] && r.Seen.Classes[r.Seen.Predicted[i]] == row["predicted class"] {
				want++
			}
		}
		if int(n) != want {
			t.Errorf("%v: want %d", row, want)
		}
		sum += n
		if row["true class"] == row["predicted class"] {
			right += n
		}
	}
	if sum != 1999 || !strings.Contains(f.Caption, fmt.Sprintf("n = 1,999 images, 1,%03.0f right", right-1000)) {
		t.Errorf("%v images, %v right: %s", sum, right, f.Caption)
	}
}

// TestLayersOfManyNodes checks that what is merged is not lost.
func TestLayersOfManyNodes(t *testing.T) {
	r := made("none", "direct dense", 0.9, 1)
	want := 0.0
	r.Nodes = nil
	for i := range 100 {
		ms := 1 / float64(i+1)
		want += ms
		r.Nodes = append(r.Nodes, dlas.Node{Name: fmt.Sprint("node", i), Op: "conv", MS: &ms})
	}
	f, err := Plot("layers", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	table := rows(t, f)
	if len(table) != maxNodes || table[maxNodes-1]["node"] != "61 others" {
		t.Fatalf("%d rows, the last %v", len(table), table[len(table)-1])
	}
	got := 0.0
	for _, row := range table {
		got += value(t, row, "time (ms)")
	}
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("times sum to %v, want %v", got, want)
	}
}

func TestFront(t *testing.T) {
	pt := func(x, y float64, lost bool) *point { return &point{x: Value{V: x}, y: Value{V: y}, lost: lost} }
	pts := []*point{pt(1, 50, false), pt(2, 60, false), pt(2, 55, false), pt(3, 60, false), pt(0.5, 12, true), pt(4, 90, false)}
	var got []bool
	markFront(pts, -1, +1)
	for _, p := range pts {
		got = append(got, p.front)
	}
	if want := []bool{true, true, false, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("latency and accuracy: %v, want %v", got, want)
	}
	for _, p := range pts {
		p.front, p.stairs = false, false
	}
	markFront(pts, 0, +1) // sparsity is neither good nor bad
	for _, p := range pts {
		if p.front || p.stairs {
			t.Error("a front where a metric has no better")
		}
	}
	a, b := vg.Point{X: 1, Y: 10}, vg.Point{X: 5, Y: 20}
	if got := corner(a, b, -1); got != (vg.Point{X: 5, Y: 10}) {
		t.Errorf("less is better: %v", got)
	}
	if got := corner(a, b, +1); got != (vg.Point{X: 1, Y: 20}) {
		t.Errorf("more is better: %v", got)
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

func TestBundle(t *testing.T) {
	p := plot.New()
	p.Title.Text = "Mine"
	l, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 2}})
	if err != nil {
		t.Fatal(err)
	}
	p.Add(l)
	m, ok := Bundle(p)
	if !ok || !strings.Contains(fmt.Sprint(m["image/svg+xml"]), "Mine") || m["image/png"] == nil || !strings.Contains(fmt.Sprint(m["text/plain"]), "Mine") {
		t.Errorf("%v", m)
	}
	if _, ok := Bundle((*plot.Plot)(nil)); ok {
		t.Error("a nil plot has a bundle")
	}
	if _, ok := Bundle(3); ok {
		t.Error("an int has a bundle")
	}
	// What gonum panics over is said in the text.
	p.X.Scale = plot.LogScale{}
	m, ok = Bundle(p)
	if !ok || m["image/svg+xml"] != nil || !strings.Contains(fmt.Sprint(m["text/plain"]), "cannot be drawn") {
		t.Errorf("%v", m["text/plain"])
	}
}

// TestPDFText reads the page's text back: it is in the fonts' encoding.
func TestPDFText(t *testing.T) {
	f, err := Plot("bars", levels(), "y=speedup")
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PDF()
	if err != nil {
		t.Fatal(err)
	}
	var page []byte
	for _, m := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(b, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		if s, err := io.ReadAll(z); err == nil && bytes.Contains(s, []byte(")Tj ET")) {
			page = s
		}
	}
	if !bytes.Contains(page, []byte("Speed-up over the first \\(\xd7\\)")) {
		t.Errorf("the label is not on the page of %d bytes", len(page))
	}
	if bytes.Contains(page, []byte("\xc3")) || bytes.Contains(page, []byte("\xc2")) {
		t.Error("UTF-8 on the page")
	}
}

// TestLayersOfQuickNodes checks the numbers where the unit changes.
func TestLayersOfQuickNodes(t *testing.T) {
	r := made("none", "direct dense", 0.9, 0.4)
	f, err := Plot("layers", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	if l := f.Plots[0].X.Label.Text; l != "Time of a node (µs)" {
		t.Errorf("label %q", l)
	}
	for i, row := range rows(t, f) {
		if got, want := value(t, row, "time (µs)"), 1000**r.Nodes[i].MS; math.Abs(got-want) > 1e-9*want {
			t.Errorf("row %d says %v, the node %v", i, got, want)
		}
	}
	if !strings.Contains(f.Caption, "96 % of the latency") {
		t.Error(f.Caption)
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
