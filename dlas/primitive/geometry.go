package primitive

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// geometry says where a convolution's loops find every pixel: output pixel q, weight k reads position at(q) + off[k] of
// an image. Where the window has padding or a stride, the image is a copy of the map that has a border of zeros and
// whose pixels are sorted by their phase, the remainder of their coordinates by the stride: neighbouring outputs then
// read neighbouring pixels, whatever the stride.
type geometry struct {
	n, c, h, w int // input
	m, oh, ow  int // output
	win        op.Window
	cg         int // input channels of a group
	mg         int // output channels of a group
	depth      int // weights of an output channel

	copied bool
	phases [][2]int // those that some weight reads, as (y, x)
	ph, pw int      // extent of a phase's plane of the whole image
	lanes  []lane
	// scatter: a row of outputs is shorter than a lane, so a lane covers parts of several rows and what lies between
	// them, and its results have to be picked one by one.
	scatter bool

	// What layOut decides.
	band    int     // rows of a plane that a copy holds
	channel int     // positions of a channel in it
	image   int     // positions of it, with what the last lane reads past the end
	reach   int     // 1 + the largest position that a weight adds to a pixel's
	off     []int32 // a position for each weight of an output channel, within its group's channels
}

// lane is 8 neighbouring output pixels: where they read, and where they go in the output channel's map.
type lane struct{ at, to int32 }

// maxImage bounds the positions of a whole image, so that offsets fit 32 bits and no workspace grows without bounds.
const maxImage = 1 << 29

func newGeometry(p ir.Problem) (*geometry, error) {
	x, out, w := p.In[0], p.Out[0], p.In[1]
	win, err := op.WindowOf(p.Node, w[2], w[3])
	if err != nil {
		return nil, err
	}
	g := &geometry{n: x[0], c: x[1], h: x[2], w: x[3], m: out[1], oh: out[2], ow: out[3], win: win, cg: w[1]}
	g.mg = g.m / p.Node.Attrs.Int("group", 1)
	g.depth = g.cg * win.KH * win.KW

	// Without padding and stride the map itself will do; a 1x1 window does not even see where its rows end.
	plain := win.SH == 1 && win.SW == 1 && win.Top+win.Left+win.Bottom+win.Right == 0
	if plain && win.KH == 1 && win.KW == 1 {
		g.oh, g.ow, g.h, g.w = 1, g.oh*g.ow, 1, g.h*g.w
	}
	g.ph, g.pw = g.h, g.w
	g.scatter = g.ow < asm.Lane
	g.copied = !plain || g.scatter
	if g.copied {
		g.ph = (win.KH-1)*win.DH/win.SH + g.oh
		g.pw = (win.KW-1)*win.DW/win.SW + g.ow
	}
	ys, _ := remainders(win.KH, win.DH, win.SH)
	xs, _ := remainders(win.KW, win.DW, win.SW)
	if len(ys)*len(xs) > maxImage/g.ph/g.pw/g.c {
		return nil, fmt.Errorf("its padded input is larger than %d elements", maxImage)
	}
	for _, y := range ys {
		for _, x := range xs {
			g.phases = append(g.phases, [2]int{y, x})
		}
	}
	g.cutLanes()
	return g, nil
}

// layOut makes the loops read copies that hold that many rows of each plane; all of them where the map itself is read.
func (g *geometry) layOut(band int) {
	win := g.win
	_, yOf := remainders(win.KH, win.DH, win.SH)
	xs, xOf := remainders(win.KW, win.DW, win.SW)
	g.band = band
	g.channel = len(g.phases) * band * g.pw
	g.image = g.c * g.channel
	if g.scatter {
		// The last lane reads on behind its last pixel, at most to the end of a row and as far as its window is wide.
		g.image += asm.Lane + g.pw - g.ow
	}
	g.off = make([]int32, 0, g.depth)
	for c := range g.cg {
		for kh := range win.KH {
			for kw := range win.KW {
				plane := c*len(g.phases) + yOf[kh]*len(xs) + xOf[kw]
				g.off = append(g.off, int32((plane*band+kh*win.DH/win.SH)*g.pw+kw*win.DW/win.SW))
			}
		}
	}
	g.reach = int(slices.Max(g.off)) + 1
}

