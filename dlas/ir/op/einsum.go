package op

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// einsum is a sum of products over named axes: "ij,jk->ik" multiplies matrices; "..." stands for further axes, which
// broadcast; without "->" the axes named once are left, in alphabetic order.
func einsum() Row {
	return Row{
		Name: "Einsum", Least: 1, Most: 8, Attrs: []string{"equation"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if err := checkTypes(numbers, in); err != nil {
				return nil, err
			}
			e, err := readEquation(n.Attrs.Str("equation", ""), Shapes(in))
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: in[0].Type, Shape: e.shape[:e.out]}}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			shapes := make([]ir.Shape, len(in))
			for i, a := range in {
				shapes[i] = a.Shape
			}
			e, _ := readEquation(n.Attrs.Str("equation", ""), shapes)
			steps := append(e.steps, stretched(e.shape[:e.out], e.shape[:e.out]))
			last := len(in)
			steps[last] = append(steps[last], make([]int, len(e.shape)-e.out)...)
			walk(e.shape, make([]int, last+1), steps, func(_ int, at []int) {
				p := 1.0
				for k, a := range in {
					p *= a.Data[at[k]]
				}
				out[0].Data[at[last]] += p
			})
		},
	}
}

// equation is an Einsum as loops: the axes of the output, then those summed over, and each input's strides along them.
type equation struct {
	shape ir.Shape
	out   int
	steps [][]int
}

func readEquation(text string, in []ir.Shape) (e equation, err error) {
	left, right, explicit := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	terms := strings.Split(left, ",")
	bad := func(why string) (equation, error) { return equation{}, fmt.Errorf("equation %q %s", text, why) }
	if len(terms) != len(in) {
		return bad(fmt.Sprintf("has %d terms for %d inputs", len(terms), len(in)))
	}
	// Axes of an ellipsis are named by numbers, the last one 0.
	dots := 0
	for i, t := range terms {
		if strings.Contains(t, "...") {
			dots = max(dots, len(in[i])-len(strings.Replace(t, "...", "", 1)))
		}
	}
	names := func(t string, free int) ([]rune, bool) {
		var list []rune
		for len(t) > 0 {
			if strings.HasPrefix(t, "...") {
				for k := free - 1; k >= 0; k-- {
					list = append(list, rune(k))
				}
				t = t[3:]
				continue
			}
			c := rune(t[0])
			if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
				return nil, false
			}
			list, t = append(list, c), t[1:]
		}
		return list, true
	}
	extent, times := map[rune]int{}, map[rune]int{}
	axes := make([][]rune, len(in))
	for i, t := range terms {
		var ok bool
		if axes[i], ok = names(t, len(in[i])-len(strings.Replace(t, "...", "", 1))); !ok || len(axes[i]) != len(in[i]) {
			return bad(fmt.Sprintf("does not fit an input of %v", in[i]))
		}
		for k, c := range axes[i] {
			times[c]++
			switch d := in[i][k]; {
			case extent[c] == 0 || extent[c] == 1:
				extent[c] = d
			case d != 1 && d != extent[c]:
				return bad(fmt.Sprintf("gives an axis the extents %d and %d", extent[c], d))
			}
		}
	}
	order, ok := names(right, dots)
	if !explicit {
		ok = true
		order = nil
		for k := dots - 1; k >= 0; k-- {
			order = append(order, rune(k))
		}
		for c := 'A'; c <= 'z'; c++ {
			if times[c] == 1 {
				order = append(order, c)
			}
		}
	}
	if !ok {
		return bad("is not understood")
	}
	e.out = len(order)
	seen := map[rune]bool{}
	for _, c := range order {
		if seen[c] || times[c] == 0 {
			return bad("names an axis of the output twice or out of nothing")
		}
		seen[c] = true
	}
	for c := rune(0); c <= 'z'; c++ {
		if times[c] > 0 && !seen[c] {
			order = append(order, c)
		}
	}
	work := 1
	for _, c := range order {
		if extent[c] > MaxElems/work {
			return bad("is too much work")
		}
		work *= max(1, extent[c])
		e.shape = append(e.shape, extent[c])
	}
	if e.shape == nil {
		e.shape = ir.Shape{}
	}
	for i := range in {
		step, own := make([]int, len(order)), strides(in[i])
		for k, c := range axes[i] {
			for j, o := range order {
				if o == c && in[i][k] != 1 {
					step[j] += own[k]
				}
			}
		}
		e.steps = append(e.steps, step)
	}
	return e, nil
}
