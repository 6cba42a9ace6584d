package op

import (
	"errors"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// Bind returns a graph in which those inputs are weights whose numbers decide shapes (the shape that a Reshape is given,
// say) with the elements given, and the names of these inputs. A graph that needs none bound is returned as it is.
func Bind(g *ir.Graph, values map[string]*ir.Tensor) (bound *ir.Graph, names []string, err error) {
	bind := func(list ...string) {
		c := g.Clone()
		for _, name := range list {
			i := slices.IndexFunc(c.Inputs, func(v ir.Value) bool { return v.Name == name })
			if t := values[name]; i >= 0 && t != nil {
				c.Inputs = slices.Delete(c.Inputs, i, i+1)
				c.Weights[name] = t
				names = append(names, name)
			}
		}
		g = c
	}
	for _, v := range g.Inputs {
		if checkConst(v.Shape) == nil && v.Shape.Elems() == 0 {
			bind(v.Name) // an empty list of axes says all there is to say
		}
	}
	for {
		_, err := Infer(g, 1)
		var open notConstant
		if !errors.As(err, &open) {
			return g, names, err
		}
		before := len(names)
		bind(deciding(g, string(open))...)
		if len(names) == before {
			return g, names, err
		}
	}
}

// deciding are the inputs of a graph from which the first parameter comes that Infer found not constant.
func deciding(g *ir.Graph, param string) []string {
	values := map[string]Operand{}
	for name, t := range g.Weights {
		values[name] = Operand{Type: t.Type, Shape: t.Shape, Const: t}
	}
	for _, v := range g.Inputs {
		if v.Type == "" {
			v.Type = ir.F32
		}
		values[v.Name] = Operand{Type: v.Type, Shape: v.Shape}
	}
	from := map[string][]string{} // the nodes' inputs, by what they make
	room := foldBytes
	for _, n := range g.Nodes {
		if inferNode(n, values, &room) == nil {
			for _, out := range n.Out {
				from[out] = n.In
			}
			continue
		}
		row, _ := Lookup(n.Op)
		var need []string
		for i, name := range n.In {
			// Where the parameter is no position's, any input may be the one.
			if attr, ok := row.Params[i]; name != "" && values[name].Const == nil && (ok && attr == param || len(row.Params) == 0 && (i > 0 || param != "depth" && param != "condition")) {
				need = append(need, name)
			}
		}
		seen := map[string]bool{}
		var roots []string
		for len(need) > 0 {
			name := need[0]
			need = need[1:]
			if seen[name] {
				continue
			}
			seen[name] = true
			if in, made := from[name]; made {
				need = append(need, in...)
			} else if g.Weights[name] == nil {
				roots = append(roots, name)
			}
		}
		return roots
	}
	return nil
}
