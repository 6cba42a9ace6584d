package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas"
)

func ratioCells(c *dlas.Comparison) []string {
	return []string{fmt.Sprintf("%.4f", c.Ratio), fmt.Sprintf("%.4f to %.4f", c.Low, c.High), c.Verdict}
}

// benchAA compares two programs of one Spec: whatever it calls faster or slower is wrong.
func benchAA(ctx context.Context, r *report) error {
	const comparisons, allowed = 40, 3
	r.head = []string{"comparison", "ratio", "95 % interval", "verdict"}
	stack := dlas.New().Data("fashion-mnist(n=64)")
	wrong := 0
	for i := range comparisons {
		a, err := stack.Run(ctx)
		if err != nil {
			return err
		}
		b, err := stack.Run(ctx)
		if err != nil {
			return err
		}
		if i == 0 {
			r.on(a)
		}
		c, err := dlas.Compare(ctx, a, b)
		if err != nil {
			return err
		}
		if c.Verdict != dlas.CannotTell {
			wrong++
		}
		r.add(append([]string{fmt.Sprint(i + 1)}, ratioCells(c)...)...)
	}
	r.verdict = []string{fmt.Sprintf("%d of %d verdicts are other than cannot tell; at most %d may be.", wrong, comparisons, allowed)}
	if wrong > allowed {
		return fmt.Errorf("%s", r.verdict[0])
	}
	return nil
}
