package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
)

// benchAcross is the study of notebook 07 in full. Words choose networks, passes or algorithms.
func benchAcross(words []string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error { return acrossTable(ctx, r, words) }
}

// What the study varies; each word of the command line names one of these.
var (
	acrossNets       = []string{"resnet8", "vgg7", "mobilenetv2"}
	acrossPasses     = []string{"none", "prune", "channels", "fp16", "int8"}
	acrossAlgorithms = []string{"direct", "gemm", "spatialpack"}
)

// acrossTrials keeps the whole study within ten minutes: all test images, about two seconds of one core a point.
const acrossTrials = 20

func acrossTable(ctx context.Context, r *report, words []string) error {
	r.head = []string{"network", "compression", "primitive", "schedule", "ms", "95 % interval", "gain", "top-1", "points, 95 % interval", "verdict", "kB"}
	all := slices.Concat(acrossNets, acrossPasses, acrossAlgorithms)
	for _, w := range words {
		if !slices.Contains(all, w) {
			return fmt.Errorf("%q is none of %s", w, strings.Join(all, ", "))
		}
	}
	chosen := func(of []string) []string {
		some := slices.DeleteFunc(slices.Clone(of), func(s string) bool { return !slices.Contains(words, s) })
		if len(some) == 0 {
			return of
		}
		return some
	}
	passes := chosen(acrossPasses)
	if !slices.Contains(passes, "none") { // what gains are against
		passes = slices.Concat([]string{"none"}, passes)
	}
	study := dlas.New().Data("fashion-mnist").Model(chosen(acrossNets)...).
		Schedule("untuned", fmt.Sprintf("tuned(%d)", acrossTrials)).CPU(dlas.Threads(1))
	algorithms := strings.Join(chosen(acrossAlgorithms), "|")
	var dense []string
	var sparse []dlas.Stack
	for _, p := range passes {
		switch p {
		case "prune":
			sparse = append(sparse, study.Compress("prune(elbow) recalibrate").Primitive("("+algorithms+") csr"))
		case "channels":
			dense = append(dense, "channels(elbow) recalibrate")
		default:
			dense = append(dense, p)
		}
	}
	s, err := study.Compress(strings.Join(dense, "|")).Primitive("("+algorithms+") dense").Sweep(ctx, sparse...)
	if err != nil {
		return err
	}
	for _, f := range s.Failed {
		return fmt.Errorf("%s: %w", f.Spec.Model+" "+f.Spec.Compress, f.Err)
	}
	r.on(s.Results[0])
	found := map[string]bool{}
	for _, net := range chosen(acrossNets) {
		var base *dlas.Result
		for _, x := range s.Results {
			if x.Spec.Model == net && x.Spec.Compress == "none" && (base == nil || x.Latency.Median < base.Latency.Median) {
				base = x
			}
		}
		for _, x := range s.Results {
			if x.Spec.Model != net {
				continue
			}
			l := x.Latency
			d, refused := dlas.CompareAccuracy(base, x)
			if d == nil {
				return fmt.Errorf("%s: %s", x.Label(s.Varies), refused)
			}
			r.add(net, x.Spec.Compress, x.Spec.Primitive, x.Spec.Schedule, fmt.Sprintf("%.4f", l.Median), fmt.Sprintf("%.4f to %.4f", l.Low, l.High),
				fmt.Sprintf("%.2fx", base.Latency.Median/l.Median), fmt.Sprintf("%.2f %%", 100*x.Accuracy.Top1),
				fmt.Sprintf("%+.2f, %+.2f to %+.2f", d.Points, d.Low, d.High), d.Verdict, fmt.Sprintf("%.1f", float64(x.Model.Bytes)/1e3))
			for _, note := range x.Notes {
				if text := net + ": " + note; strings.Contains(note, "(elbow) is") && !found[text] {
					found[text] = true
					r.verdict = append(r.verdict, text+".")
				}
			}
		}
	}
	r.verdict = append(r.verdict, fmt.Sprintf("%d points in one sweep of %d rounds, one thread, all %d test images, schedules searched with %d candidates. "+
		"Gain is over the network's fastest uncompressed point, points are against the same one on the same images.", len(r.rows), s.Rounds, s.Results[0].Accuracy.N, acrossTrials))
	if len(words) > 0 { // printed only
		fmt.Println(strings.Join(r.verdict, "\n"))
	}
	return nil
}
