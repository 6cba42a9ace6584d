package primitive

import (
	"fmt"
	"maps"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// resizeRow scales the maps of a value in blocks by any of Resize's ways but the nearest pixel, which only moves. Each
// axis is scaled by itself: columns first, into a workspace, then rows, since a row is then a sum of whole rows.
func resizeRow(isa string) ir.Kernel {
	return laneRow("Resize", "resize_f32", isa, resizeFits, resizeLayouts, bindResize)
}

func resizeFits(p ir.Problem) error {
	x, y, n := p.In[0], p.Out[0], p.Node
	if len(x) != 4 || p.Weights[0] != nil || y[0] != x[0] || y[1] != x[1] {
		return fmt.Errorf("it does not scale the last two of four axes alone")
	}
	if n.Attrs.Str("mode", "nearest") == "nearest" || n.Attrs.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize" ||
		n.Attrs.Str("keep_aspect_ratio_policy", "stretch") != "stretch" || n.Attrs["axes"] != nil {
		return fmt.Errorf("it does not scale each axis by itself to a given extent")
	}
	for i := 1; i < len(p.In); i++ {
		if p.In[i] != nil && p.Weights[i] == nil {
			return fmt.Errorf("input %d (%q) is not constant", i, n.In[i])
		}
	}
	if max(x[2], x[3], y[2], y[3]) > 1<<12 {
		return fmt.Errorf("a map of %v is larger than %d", y, 1<<12)
	}
	return nil
}

func resizeLayouts(p ir.Problem) (in, out []ir.Layout) {
	in = make([]ir.Layout, len(p.In))
	in[0] = ir.Blocked
	return in, []ir.Layout{ir.Blocked}
}

// share is a position and its weight in a sum.
type share struct {
	at     int
	weight float32
}

// sharesOf is what each position of an axis of the output is made of: the definition, asked with maps of one axis that
// hold a single one each.
func sharesOf(p ir.Problem, axis int) ([][]share, error) {
	from, to := p.In[0][axis], p.Out[0][axis]
	row, _ := op.Lookup(p.Node.Op)
	n := *p.Node
	n.Attrs = maps.Clone(n.Attrs)
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	numbers := func(key string, input int) []float64 {
		switch v := n.Attrs[key].(type) {
		case []float64:
			return v
		case []int:
			list := make([]float64, len(v))
			for i, x := range v {
				list[i] = float64(x)
			}
			return list
		}
		return widened(p, input).Data
	}
	if list := numbers("sizes", 3); len(list) == 4 {
		extents := []int{from, 1, 1, 1}
		extents[axis] = to
		n.Attrs["sizes"] = extents
		delete(n.Attrs, "scales")
	} else if list := numbers("scales", 2); len(list) == 4 {
		one := []float64{1, 1, 1, 1}
		one[axis] = list[axis]
		n.Attrs["scales"] = one
		delete(n.Attrs, "sizes")
	} else {
		return nil, fmt.Errorf("neither scales nor sizes are given for four axes")
	}
	n.In = n.In[:1]
	s := ir.Shape{from, 1, 1, 1}
	s[axis] = from
	x := op.Array{Type: ir.F64, Shape: s, Data: make([]float64, from*from)}
	for i := range from {
		x.Data[i*from+i] = 1
	}
	made, err := row.Infer(&n, []op.Operand{{Type: ir.F64, Shape: s}})
	if err != nil {
		return nil, err
	}
	if made[0].Shape.Elems() != from*to {
		return nil, fmt.Errorf("an axis of %d becomes %v, not %d", from, made[0].Shape, to)
	}
	y := op.Array{Type: ir.F64, Shape: made[0].Shape, Data: make([]float64, from*to)}
	row.Eval(&n, []op.Array{x}, []op.Array{y})
	list := make([][]share, to)
	for i := range list {
		for k := range from {
			if w := y.Data[k*to+i]; w != 0 {
				list[i] = append(list[i], share{k, float32(w)})
			}
		}
		if list[i] == nil {
			list[i] = []share{{0, 0}}
		}
	}
	return list, nil
}

func bindResize(p ir.Problem, isa asm.ISA) (ir.Bound, error) {
	down, err := sharesOf(p, 2)
	if err != nil {
		return ir.Bound{}, err
	}
	across, err := sharesOf(p, 3)
	if err != nil {
		return ir.Bound{}, err
	}
	x, y := p.In[0], p.Out[0]
	blocks := ir.Blocks(x)
	planes := x[0] * blocks
	ix, iy := p.LayoutIn(0).StridesOf(x), p.LayoutOut(0).StridesOf(y)
	weights := map[float32][]float32{}
	for _, list := range down {
		for _, s := range list {
			if weights[s.weight] == nil {
				weights[s.weight] = splat(s.weight)
			}
		}
	}
	rows := make([][][]float32, len(down)) // the weights of each row's shares, 16 times each
	for i, list := range down {
		for _, s := range list {
			rows[i] = append(rows[i], weights[s.weight])
		}
	}
	pitch := y[3] * ir.Lanes // of a row of the workspace
	columns := shared(p, planes*x[2], float64(planes*x[2]*y[3])*12, nil).Phases[0]
	sums := shared(p, planes*y[2], float64(planes*y[2]*y[3])*laneCost(isa, 1.2*float64(len(down[0]))), nil).Phases[0]
	return ir.Bound{
		Phases: []int{columns, sums}, WorkspaceBytes: 4 * int64(planes*x[2]*pitch),
		Run: func(call ir.Call) {
			space := call.Workspace.F32()
			if call.Phase == 0 {
				from, to := part(planes*x[2], columns, call.Part)
				for i := from; i < to; i++ {
					plane := i / x[2]
					src := call.In[0].F32()[plane/blocks*ix.Image+plane%blocks*ix.Block+ix.Origin+i%x[2]*ix.Row:]
					resizeColumns(space[i*pitch:(i+1)*pitch], src, across)
				}
				return
			}
			from, to := part(planes*y[2], sums, call.Part)
			for i := from; i < to; i++ {
				plane, r := i/y[2], i%y[2]
				out := call.Out[0].F32()[plane/blocks*iy.Image+plane%blocks*iy.Block+iy.Origin+r*iy.Row:][:pitch]
				for k, s := range down[r] {
					m := asm.Map{
						Out: out, A: space[(plane*x[2]+s.at)*pitch:][:pitch], B: rows[r][k], C: out, AStep: 64, CStep: 64, Rows: 1, Vecs: y[3],
						Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)),
					}
					if k == 0 {
						m.Run(asm.FnMul, isa)
					} else {
						m.Run(asm.FnAffine, isa)
					}
				}
			}
		},
	}, nil
}

func resizeColumns(out, in []float32, across [][]share) {
	for i, list := range across {
		o := (*[ir.Lanes]float32)(out[i*ir.Lanes:])
		for k, s := range list {
			x := (*[ir.Lanes]float32)(in[s.at*ir.Lanes:])
			if k == 0 {
				for j := range o {
					o[j] = x[j] * s.weight
				}
				continue
			}
			for j := range o {
				o[j] += x[j] * s.weight
			}
		}
	}
}
