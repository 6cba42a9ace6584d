package primitive

import (
	"errors"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file has the loops in Go of what is not arithmetic: comparisons, choices, conversions of types, places of the
// largest. They go over runs of plain neighbours.

func logicKernels() []ir.Kernel {
	var ks []ir.Kernel
	add := func(operator, name string, fits func(p ir.Problem) error, bind func(p ir.Problem) ir.Bound) {
		ks = append(ks, ir.Kernel{
			Name: name + "__go", Op: operator, ISA: "go", Exact: ir.ExactInt, Fits: fits,
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bind(p), nil },
		})
	}
	for _, c := range []string{"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"} {
		add(c, opName(c)+"_any", ofTypes(2, ir.F32, ir.I64, ir.I32, ir.U8), func(p ir.Problem) ir.Bound {
			switch p.TypeIn(0) {
			case ir.I64:
				return bindCompare(p, ir.Memory.I64)
			case ir.I32:
				return bindCompare(p, ir.Memory.I32)
			case ir.U8:
				return bindCompare(p, ir.Memory.U8)
			}
			return bindCompare(p, ir.Memory.F32)
		})
	}
	for _, name := range []string{"And", "Or", "Xor"} {
		add(name, opName(name)+"_any", ofTypes(2, ir.Bool), func(p ir.Problem) ir.Bound {
			return walked(p, func(call ir.Call, at [3]int, to, n int, still [3]bool) {
				a, b, out := operand(call.In[0].U8(), at[0], n, still[0]), operand(call.In[1].U8(), at[1], n, still[1]), call.Out[0].U8()[to:to+n]
				if len(a) < len(b) {
					a, b = b, a // all three are symmetric
				}
				logical(name, out, a, b)
			})
		})
	}
	add("Not", "not_any", ofTypes(1, ir.Bool), func(p ir.Problem) ir.Bound {
		return perElement(p, func(call ir.Call, from, to int) {
			for i, v := range call.In[0][from:to] {
				call.Out[0][from+i] = v ^ 1
			}
		})
	})
	add("Where", "where_any", func(p ir.Problem) error {
		if t := p.TypeIn(1).Size(); t != 1 && t != 4 && t != 8 || p.TypeIn(0) != ir.Bool {
			return fmt.Errorf("it picks no %s", p.TypeIn(1))
		}
		return nil
	}, func(p ir.Problem) ir.Bound {
		switch p.TypeIn(1).Size() {
		case 1:
			return bindWhere(p, ir.Memory.U8)
		case 8:
			return bindWhere(p, ir.Memory.U64)
		}
		return bindWhere(p, ir.Memory.U32)
	})
	add("Cast", "cast_any", func(p ir.Problem) error {
		if castOf(p.TypeIn(0), p.TypeOut(0)) == nil {
			return fmt.Errorf("it makes no %s of %s", p.TypeOut(0), p.TypeIn(0))
		}
		return nil
	}, func(p ir.Problem) ir.Bound {
		f := castOf(p.TypeIn(0), p.TypeOut(0))
		return perElement(p, func(call ir.Call, from, to int) { f(call.Out[0], call.In[0], from, to) })
	})
	add("Sign", "sign_f32", ofTypes(1, ir.F32), func(p ir.Problem) ir.Bound {
		return perElement(p, func(call ir.Call, from, to int) {
			out := call.Out[0].F32()[from:to]
			for i, v := range call.In[0].F32()[from:to] {
				// One with the number's sign; a zero and what is no number stay as they are.
				bits := math.Float32bits(v)
				if one := bits&0x80000000 | 0x3f800000; bits&0x7fffffff != 0 && v == v {
					bits = one
				}
				out[i] = math.Float32frombits(bits)
			}
		})
	})
	for _, name := range []string{"ArgMax", "ArgMin"} {
		add(name, opName(name)+"_f32", func(p ir.Problem) error {
			if p.In[0].Elems() == 0 {
				return errors.New("it is empty")
			}
			return ofTypes(1, ir.F32)(p)
		}, func(p ir.Problem) ir.Bound { return bindExtremum(p, name == "ArgMin") })
	}
	return ks
}

// ofTypes demands that so many inputs have the same of some types.
func ofTypes(inputs int, types ...ir.Type) func(p ir.Problem) error {
	return func(p ir.Problem) error {
		if len(p.In) != inputs {
			return fmt.Errorf("it takes %d inputs, not %d", inputs, len(p.In))
		}
		for i := range inputs {
			if p.TypeIn(i) != p.TypeIn(0) {
				return errors.New("its inputs have more than one type")
			}
		}
		for _, t := range types {
			if p.TypeIn(0) == t {
				return nil
			}
		}
		return fmt.Errorf("it takes no %s", p.TypeIn(0))
	}
}

