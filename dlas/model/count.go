package model

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model/packed"
)

// Counts is what a network holds. Batch norm's running statistics are no parameters, nor are the scales and zero points of
// integers, but are saved.
type Counts struct {
	Params  int64            // weights and biases, batch norm's scale and bias included
	Nonzero int64            // those that are not zero
	Bytes   int64            // of all tensors as WriteNative stores them, each in the smallest form that loses nothing (Stored)
	Stored  map[string]int64 // of those, the bytes in each form

	Sparse  int64 // elements of conv and linear weights: what sparsity is a fraction of
	Zeros   int64 // those of them that are zero
	Tensors int
}

// Sparsity is the fraction of zeros among conv and linear weights.
func (c Counts) Sparsity() float64 {
	if c.Sparse == 0 {
		return 0
	}
	return float64(c.Zeros) / float64(c.Sparse)
}

// Count counts a graph's weights as loaded, before any folding; each tensor once.
func Count(g *ir.Graph) Counts {
	stats, sparse := map[string]bool{}, map[string]bool{}
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if op.Statistic(n, i) {
				stats[in] = true
			}
		}
	}
	for _, w := range op.Weights(g) {
		sparse[w.Name] = true
	}
	var c Counts
	c.Bytes, c.Stored = packed.Sum(g.Weights)
	for name, t := range g.Weights {
		c.Tensors++
		if stats[name] {
			continue
		}
		elems := int64(t.Shape.Elems())
		zeros := int64(0)
		// A zero of u8 is its zero point, which stands for any number.
		if t.Type.Float() || sparse[name] && t.Type == ir.I8 {
			zeros = elems - op.Nonzero(t)
		}
		c.Params += elems
		c.Nonzero += elems - zeros
		if sparse[name] {
			c.Sparse += elems
			c.Zeros += zeros
		}
	}
	return c
}
