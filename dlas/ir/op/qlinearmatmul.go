package op

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
)

// matShape is the shape of the product of stacks of matrices (numpy's matmul): the axes before the last two are matched
// from the last, an extent of 1 stretches, and a vector is a matrix of one row (left) or column (right).
func matShape(a, b ir.Shape) (out, wideA, wideB ir.Shape, err error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil, nil, fmt.Errorf("it multiplies a scalar")
	}
	wideA, wideB = a, b
	if len(a) == 1 {
		wideA = ir.Shape{1, a[0]}
	}
	if len(b) == 1 {
		wideB = ir.Shape{b[0], 1}
	}
	bad := fmt.Errorf("its inputs' shapes are %v and %v", a, b)
	la, lb := len(wideA), len(wideB)
	if wideA[la-1] != wideB[lb-2] {
		return nil, nil, nil, bad
	}
	axes := max(la, lb) - 2
	for i := range axes {
		x, y := 1, 1
		if j := i - (axes - (la - 2)); j >= 0 {
			x = wideA[j]
		}
		if j := i - (axes - (lb - 2)); j >= 0 {
			y = wideB[j]
		}
		if x != y && x != 1 && y != 1 {
			return nil, nil, nil, bad
		}
		out = append(out, max(x, y))
	}
	if len(a) > 1 {
		out = append(out, wideA[la-2])
	}
	if len(b) > 1 {
		out = append(out, wideB[lb-1])
	}
	return out, wideA, wideB, nil
}

// eachProduct gives f the sum over k of a[i,k]*b[k,j] for every element of the product: the sum, the matrix rows and
// columns. a and b return an element by its place.
func eachProduct(sa, sb ir.Shape, a, b func(i int) float64, f func(at, row, col int, sum float64)) {
	out, wa, wb, _ := matShape(sa, sb)
	m, k, n := wa[len(wa)-2], wa[len(wa)-1], wb[len(wb)-1]
	outer := out.Elems() / max(m*n, 1)
	stack := out[:len(out)-min(len(sa)-1, 1)-min(len(sb)-1, 1)]
	from := func(s ir.Shape, i int) int {
		at, step := 0, 1
		for ax := len(stack) - 1; ax >= 0; ax-- {
			index := i % stack[ax]
			i /= stack[ax]
			if j := ax - (len(stack) - (len(s) - 2)); j >= 0 {
				if s[j] != 1 {
					at += index * step
				}
				step *= s[j]
			}
		}
		return at
	}
	at := 0
	for o := range outer {
		pa, pb := from(wa, o)*m*k, from(wb, o)*k*n
		for i := range m {
			for j := range n {
				sum := 0.0
				for l := range k {
					sum += a(pa+i*k+l) * b(pb+l*n+j)
				}
				f(at, i, j, sum)
				at++
			}
		}
	}
}

// zeroOf is the zero point of a row (left operand) or column (right operand) of n.
func zeroOf(in []Array, i, index int) float64 {
	if !given(in, i) || len(in[i].Data) == 0 {
		return 0
	}
	return in[i].Data[min(index, len(in[i].Data)-1)]
}

// matMulInteger is ONNX's: the product of (A-a_zero) and (B-b_zero) as i32. Inputs: A, B, a_zero_point, b_zero_point.
func matMulInteger() Row {
	return Row{
		Name: "MatMulInteger", Least: 2, Most: 4,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || !byteType(in[1].Type) {
				return nil, fmt.Errorf("it multiplies %s by %s", in[0].Type, in[1].Type)
			}
			s, wa, wb, err := matShape(in[0].Shape, in[1].Shape)
			if err != nil {
				return nil, err
			}
			return []Operand{{Type: ir.I32, Shape: s}}, matZeros(in, 2, 3, wa, wb)
		},
		MACs: matMACs(0),
		Eval: func(_ *ir.Node, in, out []Array) {
			k := in[0].Shape[len(in[0].Shape)-1]
			rows := max(1, in[0].Shape.Elems()/max(k, 1))
			cols := 1
			if len(in[1].Shape) > 1 {
				cols = in[1].Shape[len(in[1].Shape)-1]
			}
			a := func(i int) float64 { return in[0].Data[i] - zeroOf(in, 2, i/max(k, 1)%rows) }
			b := func(i int) float64 { return in[1].Data[i] - zeroOf(in, 3, i%cols) }
			eachProduct(in[0].Shape, in[1].Shape, a, b, func(at, _, _ int, sum float64) { out[0].Data[at] = sum })
		},
	}
}

