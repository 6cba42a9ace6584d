package engine

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// Cold times the first use: a new process opens the file, which the system has in memory, and runs it once; and what
// memory that takes at most beyond what the process had before.
func Cold(ctx context.Context, t Table, words []string) error {
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "type", "ours, ms", "ONNX Runtime, ms", "ratio", "95 % interval", "verdict", "ours, MB", "ONNX Runtime, MB", "verdict")
	missed := 0
	for _, n := range networks() {
		if !selected(n, words) {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		if err := f.quantise(ctx, l.python, l.quantiser); err != nil {
			return err
		}
		for _, kind := range []string{"f32", "i8"} {
			file := map[string]string{"f32": f.f32, "i8": f.i8}[kind]
			a, b := &entry{}, &entry{}
			var memoryA, memoryB []float64
			for r := range usual.rounds {
				for i := range 2 {
					ours := (r+i)%2 == 0
					e, mem := b, &memoryB
					var once *entry
					if ours {
						e, mem = a, &memoryA
						once, err = l.ours(ctx, "", file, f.input, 2, 1, "auto", "")
					} else {
						once, err = l.theirs(ctx, "onnxruntime", file, f.input, 2, 1)
					}
					if err != nil {
						return err
					}
					e.ms = append(e.ms, float64(once.process.ready)/1e6)
					*mem = append(*mem, float64(once.process.peak-once.process.before)/1e6)
					once.process.close()
				}
			}
			median, low, high := ratio(a, b)
			v, m := verdict(median, high, 1), "met"
			if stat.Median(memoryA) > stat.Median(memoryB) {
				m = "not met"
			}
			if v == "not met" {
				missed++
			}
			if m == "not met" {
				missed++
			}
			t.Add(fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), kind, fmt.Sprintf("%.1f", stat.Median(a.ms)), fmt.Sprintf("%.1f", stat.Median(b.ms)),
				fmt.Sprintf("%.2f", median), fmt.Sprintf("%.2f to %.2f", low, high), v,
				fmt.Sprintf("%.1f", stat.Median(memoryA)), fmt.Sprintf("%.1f", stat.Median(memoryB)), m)
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals (at most ONNX Runtime's time, at most its memory) are not met. Two threads.", missed))
	return nil
}
