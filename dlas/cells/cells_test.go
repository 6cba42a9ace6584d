package cells

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	gonumplot "gonum.org/v1/plot"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
	"github.com/godlas/godlas/plotting"
)

// TestMain keeps the tests' results out of the user's store.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dlas-cells")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("DLAS_STORE", dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// page is a Sink that keeps what was shown.
type page struct {
	mu      sync.Mutex
	bundles []map[string]any
}

func (p *page) Display(data, _ map[string]any, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bundles = append(p.bundles, data)
	return nil
}
func (p *page) Update(map[string]any, map[string]any, string) error { return nil }
func (p *page) Clear(bool) error                                    { return nil }
func (p *page) Input(context.Context, string, bool) (string, error) {
	return "", errors.New("no input")
}
func (p *page) texts() (all string) { return p.join("text/plain") }
func (p *page) join(mime string) (all string) {
	for _, b := range p.bundles {
		if s, ok := b[mime].(string); ok {
			all += s + "\n"
		}
	}
	return all
}

// desk is a notebook with its page and output.
type desk struct {
	t    *testing.T
	row  magic.Magic
	page *page
	out  bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, row: Magics()[0]}
	d.clear()
	t.Cleanup(func() { display.SetSink(nil) })
	return d
}

func (d *desk) clear() {
	d.page = &page{}
	d.out.Reset()
	display.SetSink(d.page)
}

// do runs one cell that is a magic as a whole: `%dlas …` or `%%dlas …`.
func (d *desk) do(ctx context.Context, cell string) error {
	first, body, _ := strings.Cut(cell, "\n")
	args, whole := strings.CutPrefix(first, "%%dlas")
	args = strings.TrimPrefix(args, "%dlas")
	return d.row.Run(ctx, &magic.Call{Name: "dlas", Args: strings.TrimSpace(args), Whole: whole, Body: body, Stdout: &d.out, Stderr: &d.out})
}

func (d *desk) must(cell string) string {
	d.t.Helper()
	d.clear()
	if err := d.do(context.Background(), cell); err != nil {
		d.t.Fatalf("%s: %v", cell, err)
	}
	return d.out.String() + d.page.texts()
}

// fails runs a cell that must fail with one line that says the parts.
func (d *desk) fails(cell string, parts ...string) {
	d.t.Helper()
	d.clear()
	err := d.do(context.Background(), cell)
	if err == nil {
		d.t.Errorf("%q does not fail", cell)
		return
	}
	var e *ir.Error
	if !errors.As(err, &e) || strings.ContainsAny(err.Error(), "\n\x1b") {
		d.t.Errorf("%q: error %q is not one line of ours", cell, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			d.t.Errorf("%q: error %q does not say %q", cell, err, p)
		}
	}
}

// spec is the current stack, read the way a user could: from the Go that it prints.
func (d *desk) spec() dlas.Spec {
	d.t.Helper()
	return specOf(d.t, d.must("%dlas --go"))
}

// specOf reads the chain dlas.New().A(…).B(…).MustRun() of a printed cell and calls the same methods.
func specOf(t *testing.T, text string) dlas.Spec {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "cell.go", "package p\nfunc f() {\n"+text+"\n}", 0)
	if err != nil {
		t.Fatalf("%s\nis not Go: %v", text, err)
	}
	var spec dlas.Spec
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		v := chain(t, call)
		if s, ok := v.(dlas.Stack); ok {
			spec = s.Spec()
		}
		return false
	})
	return spec
}

// chain evaluates calls of Stack's verbs; the call that would run them is left out.
func chain(t *testing.T, e ast.Expr) any {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		v, err := strconv.ParseFloat(e.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	case *ast.CallExpr:
		sel := e.Fun.(*ast.SelectorExpr)
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "dlas" {
			fn, ok := map[string]any{"New": dlas.New, "ISA": dlas.ISA, "Threads": dlas.Threads}[sel.Sel.Name]
			if !ok {
				t.Fatalf("dlas.%s is not known here", sel.Sel.Name)
			}
			return callWith(t, reflect.ValueOf(fn), e.Args)
		}
		on := chain(t, sel.X)
		if strings.HasPrefix(sel.Sel.Name, "Must") || sel.Sel.Name == "As" {
			return on
		}
		return callWith(t, reflect.ValueOf(on).MethodByName(sel.Sel.Name), e.Args)
	}
	t.Fatalf("cannot evaluate %T", e)
	return nil
}

