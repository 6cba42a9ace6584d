package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas"
)

// benchHeuristic searches the schedules of three networks from an empty store and compares, for each node, what heuristic
// chooses with the best that was found: both measured anew, in turns. Words choose some networks or one number of threads.
func benchHeuristic(words []string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error { return heuristicTable(ctx, r, words) }
}

func heuristicTable(ctx context.Context, r *report, words []string) error {
	const within, share = 0.05, 0.9
	r.head = []string{"network", "threads", "node", "heuristic", "best", "best / heuristic", "95 % interval", "candidates"}
	var failed []string
	for _, net := range []struct {
		data, model string
		trials      int // so many of the candidates that a search takes a minute
	}{
		{"random(1x3x32x32)", "resnet20", 2000},
		{"random(1x3x224x224)", "imagenet-resnet18", 900},
		{"random(1x3x224x224)", "imagenet-mobilenetv2", 3000},
	} {
		for _, threads := range []int{1, 2} {
			if slices.ContainsFunc(words, func(w string) bool { return w != net.model && w != fmt.Sprint(threads) }) {
				continue
			}
			s := dlas.New().Data(net.data).Model(net.model).Tuned(net.trials).CPU(dlas.Threads(threads))
			t, err := s.Tune(ctx)
			if err != nil {
				return err
			}
			if r.machine == "" {
				res, err := s.Heuristic().Run(ctx)
				if err != nil {
					return err
				}
				r.on(res)
			}
			nodes, near := 0, 0
			for _, n := range t.Nodes {
				nodes += len(n.Names)
				if n.Ratio >= 1-within {
					near += len(n.Names)
					continue
				}
				r.add(net.model, fmt.Sprint(threads), fmt.Sprintf("%s (%d)", n.Names[0], len(n.Names)), n.Heuristic, n.Best, fmt.Sprintf("%.3f", n.Ratio), fmt.Sprintf("%.3f to %.3f", n.Low, n.High), fmt.Sprintf("%d of %d", len(n.Candidates), n.Space))
			}
			verdict := fmt.Sprintf("%s, %d threads: heuristic is within %.0f %% of the best of %d candidates (of %d) on %d of %d nodes that have a choice; %.0f s.", net.model, threads, 100*within, t.Trials, t.Space, near, nodes, t.Seconds)
			r.verdict = append(r.verdict, verdict)
			fmt.Println(verdict)
			if float64(near) < share*float64(nodes) {
				failed = append(failed, net.model)
			}
		}
	}
	if len(r.verdict) == 0 {
		return fmt.Errorf("no row of the table has all of %q: say a network's whole name, or a number of threads", words)
	}
	if len(failed) > 0 {
		return fmt.Errorf("less than %.0f %% of the nodes of %v", 100*share, failed)
	}
	return nil
}
