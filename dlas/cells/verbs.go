package cells

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/plotting"
)

// verb is a row of the table: what may follow %dlas.
type verb struct {
	name     string
	args     string
	help     string   // one line
	layer    ir.Layer // set for the six that choose
	run      func(ctx context.Context, u *use) error
	complete func(text string) ([]string, int) // candidates for the end of text, and how many bytes at its end they replace
}

func verbs() []verb {
	vs := []verb{{name: "", help: "show the current stack as a card", run: showCard}}
	for _, l := range ir.Layers() {
		vs = append(vs, verb{
			name: string(l), args: "CHOICE", help: fmt.Sprintf("choose at L%d, %s; a list makes a sweep", l.Number(), l.Title()), layer: l,
			run:      func(_ context.Context, u *use) error { return setLayer(l, u) },
			complete: func(text string) ([]string, int) { return completeChoice(l, text) },
		})
	}
	return append(vs,
		verb{name: "run", args: "[as NAME]", help: "measure accuracy and latency of the current stack", run: run},
		verb{name: "sweep", args: "[--fresh]", help: "measure all points of a stack with lists, side by side", run: sweep},
		verb{name: "tune", help: "measure the candidates of schedule tuned(N) and keep them in the store, without a run", run: tune},
		verb{name: "sensitivity", args: "PASS", help: "compress each layer alone by a pass, prune(.5, .9) or blocks(16x1), and measure on val what that costs; draws it", run: sensitivity, complete: func(text string) ([]string, int) { return completeChoice(ir.Compress, text) }},
		verb{name: "compare", args: "[A B] [--stored]", help: "measure two results anew, paired, and say faster, slower or cannot tell; without names the last two", run: compare, complete: completeResults},
		verb{name: "explain", args: "[RESULT]", help: "measure a result's network beside its baseline, and say what the speed-up is, what it could be, and where the rest went; the last result without a name", run: explainResult, complete: completeResults},
		verb{name: "results", args: "[FILTER]", help: "list results, newest last: of this notebook and of earlier ones", run: results},
		verb{name: "nodes", args: "[RESULT]", help: "list the nodes of a result, the last one without a name: kernel, ISA, schedule, time, share of the roofline", run: nodes, complete: completeResults},
		verb{name: "predict", args: "FILE|INDEX", help: "show a picture and what the network of the last result takes it for", run: predict, complete: completeFiles},
		verb{name: "plot", args: "KIND [RESULT…] [key=value…]", help: "draw results: " + strings.Join(kindNames(), ", "), run: plot, complete: completePlot},
		verb{name: "show", args: "data [N]", help: "draw the first N images of the data set with their labels", run: showData, complete: words("data")},
		verb{name: "save", args: "FILE", help: "write the last figure or table: .svg .pdf .png .csv .json", run: save, complete: completeFiles},
		verb{name: "export", args: "FILE", help: "write the network, compressed as chosen: FILE.onnx for other runtimes, FILE.dlas for the smallest file that loses nothing", run: export, complete: completeFiles},
		verb{name: "reset", help: "go back to the default stack", run: reset},
		verb{name: "help", args: "[WORD]", help: "explain a choice, a layer, a column or a verdict", run: help, complete: func(t string) ([]string, int) { return lastWord(t, dlas.HelpWords()) }},
	)
}

