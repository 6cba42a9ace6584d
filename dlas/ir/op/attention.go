package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// heads is a value of attention seen as batch, heads, steps, width, whether it has these axes or batch, steps,
// heads*width.
type heads struct {
	batch, heads, steps, width int
	flat                       bool
}

func headsOf(s ir.Shape, count int) (heads, error) {
	switch {
	case len(s) == 4:
		return heads{batch: s[0], heads: s[1], steps: s[2], width: s[3]}, nil
	case len(s) == 3 && count > 0 && s[2]%count == 0:
		return heads{batch: s[0], heads: count, steps: s[1], width: s[2] / count, flat: true}, nil
	}
	return heads{}, fmt.Errorf("a value of %v with %d heads", s, count)
}

func (h heads) at(b, head, step, i int) int {
	if h.flat {
		return ((b*h.steps+step)*h.heads+head)*h.width + i
	}
	return ((b*h.heads+head)*h.steps+step)*h.width + i
}

// attending is what the inputs of an Attention are: queries, keys, values, and the past keys and values before them.
type attending struct{ q, k, v, pastK, pastV, y heads }

func readAttention(n *ir.Node, s []ir.Shape) (a attending, err error) {
	count := n.Attrs.Int("kv_num_heads", 0)
	if a.q, err = headsOf(s[0], n.Attrs.Int("q_num_heads", 0)); err != nil {
		return
	}
	if a.k, err = headsOf(s[1], count); err != nil {
		return
	}
	if a.v, err = headsOf(s[2], count); err != nil {
		return
	}
	past := func(i int, like heads) (heads, error) {
		if i >= len(s) || s[i] == nil {
			return heads{}, nil
		}
		p, err := headsOf(s[i], 0)
		if err == nil && (p.batch != like.batch || p.heads != like.heads || p.width != like.width) {
			err = fmt.Errorf("a past of %v", s[i])
		}
		return p, err
	}
	if a.pastK, err = past(4, a.k); err != nil {
		return
	}
	if a.pastV, err = past(5, a.v); err != nil {
		return
	}
	q, k, v := a.q, a.k, a.v
	if q.batch != k.batch || k.batch != v.batch || k.heads != v.heads || k.heads < 1 || q.heads%k.heads != 0 || q.width != k.width || k.steps != v.steps || a.pastK.steps != a.pastV.steps || q.flat != k.flat || k.flat != v.flat {
		return a, fmt.Errorf("queries of %v, keys of %v, values of %v", s[0], s[1], s[2])
	}
	a.y = heads{batch: q.batch, heads: q.heads, steps: q.steps, width: v.width, flat: q.flat}
	return a, nil
}

// attention is softmax(scale * Q K^T + mask) V for each head (Vaswani et al., 2017). Inputs: Q, K, V, mask, past keys, past
// values, the number of steps of each image that are no padding. Outputs: Y, all keys, all values, the products.
func attention() Row {
	return Row{
		Name: "Attention", Least: 3, Most: 7, Outs: 4,
		Attrs: []string{"is_causal", "kv_num_heads", "q_num_heads", "qk_matmul_output_mode", "scale", "softcap", "softmax_precision"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			s := Shapes(in)
			a, err := readAttention(n, s)
			if err != nil {
				return nil, err
			}
			for i, o := range in {
				if i < 3 && !o.Type.Float() || o.Type != "" && (i == 4 || i == 5) && o.Type != in[i-3].Type {
					return nil, fmt.Errorf("its input %d has the type %s", i, o.Type)
				}
			}
			steps := a.pastK.steps + a.k.steps
			if len(s) > 3 && s[3] != nil {
				m := slices.Clone(s[3])
				if len(m) < 2 || m[len(m)-1] > steps {
					return nil, fmt.Errorf("a mask of %v", s[3])
				}
				m[len(m)-1] = steps
				full := ir.Shape{a.q.batch, a.q.heads, a.q.steps, steps}
				if b, err := broadcast(full, m); err != nil || !b.Equal(full) {
					return nil, fmt.Errorf("a mask of %v for %v", s[3], full)
				}
			}
			if len(s) > 6 && s[6] != nil && !s[6].Equal(ir.Shape{a.q.batch}) {
				return nil, fmt.Errorf("lengths of %v", s[6])
			}
			y := ir.Shape{a.q.batch, a.q.heads, a.q.steps, a.v.width}
			if a.q.flat {
				y = ir.Shape{a.q.batch, a.q.steps, a.q.heads * a.v.width}
			}
			return []Operand{
				{Type: in[0].Type, Shape: y},
				{Type: in[1].Type, Shape: ir.Shape{a.k.batch, a.k.heads, steps, a.k.width}},
				{Type: in[2].Type, Shape: ir.Shape{a.v.batch, a.v.heads, steps, a.v.width}},
				{Type: in[0].Type, Shape: ir.Shape{a.q.batch, a.q.heads, a.q.steps, steps}},
			}, nil
		},
		Eval: func(n *ir.Node, in, out []Array) {
			shapes := make([]ir.Shape, len(in))
			for i, x := range in {
				if x.Type != "" {
					shapes[i] = x.Shape
				}
			}
			a, _ := readAttention(n, shapes)
			past, steps := a.pastK.steps, a.pastK.steps+a.k.steps
			join := func(old, now heads, pastAt, nowAt int, y Array) {
				eachIndex(y.Shape, func(i int, at []int) {
					if at[2] < past {
						y.Data[i] = in[pastAt].Data[old.at(at[0], at[1], at[2], at[3])]
					} else {
						y.Data[i] = in[nowAt].Data[now.at(at[0], at[1], at[2]-past, at[3])]
					}
				})
			}
			join(a.pastK, a.k, 4, 1, out[1])
			join(a.pastV, a.v, 5, 2, out[2])
			scale, cap := n.Attrs.Float("scale", 1/math.Sqrt(float64(a.q.width))), n.Attrs.Float("softcap", 0)
			causal, mode := n.Attrs.Int("is_causal", 0) != 0, n.Attrs.Int("qk_matmul_output_mode", 0)
			row, weights := make([]float64, steps), make([]float64, steps)
			for b := range a.q.batch {
				for h := range a.q.heads {
					kv := h / (a.q.heads / a.k.heads)
					for i := range a.q.steps {
						at := ((b*a.q.heads+h)*a.q.steps + i) * steps
						for j := range steps {
							sum := 0.0
							for c := range a.q.width {
								sum += in[0].Data[a.q.at(b, h, i, c)] * out[1].Data[((b*a.k.heads+kv)*steps+j)*a.k.width+c]
							}
							out[3].Data[at+j] = sum * scale
							sum = sum*scale + maskAt(in, b, h, i, j)
							if causal && j > past+i || given(in, 6) && float64(j) >= in[6].Data[b] {
								sum = math.Inf(-1)
							}
							if mode == 1 {
								out[3].Data[at+j] = sum
							}
							if cap > 0 {
								sum = cap * math.Tanh(sum/cap)
							}
							if mode == 2 {
								out[3].Data[at+j] = sum
							}
							row[j] = sum
						}
						softmaxOf(row, weights)
						if mode == 3 {
							copy(out[3].Data[at:], weights)
						}
						for c := range a.v.width {
							sum := 0.0
							for j, w := range weights {
								sum += w * out[2].Data[((b*a.v.heads+kv)*steps+j)*a.v.width+c]
							}
							out[0].Data[a.y.at(b, h, i, c)] = sum
						}
					}
				}
			}
		},
	}
}