func callWith(t *testing.T, fn reflect.Value, args []ast.Expr) any {
	t.Helper()
	if !fn.IsValid() {
		t.Fatal("the printed Go calls what does not exist")
	}
	var in []reflect.Value
	for i, a := range args {
		want := fn.Type().In(min(i, fn.Type().NumIn()-1))
		if fn.Type().IsVariadic() && i >= fn.Type().NumIn()-1 {
			want = want.Elem()
		}
		in = append(in, reflect.ValueOf(chain(t, a)).Convert(want))
	}
	return fn.Call(in)[0].Interface()
}

const tiny = "data fashion-mnist(n=60)\nmodel resnet8\nschedule heuristic\nhardware cpu(isa=go, threads=1)"

// TestFourSpellings: over every layer's magic and every choice there is, the magic, the cell form, the Go that --go
// prints and a JSON file give one Spec hash.
func TestFourSpellings(t *testing.T) {
	examples := map[string][]string{
		"data":     {"fashion-mnist(n=1000, batch=8, split=val)", "random(2x3x32x32)"},
		"compress": {"prune(0, .5, .8, .9)", "prune(0.9, scope=layer)", "prune(.5) prune(.9)", "blocks(.8, 16x1|32x1) fp16", "punch(.5, 8x4) palette(4, 8)", "pattern(.6, .7) bf16", "lowrank(.9)", "blocks(.8, 4x1, scope=layer)", "palette(5)"},
		"primitive": {
			"direct dense|direct csr", "(direct|gemm) (dense|csr)", "gemm csr",
		},
		"hardware": {"cpu(isa=go, threads=1|2)", "cpu(threads=1)"},
	}
	seen := map[string]string{}
	for _, l := range ir.Layers() {
		choices := examples[string(l)]
		for _, o := range dlas.Options(l) {
			if l == ir.Compress && o.Name == "prune" {
				continue // takes a value: above
			}
			choices = append(choices, o.Name)
		}
		for _, c := range choices {
			var want dlas.Spec
			want = want.With(l, c)
			if _, err := want.Canonical(); err != nil {
				continue // data that this machine lacks cannot be refused here, but an odd pair may be
			}
			d := newDesk(t)
			printed := d.must("%dlas " + string(l) + " " + c + " --go")
			whole := newDesk(t)
			wholePrinted := whole.must("%%dlas --go\n# a comment\n" + string(l) + "   " + c + "\n")
			raw, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "spec.json")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			fromFile := newDesk(t)
			filePrinted := fromFile.must("%dlas --go --spec " + file)
			for _, got := range []struct{ how, text string }{
				{"magic", printed}, {"cell", wholePrinted}, {"JSON", filePrinted}, {"stack", d.must("%dlas --go")}, {"run", d.must("%dlas run --go")}, {"sweep", d.must("%dlas sweep --go")},
			} {
				if h := specOf(t, got.text).Hash(); h != want.Hash() {
					t.Errorf("%s %s by %s has hash %s, not %s:\n%s", l, c, got.how, h, want.Hash(), got.text)
				}
			}
			if other, ok := seen[want.Hash()]; ok && !strings.Contains(other, string(l)) && want.Hash() != (dlas.Spec{}).Hash() {
				t.Errorf("%s %s and %s have one hash", l, c, other)
			}
			seen[want.Hash()] = string(l) + " " + c
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d Specs were tried", len(seen))
	}
}

