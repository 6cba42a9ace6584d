package primitive

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// This file runs a single kernel as package system would: its inputs in the layouts that it asks for, its outputs in
// layouts with a border wider than nothing, and everything that it may not touch guarded.

const guard = 12345

// arrange gives a problem the layouts that system would: inputs made in that block, as a kernel's Layouts wants them, and
// outputs whose consumer wants a border. ok is false where the kernel does not fit, or where the block makes no
// difference to it.
func arrange(k ir.Kernel, p ir.Problem, block int) (q ir.Problem, ok bool) {
	q = p
	q.InLayout, q.OutLayout = make([]ir.Layout, len(p.In)), make([]ir.Layout, len(p.Out))
	for i, s := range p.In {
		if len(s) == 4 && p.Weights[i] == nil {
			if q.InLayout[i].Block = block; block == ir.Strips { // not always as the kernel would cut them
				q.InLayout[i].Grid = ir.Grid{Rows: 4, Cols: 4, H: (s[2] + 3) / 4, W: (s[3] + 3) / 4}
			}
		}
	}
	if block == ir.Strips && !k.Strips {
		return q, false
	}
	if k.Fits(q) != nil || block != 0 && (k.Layouts == nil || len(p.In[0]) != 4) {
		return q, false
	}
	if k.Layouts == nil {
		return q, true
	}
	in, out := k.Layouts(q)
	for i := range p.In {
		q.InLayout[i] = ir.Plain
		if i < len(in) && p.In[i] != nil && p.Weights[i] == nil {
			q.InLayout[i] = in[i]
		}
	}
	for i := range p.Out {
		if i < len(out) {
			q.OutLayout[i] = out[i]
		}
		if q.OutLayout[i].Block != 0 {
			q.OutLayout[i].Border = q.OutLayout[i].Border.Union(ir.Border{Top: 1, Left: 2, Bottom: 3, Right: 1})
		}
	}
	for i, l := range q.InLayout {
		if l.Block != 0 { // another consumer may want more
			q.InLayout[i].Border = l.Border.Union(ir.Border{Top: 1, Left: 0, Bottom: 1, Right: 2})
		}
	}
	return q, true
}

// lay puts plain numbers into a layout: zeros in the border, finite nonsense in the lanes past the last channel.
func lay(v []float32, s ir.Shape, l ir.Layout) ir.Memory {
	if l.Block == 0 {
		m := ir.NewMemory(4 * len(v))
		copy(m.F32(), v)
		return m
	}
	m := ir.NewMemory(4 * l.Elems(s))
	if l.Block == ir.Strips {
		copy(m.F32(), inStrips(v, s, l))
		return m
	}
	x, st := m.F32(), l.StridesOf(s)
	for n := range s[0] {
		for c := range ir.Blocks(s) * ir.Lanes {
			for y := range s[2] {
				for xx := range s[3] {
					at := n*st.Image + c/ir.Lanes*st.Block + st.Origin + y*st.Row + xx*ir.Lanes + c%ir.Lanes
					if c < s[1] {
						x[at] = v[((n*s[1]+c)*s[2]+y)*s[3]+xx]
					} else {
						x[at] = float32(at%7) - 3
					}
				}
			}
		}
	}
	return m
}

// unlay reads plain numbers out of a layout, and fails where the border is not as it was or a lane is not finite.
func unlay(t *testing.T, x []float32, s ir.Shape, l ir.Layout) []float32 {
	t.Helper()
	if l.Block == 0 {
		return x
	}
	if l.Block == ir.Strips {
		return outOfStrips(t, x, s, l)
	}
	b := l.Border
	out := make([]float32, s.Elems())
	for i, v := range x {
		lane, pixel := i%ir.Lanes, i/ir.Lanes
		w, h := b.Left+s[3]+b.Right, b.Top+s[2]+b.Bottom
		xx, y, block := pixel%w-b.Left, pixel/w%h-b.Top, pixel/(w*h)
		if xx < 0 || xx >= s[3] || y < 0 || y >= s[2] {
			if v != guard {
				t.Fatalf("it wrote %v into the border, at row %d, column %d of block %d", v, y, xx, block)
			}
			continue
		}
		n, c := block/ir.Blocks(s), block%ir.Blocks(s)*ir.Lanes+lane
		if c < s[1] {
			out[((n*s[1]+c)*s[2]+y)*s[3]+xx] = v
		} else if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("lane %d past the last channel is %v", lane, v)
		}
	}
	return out
}

// lanePlace is one number of a channel's plane in strips: where it lies, the pixel that it is of, and whether it lies
// within the border of its strip.
type lanePlace struct {
	at, pixel int // of the plane; pixel -1: outside the map
	inside    bool
}