// walked goes over the output of an operator whose inputs broadcast: f gets runs of n elements from `to` on, where each
// input's elements begin, and which of these stand still.
func walked(p ir.Problem, f func(call ir.Call, at [3]int, to, n int, still [3]bool)) ir.Bound {
	out := p.Out[0]
	steps := make([][]int, len(p.In))
	for i, s := range p.In {
		steps[i] = broadcastSteps(s, out)
	}
	// The last axes are one run as far as every input goes with the output, or stands still.
	run, first := 1, len(out)
	var still [3]bool
	for ; first > 0; first-- {
		d := first - 1
		if out[d] == 1 {
			continue
		}
		ok := true
		for i := range steps {
			switch {
			case run == 1:
				still[i] = steps[i][d] == 0
			case still[i] != (steps[i][d] == 0) || !still[i] && steps[i][d] != run:
				ok = false
			}
		}
		if !ok {
			break
		}
		run *= out[d]
	}
	outer := out[:first]
	const most = 1 << 12
	pieces := ceilDiv(run, most)
	b := inParts(p, outer.Elems()*pieces, float64(min(run, most)), func(call ir.Call, from, to int) {
		for item := from; item < to; item++ {
			o, skip := item/pieces, item%pieces*most
			var at [3]int
			for d, rest := first-1, o; d >= 0; d-- {
				for i := range steps {
					at[i] += rest % outer[d] * steps[i][d]
				}
				rest /= outer[d]
			}
			for i := range steps {
				if !still[i] {
					at[i] += skip
				}
			}
			f(call, at, o*run+skip, min(most, run-skip), still)
		}
	})
	return b
}

// operand is the elements of a run, or the one that stands for all.
func operand[T any](v []T, at, n int, still bool) []T {
	if still {
		n = 1
	}
	return v[at : at+n]
}

// logical joins truth values; b may be one for all.
func logical(name string, out, a, b []uint8) {
	a = a[:min(len(a), len(out))]
	switch {
	case len(b) == len(out) && len(a) == len(out):
		b = b[:len(a)]
		switch name {
		case "And":
			for i, x := range a {
				out[i] = x & b[i]
			}
		case "Or":
			for i, x := range a {
				out[i] = x | b[i]
			}
		default:
			for i, x := range a {
				out[i] = x ^ b[i]
			}
		}
	default:
		y := b[0]
		for i := range out {
			switch x := a[min(i, len(a)-1)]; name {
			case "And":
				out[i] = x & y
			case "Or":
				out[i] = x | y
			default:
				out[i] = x ^ y
			}
		}
	}
}

func bindCompare[T float32 | int64 | int32 | uint8](p ir.Problem, view func(ir.Memory) []T) ir.Bound {
	name := p.Node.Op
	return walked(p, func(call ir.Call, at [3]int, to, n int, still [3]bool) {
		a, b, out := operand(view(call.In[0]), at[0], n, still[0]), operand(view(call.In[1]), at[1], n, still[1]), call.Out[0].Bool()[to:to+n]
		switch name {
		case "Greater":
			less(out, b, a)
		case "Less":
			less(out, a, b)
		case "GreaterOrEqual":
			atMost(out, b, a)
		case "LessOrEqual":
			atMost(out, a, b)
		default:
			equal(out, a, b)
		}
	})
}

func less[T float32 | int64 | int32 | uint8](out []bool, a, b []T) {
	switch {
	case len(a) < len(out) && len(b) < len(out):
		for i := range out {
			out[i] = a[0] < b[0]
		}
	case len(a) < len(out):
		for i, y := range b[:len(out)] {
			out[i] = a[0] < y
		}
	case len(b) < len(out):
		for i, x := range a[:len(out)] {
			out[i] = x < b[0]
		}
	default:
		b = b[:len(out)]
		for i, x := range a[:len(out)] {
			out[i] = x < b[i]
		}
	}
}

func atMost[T float32 | int64 | int32 | uint8](out []bool, a, b []T) {
	for i := range out {
		out[i] = a[min(i, len(a)-1)] <= b[min(i, len(b)-1)]
	}
}

func equal[T float32 | int64 | int32 | uint8](out []bool, a, b []T) {
	for i := range out {
		out[i] = a[min(i, len(a)-1)] == b[min(i, len(b)-1)]
	}
}

func bindWhere[T uint8 | uint32 | uint64](p ir.Problem, view func(ir.Memory) []T) ir.Bound {
	return walked(p, func(call ir.Call, at [3]int, to, n int, still [3]bool) {
		c, out := operand(call.In[0].U8(), at[0], n, still[0]), view(call.Out[0])[to:to+n]
		a, b := operand(view(call.In[1]), at[1], n, still[1]), operand(view(call.In[2]), at[2], n, still[2])
		switch {
		case still[0]:
			if c[0] == 0 {
				a = b
			}
			for i := range out {
				out[i] = a[min(i, len(a)-1)]
			}
		case still[1] || still[2]:
			for i, y := range c[:len(out)] {
				u, v := a[min(i, len(a)-1)], b[min(i, len(b)-1)]
				out[i] = v ^ (u^v)&-T(y)
			}
		default:
			a, b = a[:len(out)], b[:len(out)]
			for i, y := range c[:len(out)] {
				out[i] = b[i] ^ (a[i]^b[i])&-T(y)
			}
		}
	})
}

