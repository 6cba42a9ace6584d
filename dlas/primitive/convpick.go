package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file leaves out what is zero in the dense rows' order of weights. For a block of 16 output channels, or two, an
// element of the depth (a channel of the input at a place of the window) is either wanted by some of them or by none; the
// tiles are given those that are wanted, with their places. Weights pruned in blocks of 16 or 32 output channels leave out
// all their zeros so, and read the same maps as the dense rows.

// usedOf tells for each of a row's weights whether it is zero in all rows from..to-1 (of m).
func usedOf[T weight](w []T, from, to, m, each int) []bool {
	used := make([]bool, each)
	for o := from; o < min(to, m); o++ {
		for i, v := range w[o*each : (o+1)*each] {
			if v != 0 {
				used[i] = true
			}
		}
	}
	return used
}

// pick notes which elements of the depth are used, and returns that part of the group's order of weights.
func (g *outGroup) pick(used []bool, from []int32) (picked []int32) {
	for k, i := range from {
		if i >= 0 && used[i] {
			g.picks, picked = append(g.picks, int32(k)), append(picked, i)
		}
	}
	g.macs = len(g.picks) * g.blocks * asm.Block
	g.places = (4*len(g.picks) + 63) &^ 63
	return picked
}

// place writes before each group's weights where its tiles find what they multiply, now that this is known.
func (d *dense) place() {
	t := &d.tile
	var at []int32
	var last chain
	for i := range d.weights.groups {
		g := &d.weights.groups[i]
		if at == nil || g.deep != last {
			last, at = g.deep, at[:0]
			for b := range g.deep.blocks {
				depth := g.deep.depth
				if b == g.deep.blocks-1 {
					depth = g.deep.last
				}
				for y := range t.KH {
					for x := range t.KW {
						for k := range depth {
							at = append(at, int32(b*t.InBlock+y*t.InRow+x*t.InTap+4*k))
						}
					}
				}
			}
		}
		if len(g.picks) == 0 {
			continue
		}
		to := unsafe.Slice((*int32)(unsafe.Pointer(&d.weights.data[g.w])), len(g.picks))
		for j, k := range g.picks {
			to[j] = at[k]
		}
	}
}

// pickGroups makes the groups of output channels: pairs of blocks where what they share is worth it. blocks 1 or 2 makes
// all of that size.
func pickGroups[T weight](c *convolution, blocks int, w []T) []outGroup {
	if blocks > 0 || c.groups > 1 || c.level.mostRows(2) == 0 {
		return c.outGroups(max(1, blocks))
	}
	single := c.outGroups(1)
	var list []outGroup
	for i := 0; i < len(single); i++ {
		g := single[i]
		if i+1 < len(single) {
			one := usedOf(w, g.first, g.first+asm.Block, c.m, c.weightRow)
			two := usedOf(w, g.first+asm.Block, g.first+2*asm.Block, c.m, c.weightRow)
			apart, joined := 0, 0
			for k := range one {
				switch {
				case one[k] && two[k]:
					apart, joined = apart+2, joined+1
				case one[k] || two[k]:
					apart, joined = apart+1, joined+1
				}
			}
			if c.level.cycles(c.level.mostRows(2), 2)*float64(2*joined) <= c.level.cycles(c.level.mostRows(1), 1)*float64(apart) {
				g.blocks, g.macs = 2, 2*g.macs
				i++
			}
		}
		list = append(list, g)
	}
	return list
}

// Of a tile of picked products, what it takes besides its products: to begin it, and for each sum.
const (
	pickTile = 20.0
	pickSum  = 1.5
)

// pickShares are of a sample of the elements of the depth those that are wanted by some of a block of 16 output channels,
// over all blocks, and by some of a pair of blocks, over all pairs.
type pickShares struct {
	one, two float64
	pairs    bool // there are any
}

// picksOf looks at the weights once for all rows.
func (c *convolution) picksOf() pickShares {
	type shares struct{}
	return ir.Find(c.p.Known, shares{}, func() pickShares {
		if w, ok := c.p.Weights[1].Data.([]uint16); ok {
			return pickSharesOf(c, w)
		}
		return pickSharesOf(c, c.p.Weights[1].F32())
	})
}

func pickSharesOf[T weight](c *convolution, w []T) pickShares {
	const most = 1 << 11 // elements of the depth that are looked at, over all blocks
	blocks := ceilDiv(c.m, asm.Block)
	step := sampleStep((blocks+1)/2*c.weightRow, most/2)
	some := func(block, k int) bool {
		for o := block * asm.Block; o < min(c.m, (block+1)*asm.Block); o++ {
			if w[o*c.weightRow+k] != 0 {
				return true
			}
		}
		return false
	}
	looked, one, pairs, two := 0, 0, 0, 0
	for i := 0; i < (blocks+1)/2*c.weightRow; i += step {
		block, k := i/c.weightRow*2, i%c.weightRow
		a := some(block, k)
		b := block+1 < blocks && some(block+1, k)
		looked++
		if a {
			one++
		}
		if block+1 < blocks {
			pairs++
			if b {
				one++
			}
			if a || b {
				two++
			}
		}
	}
	s := pickShares{one: float64(one) / float64(looked+pairs), pairs: pairs > 0}
	if s.pairs {
		s.two = float64(two) / float64(pairs)
	}
	return s
}

// pickCost estimates the cycles of one map from a sample of the weights, and which share of them is stored.
func pickCost(c *convolution, rows int) (cycles, stored float64) {
	blocks := ceilDiv(c.m, asm.Block)
	depth := c.weightRow
	if c.groups > 1 {
		depth = asm.Block * c.win.KH * c.win.KW * max(1, c.cg/asm.Block)
	}
	of := func(vectors int, entries float64) float64 {
		least := tilesCost(c.level, rows, c.ow, vectors)
		tiles := ceilDiv(rows*c.ow, c.level.mostRows(vectors))
		return least*entries + float64(tiles)*pickTile + float64(rows*c.ow*vectors)*pickSum*c.level.cycles(2, vectors)/c.level.cycles(2, 1)
	}
	share := c.picksOf()
	cycles = float64(blocks) * of(1, share.one*float64(depth))
	stored = share.one
	if c.groups == 1 && share.pairs && c.level.mostRows(2) > 0 {
		joined := float64(blocks) / 2 * of(2, share.two*float64(depth))
		if joined < cycles {
			cycles, stored = joined, share.two
		}
	}
	return cycles, stored
}