func findVerb(name string) (verb, bool) {
	for _, v := range verbs() {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

func verbNamed(name string) verb {
	v, _ := findVerb(name)
	return v
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		if v.name != "" {
			names = append(names, v.name)
		}
	}
	return names
}

func unknownVerb(name string) error {
	return ir.Unknown("", "word after %dlas", name, verbNames())
}

// helpText is the help of the magic: its first line, then a line for each verb.
func helpText() string {
	var b strings.Builder
	b.WriteString("The Deep Learning Acceleration Stack: choose at each of its six layers, run, look.\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "  %-36s %s\n", strings.TrimSpace("%dlas "+strings.TrimSpace(v.name+" "+v.args)), v.help)
	}
	b.WriteString("\n%%dlas is the same with a line for each verb, without %dlas. --go prints the Go that does it, --spec FILE reads a stack.\n")
	return b.String()
}

// goText prints a piece of Go in place of running the verb.
func (u *use) goText(text string) error {
	_, err := fmt.Fprintln(u.stdout, strings.TrimRight(text, "\n"))
	return err
}

// goStack prints the Go form of the current stack.
func (u *use) goStack() error { return u.goText(dlas.FromSpec(u.spec).Go(true)) }

// none refuses words where a verb takes none.
func (u *use) none(verb string) error {
	if u.words != "" {
		return &ir.Error{What: fmt.Sprintf("%%dlas %s takes no %q", verb, u.words), Try: "write %dlas " + verb}
	}
	return nil
}

func showCard(_ context.Context, u *use) error {
	if u.asGo {
		return u.goStack()
	}
	show(dlas.FromSpec(u.spec))
	return nil
}

func setLayer(l ir.Layer, u *use) error {
	if u.words == "" && l == ir.Model {
		list, err := dlas.Models()
		if err != nil {
			return err
		}
		show(list)
		return nil
	}
	if u.words == "" {
		text, err := dlas.Help(string(l))
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(u.stdout, text)
		return err
	}
	next := u.spec.With(l, u.words)
	c, err := next.Canonical()
	if err != nil {
		return err
	}
	own, err := dlas.Spec{}.With(l, c.Layer(l)).Points()
	if err != nil {
		return err
	}
	u.spec = next
	if u.asGo {
		return u.goStack()
	}
	note := ""
	if len(own) > 1 {
		note = fmt.Sprintf("   (%d points, which %%dlas sweep measures)", len(own))
	}
	_, err = fmt.Fprintf(u.stdout, "L%d %s: %s%s\n", l.Number(), l, c.Layer(l), note)
	return err
}

func reset(_ context.Context, u *use) error {
	if err := u.none("reset"); err != nil {
		return err
	}
	u.spec = dlas.Spec{}
	return showCard(context.Background(), u)
}

func run(ctx context.Context, u *use) error {
	name, err := u.asName()
	if err != nil {
		return err
	}
	if u.asGo {
		text := dlas.FromSpec(u.spec).Go(true)
		if name != "" {
			text = strings.Replace(text, "MustRun()", "MustRun().As("+strconv.Quote(name)+")", 1)
		}
		return u.goText(text)
	}
	r, err := dlas.FromSpec(u.spec).RunAs(ctx, name)
	if err != nil {
		return err
	}
	show(r)
	return nil
}

// asName reads `as NAME`.
func (u *use) asName() (string, error) {
	w := strings.Fields(u.words)
	switch {
	case len(w) == 0:
		return "", nil
	case len(w) == 2 && w[0] == "as":
		return w[1], nil
	}
	return "", &ir.Error{What: fmt.Sprintf("%%dlas run takes no %q", u.words), Try: "write %dlas run or %dlas run as NAME"}
}

func sweep(ctx context.Context, u *use) error {
	if err := u.none("sweep"); err != nil {
		return err
	}
	if u.asGo {
		return u.goText(strings.Replace(dlas.FromSpec(u.spec).Go(true), "MustRun()", "MustSweep()", 1))
	}
	s, err := dlas.FromSpec(u.spec).SweepWith(ctx, dlas.SweepOptions{Fresh: u.fresh})
	if s != nil && len(s.Results) > 0 { // what an interrupt left is shown too
		show(s)
		if f, e := sweepFigure(s); e == nil {
			show(f)
		}
	}
	return err
}

// tune fills the store for the current stack.
func tune(ctx context.Context, u *use) error {
	if err := u.none("tune"); err != nil {
		return err
	}
	if u.asGo {
		return u.goText(strings.Replace(dlas.FromSpec(u.spec).Go(true), "MustRun()", "MustTune()", 1))
	}
	t, err := dlas.FromSpec(u.spec).Tune(ctx)
	if err != nil {
		return err
	}
	show(t)
	return nil
}

// sensitivity scans the current stack's layers.
func sensitivity(ctx context.Context, u *use) error {
	if u.asGo {
		text := strings.Replace(dlas.FromSpec(u.spec).Go(true), "MustRun()", "MustSensitivity("+strconv.Quote(u.words)+")", 1)
		return u.goText(text)
	}
	s, err := dlas.FromSpec(u.spec).Sensitivity(ctx, u.words)
	if err != nil {
		return err
	}
	show(s)
	f, err := plotting.Plot("sensitivity", []*dlas.Result{s.Result()})
	if err != nil {
		return err
	}
	show(f)
	return nil
}

// sweepFigure is the Pareto plot, or bars of the latency where there is no accuracy.
func sweepFigure(s *dlas.Sweep) (*plotting.Figure, error) {
	f, err := plotting.Plot("pareto", s.Results)
	if err != nil {
		f, err = plotting.Plot("bars", s.Results)
	}
	return f, err
}

func predict(ctx context.Context, u *use) (err error) {
	if u.words == "" {
		return &ir.Error{What: "predict wants a picture", Try: "write %dlas predict 7 for an image of the data set, or the name of a PNG or JPEG file"}
	}
	var what any = strings.Trim(u.words, `"`)
	form := strconv.Quote(what.(string))
	if i, e := strconv.Atoi(u.words); e == nil {
		what, form = i, u.words
	}
	if u.asGo {
		return u.goText("dlas.Last().Predict(" + form + ")")
	}
	r := dlas.Last()
	if r == nil {
		return &ir.Error{What: "there is no result whose network could predict", Try: "measure one with %dlas run"}
	}
	// Predict is the notebook's form: what goes wrong is an *ir.Error in a panic.
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *ir.Error:
			err = p
		default:
			panic(p)
		}
	}()
	p := r.Predict(what)
	if u.spec.Hash() != r.SpecHash {
		fmt.Fprintf(u.stdout, "the current stack has not been run; this is the last result: %s, %s, %s\n", r.Spec.Data, r.Spec.Model, r.Spec.Compress)
	}
	show(p)
	return nil
}