// castOf is the loop that converts elements from..to-1 of a type to another, as the definition does; nil where there is none.
func castOf(in, out ir.Type) func(dst, src ir.Memory, from, to int) {
	switch [2]ir.Type{in, out} {
	case [2]ir.Type{ir.F32, ir.I32}:
		return truncateTo(ir.Memory.I32)
	case [2]ir.Type{ir.F32, ir.I64}:
		return truncateTo(ir.Memory.I64)
	case [2]ir.Type{ir.F32, ir.U8}:
		return truncateTo(ir.Memory.U8)
	case [2]ir.Type{ir.F32, ir.Bool}:
		return castTo(ir.Memory.F32, ir.Memory.Bool, func(v float32) bool { return v != 0 })
	case [2]ir.Type{ir.F32, ir.F16}:
		return castTo(ir.Memory.F32, ir.Memory.U16, asm.ToHalf)
	case [2]ir.Type{ir.F16, ir.F32}:
		return castTo(ir.Memory.U16, ir.Memory.F32, asm.FromHalf)
	case [2]ir.Type{ir.I32, ir.F32}:
		return widenTo(ir.Memory.I32, ir.Memory.F32)
	case [2]ir.Type{ir.I64, ir.F32}:
		return widenTo(ir.Memory.I64, ir.Memory.F32)
	case [2]ir.Type{ir.U8, ir.F32}, [2]ir.Type{ir.Bool, ir.F32}:
		return widenTo(ir.Memory.U8, ir.Memory.F32)
	case [2]ir.Type{ir.I64, ir.I32}:
		return widenTo(ir.Memory.I64, ir.Memory.I32)
	case [2]ir.Type{ir.I32, ir.I64}:
		return widenTo(ir.Memory.I32, ir.Memory.I64)
	case [2]ir.Type{ir.Bool, ir.I64}:
		return widenTo(ir.Memory.U8, ir.Memory.I64)
	case [2]ir.Type{ir.Bool, ir.I32}:
		return widenTo(ir.Memory.U8, ir.Memory.I32)
	}
	return nil
}

// widenTo converts as the language does, element by element without a call.
func widenTo[S, D int32 | int64 | uint8 | float32](src func(ir.Memory) []S, dst func(ir.Memory) []D) func(d, s ir.Memory, from, to int) {
	return func(d, s ir.Memory, from, to int) {
		in := src(s)[from:to]
		out := dst(d)[from:to][:len(in)]
		for i, v := range in {
			out[i] = D(v)
		}
	}
}

// truncateTo takes the fractions away: in one step those of numbers that every processor truncates alike.
func truncateTo[D int32 | int64 | uint8](dst func(ir.Memory) []D) func(d, s ir.Memory, from, to int) {
	return func(d, s ir.Memory, from, to int) {
		in := s.F32()[from:to]
		out := dst(d)[from:to][:len(in)]
		for i, v := range in {
			if v > -1<<62 && v < 1<<62 {
				out[i] = D(int64(v))
			} else {
				out[i] = truncated[D](v)
			}
		}
	}
}

func castTo[S, D any](src func(ir.Memory) []S, dst func(ir.Memory) []D, f func(S) D) func(d, s ir.Memory, from, to int) {
	return func(d, s ir.Memory, from, to int) {
		out := dst(d)[from:to]
		for i, v := range src(s)[from:to] {
			out[i] = f(v)
		}
	}
}

// truncated is a number without its fraction as an integer. What no integer of 64 bits is, is the nearest of them; what is no
// number is 0. Of a shorter integer the last bits are left.
func truncated[T int32 | int64 | uint8](v float32) T {
	var i int64
	switch {
	case v != v:
	case v >= 1<<63:
		i = math.MaxInt64
	case v < -1<<63:
		i = math.MinInt64
	default:
		i = int64(v)
	}
	return T(i)
}

// bindExtremum finds the place of the first (or last) of the largest along an axis.
func bindExtremum(p ir.Problem, smallest bool) ir.Bound {
	x := p.In[0]
	axis := p.Node.Attrs.Int("axis", 0)
	if axis < 0 {
		axis += len(x)
	}
	last := p.Node.Attrs.Int("select_last_index", 0) != 0
	extent, step := x[axis], x[axis+1:].Elems()
	const width = 256
	cols := ceilDiv(step, width)
	return inParts(p, x[:axis].Elems()*cols, float64(extent*min(step, width)), func(call ir.Call, from, to int) {
		in, out := call.In[0].F32(), call.Out[0].I64()
		var tops [width]float32
		for i := from; i < to; i++ {
			o, c := i/cols, i%cols*width
			n := min(width, step-c)
			top, place := tops[:n], out[o*step+c:][:n]
			copy(top, in[o*extent*step+c:])
			clear(place)
			for j := 1; j < extent; j++ {
				for k, v := range in[(o*extent+j)*step+c:][:n] {
					if v > top[k] && !smallest || v < top[k] && smallest || last && v == top[k] {
						top[k], place[k] = v, int64(j)
					}
				}
			}
		}
	})
}
