package dlas

import (
	"context"

	"github.com/godlas/godlas/dlas/ir"
)

func (s Stack) Run(ctx context.Context) (*Result, error) { return nil, ir.Errorf("", "interim") }

func (s Stack) Sweep(ctx context.Context) (*Sweep, error) { return nil, ir.Errorf("", "interim") }

func Compare(ctx context.Context, a, b *Result) (*Comparison, error) {
	return nil, ir.Errorf("", "interim")
}

func (r *Result) program(ctx context.Context) (*runner, error) { return nil, nil }

func (r *runner) one(ctx context.Context, img ir.Image) ([]float32, error) { return nil, nil }

func (r *runner) classes() []string { return nil }
