package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/cells"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/plotting"
)

// readSmall reads a file that is meant to hold one Spec or result.
func readSmall(path string) ([]byte, error) {
	const most = 64 << 20
	f, err := os.Open(path)
	if err != nil {
		return nil, &ir.Error{What: "cannot read the spec", Err: err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, &ir.Error{What: "cannot read the spec", Err: err}
	}
	if len(b) > most {
		return nil, &ir.Error{What: "the spec " + path + " is more than 64 MiB long"}
	}
	return b, nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func runRun(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print the result as one JSON object")
	asGo := f.Bool("go", false, "print the Go program of this stack and run nothing")
	name := f.String("as", "", "give the result a `name`")
	stack := f.stack()
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	st, err := stack.build()
	if err != nil {
		return err
	}
	if *asGo {
		return printGo(c, st)
	}
	live := newLive(c.stderr)
	r, err := st.RunAs(ctx, *name)
	live.Clear()
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(c.stdout, r)
	}
	_, err = io.WriteString(c.stdout, r.String())
	return err
}

func printGo(c *call, st dlas.Stack) error {
	if _, err := st.Spec().Canonical(); err != nil {
		return err
	}
	_, err := io.WriteString(c.stdout, st.Go(false))
	return err
}

func runSweep(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print the results as JSON, one object a line")
	asGo := f.Bool("go", false, "print the Go program of this sweep and run nothing")
	fresh := f.Bool("fresh", false, "measure the points that the store has, too")
	stack := f.stack()
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	st, err := stack.build()
	if err != nil {
		return err
	}
	if *asGo {
		return printGo(c, st)
	}
	live := newLive(c.stderr)
	s, err := st.SweepWith(ctx, dlas.SweepOptions{Fresh: *fresh})
	live.Clear()
	if s == nil {
		return err
	}
	if *asJSON {
		for _, r := range s.Results {
			if err := printJSON(c.stdout, r); err != nil {
				return err
			}
		}
	} else if _, werr := io.WriteString(c.stdout, s.String()); werr != nil {
		return werr
	}
	if err == nil && len(s.Failed) > 0 {
		return s.Failed[0].Err
	}
	return err
}

func runTune(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print what was found as JSON, with every candidate")
	asGo := f.Bool("go", false, "print the Go program of this search and run nothing")
	stack := f.stack()
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	st, err := stack.build()
	if err != nil {
		return err
	}
	if *asGo {
		_, err := io.WriteString(c.stdout, strings.Replace(st.Go(false), "Run(context.Background())", "Tune(context.Background())", 1))
		return err
	}
	live := newLive(c.stderr)
	t, err := st.Tune(ctx)
	live.Clear()
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(c.stdout, t)
	}
	_, err = io.WriteString(c.stdout, t.String())
	return err
}

func runSensitivity(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print what was measured as JSON")
	asGo := f.Bool("go", false, "print the Go program of this scan and run nothing")
	out := f.String("o", "", "draw it to `file`: .svg, .pdf, .png, or .csv for the numbers drawn")
	stack := f.stack()
	rest, err := f.parse(1, 1)
	if err != nil {
		return err
	}
	st, err := stack.build()
	if err != nil {
		return err
	}
	if *asGo {
		if _, err := st.Spec().Canonical(); err != nil {
			return err
		}
		_, err := io.WriteString(c.stdout, strings.Replace(st.Go(false), "Run(context.Background())", "Sensitivity(context.Background(), "+strconv.Quote(rest[0])+")", 1))
		return err
	}
	live := newLive(c.stderr)
	s, err := st.Sensitivity(ctx, rest[0])
	live.Clear()
	if err != nil {
		return err
	}
	if *out != "" {
		fig, err := plotting.Plot("sensitivity", []*dlas.Result{s.Result()})
		if err == nil {
			err = fig.Save(*out)
		}
		if err != nil {
			return err
		}
	}
	if *asJSON {
		return printJSON(c.stdout, s)
	}
	_, err = io.WriteString(c.stdout, s.String())
	return err
}

func runCompare(ctx context.Context, c *call) error {
	f := c.flags()
	stored := f.Bool("stored", false, "compare the stored latencies, which were not measured side by side")
	names, err := f.parse(0, 2)
	if err != nil {
		return err
	}
	if len(names) == 1 {
		return usageError("compare: one result; usage: dlas " + c.usage)
	}
	a, b, err := dlas.Pair(names...)
	if err != nil {
		return err
	}
	compare := dlas.Compare
	if *stored {
		compare = func(_ context.Context, a, b *dlas.Result) (*dlas.Comparison, error) {
			return dlas.CompareStored(a, b), nil
		}
	}
	live := newLive(c.stderr)
	cmp, err := compare(ctx, a, b)
	live.Clear()
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.stdout, cmp.String())
	return err
}

func runExplain(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print the result with its object explain as JSON")
	names, err := f.parse(0, 1)
	if err != nil {
		return err
	}
	r, err := dlas.Find(strings.Join(names, ""))
	if err != nil {
		return err
	}
	live := newLive(c.stderr)
	e, err := dlas.Explain(ctx, r)
	live.Clear()
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(c.stdout, r)
	}
	_, err = io.WriteString(c.stdout, e.String())
	return err
}

// newLive is the progress of long work: one line in a terminal, now and then a line elsewhere.
func newLive(w io.Writer) *display.Bar {
	b := display.ProgressOn(w)
	dlas.OnProgress = func(p dlas.Progress) {
		if !p.Ended { // the command ends the line
			cells.Tell(b, p)
		}
	}
	return b
}
