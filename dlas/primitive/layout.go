package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// layoutKernels are the rows that bring a value from one layout into another: what package system puts between a node
// and a consumer that wants its input otherwise. The operator is none of ONNX's.
func layoutKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, t := range []ir.Type{ir.F32, ir.U8, ir.I8} {
		ks = append(ks, ir.Kernel{
			Name: "layout_" + string(t) + "__go", Op: "Layout", Type: t, ISA: "go", Exact: ir.ExactInt,
			Fits: func(p ir.Problem) error {
				if p.TypeIn(0) != t {
					return fmt.Errorf("its type is %s, not %s", p.TypeIn(0), t)
				}
				if p.LayoutIn(0).Block == ir.Strips || p.LayoutOut(0).Block == ir.Strips {
					return fmt.Errorf("strips have rows of their own")
				}
				return nil
			},
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
				if t == ir.F32 {
					return bindLayout(p, ir.Memory.F32), nil
				}
				return bindLayout(p, ir.Memory.U8), nil
			},
		})
	}
	ks = append(ks, turnKernels()...)
	return append(ks, ir.Kernel{
		Name: "layout_any__go", Op: "Layout", ISA: "go", Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			switch t := p.TypeIn(0); {
			case t == ir.F32, t == ir.U8, t == ir.I8:
				return fmt.Errorf("%s has a row of its own", t)
			case p.LayoutIn(0).Block+p.LayoutOut(0).Block != 0:
				return fmt.Errorf("%s is never in blocks", t)
			}
			return nil
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindLayout(p, ir.Memory.U8), nil },
	})
}

// bindLayout copies between any two layouts, a row of pixels of one block of channels at a time.
func bindLayout[T float32 | uint8](p ir.Problem, view func(ir.Memory) []T) ir.Bound {
	s, from, to := p.In[0], p.LayoutIn(0), p.LayoutOut(0)
	if from.Block == 0 && to.Block == 0 {
		const step = 1 << 14
		n := s.Elems() * p.TypeIn(0).Size()
		return plain(p, ceilDiv(n, step), step/4, func(call ir.Call, a, b int) {
			copy(call.Out[0][a*step:min(n, b*step)], call.In[0][a*step:])
		})
	}
	src, dst := from.StridesOf(s), to.StridesOf(s)
	blocks, c, h, w := ir.Blocks(s), s[1], s[2], s[3]
	return plain(p, s[0]*blocks*h, 16*w, func(call ir.Call, a, b int) {
		x, out := view(call.In[0]), view(call.Out[0])
		for i := a; i < b; i++ {
			y, n, block := i%h, i/h/blocks, i/h%blocks
			lanes := min(ir.Lanes, c-block*ir.Lanes)
			switch {
			case from.Block != 0 && to.Block != 0:
				f := n*src.Image + block*src.Block + src.Origin + y*src.Row
				t := n*dst.Image + block*dst.Block + dst.Origin + y*dst.Row
				copy(out[t:t+w*ir.Lanes], x[f:])
			case to.Block != 0:
				t := n*dst.Image + block*dst.Block + dst.Origin + y*dst.Row
				row := out[t : t+w*ir.Lanes]
				if lanes < ir.Lanes {
					clear(row)
				}
				for l := range lanes {
					f := ((n*c+block*ir.Lanes+l)*h + y) * w
					for j, v := range x[f : f+w] {
						row[j*ir.Lanes+l] = v
					}
				}
			default:
				f := n*src.Image + block*src.Block + src.Origin + y*src.Row
				row := x[f : f+w*ir.Lanes]
				for l := range lanes {
					t := ((n*c+block*ir.Lanes+l)*h + y) * w
					for j := range out[t : t+w] {
						out[t+j] = row[j*ir.Lanes+l]
					}
				}
			}
		}
	})
}
