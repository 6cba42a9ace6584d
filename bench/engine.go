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

func benchEngine(ctx context.Context, r *report) error {
	r.host()
	return engine.Run(ctx, table{r}, nil)
}
