package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/display"
)

// failure is an error that is not the fault of what was typed, whatever it wraps.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func runData(ctx context.Context, c *call) error {
	rest, err := c.flags().parse(1, 2)
	if err != nil {
		return err
	}
	switch {
	case rest[0] == "list" && len(rest) == 1:
		return listData(c)
	case rest[0] == "get" && len(rest) == 2:
		return getData(ctx, c, rest[1])
	}
	return usageError("data: say list, or get and a name; usage: dlas " + c.usage)
}

func listData(c *call) error {
	env := data.EnvFromOS()
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, o := range data.Options() {
		size := ""
		for _, d := range data.Downloads() {
			if d.Set == o.Name {
				total := int64(0)
				for _, f := range d.Files {
					total += f.Size
				}
				size = fmt.Sprintf("download: %.1f MB", float64(total)/1e6)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", o.Name, firstSentence(o.Help), size)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "\nDLAS_DATA: %s\ncache: %s\n", orNone(env.Dir), orNone(env.Cache))
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "(not set)"
	}
	return s
}

func getData(ctx context.Context, c *call, name string) error {
	var names []string
	for _, d := range data.Downloads() {
		names = append(names, d.Set)
	}
	if !slices.Contains(names, name) {
		return ir.Unknown(ir.Data, "data set to download", name, names)
	}
	live := display.ProgressOn(c.stderr)
	err := data.Get(ctx, name, data.EnvFromOS(), func(p data.Progress) {
		live.Tell(p.File, int(p.Done), int(p.Total), "B")
	})
	live.Clear()
	if err != nil {
		return failure{err}
	}
	fmt.Fprintln(c.stdout, strings.TrimSpace(name+" is in the cache "+data.EnvFromOS().Cache))
	return nil
}
