package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// byteRunOfLanes is a run of channels of one block of the output that lies together in one block of an input.
type byteRunOfLanes struct {
	lane, lanes int
	input       int // -1: none; the lanes hold the fill
	from        int // offset of the run's first channel in an image of the input
}

// byteMoves copies channels of maps in blocks of 16, row by row.
type byteMoves struct {
	out       ir.Shape
	to        ir.Strides
	from      []ir.Strides
	runs      [][]byteRunOfLanes // by block of the output
	fill      byte
	top, left int // rows and pixels of the output before the input's first
	h, w      int // of the inputs
	parts     int
}

// newByteMoves takes for each channel of the output its input and channel; input -1 stands for the fill.
func newByteMoves(p ir.Problem, source func(c int) (input, channel int)) *byteMoves {
	m := &byteMoves{out: p.Out[0], to: p.LayoutOut(0).StridesOf(p.Out[0]), h: p.In[0][2], w: p.In[0][3]}
	for i, s := range p.In {
		st := ir.Strides{}
		if len(s) == 4 {
			st = p.LayoutIn(i).StridesOf(s)
		}
		m.from = append(m.from, st)
	}
	for block := range ir.Blocks(m.out) {
		var runs []byteRunOfLanes
		for lane := range ir.Lanes {
			c := block*ir.Lanes + lane
			input, channel := -1, 0
			if c < m.out[1] {
				input, channel = source(c)
			}
			from := 0
			if input >= 0 {
				st := m.from[input]
				from = channel/ir.Lanes*st.Block + st.Origin + channel%ir.Lanes
			}
			if n := len(runs); n > 0 && runs[n-1].input == input && (input < 0 || runs[n-1].from+runs[n-1].lanes == from) {
				runs[n-1].lanes++
				continue
			}
			runs = append(runs, byteRunOfLanes{lane, 1, input, from})
		}
		if n := len(runs); n == 2 && runs[1].input < 0 && block*ir.Lanes+runs[1].lane == m.out[1] && runs[0].from%ir.Lanes == 0 { // unused lanes may hold anything
			runs = []byteRunOfLanes{{0, ir.Lanes, runs[0].input, runs[0].from}}
		}
		m.runs = append(m.runs, runs)
	}
	m.parts = bytesParts(m.out[0]*len(m.runs), m.out[2]*m.out[3]*2, p.Machine)
	return m
}

func (m *byteMoves) run(call ir.Call) {
	from, to := part(m.out[0]*len(m.runs), m.parts, call.Part)
	for i := from; i < to; i++ {
		n, block := i/len(m.runs), i%len(m.runs)
		for y := range m.out[2] {
			row := call.Out[0][n*m.to.Image+block*m.to.Block+m.to.Origin+y*m.to.Row:][:ir.Lanes*m.out[3]]
			iy := y - m.top
			if iy < 0 || iy >= m.h {
				fill(row, m.fill)
				continue
			}
			fill(row[:ir.Lanes*m.left], m.fill)
			fill(row[ir.Lanes*(m.left+m.w):], m.fill)
			row = row[ir.Lanes*m.left : ir.Lanes*(m.left+m.w)]
			for _, r := range m.runs[block] {
				if r.input < 0 {
					for j := r.lane; j < len(row); j += ir.Lanes {
						fill(row[j:j+r.lanes], m.fill)
					}
					continue
				}
				st := m.from[r.input]
				moveLanes(row[r.lane:], call.In[r.input][n*st.Image+iy*st.Row+r.from:], m.w, r.lanes)
			}
		}
	}
}

// moveLanes copies some neighbouring lanes of that many pixels.
func moveLanes(dst, src []byte, pixels, lanes int) {
	switch lanes {
	case ir.Lanes:
		copy(dst, src[:ir.Lanes*pixels])
	case ir.Lanes / 2:
		for i := range pixels {
			*(*[8]byte)(dst[16*i:]) = *(*[8]byte)(src[16*i:])
		}
	default:
		for i := range pixels {
			copy(dst[16*i:16*i+lanes], src[16*i:])
		}
	}
}

// byteConcat joins maps along their channels where package system cannot make them side by side: batches, and inputs
// whose channels end within a block.
func byteConcat(l byteLevel) ir.Kernel {
	return ir.Kernel{
		Name: "concat_i8__" + l.isa, Op: "Concat", Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if p.TypeIn(0) != ir.U8 && p.TypeIn(0) != ir.I8 || len(p.Out[0]) != 4 {
				return fmt.Errorf("it joins maps of bytes")
			}
			if axis := p.Node.Attrs.Int("axis", 1); axis != 1 && axis != -3 {
				return fmt.Errorf("it joins channels")
			}
			for i := range p.In {
				if p.Weights[i] != nil {
					return fmt.Errorf("input %d is constant", i)
				}
			}
			return nil
		},
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			for range p.In {
				in = append(in, ir.Blocked)
			}
			return in, []ir.Layout{ir.Blocked}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
			m := newByteMoves(p, func(c int) (input, channel int) {
				for i, s := range p.In {
					if c < s[1] {
						return i, c
					}
					c -= s[1]
				}
				return -1, 0
			})
			return ir.Bound{Run: m.run, Phases: []int{m.parts}}, nil
		},
	}
}

// bytePad adds channels, rows and columns of one value to a map.
func bytePad(l byteLevel) ir.Kernel {
	pads := func(p ir.Problem) ([]int, error) {
		known := func(i int) op.Array {
			if i >= len(p.Weights) || p.Weights[i] == nil {
				return op.Array{}
			}
			return op.Widen(p.Weights[i])
		}
		return op.Pads(p.Node, p.In[0], known(1), known(3))
	}
	return ir.Kernel{
		Name: "pad_i8__" + l.isa, Op: "Pad", Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if err := byteMap(p); err != nil {
				return err
			}
			if err := constant(1, 2, 3)(p); err != nil {
				return err
			}
			if err := scalars(p, 2); err != nil {
				return err
			}
			v, err := pads(p)
			if err != nil {
				return err
			}
			if len(v) != 8 || v[0]+v[4] != 0 || p.Node.Attrs.Str("mode", "constant") != "constant" {
				return fmt.Errorf("it pads maps by a constant")
			}
			for _, x := range v {
				if x < 0 {
					return fmt.Errorf("it cuts nothing off")
				}
			}
			return nil
		},
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			in = make([]ir.Layout, len(p.In))
			in[0] = ir.Blocked
			return in, []ir.Layout{ir.Blocked}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
			v, err := pads(p)
			if err != nil {
				return ir.Bound{}, err
			}
			m := newByteMoves(p, func(c int) (input, channel int) {
				if c -= v[1]; c < 0 || c >= p.In[0][1] {
					return -1, 0
				}
				return 0, c
			})
			m.top, m.left, m.fill = v[2], v[3], byte(int(number(p, 2)))
			if len(p.Node.In) < 3 || p.Node.In[2] == "" {
				m.fill = byte(int(p.Node.Attrs.Float("value", 0)))
			}
			return ir.Bound{Run: m.run, Phases: []int{m.parts}}, nil
		},
	}
}
