package dlas

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// here is cpu(...) with this machine's defaults.
func here(t *testing.T) string {
	t.Helper()
	m, err := hardware.Resolve(ir.Choice{Name: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	return "cpu(isa=" + m.ISA + ", threads=" + strconv.Itoa(m.Threads) + ")"
}

func TestDefaults(t *testing.T) {
	got, err := Spec{}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	want := Spec{Data: "fashion-mnist", Model: "resnet8", Compress: "none", Primitive: "auto", Schedule: "heuristic", Hardware: here(t)}
	if got != want {
		t.Errorf("the default is %+v, want %+v", got, want)
	}
	got, err = Spec{Data: "cifar10"}.Canonical()
	if err != nil || got.Model != "resnet20" {
		t.Errorf("the model of cifar10 is %q, %v", got.Model, err)
	}
	got, err = Spec{Data: "fashion-mnist|cifar10"}.Canonical()
	if err != nil || got.Model != "" {
		t.Errorf("the model of two sets is %q, %v", got.Model, err)
	}
	points, err := Spec{Data: "fashion-mnist|cifar10"}.Points()
	if err != nil || len(points) != 2 || points[0].Model != "resnet8" || points[1].Model != "resnet20" {
		t.Errorf("points %+v, %v", points, err)
	}
}

func TestCanonicalSpec(t *testing.T) {
	for _, c := range []struct {
		layer      ir.Layer
		text, want string
	}{
		{ir.Data, " fashion-mnist( batch = 1, n=1000, split=test ) ", "fashion-mnist(n=1000)"},
		{ir.Data, "fashion-mnist(split=val, n=0100)", "fashion-mnist(n=100, split=val)"},
		{ir.Compress, "prune(.9, scope=global)", "prune(0.9)"},
		{ir.Compress, "none prune(.50) none", "prune(0.5)"},
		{ir.Compress, "none none", "none"},
		{ir.Compress, "prune(0, .5, scope=global)", "prune(0, 0.5)"},
		{ir.Primitive, "csr direct", "direct csr"},
		{ir.Primitive, "direct", "direct dense"},
		{ir.Primitive, "csr", "auto csr"},
		{ir.Primitive, "auto", "auto"},
		{ir.Primitive, "(direct|gemm)(csr|dense)", "(direct|gemm) (csr|dense)"},
		{ir.Hardware, "cpu(threads=1, isa=go)", "cpu(isa=go, threads=1)"},
		{ir.Hardware, "cpu()", here(t)},
		{ir.Hardware, "cpu(threads=all, isa=best)", here(t)},
	} {
		got, err := Spec{}.With(c.layer, c.text).Canonical()
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got.Layer(c.layer) != c.want {
			t.Errorf("%s: canonical %q, want %q", c.text, got.Layer(c.layer), c.want)
		}
		again, err := got.Canonical()
		if err != nil || again != got {
			t.Errorf("%s: canonical is no fixed point: %+v, then %+v, %v", c.text, got, again, err)
		}
	}
}

func TestPoints(t *testing.T) {
	points, err := Spec{Compress: "prune(0, .5)|none", Primitive: "(direct|gemm) (dense|csr)|direct"}.Points()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range points {
		got = append(got, p.Compress+"/"+p.Primitive)
		if c, err := p.Canonical(); err != nil || c != p {
			t.Errorf("point %+v is not canonical: %+v, %v", p, c, err)
		}
	}
	want := "prune(0)/direct dense prune(0)/direct csr prune(0)/gemm dense prune(0)/gemm csr " +
		"prune(0.5)/direct dense prune(0.5)/direct csr prune(0.5)/gemm dense prune(0.5)/gemm csr " +
		"none/direct dense none/direct csr none/gemm dense none/gemm csr"
	if strings.Join(got, " ") != want {
		t.Errorf("points\n%s\nwant\n%s", strings.Join(got, " "), want)
	}
	if _, err := (Spec{Compress: "prune(0, .5)"}).point(); err == nil || !strings.Contains(err.Error(), "sweep") {
		t.Errorf("run of two points: %v", err)
	}
	many := strings.Repeat("(none|prune(.1)|prune(.2))", 12)
	if _, err := (Spec{Compress: many}).Points(); err == nil {
		t.Error("531441 points were multiplied out")
	}
}

// TestHash pins the hash: a change would orphan every stored result.
func TestHash(t *testing.T) {
	s := Spec{Data: "cifar10", Model: "resnet20", Compress: "prune(0.9)", Primitive: "direct csr", Schedule: "heuristic", Hardware: "cpu(isa=go, threads=1)"}
	if got, want := s.Hash(), "ba008e947eca0e94"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	for name, same := range map[string]Stack{
		"spelling": New().Data("cifar10(batch=1)").Compress("prune(.90, scope=global)").Primitive("csr", "direct").Hardware("cpu(threads=1,isa=go)"),
		"fluent":   New().Data("cifar10").Model("resnet20").Prune(0.9).Primitive("direct", "csr").Heuristic().CPU(ISA("go"), Threads(1)),
	} {
		if got := same.Spec().Hash(); got != s.Hash() {
			t.Errorf("%s: hash %s, want %s", name, got, s.Hash())
		}
	}
	if s.With(ir.Sched, "untuned").Hash() == s.Hash() {
		t.Error("another schedule has the same hash")
	}
}

func TestSpecJSON(t *testing.T) {
	s := New().Prune(0, 0.5).Primitive("direct|gemm", "csr").Spec()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ReadSpec(b); err != nil || back != s {
		t.Errorf("read back %+v, %v", back, err)
	}
	b, err = json.Marshal(&Result{Spec: s})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ReadSpec(b); err != nil || back != s {
		t.Errorf("read back from a result %+v, %v", back, err)
	}
	for text, want := range map[string]string{
		``:                     "the spec is not a JSON object: unexpected end of JSON input",
		`[1]`:                  "the spec is not a JSON object: it is a JSON array",
		`{"spec": 3}`:          "the result's spec is not a JSON object: it is a JSON number",
		`{"data": 3}`:          "the spec is not six texts: data is a JSON number",
		`{"compres": "none"}`:  `unknown layer "compres"; try compress`,
		`{"data": "x"} {}`:     "the spec is not a JSON object: invalid character '{' after top-level value",
		`{"spec": {"dta":""}}`: `unknown layer "dta"; try data`,
	} {
		_, err := ReadSpec([]byte(text))
		var e *ir.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s…", text, err, want)
		}
	}
}

// TestStackIsAValue: a verb returns a copy and leaves its receiver as it was.
func TestStackIsAValue(t *testing.T) {
	base := New().Prune(0.5)
	before := base.Spec()
	a, b := base.Prune(0.9), base.Primitive("direct", "csr").Untuned().CPU()
	if base.Spec() != before {
		t.Errorf("the base changed to %+v", base.Spec())
	}
	if got := a.Spec().Compress; got != "prune(0.5) prune(0.9)" {
		t.Errorf("two passes are %q", got)
	}
	if got := base.Compress("none").Spec().Compress; got != "none" {
		t.Errorf("Compress does not replace: %q", got)
	}
	if got := b.Spec(); got.Primitive != "direct csr" || got.Schedule != "untuned" || got.Hardware != "cpu" {
		t.Errorf("spec %+v", got)
	}
	if got := New().Compress("none|prune(.5)").Prune(.9).Spec().Compress; got != "(none|prune(.5)) prune(0.9)" {
		t.Errorf("a pass after alternatives is %q", got)
	}
}

var fluentSpecs = []Spec{
	{},
	{Compress: "prune(0.9)", Primitive: "direct csr", Schedule: "untuned", Hardware: "cpu(isa=go, threads=1)"},
	{Compress: "prune(0, .5, .9) prune(.1)", Primitive: "(direct|gemm) (dense|csr)", Hardware: "cpu(threads=1, isa=go|best)"},
	{Data: "fashion-mnist(n=100, batch=8)|cifar10", Compress: "prune(.5, scope=layer)|none", Schedule: "untuned|heuristic", Primitive: "direct dense|gemm csr"},
	{Data: "random(1x3x32x32)", Model: "resnet20|vgg7|mobilenetv2", Primitive: "csr", Compress: "(none|prune(.5)) prune(.2)"},
}

// TestFluentRoundTrip reads the printed Go with go/parser and calls the same methods by reflection: the Spec that comes
// out must be the one that went in.
func TestFluentRoundTrip(t *testing.T) {
	for _, s := range fluentSpecs {
		want, err := s.Canonical()
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		points, err := s.Points()
		if err != nil {
			t.Fatal(err)
		}
		for _, notebook := range []bool{true, false} {
			text := FromSpec(s).Go(notebook)
			got, verb := evalFluent(t, text, notebook)
			canonical, err := got.Canonical()
			if err != nil || canonical != want {
				t.Errorf("%s\nbuilds %+v, want %+v, %v", text, canonical, want, err)
			}
			wantVerb := "Run"
			if len(points) > 1 {
				wantVerb = "Sweep"
			}
			if notebook {
				wantVerb = "Must" + wantVerb
			}
			if verb != wantVerb {
				t.Errorf("%s\nends in %s, want %s", text, verb, wantVerb)
			}
		}
	}
}

// evalFluent evaluates the chain dlas.New().A(…).B(…).Run() of a program or cell.
func evalFluent(t *testing.T, text string, notebook bool) (Spec, string) {
	t.Helper()
	if notebook {
		text = "package main\nfunc main() {\n" + text + "}\n"
	}
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", text, parser.AllErrors)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	var chain ast.Expr
	ast.Inspect(f, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && chain == nil {
			chain = a.Rhs[0]
		}
		return chain == nil
	})
	call := chain.(*ast.CallExpr)
	verb := call.Fun.(*ast.SelectorExpr).Sel.Name
	v := evalExpr(t, call.Fun.(*ast.SelectorExpr).X)
	return v.Interface().(Stack).Spec(), verb
}

