package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// denseRows are weights packed for the dense loop: groups of 6 or 4 output channels, weights of a group side by side for
// each depth. A group that has fewer channels than rows is filled up with zeros.
type denseRows struct {
	w      []float32
	bias   []float32
	groups []group
	depth  int
}

type group struct {
	rows  int // 6 or 4
	first int // output channel
	real  int // output channels
	at    int // of its first row among all rows, padding included
}

// packDense makes a convolution use the dense loop.
func (c *conv) packDense(w []float32, s ir.Schedule) {
	m, depth := c.g.m, c.g.depth
	d := &denseRows{depth: depth}
	at := 0
	for first := 0; first < m; {
		rows := groupRows(m-first, s)
		n := min(rows, m-first)
		d.groups = append(d.groups, group{rows: rows, first: first, real: n, at: at})
		for k := range depth {
			for r := range rows {
				v := float32(0)
				if r < n {
					v = w[(first+r)*depth+k]
				}
				d.w = append(d.w, v)
			}
		}
		d.bias = append(d.bias, c.bias[first:first+n]...)
		d.bias = append(d.bias, make([]float32, rows-n)...)
		first += n
		at += rows
	}
	c.rows = d
	c.block = func(call ir.Call, panel, from, to int) { c.denseBlock(d, call, panel, from, to) }
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

func (d *denseRows) units() int         { return len(d.groups) }
func (d *denseRows) macs() int          { return 6 * d.depth }
func (d *denseRows) packedBytes() int64 { return 4 * int64(len(d.w)) }
func (d *denseRows) executed() int64    { return int64(len(d.w)) }

// denseBlock computes groups from..to-1 for one panel.
func (c *conv) denseBlock(rows *denseRows, call ir.Call, panel, from, to int) {
	g := c.g
	pixels := g.oh * g.ow
	out := call.Out[0]
	var d asm.Dense
	d.In = c.input(call, panel, d.At[:])
	d.Off, d.Reach = c.off, c.reach
	image := panel / c.panels
	for u := from; u < to; {
		gr := rows.groups[u]
		d.W = rows.w[gr.at*g.depth:]
		d.Bias = rows.bias[gr.at:]
		if g.scatter || gr.real < gr.rows {
			c.denseEdge(call, panel, gr, d)
			u++
			continue
		}
		// All full groups of one size in one call, if that is not too long.
		n := 1
		for u+n < to && (n+1)*gr.rows*g.depth*2*asm.Lane <= asm.MaxMACs && rows.groups[u+n].rows == gr.rows && rows.groups[u+n].real == gr.rows {
			n++
		}
		base := (image*g.m + gr.first) * pixels
		d.Out, d.Res = out[base:], nil
		if res := residual(call); res != nil {
			d.Res = res[base:]
		}
		for v := range d.To {
			d.To[v] = int(c.lane(panel%c.panels, v).to)
		}
		d.Pitch, d.Groups = pixels, n
		d.Lo, d.Hi = c.lo, c.hi
		c.runDense(&d, gr.rows)
		u += n
	}
}

// denseEdge computes one group whose results do not all have a place in the output, by way of a scratch tile.
func (c *conv) denseEdge(call ir.Call, panel int, gr group, d asm.Dense) {
	var tile [6 * 2 * asm.Lane]float32
	d.Out, d.Res, d.Pitch, d.Groups = tile[:gr.rows*2*asm.Lane], nil, 2*asm.Lane, 1
	d.To = [2]int{0, asm.Lane}
	d.Lo, d.Hi = float32(math.Inf(-1)), float32(math.Inf(1))
	c.runDense(&d, gr.rows)
	c.place(call, panel, gr.first, gr.real, tile[:])
}

func (c *conv) runDense(d *asm.Dense, rows int) {
	if c.avx2 {
		asm.DenseAVX2(d, rows)
	} else {
		asm.DenseGo(d, rows)
	}
}