func kindNames() []string {
	var names []string
	for _, k := range plotting.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// plot draws the named results; without names those of the table that was shown last (a sweep, a comparison), else the
// last result, or all of this notebook for the kinds that compare.
// plotNetwork draws the network of the current stack.
func plotNetwork(ctx context.Context, u *use, options []string) error {
	if u.asGo {
		text := "n, err := " + strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(dlas.FromSpec(u.spec).Go(true)), "r := "), ".MustRun()") + ".Diagram(context.Background())\nif err != nil {\n\tpanic(err)\n}\nf, err := plotting.Network(n"
		for _, o := range options {
			text += ", " + strconv.Quote(o)
		}
		return u.goText(text + ")\nif err != nil {\n\tpanic(err)\n}\nf")
	}
	n, err := dlas.FromSpec(u.spec).Diagram(ctx)
	if err != nil {
		return err
	}
	f, err := plotting.Network(n, options...)
	if err != nil {
		return err
	}
	show(f)
	return nil
}

func plot(ctx context.Context, u *use) error {
	w := strings.Fields(u.words)
	if len(w) == 0 {
		return &ir.Error{What: "plot wants a kind", Try: "kinds are " + strings.Join(kindNames(), ", ")}
	}
	var named []*dlas.Result
	var options, refs []string
	for _, x := range w[1:] {
		if strings.Contains(x, "=") {
			options = append(options, x)
			continue
		}
		r, err := resultNamed(x)
		if err != nil {
			return err
		}
		named = append(named, r)
		refs = append(refs, fmt.Sprintf("dlas.Named(%q)", x))
	}
	source := "[]*dlas.Result{" + strings.Join(refs, ", ") + "}"
	if named == nil && w[0] == "graph" {
		return plotNetwork(ctx, u, options)
	}
	if named == nil {
		named, source = toPlot(w[0])
	}
	if u.asGo {
		text := fmt.Sprintf("f, err := plotting.Plot(%q, %s", w[0], source)
		for _, o := range options {
			text += ", " + strconv.Quote(o)
		}
		return u.goText(text + ")\nif err != nil {\n\tpanic(err)\n}\nf")
	}
	f, err := plotting.Plot(w[0], named, options...)
	if err != nil {
		return err
	}
	show(f)
	return nil
}

func toPlot(kind string) (rs []*dlas.Result, source string) {
	last := dlas.Last()
	shown.Lock()
	table := shown.results
	if shown.one {
		table = nil
	}
	shown.Unlock()
	single := slices.Contains([]string{"confusion", "layers", "histogram", "sparsity"}, kind)
	many := kind == "histogram" || kind == "sparsity" || kind == "layers" && len(table) <= mostLayers // a panel or a colour a result
	if s := dlas.LastScan(); kind == "sensitivity" && s != nil {
		return []*dlas.Result{s.Result()}, "[]*dlas.Result{dlas.LastScan().Result()}"
	}
	if t := dlas.LastTuning(); kind == "landscape" && t != nil && !slices.ContainsFunc(dlas.Recent(), func(r *dlas.Result) bool {
		return r.Tuning != nil && r.Time.After(t.Result().Time)
	}) {
		return []*dlas.Result{t.Result()}, "[]*dlas.Result{dlas.LastTuning().Result()}"
	}
	switch {
	case single && last == nil:
		return nil, "nil"
	case single && (table == nil || !many):
		return []*dlas.Result{last}, "[]*dlas.Result{dlas.Last()}"
	case table == nil:
		return dlas.Recent(), "dlas.Recent()"
	}
	if s := dlas.LastSweep(); s != nil && slices.Equal(s.Results, table) {
		return table, "dlas.LastSweep().Results"
	}
	var refs []string
	for _, r := range table {
		refs = append(refs, fmt.Sprintf("dlas.Named(%q)", refOf(r)))
	}
	return table, "[]*dlas.Result{" + strings.Join(refs, ", ") + "}"
}

// mostLayers is how many results a figure of layers takes.
const mostLayers = 4

func help(_ context.Context, u *use) error {
	text := helpText() + "\nwords that %dlas help explains: " + strings.Join(dlas.HelpWords(), ", ") + "\n"
	if u.words != "" {
		if v, ok := findVerb(u.words); ok && v.layer == "" {
			text = strings.TrimSpace("%dlas "+v.name+" "+v.args) + "\n  " + v.help + "\n"
		} else if k := slices.IndexFunc(plotting.Kinds(), func(k plotting.Kind) bool { return k.Name == u.words }); k >= 0 {
			text = "%dlas plot " + u.words + "\n  " + plotting.Kinds()[k].Help + "\n"
			if also, err := dlas.Help(u.words); err == nil { // elbow is a level too, roofline a column
				text = also + text
			}
		} else {
			var err error
			if text, err = dlas.Help(u.words); err != nil {
				return err
			}
		}
	}
	if u.asGo {
		return u.goText(fmt.Sprintf("text, err := dlas.Help(%q)\nif err != nil {\n\tpanic(err)\n}\nfmt.Print(text)", u.words))
	}
	_, err := fmt.Fprint(u.stdout, text)
	return err
}