// TestGoOfEveryVerb: --go of each verb prints Go that parses and runs nothing.
func TestGoOfEveryVerb(t *testing.T) {
	examples := map[string]string{
		"": "", "data": "fashion-mnist", "model": "resnet8", "compress": "prune(0.5)", "primitive": "direct csr", "schedule": "untuned", "hardware": "cpu",
		"run": "as first", "sweep": "", "tune": "", "compare": "a b", "explain": "", "sensitivity": "prune(.5, n=50)", "results": "", "nodes": "", "predict": "3", "plot": "pareto x=bytes", "show": "data 4", "save": "x.svg", "export": "x.onnx", "reset": "", "help": "prune",
	}
	in := interp.New(interp.Options{
		Libraries: append([]interp.Library{interp.Std()}, Libraries()...),
		Prelude:   []string{"github.com/godlas/godlas/dlas", "github.com/godlas/godlas/plotting", "github.com/godlas/godlas/kernel/display"},
	})
	for _, v := range verbs() {
		words, ok := examples[v.name]
		if !ok {
			t.Errorf("the verb %q has no example here", v.name)
			continue
		}
		d := newDesk(t)
		text := d.must(strings.TrimSpace("%dlas "+v.name+" "+words) + " --go")
		head := "package p\n"
		if strings.HasPrefix(text, "import (") {
			imports, rest, _ := strings.Cut(text, ")\n")
			head, text = head+imports+")\n", rest
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "cell.go", head+"func f() {\n"+text+"\n}", 0); err != nil || !strings.Contains(text, "dlas.") && !strings.Contains(text, "plotting.") {
			t.Errorf("%%dlas %s %s --go prints what is not Go (%v):\n%s", v.name, words, err, text)
		}
		if len(d.page.bundles) > 0 {
			t.Errorf("%%dlas %s %s --go shows something", v.name, words)
		}
		// A cell would take it: the interpreter compiles it, in a function that nothing calls. A value as the last line
		// is for showing, which only a cell may do.
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if last := &lines[len(lines)-1]; token.IsIdentifier(*last) {
			*last = "_ = " + *last
		}
		head = strings.TrimPrefix(head, "package p\n")
		if _, err := in.Eval(context.Background(), interp.Cell{Name: "cell", N: 1, Source: head + "func f() {\n" + strings.Join(lines, "\n") + "\n}"}); err != nil {
			t.Errorf("%%dlas %s %s --go prints what a cell does not take: %v\n%s", v.name, words, err, text)
		}
	}
}

func TestBadInputLeavesTheStack(t *testing.T) {
	d := newDesk(t)
	d.must("%%dlas\n" + tiny + "\ncompress prune(0.5)")
	before := d.spec()
	missing := filepath.Join(t.TempDir(), "none.json")
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"spec":{"data":7}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cell  string
		parts []string
	}{
		{"%dlas rnu", []string{`unknown word after %dlas "rnu"`, "run"}},
		{"%dlas tune", []string{"L5 schedule", "tuned(300)"}},
		{"%dlas model resnet9", []string{"L2 model", `"resnet9"`, "resnet8"}},
		{"%dlas compress prune(1.5)", []string{"L3 compress", "from 0 to 1"}},
		{"%dlas compress prune(0.5", []string{"L3 compress"}},
		{"%dlas compress auto", []string{"auto wants a target"}},
		{"%dlas primitive direct gemm", []string{"L4 primitive"}},
		{"%dlas primitive winograd csr", []string{"L4 primitive"}},
		{"%dlas hardware cpu(threads=0)", []string{"L6 hardware"}},
		{"%dlas hardware cpu(threads=100000)", []string{"L6 hardware"}},
		{"%dlas data fashion-mnist(n=0)", []string{"L1 data"}},
		{"%dlas --sepc x", []string{`unknown flag "--sepc"`, "--spec"}},
		{"%dlas run --spec " + missing, []string{"cannot read the spec"}},
		{"%dlas run --spec " + broken, []string{"spec"}},
		{"%dlas run --spec", []string{"--spec wants the name"}},
		{"%dlas run quickly", []string{`takes no "quickly"`, "run as NAME"}},
		{"%dlas run as", []string{"run as NAME"}},
		{"%dlas sweep now", []string{`takes no "now"`}},
		{"%dlas show pictures", []string{"write %dlas show data 16"}},
		{"%dlas show data many", []string{`cannot show "many" images`}},
		{"%dlas save figure.gif", []string{`cannot save as "figure.gif"`, ".pdf"}},
		{"%dlas save", []string{"save wants the name of a file", ".pdf"}},
		{"%dlas plot", []string{"plot wants a kind", "pareto"}},
		{"%dlas help nonsense", []string{`unknown word "nonsense"`}},
		{"%%dlas\ncompress prune(0.9)\nmodel resnet9", []string{"L2 model"}},
		{"%%dlas\ncompress prune(0.9)\nhardware gpu\nrun", []string{"L6 hardware"}},
		{"%%dlas\ncompress prune(0.9)\nfly", []string{`"fly"`}},
		{"%%dlas --spec " + broken + "\nmodel vgg7", []string{"spec"}},
	} {
		d.fails(c.cell, c.parts...)
		if got := d.spec(); got.Hash() != before.Hash() {
			t.Fatalf("%q changed the stack to %+v", c.cell, got)
		}
	}
}