// matZeros checks zero points (or scales) of a product: one element, or one a row of A and a column of B.
func matZeros(in []Operand, a, b int, wa, wb ir.Shape) error {
	if has(in, a) && in[a].Shape.Elems() != 1 && in[a].Shape.Elems() != wa[len(wa)-2] {
		return fmt.Errorf("its input %d has the shape %v for matrices of %v", a, in[a].Shape, wa)
	}
	if has(in, b) && in[b].Shape.Elems() != 1 && in[b].Shape.Elems() != wb[len(wb)-1] {
		return fmt.Errorf("its input %d has the shape %v for matrices of %v", b, in[b].Shape, wb)
	}
	return nil
}

func matMACs(a int) func(*ir.Node, []ir.Shape, ir.Shape) int64 {
	return func(_ *ir.Node, in []ir.Shape, out ir.Shape) int64 {
		return int64(out.Elems()) * int64(in[a][len(in[a])-1])
	}
}

// qLinearMatMul is ONNX's. Inputs: a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point.
func qLinearMatMul() Row {
	return Row{
		Name: "QLinearMatMul", Least: 8, Most: 8,
		Infer: func(_ *ir.Node, in []Operand) ([]Operand, error) {
			if !byteType(in[0].Type) || !byteType(in[3].Type) || !byteType(in[7].Type) || !in[1].Type.Float() || !in[4].Type.Float() || !in[6].Type.Float() {
				return nil, fmt.Errorf("it multiplies %s by %s into %s, with scales of %s, %s, %s", in[0].Type, in[3].Type, in[7].Type, in[1].Type, in[4].Type, in[6].Type)
			}
			s, wa, wb, err := matShape(in[0].Shape, in[3].Shape)
			if err != nil {
				return nil, err
			}
			for _, p := range [][2]int{{1, 4}, {2, 5}} {
				if err := matZeros(in, p[0], p[1], wa, wb); err != nil {
					return nil, err
				}
			}
			if in[6].Shape.Elems() != 1 || in[7].Shape.Elems() != 1 {
				return nil, fmt.Errorf("its result's scale and zero point are %v and %v", in[6].Shape, in[7].Shape)
			}
			return []Operand{{Type: in[7].Type, Shape: s}}, nil
		},
		MACs: matMACs(0),
		Eval: func(_ *ir.Node, in, out []Array) {
			k := in[0].Shape[len(in[0].Shape)-1]
			rows := max(1, in[0].Shape.Elems()/max(k, 1))
			cols := 1
			if len(in[3].Shape) > 1 {
				cols = in[3].Shape[len(in[3].Shape)-1]
			}
			a := func(i int) float64 { return in[0].Data[i] - zeroOf(in, 2, i/max(k, 1)%rows) }
			b := func(i int) float64 { return in[3].Data[i] - zeroOf(in, 5, i%cols) }
			eachProduct(in[0].Shape, in[3].Shape, a, b, func(at, row, col int, sum float64) {
				scale := f32(f32(zeroOf(in, 1, row)*zeroOf(in, 4, col)) / in[6].Data[0])
				out[0].Data[at] = saturate(f32(f32(sum)*scale), in[7].Data[0], out[0].Type)
			})
		},
	}
}

