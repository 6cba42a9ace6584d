package primitive

import (
	"errors"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file reduces plain values along axes that are neighbours: rows, each to a number, or columns side by side.

// reductionOf is how an operator reduces: what is added up, and what becomes of the sum of n numbers.
type reductionOf struct {
	op      string
	fn      asm.Fn // folds a number into what there is
	squares bool
	start   float32
	finish  func(sum, n float64) float64
}

func reductionsOf() []reductionOf {
	done := func(sum, _ float64) float64 { return sum }
	return []reductionOf{
		{"ReduceMean", asm.FnAdd, false, 0, func(sum, n float64) float64 { return sum / n }},
		{"ReduceSum", asm.FnAdd, false, 0, done},
		{"ReduceSumSquare", asm.FnAdd, true, 0, done},
		{"ReduceL2", asm.FnAdd, true, 0, func(sum, _ float64) float64 { return math.Sqrt(sum) }},
		{"ReduceMax", asm.FnMax, false, float32(math.Inf(-1)), done},
		{"ReduceMin", asm.FnMin, false, float32(math.Inf(1)), done},
	}
}

func reduceRows(isa string) []ir.Kernel {
	var ks []ir.Kernel
	for _, r := range reductionsOf() {
		ks = append(ks, laneRow(r.op, opName(r.op)+"_f32_axes", isa, func(p ir.Problem) error {
			_, err := newReducing(p)
			return err
		}, nil, func(p ir.Problem, level asm.ISA) (ir.Bound, error) { return bindReduce(p, r, level) }))
	}
	return ks
}

// reducing is a value as a reduction sees it: outer times extent times inner numbers, of which extent become one.
type reducing struct{ outer, extent, inner int }

func newReducing(p ir.Problem) (reducing, error) {
	x, a := p.In[0], p.Node.Attrs
	axes := a.Ints("axes")
	if len(p.In) > 1 && p.In[1] != nil {
		return reducing{}, errors.New("its axes are an input")
	}
	set := make([]bool, len(x))
	for _, d := range axes {
		if d < 0 {
			d += len(x)
		}
		set[d] = true
	}
	if len(axes) == 0 {
		if a.Int("noop_with_empty_axes", 0) != 0 {
			return reducing{}, errors.New("it reduces nothing")
		}
		for d := range set {
			set[d] = true
		}
	}
	r := reducing{1, 1, 1}
	for d, n := range x {
		switch {
		case n == 1:
		case set[d] && r.inner > 1:
			return r, fmt.Errorf("it reduces axes that are no neighbours: %v of %v", axes, x)
		case set[d]:
			r.extent *= n
		case r.extent > 1:
			r.inner *= n
		default:
			r.outer *= n
		}
	}
	if x.Elems() == 0 {
		return r, errors.New("it is empty")
	}
	return r, nil
}

// reduceColumns is the columns that are summed together: they stay in the first-level cache.
const reduceColumns = 1 << 10

func bindReduce(p ir.Problem, r reductionOf, isa asm.ISA) (ir.Bound, error) {
	v, err := newReducing(p)
	if err != nil {
		return ir.Bound{}, err
	}
	if v.inner == 1 {
		return v.rows(p, r, isa), nil
	}
	width := min(v.inner, reduceColumns)
	cols := ceilDiv(v.inner, width)
	nanos := float64(v.outer*v.extent*v.inner) / ir.Lanes * laneCost(isa, 1.5)
	b := shared(p, v.outer*cols, nanos, func(call ir.Call, from, to int) {
		space := call.Scratch.F32()
		for i := from; i < to; i++ {
			o, c := i/cols, i%cols*width
			n := min(width, v.inner-c)
			r.columns(call.Out[0].F32()[o*v.inner+c:][:n], call.In[0].F32()[o*v.extent*v.inner+c:], space[:n], v, isa)
		}
	})
	b.ScratchBytes = 4 * int64(width)
	return b, nil
}

// columns reduces columns side by side. Of long ones some are added up first, so that no sum grows inexact.
func (r reductionOf) columns(out, x, some []float32, v reducing, isa asm.ISA) {
	const most = 256
	inf := float32(math.Inf(1))
	two := asm.Map{AStep: 64, BStep: 64, CStep: 64, Lo: -inf, Hi: inf}
	for j := range out {
		out[j] = r.start
	}
	for k0 := 0; k0 < v.extent; k0 += most {
		to := out
		if v.extent > most {
			to = some
			for j := range to {
				to[j] = r.start
			}
		}
		for k := k0; k < min(v.extent, k0+most); k++ {
			row := x[k*v.inner:][:len(out)]
			if r.squares {
				two.Vector(asm.FnAffine, isa, to, row, row, to)
			} else {
				two.Vector(r.fn, isa, to, to, row, nil)
			}
		}
		if v.extent > most {
			two.Vector(r.fn, isa, out, out, some, nil)
		}
	}
	switch n := float64(v.extent); r.op {
	case "ReduceMean":
		for j, s := range out {
			out[j] = s / float32(n)
		}
	case "ReduceL2":
		asm.Map{}.Act(asm.FnSqrt, isa, out)
	}
}

// rows reduces rows of neighbours.
func (v reducing) rows(p ir.Problem, r reductionOf, isa asm.ISA) ir.Bound {
	nanos := float64(v.outer) * (20 + float64(v.extent)/ir.Lanes*laneCost(isa, 1.5))
	return shared(p, v.outer, nanos, func(call ir.Call, from, to int) {
		x, out := call.In[0].F32(), call.Out[0].F32()
		for i := from; i < to; i++ {
			row := x[i*v.extent : (i+1)*v.extent]
			switch r.fn {
			case asm.FnMax:
				out[i] = largest(row, isa)
			case asm.FnMin:
				least := r.start
				for _, u := range row {
					least = min(least, u)
				}
				out[i] = least
			default:
				out[i] = float32(r.finish(sumOf(row, r.squares, 0, isa), float64(v.extent)))
			}
		}
	})
}

// largest is the largest of some numbers.
func largest(x []float32, isa asm.ISA) float32 {
	top := float32(math.Inf(-1))
	n := len(x) / ir.Lanes
	if n > 0 {
		var lanes [ir.Lanes]float32
		total(&asm.Reduce{A: x, Rows: 1, Vecs: n}, &lanes, true, isa)
		for _, v := range lanes {
			top = max(top, v)
		}
	}
	for _, v := range x[n*ir.Lanes:] {
		top = max(top, v)
	}
	return top
}