func TestLayerMagics(t *testing.T) {
	d := newDesk(t)
	if out := d.must("%dlas compress prune(0, .5, .9)"); !strings.Contains(out, "L3 compress: prune(0, 0.5, 0.9)") || !strings.Contains(out, "3 points") {
		t.Errorf("setting a list says %q", out)
	}
	d.fails("%dlas run", "3 points", "sweep")
	if out := d.must("%dlas compress"); !strings.Contains(out, "prune") || !strings.Contains(out, "Model Optimisations") {
		t.Errorf("a layer without a choice says %q", out)
	}
	card := d.must("%dlas")
	for _, l := range ir.Layers() {
		if !strings.Contains(card, fmt.Sprintf("L%d %s: %s", l.Number(), l.Title(), l)) {
			t.Errorf("the card lacks the row of %s:\n%s", l, card)
		}
	}
	if !strings.Contains(d.page.join("text/html"), "<table") {
		t.Error("the card has no HTML")
	}
	d.must("%dlas reset")
	if d.spec().Hash() != (dlas.Spec{}).Hash() {
		t.Error("reset leaves something")
	}
}

func TestHelp(t *testing.T) {
	d := newDesk(t)
	all := d.must("%dlas help")
	for _, v := range verbs() {
		if v.name != "" && !strings.Contains(all, "%dlas "+v.name) {
			t.Errorf("help does not list %s", v.name)
		}
	}
	for _, w := range append(dlas.HelpWords(), "landscape") {
		if out := d.must("%dlas help " + w); len(out) < len(w)+10 {
			t.Errorf("help %s says %q", w, out)
		}
	}
}

