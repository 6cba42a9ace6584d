package cells

import (
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/interp"
)

// TestAsk completes and inspects what a Go cell writes of dlas, plotting, display and gonum, without an import.
func TestAsk(t *testing.T) {
	const root = "github.com/godlas/godlas/"
	in := interp.New(interp.Options{
		Libraries: append([]interp.Library{interp.Std()}, Libraries()...),
		Prelude:   []string{root + "dlas", root + "plotting", root + "kernel/display"},
	})
	for _, c := range []struct{ src, want, not string }{
		{`dlas.|`, "New Named Stack", "loadSpec"},
		{`dlas.New().|`, "Data Model Prune CPU MustRun", "addPass spec"},
		{`dlas.New().Data("fashion-mnist").Mod|`, "Model", "Data"},
		{`dlas.New().Data("|`, "fashion-mnist cifar10", "resnet8"},
		{`dlas.New().Data("ci|")`, "cifar10", "fashion-mnist"},
		{`dlas.New().Data("cifar10(|")`, "n= batch=", ""},
		{"dlas.New().\n\tModel(\"|\")", "resnet8", "cifar10"},
		{`s := dlas.New(); s.Model("res|`, "resnet8", "vgg"},
		{`dlas.New().Compress("|`, "prune none", ""},
		{`dlas.New().Compress("none", "pru|`, "prune", "none"},
		{`dlas.New().Primitive("|`, "gemm direct csr", ""},
		{`dlas.New().Schedule("|`, "untuned heuristic", ""},
		{`dlas.New().Hardware("|`, "cpu", ""},
		{`dlas.New().CPU(dlas.ISA("|`, "go avx2", ""},
		{`dlas.New().CPU(dlas.|`, "ISA Threads", ""},
		{`dlas.Spec{Data: "ci|"}`, "cifar10", ""},
		{`dlas.Spec{|}`, "Data Model Hardware", ""},
		{`plotting.Plot("|`, "pareto layers bars confusion", ""},
		{`plotting.Plot("bars", nil, "y=la|")`, "latency", "accuracy"},
		{`r := dlas.New().MustRun(); r.|`, "Latency Predict", ""},
		{`display.|`, "HTML Show Progress", ""},
		{`mat.NewDense(2, 2, nil).|`, "At Dims", "mat"},
		{`stat.Mea|`, "Mean", ""},
		{`import "gonum.org/v1/gonum/|"`, "gonum.org/v1/gonum/mat", ""},
		{`fmt.Println("|`, "", "cifar10"},
	} {
		before, after, _ := strings.Cut(c.src, "|")
		var names []string
		for _, it := range in.Complete(before+after, len(before)).Items {
			names = append(names, it.Text)
		}
		for _, w := range strings.Fields(c.want) {
			if !slices.Contains(names, w) {
				t.Errorf("%q: no %s among %v", c.src, w, names[:min(30, len(names))])
			}
		}
		for _, w := range strings.Fields(c.not) {
			if slices.Contains(names, w) {
				t.Errorf("%q: %s is offered", c.src, w)
			}
		}
	}
	for _, c := range []struct{ src, signature, doc string }{
		{"dlas.New|", "func dlas.New() dlas.Stack", "default stack"},
		{"dlas.New().Pru|ne(0.5)", "Prune(levels ...float64) dlas.Stack", "smallest magnitudes"},
		{"dlas.New().Prune(|", "Prune(levels ...float64) dlas.Stack", "smallest magnitudes"},
		{"plotting.Pl|ot", "func plotting.Plot(kind string", "raws a figure"},
		{"display|", "package display", ""},
		{"mat.NewDense(|", "func mat.NewDense(r int, c int, data []float64)", "creates a new"},
		{"dlas.Sp|ec{}", "type dlas.Spec struct {\n\tData      string `json:\"data\"`", ""},
	} {
		before, after, _ := strings.Cut(c.src, "|")
		i, ok := in.Inspect(before+after, len(before), 0)
		if !ok || !strings.Contains(i.Signature, c.signature) || !strings.Contains(i.Doc, c.doc) {
			t.Errorf("%q: %v %+v", c.src, ok, i)
		}
	}
	if i, _ := in.Inspect("dlas.New().Prune(", 17, 0); i.Parameter != "levels ...float64" {
		t.Errorf("%+v", i)
	}
}
