package compress

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// A level may be a vector: prune([0.5 - 0.9]) has one for each layer that holds weights, in the order of Layers, and a
// layer with Leave stays as it is. A pass without a level has Take where it applies: fp16([+ - +]).
const (
	Leave = "-"
	Take  = "+"
)

// Layers lists what a vector of levels is of: the weights of convolutions and linear layers, in the network's order.
func Layers(g *ir.Graph) []op.Weight { return op.Weights(g) }

// local are the passes that do to a layer's weights what they would do were the layer alone.
var local = []string{"prune", "blocks", "punch", "pattern", "palette", "lowrank", "ternary", "fp16", "bf16"}

// Local reports whether a pass takes levels by layer.
func Local(name string) bool { return name == "channels" || slices.Contains(local, name) }

// Levels are the vector of a choice, nil where its level is one for all layers.
func Levels(c ir.Choice) []string {
	for _, v := range c.Value {
		if strings.HasPrefix(v, "[") && strings.HasSuffix(v, "]") {
			return strings.Fields(v[1 : len(v)-1])
		}
	}
	return nil
}

// At is the choice with another level, or with none; every other value stays. The level stands first, as the grammar
// spells numbers.
func At(c ir.Choice, level string) ir.Choice {
	old := c.Value
	c.Value = nil
	if level != "" {
		c.Value = []string{level}
	}
	for _, v := range old {
		if !IsLevel(v) {
			c.Value = append(c.Value, v)
		}
	}
	return c
}

// IsLevel reports whether a value is a level, and not a block such as 16x1.
func IsLevel(v string) bool {
	if v == Elbow || strings.HasPrefix(v, "[") {
		return true
	}
	return !strings.Contains(v, "x")
}

// HasLevel reports whether a pass has a level at all.
func HasLevel(name string) bool { return len(ScanLevels(name)) > 0 }

// checkByLayer is Check for a vector of levels.
func checkByLayer(p pass, c ir.Choice, levels []string) error {
	if !Local(c.Name) {
		return &ir.Error{Layer: ir.Compress, What: c.Name + " takes no levels by layer", Try: "those that do are channels, " + strings.Join(local, ", ")}
	}
	vectors := 0
	for _, v := range c.Value {
		if strings.HasPrefix(v, "[") {
			vectors++
		}
	}
	if vectors > 1 {
		return ir.Errorf(ir.Compress, "%s takes one vector of levels, but got %d", c.Name, vectors)
	}
	for i, v := range levels {
		switch {
		case v == Leave || slices.Contains(levels[:i], v):
			continue
		case (v == Take) == HasLevel(c.Name):
			if v == Take {
				return &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s: + is no level", c), Try: "write a level, or - for a layer that stays as it is"}
			}
			return &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s has no level, but got %s", c.Name, v), Try: "write + for a layer that it is for, - for one that stays as it is"}
		}
		if err := p.check(At(c, scalar(v))); err != nil {
			return err
		}
	}
	return nil
}

// scalar is a vector's element as the level of a pass.
func scalar(v string) string {
	if v == Take {
		return ""
	}
	return v
}

// applyByLayer applies a pass to each layer alone, at the layer's own level.
func applyByLayer(ctx context.Context, p pass, g *ir.Graph, c ir.Choice, levels []string, t Tools) (*ir.Graph, string, error) {
	layers := Layers(g)
	if len(levels) != len(layers) {
		return nil, "", &ir.Error{
			Layer: ir.Compress, What: fmt.Sprintf("%s has %s, and %s has %s with weights", c.Name, plural(len(levels), "level"), g.Name, plural(len(layers), "layer")),
			Try: "write a level for each, in the network's order, and - for one that stays as it is",
		}
	}
	if p.byLayer != nil {
		return p.byLayer(ctx, g, c, levels, t)
	}
	for i, l := range layers {
		if levels[i] != Leave {
			if err := takes(At(c, scalar(levels[i])), l.Name, g.Weights[l.Name].Type); err != nil {
				return nil, "", err
			}
		}
	}
	values, _ := op.Infer(g, 1) // shapes are for passes that want them
	out := g.Clone()
	done := 0
	for i, l := range layers {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		if levels[i] == Leave {
			continue
		}
		alone := isolate(g, l, values)
		made, _, err := p.apply(ctx, alone, At(c, scalar(levels[i])), t)
		if err != nil {
			return nil, "", err
		}
		if err := splice(out, alone, made); err != nil {
			return nil, "", err
		}
		done++
	}
	tidy(out)
	zeros, total := 0, 0
	for _, l := range Layers(out) {
		w := out.Weights[l.Name]
		total += w.Shape.Elems()
		zeros += w.Shape.Elems() - int(op.Nonzero(w))
	}
	line := fmt.Sprintf("%s by layer: %d of %d changed", c.Name, done, len(layers))
	if zeros > 0 {
		line += fmt.Sprintf("; %d of %d conv and linear weights are zero (sparsity %.4f)", zeros, total, float64(zeros)/float64(total))
	}
	return out, line, nil
}

// isolate is the graph of one layer alone: the nodes that multiply by its weights, with their activations as inputs.
func isolate(g *ir.Graph, l op.Weight, values map[string]op.Operand) *ir.Graph {
	alone := &ir.Graph{Name: g.Name, Weights: map[string]*ir.Tensor{}, Trained: g.Trained, Digest: g.Digest}
	have := map[string]bool{}
	for _, n := range l.Nodes {
		alone.Nodes = append(alone.Nodes, n)
		for _, in := range n.In {
			switch {
			case in == "" || have[in]:
			case g.Weights[in] != nil:
				alone.Weights[in] = g.Weights[in]
			default:
				alone.Inputs = append(alone.Inputs, ir.Value{Name: in, Type: values[in].Type, Shape: values[in].Shape})
			}
			have[in] = true
		}
		alone.Outputs = append(alone.Outputs, n.Out...)
	}
	return alone
}

// splice puts what a pass made of an isolated layer into the place of its nodes in out, which is changed.
func splice(out, alone, made *ir.Graph) error {
	if made == alone {
		return nil
	}
	was := map[string]bool{}
	for _, n := range alone.Nodes {
		was[n.Name] = true
	}
	for name, w := range made.Weights {
		if alone.Weights[name] == nil && out.Weights[name] != nil {
			return ir.Errorf(ir.Compress, "%s has the tensor %q twice", out.Name, name)
		}
		out.Weights[name] = w
	}
	// Nodes that a pass added stand before the one of the layer that they came with, or after the last.
	var nodes, waiting []*ir.Node
	next := map[string][]*ir.Node{}
	last := ""
	for _, n := range made.Nodes {
		waiting = append(waiting, n)
		if was[n.Name] {
			next[n.Name], waiting, last = waiting, nil, n.Name
		}
	}
	if last == "" {
		last = alone.Nodes[len(alone.Nodes)-1].Name
	}
	next[last] = append(next[last], waiting...)
	for _, n := range out.Nodes {
		if was[n.Name] {
			nodes = append(nodes, next[n.Name]...)
		} else {
			nodes = append(nodes, n)
		}
	}
	out.Nodes = nodes
	return nil
}

// tidy drops the weights that no node reads any more.
func tidy(g *ir.Graph) {
	used := map[string]bool{}
	for _, n := range g.Nodes {
		for _, in := range n.In {
			used[in] = true
		}
	}
	for _, o := range g.Outputs {
		used[o] = true
	}
	for name := range g.Weights {
		if !used[name] {
			delete(g.Weights, name)
		}
	}
}
