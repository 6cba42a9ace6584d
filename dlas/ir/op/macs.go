package op

import "github.com/godlas/godlas/dlas/ir"

// Work is what a node computes for one image.
type Work struct {
	MACs    int64 // multiply-accumulates of the definition, border included
	Nonzero int64 // those whose weight is not zero
}

// Count returns the work of every node of a graph, in order. The graph is checked as by Infer.
func Count(g *ir.Graph) ([]Work, error) {
	shapes, err := Infer(g, 1)
	if err != nil {
		return nil, err
	}
	work := make([]Work, len(g.Nodes))
	for i, n := range g.Nodes {
		row, _ := Lookup(n.Op)
		if row.MACs == nil {
			continue
		}
		in := make([]ir.Shape, len(n.In))
		for j, name := range n.In {
			in[j] = shapes[name].Shape
		}
		w := Work{MACs: row.MACs(n, in, shapes[n.Out[0]].Shape)}
		w.Nonzero = w.MACs
		if t := g.Weights[n.In[1]]; t != nil {
			// Every element of the weights takes part in equally many MACs.
			w.Nonzero = w.MACs / int64(t.Shape.Elems()) * Nonzero(t)
		}
		work[i] = w
	}
	return work, nil
}

// Nonzero counts the elements of a tensor that are not zero.
func Nonzero(t *ir.Tensor) int64 {
	data, ok := t.Data.([]float32)
	if !ok {
		return nonzero(Widen(t).Data)
	}
	return nonzero(data)
}

func nonzero[T float32 | float64](data []T) int64 {
	var n int64
	for _, v := range data {
		if v != 0 {
			n++
		}
	}
	return n
}
