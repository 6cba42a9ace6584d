package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file says how a map is cut into the 16 strips whose pixels are lanes (ir.Strips), and fills their borders.

// gridOf is the grid that has the fewest vectors for a map, those in the borders counted less.
func gridOf(h, w int) ir.Grid {
	best, least := ir.Grid{}, 0
	for _, rows := range []int{4, 8, 2, 16, 1} {
		g := ir.Grid{Rows: rows, Cols: ir.Lanes / rows, H: ceilDiv(h, rows), W: ceilDiv(w, ir.Lanes/rows)}
		cost := 8*g.H*g.W + (g.H+2)*(g.W+2)
		if best.Rows == 0 || cost < least {
			best, least = g, cost
		}
	}
	return best
}

// covers reports whether all of a map lies in a grid.
func covers(g ir.Grid, h, w int) bool { return g.Rows*g.H >= h && g.Cols*g.W >= w }

// strips is what a sparse convolution over strips knows of its node. Both maps are cut alike, so that a strip of the output
// has under its windows one strip of the input and some pixels of those beside it.
type strips struct {
	p        ir.Problem
	n, c     int
	h, w     int
	m        int
	oh, ow   int
	win      op.Window
	from, to ir.Grid
}

// maxStrips bounds the elements of an image in strips, so that distances in bytes fit 32 bits.
const maxStrips = 1 << 28

// newStrips chooses the grids: those that the input has, where they fit and are not much larger than need be.
func newStrips(p ir.Problem) (*strips, error) {
	x, out, w := p.In[0], p.Out[0], p.In[1]
	if len(x) != 4 || len(w) != 4 {
		return nil, fmt.Errorf("only convolutions in two dimensions")
	}
	win, err := op.WindowOf(p.Node, w[2], w[3])
	if err != nil {
		return nil, err
	}
	s := &strips{p: p, n: x[0], c: x[1], h: x[2], w: x[3], m: out[1], oh: out[2], ow: out[3], win: win}
	s.to = gridOf(max(s.oh, ceilDiv(s.h, win.SH)), max(s.ow, ceilDiv(s.w, win.SW)))
	if g := p.LayoutIn(0).Grid; p.LayoutIn(0).Block == ir.Strips && g.H%win.SH == 0 && g.W%win.SW == 0 {
		t := ir.Grid{Rows: g.Rows, Cols: g.Cols, H: g.H / win.SH, W: g.W / win.SW}
		if covers(t, s.oh, s.ow) && 4*t.H*t.W <= 5*s.to.H*s.to.W {
			s.to = t
		}
	}
	s.from = ir.Grid{Rows: s.to.Rows, Cols: s.to.Cols, H: s.to.H * win.SH, W: s.to.W * win.SW}
	b := s.border()
	high, wide := b.Top+s.from.H+b.Bottom, b.Left+s.from.W+b.Right
	if high > maxStrips || wide > maxStrips || high*wide > maxStrips/ir.Lanes/max(s.c, s.m) {
		return nil, fmt.Errorf("its input in strips is larger than %d elements", maxStrips)
	}
	return s, nil
}

// border is how far the windows reach over a strip's edges.
func (s *strips) border() ir.Border {
	w := s.win
	return ir.Border{
		Top: w.Top, Left: w.Left,
		Bottom: max(0, (w.KH-1)*w.DH-w.Top-w.SH+1), Right: max(0, (w.KW-1)*w.DW-w.Left-w.SW+1),
	}
}

// vectors is the number of vectors of an output channel.
func (s *strips) vectors() int { return s.to.H * s.to.W }

func stripLayouts(p ir.Problem) (in, out []ir.Layout) {
	s, err := newStrips(p)
	if err != nil {
		return nil, nil
	}
	in = make([]ir.Layout, len(p.In))
	in[0] = ir.Layout{Block: ir.Strips, Grid: s.from, Border: s.border()}
	if len(in) > 3 && p.In[3] != nil {
		in[3] = ir.Layout{Block: ir.Strips, Grid: s.to}
	}
	return in, []ir.Layout{{Block: ir.Strips, Grid: s.to}}
}

// edges are the borders of the planes of a value in strips, which are filled when the pixels inside are there.
type edges struct {
	isa    asm.ISA
	list   []asm.Edge // by the row that they are copied from
	begins []int      // of each row, and the end
	st     ir.Strides
	planes int // of all images
	image  int
}

// edgesOf finds what has to be filled: pixels of the border are copied from the strip beside, or zero outside the map; so
// are places of strips that reach over its edge. nil: nothing.
func edgesOf(isa asm.ISA, l ir.Layout, s ir.Shape) *edges {
	b, g := l.Border, l.Grid
	if b == (ir.Border{}) {
		return nil
	}
	e := &edges{isa: isa, st: l.StridesOf(s), planes: s[0] * s[1], image: s[1]}
	place := func(y, x int) int32 { return int32(4 * (e.st.Origin + y*e.st.Row + x*ir.Lanes)) }
	floor := func(a, b int) int { return -ceilDiv(-a, b) }
	byRow := make([][]asm.Edge, g.H)
	for y := -b.Top; y < g.H+b.Bottom; y++ {
		for x := -b.Left; x < g.W+b.Right; x++ {
			// So many strips further is the strip that has these pixels.
			dy, dx := floor(y, g.H), floor(x, g.W)
			edge := asm.Edge{Dst: place(y, x), Src: place(y-dy*g.H, x-dx*g.W)}
			for l := range ir.Lanes {
				gy, gx := l/g.Cols, l%g.Cols
				if ty, tx := gy*g.H+y, gx*g.W+x; ty >= 0 && ty < s[2] && tx >= 0 && tx < s[3] {
					edge.Mask |= 1 << l
					edge.From[l] = int32((gy+dy)*g.Cols + gx + dx)
				}
			}
			if dy != 0 || dx != 0 || edge.Mask != 1<<ir.Lanes-1 {
				byRow[y-dy*g.H] = append(byRow[y-dy*g.H], edge)
			}
		}
	}
	for _, list := range byRow {
		e.begins = append(e.begins, len(e.list))
		e.list = append(e.list, list...)
	}
	e.begins = append(e.begins, len(e.list))
	if len(e.list) == 0 {
		return nil
	}
	return e
}

// fill fills the borders of planes from..to-1, counted over all images.
func (e *edges) fill(v []float32, from, to int) { e.fillFrom(v, from, to, 0, len(e.begins)-1) }

// fillFrom fills what of them comes from rows y0..y1-1.
func (e *edges) fillFrom(v []float32, from, to, y0, y1 int) {
	list := e.list[e.begins[y0]:e.begins[y1]]
	if len(list) == 0 {
		return
	}
	for from < to {
		image, plane := from/e.image, from%e.image
		most := max(1, asm.MaxMACs/64/len(list))
		n := min(to-from, e.image-plane, most)
		t := asm.Edges{
			Plane: &v[image*e.st.Image+plane*e.st.Block], List: &list[0], Count: len(list), Planes: n, Step: 4 * e.st.Block,
		}
		switch e.isa {
		case asm.AVX512:
			asm.Edges512(&t)
		case asm.AVX2:
			asm.Edges256(&t)
		default:
			asm.EdgesGo(&t)
		}
		from += n
	}
}
