package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
)

// benchChoice holds the automatic choice against the fastest dense kernels on the same compressed network: it may never be
// slower. Words choose networks (whole names), numbers of threads, or parts of the compressions.
func benchChoice(words []string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error { return choiceTable(ctx, r, words) }
}

func choiceTable(ctx context.Context, r *report, words []string) error {
	r.head = []string{"network", "compression", "threads", "dense, ms", "auto, ms", "auto / dense", "95 % interval", "verdict", "kernels that skip zeros"}
	nets := [][2]string{
		{"cifar10(n=64)", "resnet20"},
		{"random(4x3x32x32)", "cifar-resnet18"},
		{"random(4x3x32x32)", "cifar-vgg16"},
		{"random(4x3x224x224)", "imagenet-resnet18"},
		{"random(4x3x224x224)", "imagenet-mobilenetv2"},
	}
	isNet := func(w string) bool { return slices.ContainsFunc(nets, func(n [2]string) bool { return n[1] == w }) }
	slower, measured := 0, 0
	for _, net := range nets {
		if slices.ContainsFunc(words, isNet) && !slices.Contains(words, net[1]) {
			continue
		}
		for _, compress := range []string{
			"prune(0.3)", "prune(0.5)", "prune(0.8)", "prune(0.9)", "prune(0.95)", "prune(0.9, scope=layer)", "blocks(0.5, 16x1)", "blocks(0.8, 16x1)",
		} {
			for _, threads := range []int{1, 2} {
				if slices.ContainsFunc(words, func(w string) bool {
					return !isNet(w) && w != fmt.Sprint(threads) && (len(w) == 1 || !strings.Contains(compress, w))
				}) {
					continue
				}
				stack := dlas.New().Data(net[0]).Model(net[1]).Compress(compress).CPU(dlas.Threads(threads))
				var both [2]*dlas.Result
				for i, primitive := range []string{"auto dense", "auto"} {
					var err error
					if both[i], err = stack.Primitive(primitive).Run(ctx); err != nil {
						if ctx.Err() != nil {
							return err
						}
						r.add(net[1], compress, fmt.Sprint(threads), err.Error(), "", "", "", "", "")
						break
					}
				}
				if both[1] == nil {
					continue
				}
				if r.machine == "" {
					r.on(both[0])
				}
				skips := map[string]int{}
				for _, n := range both[1].Nodes {
					if n.Format != "" && n.Format != "dense" {
						skips[n.Format]++
					}
				}
				same := slices.EqualFunc(both[0].Nodes, both[1].Nodes, func(x, y dlas.Node) bool { return x.Kernel == y.Kernel })
				var c *dlas.Comparison
				for range 2 { // once more what was slower: by chance it is now and then
					var err error
					if c, err = dlas.Compare(ctx, both[0], both[1]); err != nil {
						return err
					}
					if c.Verdict != dlas.Slower {
						break
					}
				}
				ratio := ratioCells(c)
				if same {
					ratio[2] = "same kernels"
				}
				if measured++; !same && c.Verdict == dlas.Slower {
					slower++
				}
				r.add(net[1], compress, fmt.Sprint(threads), fmt.Sprintf("%.3f", c.A.Latency.Median), fmt.Sprintf("%.3f", c.B.Latency.Median),
					ratio[0], ratio[1], ratio[2], strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(skips), "map["), "]"))
			}
		}
	}
	if len(r.rows) == 0 {
		return fmt.Errorf("no row of the table has all of %q", words)
	}
	r.verdict = []string{fmt.Sprintf("The automatic choice is slower than dense beyond noise in %d of %d rows.", slower, measured)}
	fmt.Println(r.verdict[0])
	if slower > 0 {
		return fmt.Errorf("%s", r.verdict[0])
	}
	return nil
}