func evalExpr(t *testing.T, e ast.Expr) reflect.Value {
	t.Helper()
	if lit, ok := e.(*ast.BasicLit); ok {
		switch lit.Kind {
		case token.STRING:
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			return reflect.ValueOf(s)
		case token.INT, token.FLOAT:
			v, err := strconv.ParseFloat(lit.Value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return reflect.ValueOf(v)
		}
	}
	call, ok := e.(*ast.CallExpr)
	if !ok {
		t.Fatalf("cannot evaluate %T", e)
	}
	sel := call.Fun.(*ast.SelectorExpr)
	var fn reflect.Value
	if x, ok := sel.X.(*ast.Ident); ok && x.Name == "dlas" {
		fn = map[string]reflect.Value{"New": reflect.ValueOf(New), "ISA": reflect.ValueOf(ISA), "Threads": reflect.ValueOf(Threads)}[sel.Sel.Name]
	} else {
		fn = evalExpr(t, sel.X).MethodByName(sel.Sel.Name)
	}
	if !fn.IsValid() {
		t.Fatalf("there is no %s", sel.Sel.Name)
	}
	var args []reflect.Value
	for i, a := range call.Args {
		in := fn.Type().In(min(i, fn.Type().NumIn()-1))
		if fn.Type().IsVariadic() && i >= fn.Type().NumIn()-1 {
			in = in.Elem()
		}
		args = append(args, evalExpr(t, a).Convert(in))
	}
	return fn.Call(args)[0]
}

// TestBadInput: one line that names the layer, what was wrong and the nearest names.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		layer ir.Layer
		text  string
		want  string
	}{
		{ir.Data, "fashon-mnist", `L1 data: unknown data set "fashon-mnist"; try fashion-mnist`},
		{ir.Data, "fashion-mnist(m=3)", `L1 data: unknown argument of fashion-mnist "m"; try n`},
		{ir.Data, "fashion-mnist(n=0)", `L1 data: n=0 of fashion-mnist is not a number from 1`},
		{ir.Data, "fashion-mnist cifar10", `L1 data: takes one choice, but got fashion-mnist cifar10; alternatives are written fashion-mnist|cifar10`},
		{ir.Model, "resnet9", `L2 model: unknown model "resnet9"; try resnet8`},
		{ir.Compress, "prune(1.5)", `L3 compress: prune(1.5): the fraction must be from 0 to 1`},
		{ir.Compress, "prune(0, 2)", `L3 compress: prune(2): the fraction must be from 0 to 1`},
		{ir.Compress, "prune(nan)", `L3 compress: prune(nan): the fraction must be from 0 to 1`},
		{ir.Compress, "prunee(.5)", `L3 compress: unknown pass "prunee"; try prune`},
		{ir.Compress, "int8(8)", `L3 compress: int8 takes no plain value, but got 8`},
		{ir.Primitive, "direct gemm", `L4 primitive: takes one algorithm, but got direct and gemm; alternatives are written direct|gemm`},
		{ir.Primitive, "dense csr", `L4 primitive: takes one format, but got dense and csr; alternatives are written dense|csr`},
		{ir.Sched, "fast", `L5 schedule: unknown schedule "fast"; try `},
		{ir.Hardware, "gpu", `L6 hardware: unknown hardware "gpu"; try cpu`},
		{ir.Hardware, "cpu(threads=0)", `L6 hardware: threads=0 is not possible here; 1 to `},
		{ir.Hardware, "cpu(threads=1000000)", `L6 hardware: threads=1000000 is not possible here; 1 to `},
		{ir.Hardware, "cpu(isa=sse9)", `L6 hardware: unknown isa "sse9"; try `},
		{ir.Hardware, "cpu(cores=2)", `L6 hardware: unknown argument`},
	} {
		_, err := Spec{}.With(c.layer, c.text).Canonical()
		var e *ir.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.text, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%s: more than one line: %q", c.text, err)
		}
	}
}

func TestCheckOpensTheData(t *testing.T) {
	if _, err := (Spec{Data: "fashion-mnist(n=10)|random(1x3x8x8)"}).Check(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"fashion-mnist|fashion-mnist(n=10001)", "fashion-mnist|unknown"} {
		if _, err := (Spec{Data: text}).Check(); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestHelpExplainsEveryChoice(t *testing.T) {
	for _, w := range HelpWords() {
		text, err := Help(w)
		if err != nil || len(strings.Fields(text)) < 4 {
			t.Errorf("help %s: %q, %v", w, text, err)
		}
	}
	for _, l := range ir.Layers() {
		for _, o := range Options(l) {
			if !slices.Contains(HelpWords(), o.Name) {
				t.Errorf("%s is not among the words", o.Name)
			}
		}
	}
	if _, err := Help("latensy"); err == nil || !strings.Contains(err.Error(), "latency") {
		t.Errorf("help of a misspelt word: %v", err)
	}
}