// remainders are the different remainders by the stride of the taps' distances, and for each tap which of them is its.
func remainders(taps, dilation, stride int) (list, of []int) {
	seen := map[int]int{}
	for k := range taps {
		r := k * dilation % stride
		i, ok := seen[r]
		if !ok {
			i = len(list)
			seen[r] = i
			list = append(list, r)
		}
		of = append(of, i)
	}
	return list, of
}

func (g *geometry) cutLanes() {
	if g.scatter {
		for q := 0; q < (g.oh-1)*g.pw+g.ow; q += asm.Lane {
			g.lanes = append(g.lanes, lane{at: int32(q), to: int32(q)})
		}
		return
	}
	for y := range g.oh {
		for x := 0; x < g.ow; x += asm.Lane {
			// The last lane of a row overlaps its neighbour instead of leaving the row: both compute the same.
			from := min(x, g.ow-asm.Lane)
			g.lanes = append(g.lanes, lane{at: int32(y*g.pw + from), to: int32(y*g.ow + from)})
		}
	}
}

// pick calls f for each output pixel that lane l of a scattered geometry holds: place j in the lane, pixel q of the map.
func (g *geometry) pick(l lane, f func(j, q int)) {
	for j := range asm.Lane {
		y, x := (int(l.to)+j)/g.pw, (int(l.to)+j)%g.pw
		if x < g.ow && y < g.oh {
			f(j, y*g.ow+x)
		}
	}
}

// copyRows copies rows y0..y1-1 of the phases' planes, in channels c0..c1-1 of one image, to the beginning of the planes
// of dst.
func (g *geometry) copyRows(y0, y1, c0, c1 int, x, dst []float32) {
	clear(dst[g.c*g.channel : g.image])
	for p, phase := range g.phases {
		// Column x of a plane is column x*SW + left of the map.
		left := phase[1] - g.win.Left
		first := min(g.pw, max(0, ceilDiv(-left, g.win.SW)))
		end := min(g.pw, max(first, ceilDiv(g.w-left, g.win.SW)))
		for c := c0; c < c1; c++ {
			src := x[c*g.h*g.w : (c+1)*g.h*g.w]
			plane := dst[c*g.channel+p*g.band*g.pw:][:(y1-y0)*g.pw]
			for y := y0; y < y1; y++ {
				row := plane[:g.pw]
				plane = plane[g.pw:]
				if iy := y*g.win.SH + phase[0] - g.win.Top; iy >= 0 && iy < g.h {
					copyRow(row, src[iy*g.w:(iy+1)*g.w], first, end, first*g.win.SW+left, g.win.SW)
				} else {
					clear(row)
				}
			}
		}
	}
}

// copyRow fills a row with every stride-th element of a line from at on; before first and from end on with zeros. Rows
// are short, so what lies at the border is cleared without the call that clear makes.
func copyRow(row, line []float32, first, end, at, stride int) {
	for j := 0; j < first; j++ {
		row[j] = 0
	}
	for j := end; j < len(row); j++ {
		row[j] = 0
	}
	if first == end {
		return
	}
	row, line = row[first:end], line[at:]
	switch stride {
	case 1:
		copy(row, line)
		return
	case 2:
		for len(row) >= 4 && len(line) >= 8 {
			row[0], row[1], row[2], row[3] = line[0], line[2], line[4], line[6]
			row, line = row[4:], line[8:]
		}
	}
	for j := range row {
		row[j] = line[j*stride]
	}
}

func ceilDiv(a, b int) int {
	if a >= 0 {
		return (a + b - 1) / b
	}
	return -(-a / b)
}
