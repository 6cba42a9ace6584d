package compress

import (
	"context"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// scoring is a way to say how much each weight matters: a row of the table that by=NAME chooses from. A pass that drops
// blocks or kernels takes the norm of the scores in them.
type scoring struct {
	name, help string
	// of returns a score for each element of a tensor, in its order; its sign does not count. It may return data itself.
	of func(ctx context.Context, t Tools, g *ir.Graph, w op.Weight, data []float32) ([]float32, error)
}

func scorings() []scoring {
	return []scoring{{
		name: "magnitude", help: "its magnitude",
		of: func(_ context.Context, _ Tools, _ *ir.Graph, _ op.Weight, data []float32) ([]float32, error) {
			return data, nil
		},
	}}
}

func scoringNames() []string {
	var names []string
	for _, s := range scorings() {
		names = append(names, s.name)
	}
	return names
}

func scoringHelp() string {
	var texts []string
	for _, s := range scorings() {
		texts = append(texts, s.name+" ("+s.help+")")
	}
	return strings.Join(texts, ", ")
}

// scores are those of every tensor of a change, by the choice's scoring.
func (e *change) scores(ctx context.Context, t Tools, c ir.Choice) ([][]float32, error) {
	name := c.Arg("by", "magnitude")
	all := make([][]float32, len(e.of))
	for _, s := range scorings() {
		if s.name != name {
			continue
		}
		for i, w := range e.of {
			var err error
			if all[i], err = s.of(ctx, t, e.from, w, e.data[i]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// ranking makes a pass that drops what scores least.
func ranking[A any](
	o ir.Option, read func(ir.Option, ir.Choice) (A, error),
	apply func(ctx context.Context, e *change, c ir.Choice, a A, scores [][]float32) (*ir.Graph, string, error),
) pass {
	return changing(o, read, func(ctx context.Context, e *change, c ir.Choice, a A, t Tools) (*ir.Graph, string, error) {
		scores, err := e.scores(ctx, t, c)
		if err != nil {
			return nil, "", err
		}
		return apply(ctx, e, c, a, scores)
	})
}
