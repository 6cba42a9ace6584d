package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/bench/engine"
)

// table writes what package engine finds into a report.
type table struct{ *report }

func (t table) Head(cells ...string) { t.head = cells }
func (t table) Add(cells ...string)  { t.add(cells...) }
func (t table) Note(line string) {
	t.verdict = append(t.verdict, line)
	fmt.Println(line)
}

// engines are the benchmarks of package engine; words choose some of their rows.
var engines = map[string]func(ctx context.Context, t engine.Table, words []string) error{
	"engine": engine.Run, "batch": engine.Batch, "cold": engine.Cold, "litert": engine.LiteRT, "pauses": engine.Pauses, "scale": engine.Scale,
	"avx2": engine.AVX2, "sparse": engine.Sparse, "compressed": engine.Compressed, "operators": engine.Operators,
}

func benchEngine(name string) func(context.Context, *report) error {
	return func(ctx context.Context, r *report) error {
		r.host()
		return engines[name](ctx, table{r}, nil)
	}
}
