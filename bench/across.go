package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas"
)

// benchAcross is the study of notebook 07 in full: the embedded networks on all test images, elbows over all of val.
// Words name networks.
func benchAcross(words []string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error { return acrossTable(ctx, r, words) }
}

func acrossTable(ctx context.Context, r *report, words []string) error {
	r.head = []string{"network", "compression", "primitive", "schedule", "ms", "95 % interval", "of its uncompressed best", "top-1", "kB"}
	if len(words) == 0 {
		words = []string{"resnet8", "vgg7", "mobilenetv2"}
	}
	for _, net := range words {
		study := dlas.New().Data("fashion-mnist").Model(net).Schedule("untuned", "tuned(50)").CPU(dlas.Threads(1))
		var all []*dlas.Result
		for _, part := range [][2]string{
			{"none|channels(elbow)|fp16|int8", "(direct|gemm|spatialpack) dense"},
			{"prune(elbow)", "(direct|gemm|spatialpack) csr"},
		} {
			s, err := study.Compress(part[0]).Primitive(part[1]).Sweep(ctx)
			if err != nil {
				return err
			}
			all = append(all, s.Results...)
		}
		best := 0.0
		for _, x := range all {
			if r.machine == "" {
				r.on(x)
			}
			if x.Spec.Compress == "none" && (best == 0 || x.Latency.Median < best) {
				best = x.Latency.Median
			}
		}
		for _, x := range all {
			l := x.Latency
			r.add(net, x.Spec.Compress, x.Spec.Primitive, x.Spec.Schedule, fmt.Sprintf("%.4f", l.Median), fmt.Sprintf("%.4f to %.4f", l.Low, l.High),
				fmt.Sprintf("%.2fx", best/l.Median), fmt.Sprintf("%.2f %%", 100*x.Accuracy.Top1), fmt.Sprintf("%.1f", float64(x.Model.Bytes)/1e3))
		}
	}
	r.verdict = append(r.verdict, fmt.Sprintf("%d points, one thread. Points of a sweep run in turns; those of two sweeps (csr and the rest) do not.", len(r.rows)))
	return nil
}