// TestARealNotebook goes through all verbs that measure, on few images.
func TestARealNotebook(t *testing.T) {
	d := newDesk(t)
	out := d.must("%%dlas\n" + tiny + "\nprimitive gemm dense\nrun as first")
	if !strings.Contains(out, "top-1") || !strings.Contains(out, "latency") || dlas.Named("first") == nil {
		t.Fatalf("run says %q", out)
	}
	d.must("%dlas primitive direct dense")
	d.must("%dlas run as second")
	if out := d.must("%dlas results seco"); !strings.Contains(out, "second") || strings.Contains(out, "first") {
		t.Errorf("results with a filter says %q", out)
	}
	d.fails("%dlas results nowhere-to-be-found", "no result has")
	if out := d.must("%dlas compare first second --stored"); !strings.Contains(out, "unpaired") {
		t.Errorf("a comparison of stored results says %q", out)
	}
	if out := d.must("%dlas compare first second"); !strings.Contains(out, "round") {
		t.Errorf("compare says %q", out)
	}
	d.fails("%dlas compare first", "two")
	d.fails("%dlas compare first thrid", "thrid")

	if out := d.must("%dlas nodes"); !strings.Contains(out, "conv_f32_direct_dense__") || !strings.Contains(out, "no roofline: no peak was measured of the instruction set go") {
		t.Errorf("nodes says %q", out)
	}
	if out := d.must("%dlas nodes first --go"); !strings.Contains(out, `dlas.Named("first").NodeTable()`) {
		t.Errorf("nodes --go says %q", out)
	}
	d.fails("%dlas nodes fisrt", "fisrt")
	d.fails("%dlas nodes first second", "takes no")
	if out := d.must("%dlas explain first --go"); !strings.Contains(out, `dlas.Named("first").Explain()`) {
		t.Errorf("explain --go says %q", out)
	}
	d.fails("%dlas explain fisrt", "fisrt")
	d.fails("%dlas explain first second", "takes no")

	if out := d.must("%dlas predict 0"); !strings.Contains(out, "Ankle boot") {
		t.Errorf("predict 0 says %q", out)
	}
	d.fails("%dlas predict 60", "there is no image 60")
	d.fails("%dlas predict nothing.png", "nothing.png")
	d.must("%dlas show data 5")
	if !strings.Contains(d.page.join("image/svg+xml"), "Ankle boot") {
		t.Error("the samples have no labels")
	}

	dir := t.TempDir()
	for _, kind := range plotting.Kinds() {
		switch kind.Name {
		case "elbow": // of a level that was found
			d.must("%dlas compress prune(elbow, n=50)")
			d.must("%dlas run as found")
			d.must("%dlas compress none")
		case "expected", "flip": // of results with their baseline, and of two primitives
			d.must("%dlas schedule heuristic")
			d.must("%dlas compress none|prune(0.8)")
			d.must("%dlas primitive direct dense|direct csr")
			d.must("%dlas sweep")
			d.must("%dlas primitive direct dense")
			d.must("%dlas compress none")
		case "sensitivity":
			d.must("%dlas sensitivity prune(.5, n=50)")
		case "landscape": // of a search, with a run or without
			d.must("%dlas schedule tuned(4)")
			d.must("%dlas tune")
			d.must("%dlas plot landscape")
			if out := d.must("%dlas plot landscape --go"); !strings.Contains(out, "dlas.LastTuning().Result()") {
				t.Errorf("after tune, plot landscape is %q", out)
			}
			d.must("%dlas run as searched")
		}
		d.must("%dlas plot " + kind.Name + " width=84mm font=8pt")
		if !strings.Contains(d.page.join("image/svg+xml"), "<svg") || d.page.join("image/png") == "" {
			t.Errorf("plot %s shows no picture", kind.Name)
		}
	}
	d.must("%dlas plot bars first second y=latency")
	d.fails("%dlas plot pie", `unknown plot "pie"`)
	d.fails("%dlas plot bars thrid", "thrid")
	for ext, head := range map[string]string{"svg": "<?xml", "png": "\x89PNG", "pdf": "%PDF", "csv": "", "json": "{"} {
		if ext == "json" {
			d.must("%dlas run as third")
		}
		path := filepath.Join(dir, "f."+ext)
		if out := d.must("%dlas save " + path); !strings.Contains(out, "wrote "+path) {
			t.Errorf("save says %q", out)
		}
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) < 20 || !strings.HasPrefix(string(raw), head) {
			t.Errorf("%s begins %.20q (%v)", path, raw, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "f.json"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := dlas.ReadSpec(raw); err != nil || s.Hash() != dlas.Named("third").SpecHash {
		t.Errorf("the saved result gives back the Spec %+v (%v)", s, err)
	}
	d.must("%dlas reset")
	d.must("%dlas run --go --spec " + filepath.Join(dir, "f.json"))
	if d.spec().Hash() != dlas.Named("third").SpecHash {
		t.Error("--spec of a whole result sets another stack")
	}
	d.fails("%dlas save "+filepath.Join(dir, "no", "such", "f.svg"), "f.svg")
}

func TestSweep(t *testing.T) {
	d := newDesk(t)
	d.must("%%dlas\n" + tiny + "\ncompress prune(0, .9)\nprimitive gemm csr")
	out := d.must("%dlas sweep --fresh")
	if !strings.Contains(out, "prune(0)") || !strings.Contains(out, "prune(0.9)") || !strings.Contains(d.page.join("image/svg+xml"), "<svg") {
		t.Errorf("sweep says %q", out)
	}
	if s := dlas.LastSweep(); s == nil || len(s.Results) != 2 {
		t.Fatal("the sweep is not kept")
	}
	path := filepath.Join(t.TempDir(), "sweep.json")
	d.must("%dlas save " + path)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 2 {
		t.Errorf("the saved sweep holds %d results (%v)", len(list), err)
	}
	if rs, source := toPlot("pareto"); len(rs) != 2 || source != "dlas.LastSweep().Results" {
		t.Errorf("plot takes %d results from %s", len(rs), source)
	}
	if again := d.must("%dlas sweep"); !strings.Contains(again, "stored") {
		t.Errorf("a second sweep does not say that its points are stored:\n%s", again)
	}
}

func TestInterruptedRun(t *testing.T) {
	d := newDesk(t)
	d.must("%%dlas\n" + tiny)
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("interrupted")
	cancel(cause)
	for _, verb := range []string{"run", "sweep --fresh"} {
		if err := d.do(ctx, "%dlas "+verb); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
			t.Errorf("an interrupted %s says %v", verb, err)
		}
	}
}

// TestInterruptedSweep: what was measured before an interrupt is shown and kept.
func TestInterruptedSweep(t *testing.T) {
	d := newDesk(t)
	d.must("%%dlas\n" + tiny + "\ncompress prune(0, .3, .6)")
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("interrupted")
	tell := dlas.OnProgress
	defer func() { dlas.OnProgress = tell }()
	dlas.OnProgress = func(p dlas.Progress) {
		tell(p)
		if p.Step != "latency" && strings.Contains(p.Label, "prune(0.3)") {
			cancel(cause)
		}
	}
	d.clear()
	if err := d.do(ctx, "%dlas sweep --fresh"); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted sweep says %v", err)
	}
	s := dlas.LastSweep()
	if s == nil || !s.Interrupted || len(s.Results) == 0 || s.Results[0].Accuracy == nil {
		t.Fatalf("the interrupted sweep kept %+v", s)
	}
	if out := d.page.texts(); !strings.Contains(out, "prune(0)") {
		t.Errorf("the interrupted sweep shows %q", out)
	}
}

