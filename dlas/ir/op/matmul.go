package op

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// matMul is the product of matrices, the last two axes; the axes before broadcast. A list is a row or a column.
func matMul() Row {
	return Row{
		Name: "MatMul", Least: 2, Most: 2,
		Infer: storedWeights(oneType(numbers, func(_ *ir.Node, in []ir.Shape) (ir.Shape, error) { return product(in[0], in[1]) })),
		MACs: func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
			return int64(out.Elems()) * int64(in[0][len(in[0])-1])
		},
		Eval: func(_ *ir.Node, in, out []Array) { multiply(in[0], in[1], out[0]) },
	}
}

// matrices are the shapes of a MatMul's inputs with two axes at least.
func matrices(a, b ir.Shape) (ir.Shape, ir.Shape) {
	if len(a) == 1 {
		a = ir.Shape{1, a[0]}
	}
	if len(b) == 1 {
		b = ir.Shape{b[0], 1}
	}
	return a, b
}

// product is the shape of a MatMul.
func product(a, b ir.Shape) (ir.Shape, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("its inputs' shapes are %v and %v", a, b)
	}
	ma, mb := matrices(a, b)
	outer, err := broadcast(ma[:len(ma)-2], mb[:len(mb)-2])
	if err != nil || ma[len(ma)-1] != mb[len(mb)-2] {
		return nil, fmt.Errorf("its inputs' shapes are %v and %v", a, b)
	}
	out := slices.Clone(outer)
	if len(a) > 1 {
		out = append(out, ma[len(ma)-2])
	}
	if len(b) > 1 {
		out = append(out, mb[len(mb)-1])
	}
	return out, nil
}

func multiply(a, b, y Array) {
	sa, sb := matrices(a.Shape, b.Shape)
	m, k, w := sa[len(sa)-2], sa[len(sa)-1], sb[len(sb)-1]
	outer, _ := broadcast(sa[:len(sa)-2], sb[:len(sb)-2])
	steps := [][]int{stretched(sa[:len(sa)-2], outer), stretched(sb[:len(sb)-2], outer)}
	walk(outer, []int{0, 0}, steps, func(image int, at []int) {
		for i := range m {
			for j := range w {
				sum := 0.0
				for l := range k {
					sum += a.Data[(at[0]*m+i)*k+l] * b.Data[(at[1]*k+l)*w+j]
				}
				y.Data[(image*m+i)*w+j] = sum
			}
		}
	})
}
