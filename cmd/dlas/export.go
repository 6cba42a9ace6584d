package main

import (
	"context"
	"fmt"
	"os"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// runExport writes a network as an ONNX file.
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
	if err := st.Export(ctx, path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return &ir.Error{What: "cannot read " + path, Err: err}
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %.1f MB, ONNX\n", path, float64(info.Size())/1e6)
	return err
}
