package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// denseRows are weights packed for the dense loop: the weights of a group of output channels side by side for each
// depth. A group that has fewer channels than rows is filled up with zeros.
type denseRows struct {
	w      []float32
	bias   []float32
	groups []group
}

type group struct {
	rows  int // 6 or 4
	first int // output channel
	real  int // output channels
	at    int // of its first row among all rows, padding included
}

// groupsOf cuts output channels into groups.
func groupsOf(m int, s ir.Schedule) []group {
	var list []group
	at := 0
	for first := 0; first < m; {
		rows := groupRows(m-first, s)
		n := min(rows, m-first)
		list = append(list, group{rows: rows, first: first, real: n, at: at})
		first += n
		at += rows
	}
	return list
}

// groupRows is the number of rows of the next group where left channels are left. Groups of 6 and 4 together make every
// even number from 4 on, so that at most one row is padding; 6 uses more of the registers. The schedule may ask for one
// size only.
func groupRows(left int, s ir.Schedule) int {
	if r := tile(s, 0); r == 4 || r == 6 {
		return r
	}
	if even := left + left%2; even <= 4 || even == 8 {
		return 4
	}
	return 6
}

// packDense makes a convolution use the dense loop.
func (c *conv) packDense(w []float32, groups []group) {
	depth := c.g.depth
	d := &denseRows{groups: groups}
	for _, gr := range groups {
		for k := range depth {
			for r := range gr.rows {
				v := float32(0)
				if r < gr.real {
					v = w[(gr.first+r)*depth+k]
				}
				d.w = append(d.w, v)
			}
		}
		d.bias = append(d.bias, c.bias[gr.first:gr.first+gr.real]...)
		d.bias = append(d.bias, make([]float32, gr.rows-gr.real)...)
	}
	c.packed, c.executed = 4*int64(len(d.w)), int64(len(d.w))
	c.units = len(groups)
	c.block = func(s segment, panel, from, to int) { c.denseBlock(d, s, panel, from, to) }
}

// denseBlock computes groups from..to-1 for one panel.
func (c *conv) denseBlock(rows *denseRows, s segment, panel, from, to int) {
	g := c.g
	pixels := g.oh * g.ow
	var d asm.Dense
	d.In = c.input(s, panel, d.At[:])
	d.Off, d.Reach = c.off, c.reach
	for u := from; u < to; {
		gr := rows.groups[u]
		d.W = rows.w[gr.at*g.depth:]
		d.Bias = rows.bias[gr.at:]
		if g.scatter || gr.real < gr.rows {
			c.denseEdge(s, panel, gr, d)
			u++
			continue
		}
		// All full groups of one size in one call, if that is not too long.
		n := 1
		for u+n < to && (n+1)*gr.rows*g.depth*2*asm.Lane <= asm.MaxMACs && rows.groups[u+n].rows == gr.rows && rows.groups[u+n].real == gr.rows {
			n++
		}
		d.Out, d.Res = s.out[gr.first*pixels:], nil
		if s.res != nil {
			d.Res = s.res[gr.first*pixels:]
		}
		for v := range d.To {
			d.To[v] = int(c.lane(panel, v).to)
		}
		d.Pitch, d.Groups = pixels, n
		d.Lo, d.Hi = c.lo, c.hi
		c.runDense(&d, gr.rows)
		u += n
	}
}

// denseEdge computes one group whose results do not all have a place in the output, by way of a scratch tile.
func (c *conv) denseEdge(s segment, panel int, gr group, d asm.Dense) {
	var tile [6 * 2 * asm.Lane]float32
	d.Out, d.Res, d.Pitch, d.Groups = tile[:gr.rows*2*asm.Lane], nil, 2*asm.Lane, 1
	d.To = [2]int{0, asm.Lane}
	d.Lo, d.Hi = float32(math.Inf(-1)), float32(math.Inf(1))
	c.runDense(&d, gr.rows)
	c.place(s, panel, gr.first, gr.real, tile[:])
}

func (c *conv) runDense(d *asm.Dense, rows int) {
	if c.avx2 {
		asm.DenseAVX2(d, rows)
	} else {
		asm.DenseGo(d, rows)
	}
}
