package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas"
)

// runExport writes a network into a file.
func runExport(ctx context.Context, c *call) error {
	f := c.flags()
	stack := f.stack()
	args, err := f.parse(1, 2)
	if err != nil {
		return err
	}
	st, err := stack.build()
	if err != nil {
		return err
	}
	path := args[len(args)-1]
	if len(args) == 2 {
		if st.Spec().Model != "" {
			return usageError("export: the model is named twice; usage: dlas " + c.usage)
		}
		st = st.Model(args[0])
	}
	return exportTo(ctx, c, st, path)
}

// exportTo writes the file and says what it is.
func exportTo(ctx context.Context, c *call, st dlas.Stack, path string) error {
	live := newLive(c.stderr)
	notes, err := st.ExportNotes(ctx, path)
	live.Clear()
	if err != nil {
		return err
	}
	text, err := dlas.Exported(path)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(c.stdout, "note: "+oneLine(n))
	}
	_, err = fmt.Fprintln(c.stdout, text)
	return err
}
