package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/plotting"
)

// readResults are the results of a file, or of the store where there is none.
func readResults(path string) (dlas.Results, error) {
	if path == "" {
		return dlas.StoredResults()
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &ir.Error{What: "cannot read the results", Err: err}
	}
	defer f.Close()
	return dlas.ReadResults(f)
}

func runResults(_ context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "print the results as JSON, one object a line")
	file := f.String("results", "", "read the JSON lines of `file` in place of the store")
	rest, err := f.parse(0, 1)
	if err != nil {
		return err
	}
	rs, err := readResults(*file)
	if err != nil {
		return err
	}
	if rs, err = filtered(rs, strings.Join(rest, "")); err != nil && !*asJSON { // no line at all is right for a program
		return err
	}
	if *asJSON {
		for _, r := range rs {
			if err := printJSON(c.stdout, r); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = io.WriteString(c.stdout, rs.String())
	return err
}

// filtered are the results that a filter keeps, at least one.
func filtered(rs dlas.Results, filter string) (dlas.Results, error) {
	if len(rs) == 0 {
		return nil, &ir.Error{What: "there is no result yet", Try: "measure one with dlas run"}
	}
	if rs = rs.Filter(filter); len(rs) == 0 {
		return nil, &ir.Error{What: fmt.Sprintf("no result has %q in its name, hash or choices", filter), Try: "dlas results lists them"}
	}
	return rs, nil
}

// runNodes lists the nodes of one result: the newest, or the newest that the filter finds.
func runNodes(_ context.Context, c *call) error {
	f := c.flags()
	file := f.String("results", "", "read the JSON lines of `file` in place of the store")
	rest, err := f.parse(0, 1)
	if err != nil {
		return err
	}
	rs, err := readResults(*file)
	if err != nil {
		return err
	}
	if rs, err = filtered(rs, strings.Join(rest, "")); err != nil {
		return err
	}
	_, err = io.WriteString(c.stdout, rs[len(rs)-1].NodeTable().String())
	return err
}

// networkFigure draws the network of a stack.
func networkFigure(ctx context.Context, stack *stackFlags, options []string) (*plotting.Figure, error) {
	st, err := stack.build()
	if err != nil {
		return nil, err
	}
	n, err := st.Diagram(ctx)
	if err != nil {
		return nil, err
	}
	return plotting.Network(n, options...)
}

// only keeps the results of the choices that the flags name.
func (s *stackFlags) only(rs []*dlas.Result) ([]*dlas.Result, error) {
	layers := ir.Layers()
	if s.spec == "" {
		layers = slices.DeleteFunc(layers, func(l ir.Layer) bool { return *s.layers[l] == "" })
	}
	if len(layers) == 0 {
		return rs, nil
	}
	st, err := s.build()
	if err != nil {
		return nil, err
	}
	points, err := st.Spec().Points()
	if err != nil {
		return nil, err
	}
	kept := slices.DeleteFunc(slices.Clone(rs), func(r *dlas.Result) bool {
		return !slices.ContainsFunc(points, func(p dlas.Spec) bool {
			return !slices.ContainsFunc(layers, func(l ir.Layer) bool { return p.Layer(l) != r.Spec.Layer(l) })
		})
	})
	if len(kept) == 0 && len(rs) > 0 {
		return nil, &ir.Error{What: "no result has these choices", Try: "measure one with run or sweep"}
	}
	return kept, nil
}

func runPlot(ctx context.Context, c *call) error {
	f := c.flags()
	file := f.String("results", "", "read the JSON lines of `file` in place of the store")
	out := f.String("o", "", "write the figure to `file`: .svg, .pdf, .png, or .csv for the numbers drawn")
	stack := f.stack()
	rest, err := f.parse(1, 64)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(plotting.Kinds(), func(k plotting.Kind) bool { return k.Name == rest[0] }) {
		_, err := plotting.Plot(rest[0], nil) // names the nearest kinds
		return err
	}
	if *out == "" {
		return usageError("plot: -o names no file; usage: dlas " + c.usage)
	}
	var fig *plotting.Figure
	if rest[0] == "graph" && *file == "" {
		fig, err = networkFigure(ctx, stack, rest[1:])
	} else {
		var rs []*dlas.Result
		if rs, err = readResults(*file); err == nil {
			rs, err = stack.only(rs)
		}
		if err == nil {
			before := dlas.CellContext
			dlas.CellContext = func() context.Context { return ctx } // figures of weights compress the network anew
			defer func() { dlas.CellContext = before }()
			live := newLive(c.stderr)
			fig, err = plotting.Plot(rest[0], rs, rest[1:]...)
			live.Clear()
		}
	}
	if err != nil {
		return err
	}
	if err := fig.Save(*out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, fig.Caption)
	return err
}
