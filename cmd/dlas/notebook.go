package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/nb"
)

// notebookVerb is a row of what dlas nb can do.
type notebookVerb struct {
	name, usage, help string
	run               func(ctx context.Context, c *call) error
}

func notebookVerbs() []notebookVerb {
	return []notebookVerb{
		{"run", "nb run FILE.ipynb [-o OUT.ipynb | --write] [-p name=value …] [--timeout TIME]", "Run all cells without Python or a browser; exits with 1 at a cell that fails.", runNotebookRun},
		{"test", "nb test FILE.ipynb… [-p name=value …] [--tolerance X] [--timeout TIME] [--solutions]", "Run notebooks and compare what their cells show with the outputs that they hold; exits with 1 where that differs. Times, addresses and the bytes of images are not compared; a cell tagged ignore-output may show anything. With --solutions run the exercises instead, blank and with the solutions of their metadata: cells tagged check must print not tried, then right, and what a notebook keeps must be of the kinds that it shows.", runNotebookTest},
		{"convert", "nb convert FILE.ipynb --to go|html|md|ipynb [-o OUT]", "Write a notebook as a Go script of cells (the percent format of jupytext), as an HTML page that needs nothing else, or as Markdown. Nothing runs.", runNotebookConvert},
		{"clean", "nb clean FILE.ipynb… [--check]", "Take outputs, counts and the traces of a run out of notebooks, for commits; one whose metadata say keep_output keeps outputs and counts. With --check change nothing, and exit with 1 if there is something to take out.", runNotebookClean},
	}
}

// runNotebook finds the verb.
func runNotebook(ctx context.Context, c *call) error {
	var names []string
	for _, v := range notebookVerbs() {
		names = append(names, v.name)
		if len(c.args) > 0 && c.args[0] == v.name {
			row := *c.command
			row.name, row.usage, row.help = "nb "+v.name, v.usage, v.help
			return v.run(ctx, &call{command: &row, args: c.args[1:], stdout: c.stdout, stderr: c.stderr})
		}
	}
	if len(c.args) > 0 && c.args[0] != "--help" && c.args[0] != "-h" && c.args[0] != "help" {
		return usageError(fmt.Sprintf("nb: unknown verb %q; there are %s", c.args[0], strings.Join(names, ", ")))
	}
	fmt.Fprintf(c.stdout, "dlas %s\n\n%s\n\n", c.usage, c.help)
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, v := range notebookVerbs() {
		fmt.Fprintf(w, "  %s\t%s\n", v.name, firstSentence(v.help))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, "\ndlas nb VERB --help shows its flags.")
	return nil
}

// notebookRun are the flags of what runs a notebook.
type notebookRun struct {
	params  []nb.Param
	timeout *time.Duration
}

func (r *notebookRun) add(f *flags) {
	f.Func("p", "`name=value` set after the cell tagged parameters; may stand several times", func(s string) error {
		p, err := nb.ParseParam(s)
		if err == nil {
			r.params = append(r.params, p)
		}
		return err
	})
	r.timeout = f.Duration("timeout", 0, "`time` after which a cell is interrupted and fails, such as 90s; without it a cell may take for ever")
}

func (r *notebookRun) options() (nb.Options, error) {
	if *r.timeout < 0 {
		return nb.Options{}, usageError(fmt.Sprintf("nb: a cell cannot end within %v", *r.timeout))
	}
	return nb.Options{Params: r.params, Timeout: *r.timeout}, nil
}