// maskAt is what the mask of an Attention adds to a product: its number, or nothing or minus infinity for a truth value.
// Steps past its end are masked.
func maskAt(in []Array, b, h, i, j int) float64 {
	if !given(in, 3) {
		return 0
	}
	s := in[3].Shape
	if j >= s[len(s)-1] && s[len(s)-1] != 1 {
		return math.Inf(-1)
	}
	at := 0
	index := []int{b, h, i, j}[4-len(s):]
	for k, d := range s {
		at = at*d + index[k]%d
	}
	v := in[3].Data[at]
	if in[3].Type == ir.Bool {
		if v == 0 {
			return math.Inf(-1)
		}
		return 0
	}
	return v
}

// rotaryEmbedding turns pairs of numbers by the angle of their position (Su et al., RoFormer, 2021). Inputs: x, cosines,
// sines, positions.
func rotaryEmbedding() Row {
	read := func(n *ir.Node, s []ir.Shape) (x heads, turned int, err error) {
		if x, err = headsOf(s[0], n.Attrs.Int("num_heads", 0)); err != nil {
			return
		}
		if turned = n.Attrs.Int("rotary_embedding_dim", 0); turned == 0 {
			turned = x.width
		}
		want := ir.Shape{x.batch, x.steps, turned / 2}
		if len(s) > 3 && s[3] != nil {
			if len(s[1]) != 2 || !s[3].Equal(want[:2]) {
				return x, 0, fmt.Errorf("positions of %v in caches of %v", s[3], s[1])
			}
			want = ir.Shape{s[1][0], turned / 2}
		}
		if turned < 2 || turned > x.width || turned%2 != 0 || !s[1].Equal(want) || !s[2].Equal(want) {
			return x, 0, fmt.Errorf("%d of %d numbers turned by caches of %v and %v", turned, x.width, s[1], s[2])
		}
		return x, turned, nil
	}
	return Row{
		Name: "RotaryEmbedding", Least: 3, Most: 4, Attrs: []string{"interleaved", "num_heads", "rotary_embedding_dim"},
		Infer: func(n *ir.Node, in []Operand) ([]Operand, error) {
			if !in[0].Type.Float() || in[1].Type != in[0].Type || in[2].Type != in[0].Type || len(in) > 3 && in[3].Type != "" && !in[3].Type.Integer() {
				return nil, fmt.Errorf("its inputs have the types %s, %s and %s", in[0].Type, in[1].Type, in[2].Type)
			}
			_, _, err := read(n, Shapes(in))
			return []Operand{{Type: in[0].Type, Shape: in[0].Shape}}, err
		},
		Eval: func(n *ir.Node, in, out []Array) {
			shapes := make([]ir.Shape, len(in))
			for i, a := range in {
				shapes[i] = a.Shape
			}
			x, turned, _ := read(n, shapes)
			copy(out[0].Data, in[0].Data)
			half := turned / 2
			eachIndex(ir.Shape{x.batch, x.heads, x.steps, half}, func(_ int, at []int) {
				first, second := at[3], at[3]+half
				if n.Attrs.Int("interleaved", 0) != 0 {
					first, second = 2*at[3], 2*at[3]+1
				}
				step := at[0]*x.steps + at[2]
				if given(in, 3) {
					step = wrapped(in[3].Data[step], in[1].Shape[0])
				}
				c, s := in[1].Data[step*half+at[3]], in[2].Data[step*half+at[3]]
				i, j := x.at(at[0], at[1], at[2], first), x.at(at[0], at[1], at[2], second)
				out[0].Data[i] = c*in[0].Data[i] - s*in[0].Data[j]
				out[0].Data[j] = s*in[0].Data[i] + c*in[0].Data[j]
			})
		},
	}
}
