package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/godlas/godlas/dlas/ir"
)

func prune() pass {
	return pass{
		option: ir.Option{
			Name: "prune",
			Help: "Sets the fraction p of all convolution and linear weights to zero, those of the smallest magnitude first, in the first and the last " +
				"layer too, without retraining. scope=global ranks the weights of the whole network together, scope=layer those of each layer alone. " +
				"Zeros cost accuracy at once; they save time only in a kernel that skips them (format csr).",
			Source: "Han et al., Learning both Weights and Connections, NIPS 2015; global magnitude as in Blalock et al., MLSys 2020",
			Params: []ir.Param{
				{Help: "fraction of weights that become zero, 0 to 1"},
				{Key: "scope", Help: "what is ranked together", Default: "global", Values: []string{"global", "layer"}},
			},
		},
		check: func(c ir.Choice) error { _, _, err := pruneArgs(c); return err },
		apply: applyPrune,
	}
}

func pruneArgs(c ir.Choice) (p float64, scope string, err error) {
	example := "write prune(0.9) for nine of ten"
	if len(c.Value) != 1 {
		return 0, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("prune takes one fraction, but got %d", len(c.Value)), Try: example}
	}
	if c.Value[0] == "elbow" {
		return 0, "", &ir.Error{Layer: ir.Compress, What: "prune(elbow) is not in this build", Try: example}
	}
	p, err = strconv.ParseFloat(c.Value[0], 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return 0, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("prune(%s): the fraction must be from 0 to 1", c.Value[0]), Try: example}
	}
	scope = "global"
	for _, a := range c.Args {
		if a.Key != "scope" {
			return 0, "", ir.Unknown(ir.Compress, "argument of prune", a.Key, []string{"scope"})
		}
		scopes := []string{"global", "layer"}
		if a.Op != "=" || !slices.Contains(scopes, a.Value) {
			return 0, "", ir.Unknown(ir.Compress, "scope of prune", a.Value, scopes)
		}
		scope = a.Value
	}
	return p, scope, nil
}

// Prunable lists the weights that sparsity counts, those of convolutions and linear layers, in the order of the nodes.
func Prunable(g *ir.Graph) []string {
	var names []string
	for _, n := range g.Nodes {
		if (n.Op == "Conv" || n.Op == "Gemm") && len(n.In) > 1 && g.Weights[n.In[1]] != nil && !slices.Contains(names, n.In[1]) {
			names = append(names, n.In[1])
		}
	}
	return names
}

func applyPrune(_ context.Context, g *ir.Graph, c ir.Choice, _ Tools) (*ir.Graph, string, error) {
	p, scope, err := pruneArgs(c)
	if err != nil {
		return nil, "", err
	}
	names := Prunable(g)
	if len(names) == 0 {
		return nil, "", ir.Errorf(ir.Compress, "%s has no convolution or linear weights to prune", g.Name)
	}
	for _, n := range names {
		if g.Weights[n].Type != ir.F32 {
			return nil, "", ir.Errorf(ir.Compress, "prune needs f32 weights, and %q has %s", n, g.Weights[n].Type)
		}
	}
	out := g.Clone()
	tensors := make([][]float32, len(names))
	for i, n := range names {
		out.Weights[n] = g.Weights[n].Clone()
		tensors[i] = out.Weights[n].F32()
	}
	groups := [][][]float32{tensors}
	if scope == "layer" {
		groups = nil
		for _, t := range tensors {
			groups = append(groups, [][]float32{t})
		}
	}
	for _, group := range groups {
		zeroSmallest(group, p)
	}
	zeros, total := 0, 0
	for _, t := range tensors {
		total += len(t)
		for _, v := range t {
			if v == 0 {
				zeros++
			}
		}
	}
	return out, fmt.Sprintf("%s: %d of %d conv and linear weights are zero (sparsity %.4f)", c, zeros, total, float64(zeros)/float64(total)), nil
}

// zeroSmallest sets the round(p*n) elements of the smallest magnitude to zero, of all tensors together, the earlier one
// first where magnitudes tie.
func zeroSmallest(tensors [][]float32, p float64) {
	n := 0
	for _, t := range tensors {
		n += len(t)
	}
	// The bits of a non-negative float order like its value, so one integer ranks by magnitude, then by index.
	order := make([]uint64, 0, n)
	for _, t := range tensors {
		for _, v := range t {
			order = append(order, uint64(math.Float32bits(v)&^(1<<31))<<32|uint64(len(order)))
		}
	}
	slices.Sort(order)
	drop := make([]bool, n)
	for _, o := range order[:int(math.Round(p*float64(n)))] {
		drop[uint32(o)] = true
	}
	i := 0
	for _, t := range tensors {
		for j := range t {
			if drop[i] {
				t[j] = 0
			}
			i++
		}
	}
}