func runNotebookRun(ctx context.Context, c *call) error {
	f := c.flags()
	var r notebookRun
	r.add(f)
	out := f.String("o", "", "write the notebook with its outputs to `file`")
	write := f.Bool("write", false, "write the outputs into the notebook itself once all cells have run; for one whose metadata say keep_output, without the other traces of a run")
	rest, err := f.parse(1, 1)
	if err != nil {
		return err
	}
	if *write && (*out != "" || len(r.params) > 0) {
		return usageError("nb run: --write stores the notebook as it is written: without -o and -p")
	}
	o, err := r.options()
	if err != nil {
		return err
	}
	n, err := nb.Open(rest[0])
	if err != nil {
		return usageError(err.Error())
	}
	if *out != "" { // known before hours of work that it could not be kept
		if st, err := os.Stat(filepath.Dir(*out)); err != nil || !st.IsDir() {
			return usageError(fmt.Sprintf("nb run: -o %s: there is no folder %s", *out, filepath.Dir(*out)))
		}
	}
	p, err := startSession(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	o.Each = func(place int, cell *nb.Cell, took time.Duration) {
		fmt.Fprintf(c.stderr, "cell %d of %d: %.2f s  %s\n", place, len(n.Cells), took.Seconds(), firstLine(cell.Source))
	}
	err = nb.Run(ctx, n, p, o)
	if *out != "" {
		err = errors.Join(err, n.Save(*out))
	}
	if *write && err == nil {
		if n.Keeps() {
			n.Clean()
		}
		err = n.Save(rest[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(rest[0]), err)
	}
	return nil
}

func startSession(ctx context.Context) (*nb.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return nb.Start(ctx, self, "session")
}

func runNotebookTest(ctx context.Context, c *call) error {
	f := c.flags()
	var r notebookRun
	r.add(f)
	tolerance := f.Float64("tolerance", nb.DefaultTolerance, "how far numbers with a fraction may be apart, relative to the greater, as `x`")
	solutions := f.Bool("solutions", false, "run the exercises, blank and with their solutions, and look at what their check cells print")
	rest, err := f.parse(1, 1000)
	if err != nil {
		return err
	}
	o, err := r.options()
	if err != nil {
		return err
	}
	if !(*tolerance >= 0) {
		return usageError(fmt.Sprintf("nb test: a tolerance of %v makes no sense", *tolerance))
	}
	bad := 0
	for _, path := range rest {
		test := func() (bool, error) { return testNotebook(ctx, c.stdout, path, o, *tolerance) }
		if *solutions {
			test = func() (bool, error) { return testExercises(ctx, c.stdout, path, o) }
		}
		ok, err := test()
		if err != nil {
			return err
		}
		if !ok {
			bad++
		}
	}
	if bad > 0 {
		return status(exitFailed) // the report says why
	}
	return nil
}

// testExercises runs a notebook's exercises in both forms and prints a line a check cell.
func testExercises(ctx context.Context, w io.Writer, path string, o nb.Options) (ok bool, err error) {
	n, err := nb.Open(path)
	if err != nil {
		return false, usageError(err.Error())
	}
	checked, err := nb.Exercises(ctx, n, func(ctx context.Context) (nb.Runner, func(), error) {
		p, err := startSession(ctx)
		if err != nil {
			return nil, nil, err
		}
		return p, func() { p.Close() }, nil
	}, o)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	bad, exercises := 0, 0
	for _, c := range checked {
		if !c.Kept {
			exercises++
		}
		said := oneLine(c.Solved)
		if c.Fault != "" {
			bad++
			said = "wrong: " + oneLine(c.Fault)
		}
		id := ""
		if c.ID != "" {
			id = " (" + oneLine(c.ID) + ")"
		}
		fmt.Fprintf(w, "%s: cell %d%s: %s\n", path, c.Place, id, said)
	}
	fmt.Fprintf(w, "%s: %d exercises, %d wrong\n", path, exercises, bad)
	return bad == 0, nil
}

func testNotebook(ctx context.Context, w io.Writer, path string, o nb.Options, tolerance float64) (ok bool, err error) {
	n, err := nb.Open(path)
	if err != nil {
		return false, usageError(err.Error())
	}
	p, err := startSession(ctx)
	if err != nil {
		return false, err
	}
	defer p.Close()
	cells, err := nb.Test(ctx, n, p, o, tolerance)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	counts := map[string]int{}
	for _, t := range cells {
		counts[t.Verdict]++
		id := ""
		if t.ID != "" {
			id = " (" + oneLine(t.ID) + ")"
		}
		switch t.Verdict {
		case nb.Differs:
			fmt.Fprintf(w, "%s: cell %d%s differs:\n--- stored\n+++ run\n%s", path, t.Place, id, printable(t.Diff))
		case nb.Failed:
			fmt.Fprintf(w, "%s: cell %d%s failed: %s\n", path, t.Place, id, oneLine(t.Diff))
		}
	}
	var said []string
	for _, verdict := range []string{nb.Same, nb.Differs, nb.Failed, nb.Ignored, nb.NoOutputs, nb.NotRun} {
		if k := counts[verdict]; k > 0 {
			said = append(said, fmt.Sprintf("%d %s", k, verdict))
		}
	}
	if len(said) == 0 {
		said = []string{"no code cells"}
	}
	fmt.Fprintf(w, "%s: %s\n", path, strings.Join(said, ", "))
	return counts[nb.Differs]+counts[nb.Failed] == 0, nil
}

// printable is text from a file without what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || 0x7f <= r && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

func runNotebookConvert(_ context.Context, c *call) error {
	f := c.flags()
	to := f.String("to", "", "`format`: go, html, md or ipynb; without it the ending of -o says it")
	out := f.String("o", "", "the `file` to write; without it the notebook's name with the format's ending, - for standard output")
	rest, err := f.parse(1, 1)
	if err != nil {
		return err
	}
	if *to == "" {
		*to = strings.TrimPrefix(filepath.Ext(*out), ".")
	}
	aliases := map[string]string{"script": "go", "markdown": "md", "notebook": "ipynb", "htm": "html"}
	if long, ok := aliases[*to]; ok {
		*to = long
	}
	base := strings.TrimSuffix(rest[0], filepath.Ext(rest[0]))
	if *out == "" {
		*out = base + "." + *to
	}
	n, err := nb.Open(rest[0])
	if err != nil {
		return usageError(err.Error())
	}
	var text string
	switch *to {
	case "go":
		text = n.Script()
	case "html":
		text = n.HTML(filepath.Base(base))
	case "md":
		text = n.Markdown()
	case "ipynb":
		var b strings.Builder
		if err := n.Write(&b); err != nil {
			return err
		}
		text = b.String()
	case "":
		return usageError("nb convert: --to says what to make: go, html, md or ipynb")
	default:
		return usageError("nb convert: " + ir.Unknown("", "format", *to, []string{"go", "html", "md", "ipynb"}).Error())
	}
	if *out == "-" {
		_, err = io.WriteString(c.stdout, text)
		return err
	}
	if a, err := os.Stat(*out); err == nil {
		if b, err := os.Stat(rest[0]); err == nil && os.SameFile(a, b) && *to != "ipynb" {
			return usageError("nb convert: " + *out + " is the notebook itself")
		}
	}
	if err := os.WriteFile(*out, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(c.stderr, *out)
	return nil
}

func runNotebookClean(_ context.Context, c *call) error {
	f := c.flags()
	check := f.Bool("check", false, "change nothing, exit with 1 if a notebook is not clean")
	rest, err := f.parse(1, 1000)
	if err != nil {
		return err
	}
	unclean := 0
	for _, path := range rest {
		n, err := nb.Open(path)
		if err != nil {
			return usageError(err.Error())
		}
		if !n.Clean() {
			continue
		}
		unclean++
		if *check {
			fmt.Fprintf(c.stdout, "%s is not clean: dlas nb clean %s\n", path, path)
			continue
		}
		if err := n.Save(path); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, path)
	}
	if *check && unclean > 0 {
		return status(exitFailed)
	}
	return nil
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(first); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return first
}