// TestShownByGoCells: what a Go cell shows can be saved, and a plot of the user's own shows as a picture.
func TestShownByGoCells(t *testing.T) {
	d := newDesk(t)
	p := gonumplot.New()
	p.Title.Text = "mine"
	p.X.Label.Text = "x"
	p.Y.Label.Text = "y"
	data, _ := display.Bundle(p)
	if s, _ := data["image/svg+xml"].(string); !strings.Contains(s, "<svg") || data["image/png"] == nil {
		t.Errorf("a plot shows as %v", data["text/plain"])
	}
	f := plotting.Render(p, 200, 100)
	display.Show(f)
	path := filepath.Join(t.TempDir(), "mine.pdf")
	d.must("%dlas save " + path)
	if raw, _ := os.ReadFile(path); !strings.HasPrefix(string(raw), "%PDF") {
		t.Error("a figure that a Go cell showed is not saved")
	}
}

func TestComplete(t *testing.T) {
	row := Magics()[0]
	for _, c := range []struct {
		text string
		body bool
		want string
		n    int
	}{
		{"mo", false, "model", 2},
		{"model resn", false, "resnet8", 4},
		{"model resnet8|vg", false, "vgg7", 2},
		{"compress pr", false, "prune", 2},
		{"compress prune(0.9, sc", false, "scope=", 2},
		{"compress prune(0.9, scope=la", false, "layer", 2},
		{"primitive (direct|ge", false, "gemm", 2},
		{"data fashion-mnist(", false, "n=", 0},
		{"data fashion-mnist(split=v", false, "val", 1},
		{"hardware cpu(", false, "threads=", 0},
		{"plot par", false, "pareto", 3},
		{"plot pareto x=by", false, "bytes", 2},
		{"plot pareto colour=pri", false, "primitive", 3},
		{"help prun", false, "prune", 4},
		{"run --s", false, "--spec", 3},
		{"--", false, "--go", 2},
		{"show ", false, "data", 0},
		{"data cifar10\n  mod", true, "model", 3},
		{"data cifar10\nmodel res", true, "resnet20", 3},
	} {
		matches, n := row.Complete(magic.Completing{Text: c.text, Body: c.body})
		found := false
		for _, m := range matches {
			found = found || m.Text == c.want
			if end := c.text[len(c.text)-n:]; !strings.HasPrefix(m.Text, end) {
				t.Errorf("%q: candidate %q does not begin with %q", c.text, m.Text, end)
			}
		}
		if !found || n != c.n {
			t.Errorf("%q: %v replacing %d bytes, not %q replacing %d", c.text, matches, n, c.want, c.n)
		}
	}
}
