package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
)

// benchExplain takes the gaps of compressed networks apart; it fails where more than the limit is unexplained.
func benchExplain(words []string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error { return explainTable(ctx, r, words) }
}

func explainTable(ctx context.Context, r *report, words []string) error {
	r.head = []string{"network", "threads", "choice", "expected", "got", "95 % interval", "gap", "unexplained", "limit", "largest parts"}
	over, rows := 0, 0
	for _, net := range [][2]string{{"cifar10(n=64)", "resnet20"}, {"cifar10(n=64)", "cifar-resnet18"}, {"random(32x3x224x224)", "imagenet-resnet18"}} {
		for _, threads := range []int{1, 2} {
			for _, choice := range [][2]string{
				{"prune(0.9)", "direct dense"},
				{"prune(0.9)", "direct csr"},
				{"prune(0.9)", "auto"},
				{"blocks(0.8, 16x1)", "auto"},
				{"channels(0.5)", "auto"},
				{"int8", "auto"},
			} {
				name := choice[0] + " " + choice[1]
				if slices.ContainsFunc(words, func(w string) bool {
					return w != net[1] && w != fmt.Sprint(threads) && (len(w) == 1 || !strings.Contains(name, w))
				}) {
					continue
				}
				res, err := dlas.New().Data(net[0]).Model(net[1]).Compress(choice[0]).Primitive(choice[1]).CPU(dlas.Threads(threads)).Run(ctx)
				if err != nil {
					r.add(net[1], fmt.Sprint(threads), name, err.Error(), "", "", "", "", "", "")
					continue
				}
				if r.machine == "" {
					r.on(res)
				}
				e, err := dlas.Explain(ctx, res)
				if err != nil {
					return err
				}
				var parts []string
				list := slices.Clone(e.Parts)
				slices.SortFunc(list, func(x, y dlas.Part) int {
					if math.Abs(x.MS) > math.Abs(y.MS) {
						return -1
					}
					return 1
				})
				for _, p := range list[:min(5, len(list))] {
					parts = append(parts, fmt.Sprintf("%s %+.3f", p.Name, p.MS))
				}
				mark := ""
				if rows++; math.Abs(e.Unexplained) > e.Limit {
					over++
					mark = " (over)"
				}
				r.add(net[1], fmt.Sprint(threads), name, fmt.Sprintf("%.2fx", e.Expected), fmt.Sprintf("%.2fx", e.Speedup), fmt.Sprintf("%.2f to %.2f", e.Low, e.High),
					fmt.Sprintf("%.3f ms", e.Gap), fmt.Sprintf("%.3f ms%s", e.Unexplained, mark), fmt.Sprintf("%.3f ms", e.Limit), strings.Join(parts, ", "))
			}
		}
	}
	r.verdict = []string{fmt.Sprintf("More is unexplained than the limit in %d of %d rows.", over, rows)}
	fmt.Println(r.verdict[0])
	if over > 0 {
		return fmt.Errorf("%s", r.verdict[0])
	}
	return nil
}