// qGemm is ONNX Runtime's QGemm (domain com.microsoft) with alpha = 1: y = saturate(round(sum * (a_scale*b_scale/y_scale)) +
// y_zero), of which sum is A times B plus C. Inputs: A (N,K), a_scale, a_zero_point, B (K,M; M,K with transB), b_scale,
// b_zero_point, C (M, i32), y_scale, y_zero_point; and a table in which y is looked up last. The attributes least and most
// clamp it before; with fixed sums are scaled in fixed point.
func qGemm() Row {
	return Row{
		Name: "QGemm", Least: 6, Most: 10, Attrs: []string{"transA", "transB", "alpha", "least", "most", "fixed"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if n.Attrs.Int("transA", 0) != 0 || n.Attrs.Float("alpha", 1) != 1 || !has(in, 7) || !has(in, 8) {
				return nil, fmt.Errorf("only QGemm without transA, with alpha 1 and with a quantised result is there")
			}
			a, b := in[0], in[3]
			if !byteType(a.Type) || !byteType(b.Type) || !byteType(in[8].Type) || len(a.Shape) != 2 || len(b.Shape) != 2 {
				return nil, fmt.Errorf("it multiplies %s %v by %s %v", a.Type, a.Shape, b.Type, b.Shape)
			}
			m, k := b.Shape[1], b.Shape[0]
			if n.Attrs.Int("transB", 0) != 0 {
				m, k = k, m
			}
			if k != a.Shape[1] {
				return nil, fmt.Errorf("it multiplies %v by %v", a.Shape, b.Shape)
			}
			for _, i := range []int{4, 5} {
				if e := in[i].Shape.Elems(); e != 1 && e != m {
					return nil, fmt.Errorf("its input %d has the shape %v for %d columns", i, in[i].Shape, m)
				}
			}
			if has(in, 6) && (in[6].Type != ir.I32 || in[6].Shape.Elems() != m) {
				return nil, fmt.Errorf("its bias is %s %v for %d columns", in[6].Type, in[6].Shape, m)
			}
			for _, i := range []int{1, 4, 7} {
				if in[i].Type != ir.F32 {
					return nil, fmt.Errorf("its scale %d has the type %s", i, in[i].Type)
				}
			}
			for _, i := range []int{1, 2, 7, 8} {
				if in[i].Shape.Elems() != 1 {
					return nil, fmt.Errorf("its input %d has the shape %v", i, in[i].Shape)
				}
			}
			if has(in, 9) && (in[9].Type != ir.U8 || in[9].Shape.Elems() != 256 || in[8].Type != ir.U8) {
				return nil, fmt.Errorf("its table is %s %v", in[9].Type, in[9].Shape)
			}
			return []Operand{{Type: in[8].Type, Shape: ir.Shape{a.Shape[0], m}}}, nil
		},
		MACs: matMACs(0),
		Eval: func(n *ir.Node, in, out []Array) {
			m, k := out[0].Shape[1], in[0].Shape[1]
			dm, dk := 1, m
			if n.Attrs.Int("transB", 0) != 0 {
				dm, dk = k, 1
			}
			least, most := float64(n.Attrs.Int("least", math.MinInt32)), float64(n.Attrs.Int("most", math.MaxInt32))
			for i := range out[0].Data {
				col := i % m
				sum := zeroOf(in, 6, col)
				for l := range k {
					sum += (in[0].Data[i/m*k+l] - in[2].Data[0]) * (in[3].Data[col*dm+l*dk] - zeroOf(in, 5, col))
				}
				scale := f32(f32(in[1].Data[0]*zeroOf(in, 4, col)) / in[7].Data[0])
				y := f32(f32(sum) * scale)
				if isFixed(n) {
					y = float64(FixedProduct(n, float32(in[1].Data[0]), float32(zeroOf(in, 4, col)), float32(in[7].Data[0])).Scale(int64(sum)))
				}
				q := min(max(saturate(y, in[8].Data[0], out[0].Type), least), most)
				if given(in, 9) {
					q = in[9].Data[int(q)]
				}
				out[0].Data[i] = q
			}
		},
	}
}
