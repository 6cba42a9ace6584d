package primitive

import (
	"bytes"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// This file leaves out weights of a byte that are zero, in blocks of 16 output channels by 4 input channels at a place of
// the window: what one instruction multiplies. Of blocks 16x1, whose input channels are pruned one by one, four have to be
// zero together; pruned in blocks of 16x4 all zeros are left out.

// pick runs a tile of picked inputs on the level's loop.
func (l *byteLevel) pick(t *asm.ByteTile, pixels, half, vectors int) {
	switch l.isa {
	case "avx512vnni":
		asm.BytePick512(t, pixels, half, vectors)
	case "avxvnni":
		asm.BytePickVNNI(t, pixels)
	case "avx2":
		asm.BytePickPair(t, pixels)
	default:
		asm.BytePickGo(t, pixels, half, vectors)
	}
}

// packPicks is the end of pack: strips of one or two blocks of output channels, whichever takes less time.
func (c *byteConv) packPicks(passes [][]int8, m, mg, cg int) (macs int64) {
	taps := c.win.KH * c.win.KW
	blocks := ceilDiv(m, ir.Lanes)
	zero := make([]byte, 64)
	var data [2][]byte
	var used [2][]bool
	strip := func(b int) byteStrip {
		s := byteStrip{first: b, vectors: 1, blocks: 1}
		if !c.stem {
			from, to := b*16/mg*cg, (min(m, (b+1)*16)-1)/mg*cg+cg
			s.from, s.blocks = from/16, ceilDiv(to, 16)-from/16
		}
		return s
	}
	// load lays a block's weights out densely, and notes which groups of four input channels are used.
	load := func(i int, s byteStrip) {
		each := s.blocks * taps * c.groups * 64
		data[i], used[i] = make([]byte, c.passes*each), make([]bool, c.passes*each/64)
		to := data[i]
		for _, pass := range passes {
			for b := range s.blocks {
				c.packStrip(to, s, pass, (s.from+b)*16, m, mg, cg, taps)
				to = to[taps*c.groups*64:]
			}
		}
		for k := range used[i] {
			used[i][k] = !bytes.Equal(data[i][k*64:(k+1)*64], zero)
		}
	}
	var packed []byte
	for b := 0; b < blocks; {
		s := strip(b)
		load(0, s)
		if b+1 < blocks && c.vectors > 1 && mg == m {
			load(1, strip(b+1))
			apart, joined := 0, 0
			for k, u := range used[0] {
				switch {
				case u && used[1][k]:
					apart, joined = apart+2, joined+1
				case u || used[1][k]:
					apart, joined = apart+1, joined+1
				}
			}
			if tilePicks(2)*float64(joined) <= tilePicks(1)*float64(apart) {
				s.vectors = 2
			}
		}
		s.weights, s.places = len(packed), len(c.places)
		for k, u := range used[0] {
			if !u && (s.vectors == 1 || !used[1][k]) {
				continue
			}
			for v := range s.vectors {
				packed = append(packed, data[v][k*64:(k+1)*64]...)
			}
			c.places = append(c.places, c.placeOf(k%(len(used[0])/c.passes)))
			s.deep++
		}
		c.tiles = append(c.tiles, s)
		b += s.vectors
	}
	// A strip may be empty, but not its address.
	c.places = append(c.places, 0)
	c.weights = mem.Alloc(len(packed) + 64)
	copy(c.weights, packed)
	c.weights = c.level.packed(c.weights)
	return int64(len(packed))
}

// tilePicks is the time of a group of weights of a full tile of that many blocks of output channels: what a product takes
// where every number of the input is loaded for one or for two of them.
func tilePicks(vectors int) float64 {
	const pixels = asm.MostBytePixels
	return max(float64(pixels*vectors)/2, float64(pixels+2*vectors+1)/2)
}

// placeOf is where the input has the four channels of group k, in the order of packStrip.
func (c *byteConv) placeOf(k int) int32 {
	t := &c.proto
	g, tap := k%c.groups, k/c.groups
	kw, kh, b := tap%t.KW, tap/t.KW%t.KH, tap/t.KW/t.KH
	return int32(b*t.BlockStep + kh*t.RowStep + kw*t.TapStep + 4*g)
}

// bytePicks is the share of the groups of weights that are stored, from a sample, looked at once for all rows.
func bytePicks(p ir.Problem) float64 {
	type share struct{}
	return ir.Find(p.Known, share{}, func() float64 { return storedBytes(p) })
}

func storedBytes(p ir.Problem) float64 {
	const most = 1 << 11 // groups of weights that are looked at
	w := p.Weights[op.QConvW]
	m, c, taps := w.Shape[0], w.Shape[1], w.Shape[2]*w.Shape[3]
	v, zeros := w.Memory(), p.Weights[op.QConvWZero]
	zeroOf := func(o int) byte {
		if zeros == nil {
			return 0
		}
		z := zeros.Memory()
		return z[min(o, len(z)-1)]
	}
	blocks, quads := ceilDiv(m, 16), ceilDiv(c, 4)
	all := blocks * quads * taps
	step := sampleStep(all, most)
	looked, found := 0, 0
	for i := 0; i < all; i += step {
		b, q, k := i/(quads*taps), i/taps%quads, i%taps
		looked++
	search:
		for o := 16 * b; o < min(m, 16*b+16); o++ {
			for ch := 4 * q; ch < min(c, 4*q+4); ch++ {
				if v[(o*c+ch)*taps+k] != zeroOf(o) {
					found++
					break search
				}
			}
		}
	}
	return float64(found) / float64(looked)
}

// worthPicks is the Worth of rows that leave groups of zeros out.
func worthPicks(p ir.Problem) bool {
	if w := op.QConvW; w >= len(p.Weights) || p.Weights[w] == nil || len(p.Weights[w].Shape) != 4 {
		return false
	}
	return bytePicks(p) < mostFull
}

// bytePickCost estimates the cycles of one run from a sample of the weights.
func bytePickCost(p ir.Problem, l byteLevel) float64 {
	// A sum costs its beginning and end whatever is between.
	const sum, pick = 1.0, 1.15
	return byteConvCost(p, l)*bytePicks(p)*pick + sum*float64(p.Out[0].Elems())/16
}
