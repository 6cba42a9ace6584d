package primitive

import (
	"errors"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// This file transposes f32: matrices that lie one after the other, and maps between channels first and channels last,
// which in blocks of channels lie nearly alike.

func transposeKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		if l.half || l.isa == isaGo || l.isa == isaNEON {
			continue
		}
		u := turnerOf(l.isa)
		ks = append(ks, ir.Kernel{
			Name: "transpose_f32__" + l.isa, Op: "Transpose", Type: ir.F32, ISA: l.isa, Exact: ir.ExactInt,
			Fits: func(p ir.Problem) error {
				if channelsLast(p) || channelsFirst(p) {
					return nil
				}
				_, err := newTurned(p)
				return err
			},
			Layouts: func(p ir.Problem) (in, out []ir.Layout) {
				switch {
				case channelsLast(p):
					return []ir.Layout{ir.Blocked}, []ir.Layout{ir.Plain}
				case channelsFirst(p):
					return []ir.Layout{ir.Plain}, []ir.Layout{ir.Blocked}
				}
				return []ir.Layout{ir.Plain}, []ir.Layout{ir.Plain}
			},
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
				if p.LayoutIn(0).Block != 0 || p.LayoutOut(0).Block != 0 {
					return bindChannels(p), nil
				}
				return bindTurned(p, u)
			},
		})
	}
	return ks
}

func permOf(p ir.Problem) []int { return p.Node.Attrs.Ints("perm") }

// channelsLast tells a map in blocks that becomes N x H x W x C.
func channelsLast(p ir.Problem) bool {
	return p.LayoutIn(0).Block == ir.Lanes && len(p.In[0]) == 4 && slices.Equal(permOf(p), []int{0, 2, 3, 1})
}

// channelsFirst tells one that becomes N x C x H x W, full blocks of channels.
func channelsFirst(p ir.Problem) bool {
	return len(p.In[0]) == 4 && p.In[0][3]%ir.Lanes == 0 && slices.Equal(permOf(p), []int{0, 3, 1, 2}) && p.Weights[0] == nil
}

// bindChannels moves the pixels of blocks to where, or from where, all their channels lie together.
func bindChannels(p ir.Problem) ir.Bound {
	s, in := p.In[0], p.LayoutIn(0).Block == 0 // into blocks
	l := p.LayoutIn(0)
	if in {
		s, l = p.Out[0], p.LayoutOut(0)
	}
	st, blocks, c, h, w := l.StridesOf(s), ir.Blocks(s), s[1], s[2], s[3]
	return shared(p, s[0]*h, float64(s[0]*h*w*blocks)*2, func(call ir.Call, from, to int) {
		flat, block := call.In[0].F32(), call.Out[0].F32()
		if !in {
			flat, block = block, flat
		}
		for i := from; i < to; i++ {
			rows := flat[i*w*c : (i+1)*w*c]
			for b := range blocks {
				row := block[i/h*st.Image+b*st.Block+st.Origin+i%h*st.Row:][:w*ir.Lanes]
				lanes := min(ir.Lanes, c-b*ir.Lanes)
				for x := range w {
					pixel := row[x*ir.Lanes:][:ir.Lanes]
					all := rows[x*c+b*ir.Lanes:][:lanes]
					switch {
					case lanes < ir.Lanes:
						copy(all, pixel) // in blocks that are not full only out of them
					case in:
						*(*[ir.Lanes]float32)(pixel) = *(*[ir.Lanes]float32)(all)
					default:
						*(*[ir.Lanes]float32)(all) = *(*[ir.Lanes]float32)(pixel)
					}
				}
			}
		}
	})
}

// turned is a number of matrices.
type turned struct{ matrices, rows, cols int }

// newTurned joins the axes that stay neighbours, and says where that leaves no two that change places.
func newTurned(p ir.Problem) (turned, error) {
	x, perm := p.In[0], permOf(p)
	if len(perm) == 0 {
		for d := range x {
			perm = append([]int{d}, perm...)
		}
	}
	perm = slices.DeleteFunc(slices.Clone(perm), func(d int) bool { return x[d] == 1 })
	var groups [][2]int // first axis and extent, in the order of the output
	for i, d := range perm {
		joined := i > 0
		for e := perm[max(0, i-1)] + 1; joined && e < d; e++ {
			joined = x[e] == 1
		}
		if joined && perm[i-1] < d {
			groups[len(groups)-1][1] *= x[d]
		} else {
			groups = append(groups, [2]int{d, x[d]})
		}
	}
	switch {
	case len(groups) == 2 && groups[0][0] > groups[1][0]:
		return turned{1, groups[1][1], groups[0][1]}, nil
	case len(groups) == 3 && groups[0][0] < groups[2][0] && groups[2][0] < groups[1][0]:
		return turned{groups[0][1], groups[2][1], groups[1][1]}, nil
	}
	return turned{}, errors.New("it does not transpose matrices that lie one after the other")
}

func bindTurned(p ir.Problem, u turner) (ir.Bound, error) {
	t, err := newTurned(p)
	if err != nil {
		return ir.Bound{}, err
	}
	// Pieces of rows that stay in the first-level cache, with what they become.
	piece := min(t.rows, 64)
	pieces := ceilDiv(t.rows, piece)
	return shared(p, t.matrices*pieces, float64(t.matrices*t.rows*t.cols)*0.3, func(call ir.Call, from, to int) {
		in, out := call.In[0].F32(), call.Out[0].F32()
		for i := from; i < to; i++ {
			m, r := i/pieces*t.rows*t.cols, i%pieces*piece
			n := min(piece, t.rows-r)
			u.turn(out[m+r:m+t.rows*t.cols], in[m+r*t.cols:m+(r+n)*t.cols], n, t.cols, t.cols, t.rows)
		}
	}), nil
}
