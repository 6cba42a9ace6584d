package plotting

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

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
	"histograms":  func() (*Figure, error) { return Plot("histogram", levels()[:4]) },
	"patterns":    func() (*Figure, error) { return Plot("sparsity", levels()[:4]) },
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
