package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas"
)

// small is enough images for a comparison of times, which looks at the first 32.
const small = "cifar10(n=1000)"

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

// benchSparse is the first lesson of DLAS, measured: zeros save time only in a kernel that skips them.
func benchSparse(ctx context.Context, r *report) error {
	r.head = []string{"A", "B", "ratio of B to A", "95 % interval", "verdict on B"}
	results := make(map[string]*dlas.Result)
	measure := func(level float64, algorithm, format string) (*dlas.Result, error) {
		key := fmt.Sprint(level, algorithm, format)
		if results[key] == nil {
			res, err := dlas.New().Data(small).Model("resnet20").Prune(level).Primitive(algorithm, format).Run(ctx)
			if err != nil {
				return nil, err
			}
			results[key] = res
			if r.machine == "" {
				r.on(res)
			}
		}
		return results[key], nil
	}
	var failed []string
	for _, algorithm := range []string{"direct", "gemm"} {
		dense, err := measure(0.9, algorithm, "dense")
		if err != nil {
			return err
		}
		csr, err := measure(0.9, algorithm, "csr")
		if err != nil {
			return err
		}
		whole, err := measure(0, algorithm, "dense")
		if err != nil {
			return err
		}
		c, err := dlas.Compare(ctx, dense, csr)
		if err != nil {
			return err
		}
		r.add(append([]string{"prune(0.9) " + algorithm + " dense", "prune(0.9) " + algorithm + " csr"}, ratioCells(c)...)...)
		if c.Verdict != dlas.Faster {
			failed = append(failed, algorithm+" csr is not faster than dense at prune(0.9)")
		}
		if c, err = dlas.Compare(ctx, whole, dense); err != nil {
			return err
		}
		r.add(append([]string{"prune(0) " + algorithm + " dense", "prune(0.9) " + algorithm + " dense"}, ratioCells(c)...)...)
		if c.Ratio < 0.97 || c.Ratio > 1.03 {
			failed = append(failed, fmt.Sprintf("the pruned network on %s dense takes %.3f of the unpruned one's time, outside 0.97 to 1.03", algorithm, c.Ratio))
		}
	}
	r.verdict = append(failed, fmt.Sprintf("%d of 4 expectations failed.", len(failed)))
	if failed != nil {
		return fmt.Errorf("%s", failed[0])
	}
	return nil
}