// lanePlaces are those of every plane of a value in strips.
func lanePlaces(s ir.Shape, l ir.Layout) []lanePlace {
	st, b, g := l.StridesOf(s), l.Border, l.Grid
	list := make([]lanePlace, 0, (b.Top+g.H+b.Bottom)*(b.Left+g.W+b.Right)*ir.Lanes)
	for sy := -b.Top; sy < g.H+b.Bottom; sy++ {
		for sx := -b.Left; sx < g.W+b.Right; sx++ {
			for lane := range ir.Lanes {
				y, x := lane/g.Cols*g.H+sy, lane%g.Cols*g.W+sx
				p := lanePlace{st.Origin + sy*st.Row + sx*ir.Lanes + lane, -1, sy >= 0 && sy < g.H && sx >= 0 && sx < g.W}
				if y >= 0 && y < s[2] && x >= 0 && x < s[3] {
					p.pixel = y*s[3] + x
				}
				list = append(list, p)
			}
		}
	}
	return list
}

// inStrips puts plain numbers into strips, their borders filled.
func inStrips(v []float32, s ir.Shape, l ir.Layout) []float32 {
	out := make([]float32, l.Elems(s))
	places, st := lanePlaces(s, l), l.StridesOf(s)
	for plane := range s[0] * s[1] {
		to, from := out[plane/s[1]*st.Image+plane%s[1]*st.Block:], v[plane*s[2]*s[3]:]
		for _, p := range places {
			if p.pixel >= 0 {
				to[p.at] = from[p.pixel]
			}
		}
	}
	return out
}

// outOfStrips reads plain numbers out of strips, and fails where a border is not filled as it should be.
func outOfStrips(t *testing.T, v []float32, s ir.Shape, l ir.Layout) []float32 {
	t.Helper()
	out := make([]float32, s.Elems())
	places, st := lanePlaces(s, l), l.StridesOf(s)
	bordered := l.Border != (ir.Border{})
	for plane := range s[0] * s[1] {
		from, to := v[plane/s[1]*st.Image+plane%s[1]*st.Block:], out[plane*s[2]*s[3]:]
		for _, p := range places {
			switch x := from[p.at]; {
			case !p.inside:
			case p.pixel >= 0:
				to[p.pixel] = x
			case math.IsNaN(float64(x)) || math.IsInf(float64(x), 0):
				t.Fatalf("number %d of plane %d, outside the map, is %v", p.at, plane, x)
			}
		}
		for _, p := range places {
			want := float32(0)
			if p.pixel >= 0 {
				want = to[p.pixel]
			}
			if bordered && from[p.at] != want {
				t.Fatalf("pixel %d (-1: outside) of plane %d in strips %v with the border %v is %v, want %v", p.pixel, plane, l.Grid, l.Border, from[p.at], want)
			}
		}
	}
	return out
}

func memories(in [][]float32) []ir.Memory {
	m := make([]ir.Memory, len(in))
	for i, v := range in {
		m[i] = ir.MemoryOf(v)
	}
	return m
}

// run runs all parts of a kernel in a random order, on threads whose scratch is dirty, and returns its output in the
// plain order. Memory that a kernel may not count on is NaN, memory that it may not touch is checked.
func run(t *testing.T, r *rand.Rand, b ir.Bound, p ir.Problem, in [][]float32) []float32 {
	t.Helper()
	room := func(n int) ir.Memory {
		m := ir.NewMemory(4 * (n + 32))
		v := m.F32()
		for i := range v {
			v[i] = float32(math.NaN())
		}
		for i := range 16 {
			v[i], v[n+16+i] = guard, guard
		}
		return m
	}
	whole := func(m ir.Memory) bool {
		v := m.F32()
		for i := range 16 {
			if v[i] != guard || v[len(v)-1-i] != guard {
				return false
			}
		}
		return true
	}
	inner := func(m ir.Memory) ir.Memory { return m[64 : len(m)-64 : len(m)-64] }
	l := p.LayoutOut(0)
	workspace, out := room(int(b.WorkspaceBytes+3)/4), room(l.Elems(p.Out[0]))
	if l.Block != 0 {
		v := inner(out).F32()
		for i := range v {
			v[i] = guard
		}
	}
	const threads = 3
	var scratch [threads]ir.Memory
	for i := range scratch {
		scratch[i] = room(int(b.ScratchBytes+3) / 4)
	}
	call := ir.Call{In: make([]ir.Memory, len(in)), Out: []ir.Memory{inner(out)}, Workspace: inner(workspace)}
	for i, s := range p.Out[1:] { // the first is the one that is looked at
		call.Out = append(call.Out, ir.NewMemory(4*p.LayoutOut(1+i).Elems(s)))
	}
	for i, v := range in {
		if v == nil || p.Weights[i] != nil && !b.Unpacked {
			continue
		}
		call.In[i] = lay(v, p.In[i], p.LayoutIn(i))
	}
	for phase, parts := range b.Phases {
		call.Phase = phase
		for _, part := range r.Perm(parts) {
			call.Part, call.Thread = part, r.IntN(threads)
			call.Scratch = inner(scratch[call.Thread])
			b.Run(call)
		}
	}
	for _, m := range append(scratch[:], workspace, out) {
		if !whole(m) {
			t.Fatal("it wrote outside its memory")
		}
	}
	return unlay(t, inner(out).F32(), p.Out[0], l)
}
