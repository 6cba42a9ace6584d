package plotting

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// weighed is a network of a result with its weights before compression and after.
type weighed struct {
	r      *dlas.Result
	name   string // what tells it from the others
	layers []dlas.LayerWeights
	spread [2][]float32
}

// weightsOf builds the networks of results, each once, whatever runs them: those that are compressed, or where there is none
// the others. Of each one layer, or all.
func weightsOf(rs []*dlas.Result, node string) ([]weighed, error) {
	compressed := slices.ContainsFunc(rs, func(r *dlas.Result) bool { return !uncompressed(r) })
	var nets []weighed
	for _, r := range rs {
		if compressed && uncompressed(r) {
			continue
		}
		same := func(w weighed) bool {
			return w.r.Spec.Data == r.Spec.Data && w.r.Spec.Model == r.Spec.Model && w.r.Spec.Compress == r.Spec.Compress
		}
		if i := slices.IndexFunc(nets, same); i >= 0 {
			nets[i].r = r // the newest
			continue
		}
		nets = append(nets, weighed{r: r})
	}
	if len(nets) > maxPanels {
		return nil, &ir.Error{What: fmt.Sprintf("the weights of %d networks do not fit in a figure", len(nets)), Try: fmt.Sprintf("name at most %d results to draw", maxPanels)}
	}
	var drawn []*dlas.Result
	for _, n := range nets {
		drawn = append(drawn, n.r)
	}
	for k := range nets {
		n := &nets[k]
		n.name = n.r.Spec.Compress
		for _, l := range []ir.Layer{ir.Model, ir.Data} {
			if len(choices(drawn, l)) > 1 {
				n.name = n.r.Spec.Layer(l) + ", " + n.name
			}
		}
		var err error
		if n.layers, err = dlas.FromSpec(n.r.Spec).Weights(interruptible()); err != nil {
			return nil, err
		}
		if len(n.layers) == 0 {
			return nil, &ir.Error{Layer: ir.Model, What: n.r.Spec.Model + " has no convolution or linear layers"}
		}
		if node == "" {
			continue
		}
		var names []string
		for _, l := range n.layers {
			names = append(names, l.Name)
		}
		at := slices.Index(names, node)
		if at < 0 {
			return nil, ir.Unknown("", "layer with weights", node, names)
		}
		n.layers = n.layers[at : at+1]
	}
	return nets, nil
}

// sameNetwork names the data and the model that all have in common.
func sameNetwork(nets []weighed) string {
	var drawn []*dlas.Result
	for _, n := range nets {
		drawn = append(drawn, n.r)
	}
	data := same(drawn, func(r *dlas.Result) string { return r.Spec.Data })
	model := same(drawn, func(r *dlas.Result) string { return r.Spec.Model })
	switch {
	case data == "" && model == "":
		return fmt.Sprintf("%d networks", len(choices(drawn, ir.Model)))
	case data == "":
		return model
	case model == "":
		return data
	}
	return data + ", " + model
}

// weightColumns is how many panels stand side by side: a third would leave no room between the numbers of an axis.
func weightColumns(n int) int { return min(2, n) }

// panels finishes a figure of one plot with a body of that height, or of several in columns, each with a title.
func (f *Figure) panels(columns int, body vg.Length, o Options) *Figure {
	if len(f.Plots) == 1 {
		return f.finish(max(body, 14*o.Font))
	}
	rows := (len(f.Plots) + columns - 1) / columns
	f.body = tile(f.Plots, columns, o.Font)
	return f.finish((max(body/vg.Length(columns)*1.2, 11*o.Font) + 5*o.Font) * vg.Length(rows))
}

// interruptible is the context of what builds a network for a figure: that of the cell, or of the command.
func interruptible() context.Context {
	if dlas.CellContext != nil {
		return cmp.Or(dlas.CellContext(), context.Background())
	}
	return context.Background()
}
