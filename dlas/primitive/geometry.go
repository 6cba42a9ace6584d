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

	copied  bool
	phases  [][2]int // those that some weight reads, as (y, x)
	ph, pw  int      // extent of a phase's plane
	channel int      // positions of a channel
	image   int      // positions of an image, with what the last lane reads past the end

	reach int     // 1 + the largest position that a weight adds to a pixel's
	off   []int32 // a position for each weight of an output channel, within its group's channels
	lanes []lane
	// scatter: a row of outputs is shorter than a lane, so a lane covers parts of several rows and what lies between
	// them, and its results have to be picked one by one.
	scatter bool
}

// lane is 8 neighbouring output pixels: where they read, and where they go in the output channel's map.
type lane struct{ at, to int32 }

// maxImage bounds the positions of an image, so that offsets fit 32 bits and no workspace grows without bounds.
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
	ys, yOf := remainders(win.KH, win.DH, win.SH)
	xs, xOf := remainders(win.KW, win.DW, win.SW)
	if len(ys)*len(xs) > maxImage/g.ph/g.pw/g.c {
		return nil, fmt.Errorf("its padded input is larger than %d elements", maxImage)
	}
	for _, y := range ys {
		for _, x := range xs {
			g.phases = append(g.phases, [2]int{y, x})
		}
	}
	g.channel = len(g.phases) * g.ph * g.pw
	g.image = g.c * g.channel
	g.off = make([]int32, 0, g.depth)
	for c := range g.cg {
		for kh := range win.KH {
			for kw := range win.KW {
				plane := c*len(g.phases) + yOf[kh]*len(xs) + xOf[kw]
				g.off = append(g.off, int32((plane*g.ph+kh*win.DH/win.SH)*g.pw+kw*win.DW/win.SW))
			}
		}
	}
	g.reach = int(slices.Max(g.off)) + 1
	g.cutLanes()
	return g, nil
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
		g.image += asm.Lane
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

// imageOf returns image i as the loops read it: the copy in the workspace, or the input itself.
func (g *geometry) imageOf(i int, x, workspace []float32) []float32 {
	if g.copied {
		return workspace[i*g.image : (i+1)*g.image]
	}
	return x[i*g.image : (i+1)*g.image]
}

// copySize is the number of elements of the copies of all images; 0 where none is made.
func (g *geometry) copySize() int {
	if !g.copied {
		return 0
	}
	return g.n * g.image
}

// copyRows makes the copies of rows from..to-1 of the phases' planes, counted over all images, in all channels. Rows, not
// channels, are shared out: what a thread copies is what it will read.
func (g *geometry) copyRows(from, to int, x, workspace []float32) {
	for i := from / g.ph; i*g.ph < to; i++ {
		y0, y1 := max(0, from-i*g.ph), min(g.ph, to-i*g.ph)
		image := workspace[i*g.image : (i+1)*g.image]
		if g.scatter && y1 == g.ph {
			clear(image[g.c*g.channel:])
		}
		for c := range g.c {
			src := x[(i*g.c+c)*g.h*g.w:][:g.h*g.w]
			for p, phase := range g.phases {
				plane := image[c*g.channel+p*g.ph*g.pw:][:g.ph*g.pw]
				g.copyPlane(plane, src, phase, y0, y1)
			}
		}
	}
}

// copyPlane makes rows y0..y1-1 of one phase's plane of one channel.
func (g *geometry) copyPlane(plane, src []float32, phase [2]int, y0, y1 int) {
	// Column x of the plane is column x*SW + left of the map.
	left := phase[1] - g.win.Left
	first := min(g.pw, max(0, ceilDiv(-left, g.win.SW)))
	end := min(g.pw, max(first, ceilDiv(g.w-left, g.win.SW)))
	for y := y0; y < y1; y++ {
		row := plane[y*g.pw : (y+1)*g.pw]
		iy := y*g.win.SH + phase[0] - g.win.Top
		if iy < 0 || iy >= g.h {
			clear(row)
			continue
		}
		clear(row[:first])
		clear(row[end:])
		line := src[iy*g.w : (iy+1)*g.w]
		if g.win.SW == 1 {
			copy(row[first:end], line[first+left:])
			continue
		}
		for j, at := first, first*g.win.SW+left; j < end; j, at = j+1, at+g.win.SW {
			row[j] = line[at]
		}
	}
}

func ceilDiv(a, b int) int {
	if a >= 0 {
		return (a + b - 1) / b
	}
	return -(-a / b)
}
