package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file decides how the work of quantised kernels is cut into calls and parts. A quantised convolution's schedule is
// that of a dense one: tilePixels, tileBlocks, bandRows, partsBy.

// callCycles bounds a call of a loop: some 50 microseconds, in which the collector may wait for the thread.
const callCycles = 150_000

// tileOf is the most pixels of a tile, as asked for (0: as many as there can be), for sums of that many products, and
// the most blocks of output channels: a call must not take too long.
func (l *byteLevel) tileOf(pixels, vectors, depth int) (mostPixels, mostVectors int) {
	if mostPixels = l.pixels; pixels > 0 {
		mostPixels = min(pixels, l.pixels)
	}
	if mostVectors = min(2, l.vectors); vectors > 0 {
		mostVectors = min(vectors, mostVectors)
	}
	if l.isa == isaGo {
		return mostPixels, mostVectors
	}
	most := max(1, int(l.rate*callCycles)/(16*depth)) // pixels times blocks
	mostVectors = min(mostVectors, most)
	return max(1, min(mostPixels, most/mostVectors)), mostVectors
}

// byteConvSchedules are the candidates of a tuner.
func byteConvSchedules(p ir.Problem, l byteLevel) []ir.Schedule {
	oh, ow := p.Out[0][2], p.Out[0][3]
	var list []ir.Schedule
	for _, blocks := range []int{2, 1} {
		if blocks > min(l.vectors, ir.Blocks(p.Out[0])) {
			continue
		}
		widths := map[int]bool{}
		for _, pixels := range []int{14, 12, 10, 8, 7, 6, 4} {
			// Others that cut a row into as many pieces make the same tiles.
			if pixels > l.pixels || widths[ceilDiv(ow, pixels)] {
				continue
			}
			widths[ceilDiv(ow, pixels)] = true
			rows := map[int]bool{}
			for _, r := range []int{0, 1, 4, 16, oh} {
				if r = min(r, oh); rows[r] {
					continue
				}
				rows[r] = true
				for _, by := range []int{byRows, byChannels} {
					if p.Machine.Threads > 1 || by == byRows {
						list = append(list, ir.Schedule{Tiles: []int{pixels, blocks, r, by}})
					}
				}
			}
		}
	}
	return list
}

// byteSchedule is what a schedule asks of a quantised convolution; untuned is one tile and loop order for all.
func byteSchedule(s ir.Schedule) ir.Schedule {
	if s.Name == "untuned" {
		return ir.Schedule{Name: s.Name, Tiles: []int{4, 1, 1, byRows}}
	}
	return s
}

// share cuts the work into parts: lines where the map is large, channels where the weights are.
func (c *byteConv) share(m ir.Machine) {
	const least, most = 1 << 21, 1 << 26 // multiply-accumulates of a part
	macs := len(c.weights) * c.out[2] * c.out[3]
	c.lineParts, c.tileParts = 1, 1
	want := ceilDiv(macs, most)
	if m.Threads > 1 && macs > least {
		want = max(want, min(4*m.Threads, ceilDiv(macs, least)))
		want = ceilDiv(want, m.Threads) * m.Threads
	}
	by := tile(c.schedule, partsBy)
	if by == 0 {
		if by = byRows; len(c.weights) > 4*c.image {
			by = byChannels
		}
	}
	if by == byChannels {
		c.tileParts = min(want, len(c.tiles))
		c.lineParts = min(max(1, want/c.tileParts), len(c.lines))
	} else {
		c.lineParts = min(want, len(c.lines))
		if c.flat {
			c.lineParts = min(want, len(c.pieces))
		}
		c.tileParts = min(max(1, want/c.lineParts), len(c.tiles))
	}
	if rows := tile(c.schedule, bandRows); rows > 0 {
		c.blockLines = ceilDiv(rows, c.lines[0].rows)
		return
	}
	// Few weights stay in the first-level cache while the lines' input does too; of many, those of a tile stay in the
	// second-level one while all lines go by, and are read from beyond it once.
	line := c.row * ceilDiv(c.in[1], 16) * c.win.SH * c.lines[0].rows
	if c.copied() {
		line = c.lineStep * c.lines[0].rows
	}
	room := 24 << 10
	if len(c.weights) > 32<<10 {
		room = 512 << 10
	}
	c.blockLines = max(1, room/line)
}

// callPixels bounds an element-wise call, in pixels of 16 channels.
const callPixels = 1 << 14

// runBytes runs a loop, in calls of at most callPixels.
func runBytes(r *asm.ByteRun, loop byteLoop, wide bool) {
	width := 4*r.Quads + r.Tail
	if r.Rows*width <= callPixels {
		callBytes(r, loop, wide)
		return
	}
	size, made := 16, 16 // bytes of a pixel of A and of Out
	switch loop {
	case loopQuantize:
		size = 64
	case loopFloat:
		made = 64
	case loopSum:
		made = 0
	}
	var sums [16]int32
	q := *r
	rows, pixels := max(1, callPixels/width), min(width, callPixels)
	for y := 0; y < r.Rows; y += rows {
		q.Rows = min(rows, r.Rows-y)
		for x := 0; x < width; x += pixels {
			// Loops that count pixels have them all in Tail.
			n := min(pixels, width-x)
			if q.Quads, q.Tail = n/4, n%4; r.Quads == 0 {
				q.Quads, q.Tail = 0, n
			}
			q.A, q.Out = asm.Plus(r.A, y*r.ARow+x*size), asm.Plus(r.Out, y*r.OutRow+x*made)
			if r.B != nil && loop != loopMulOne {
				q.B = asm.Plus(r.B, y*r.BRow+16*x)
			}
			callBytes(&q, loop, wide)
			if loop == loopSum { // each call's are written to the same place
				for i, v := range unsafe.Slice((*int32)(unsafe.Pointer(r.Out)), 16) {
					sums[i] += v
				}
			}
		}
	}
	if loop == loopSum {
		copy(unsafe.Slice((*int32)(unsafe.Pointer(r.Out)), 16), sums[:])
	}
}
