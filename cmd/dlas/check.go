package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas"
)

func runCheck(ctx context.Context, c *call) error {
	dirs, err := c.flags().parse(1, 1<<20)
	if err != nil {
		return err
	}
	folders, err := dlas.CheckFolders(dirs)
	if err != nil {
		return err
	}
	count := map[dlas.Verdict]int{}
	for _, f := range folders {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r := dlas.Check(ctx, f)
		count[r.Verdict]++
		fmt.Fprintln(c.stdout, r)
	}
	fmt.Fprintf(c.stderr, "%d pass, %d fail, %d unsupported\n", count[dlas.Pass], count[dlas.Fail], count[dlas.Unsupported])
	if count[dlas.Fail] > 0 {
		return fmt.Errorf("%d of %d folders fail", count[dlas.Fail], len(folders))
	}
	return nil
}
