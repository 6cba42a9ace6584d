package compress

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// change is a copy of a graph whose conv and linear weights are being changed: as f32, whatever they are stored as.
type change struct {
	from, g *ir.Graph
	of      []op.Weight
	data    [][]float32 // of each weight, to be changed in place
	nonzero []int64     // of each, before
	global  bool        // it ranks all together
}

// begin copies a graph and its conv and linear weights for the pass c.
func begin(ctx context.Context, g *ir.Graph, c ir.Choice) (*change, error) {
	e := &change{from: g, g: g.Clone(), of: op.Weights(g)}
	if len(e.of) == 0 {
		return nil, ir.Errorf(ir.Compress, "%s has no convolution or linear weights to %s", g.Name, c.Name)
	}
	for _, w := range e.of {
		if err := takes(c, w.Name, g.Weights[w.Name].Type); err != nil {
			return nil, err
		}
	}
	for _, w := range e.of {
		data, nonzero := floatsOf(ctx, g.Weights[w.Name])
		e.nonzero, e.data = append(e.nonzero, nonzero), append(e.data, data)
	}
	return e, nil
}

// takes says why a pass cannot change weights of a type, if so.
func takes(c ir.Choice, name string, t ir.Type) error {
	switch {
	case t == ir.F32 || t == ir.F16 || t == ir.BF16:
		return nil
	case t.Float():
		return ir.Errorf(ir.Compress, "%s takes weights of f32, f16 or bf16, and %q has %s", c.Name, name, t)
	}
	try := "take the network that has not been quantised"
	if CheckOrder([]ir.Choice{c, {Name: "int8"}}) == nil {
		try = "of a float network: " + c.String() + " int8"
	}
	return &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s takes float weights, and %q has %s: the network is quantised already", c.Name, name, t), Try: try}
}

// changing makes a pass that changes weights in place: read takes its arguments, apply changes what begin took up.
func changing[A any](
	o ir.Option, read func(ir.Option, ir.Choice) (A, error),
	apply func(ctx context.Context, e *change, c ir.Choice, a A, t Tools) (*ir.Graph, string, error),
) pass {
	return pass{
		option: o,
		check:  func(c ir.Choice) error { _, err := read(o, c); return err },
		apply: func(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error) {
			a, err := read(o, c)
			if err != nil {
				return nil, "", err
			}
			e, err := begin(ctx, g, c)
			if err != nil {
				return nil, "", err
			}
			return apply(ctx, e, c, a, t)
		},
	}
}

// stored is data as a tensor of another's shape and type, to which its numbers are rounded.
func stored(ctx context.Context, like *ir.Tensor, data []float32) *ir.Tensor {
	t := &ir.Tensor{Shape: slices.Clone(like.Shape), Type: like.Type, Data: data}
	if like.Type == ir.F32 {
		return t
	}
	narrow := halfBits
	if like.Type == ir.BF16 {
		narrow = brainBits
	}
	bits := make([]uint16, len(data))
	inParts(ctx, len(data), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			bits[i] = narrow(data[i])
		}
	})
	t.Data = bits
	return t
}

// sum is what a pass has left of the conv and linear weights.
type sum struct{ zeros, total int64 }

func (s sum) String() string {
	return fmt.Sprintf("%d of %d conv and linear weights are zero (sparsity %.4f)", s.zeros, s.total, float64(s.zeros)/float64(s.total))
}

// end puts the weights into the graph. A layer of which nothing is left is an error.
func (e *change) end(ctx context.Context, c ir.Choice) (*ir.Graph, sum, error) {
	var s sum
	var empty []string
	for i, w := range e.of {
		t := stored(ctx, e.from.Weights[w.Name], e.data[i])
		e.g.Weights[w.Name] = t
		left := int64(0)
		inParts(ctx, w.Elems(), func(lo, hi int) { left += op.Nonzero(sliced(t, lo, hi)) })
		if left == 0 && e.nonzero[i] > 0 {
			empty = append(empty, fmt.Sprintf("%q", w.Name))
		}
		s.zeros += int64(w.Elems()) - left
		s.total += int64(w.Elems())
	}
	if len(empty) > 0 {
		try := "take a lower level"
		if e.global && c.Value[0] != "1" {
			try += ", or scope=layer, which takes the same share of each"
		}
		return nil, s, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s would leave nothing of %s", c, some(empty)), Try: try}
	}
	return e.g, s, nil
}

// some names the first few of many.
func some(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// groups are what scope says is ranked together: the numbers of weights.
func (e *change) groups(scope string) [][]int {
	var all []int
	var each [][]int
	for i := range e.of {
		all = append(all, i)
		each = append(each, []int{i})
	}
	if scope == "layer" {
		return each
	}
	e.global = true
	return [][]int{all}
}
