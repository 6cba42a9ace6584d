package primitive

import (
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file cuts a map into tiles that fit the registers: which pixels go together, and in which order they come.

// spot is where a pixel lies in the three arrays that a tile has to do with, in bytes from their beginning.
type spot struct{ in, res, out int }

func (s spot) minus(o spot) spot { return spot{s.in - o.in, s.res - o.res, s.out - o.out} }

func (s spot) plus(o spot) spot { return spot{s.in + o.in, s.res + o.res, s.out + o.out} }

// pattern is a tile's pixels, as far from its first as they lie.
type pattern struct {
	rows        int
	pixel       spot // of tiles of more than 8 rows: from pixel to pixel
	at, res, to [8]int
}

// tileRun is a number of tiles of one pattern, each as far from the one before.
type tileRun struct {
	pattern *pattern
	first   spot
	step    spot
	tiles   int
}

// A level is an instruction set as the tiles know it, and the type in which they take their weights.
type level struct {
	isa  string // go, avx2, avx512, neon
	half bool   // weights are float16
}

const (
	isaGo     = "go"
	isaAVX2   = "avx2"
	isaAVX512 = "avx512"
	isaNEON   = "neon"
)

// weight is the type of the weights.
func (l level) weight() ir.Type {
	if l.half {
		return ir.F16
	}
	return ir.F32
}

// mostRows is the most rows of a tile of that many blocks; 0 where there is no such tile.
func (l level) mostRows(blocks int) int {
	switch {
	case l.isa == isaAVX512 && l.half && blocks > 2:
		return 0
	case l.isa == isaAVX512 && blocks < len(asm.TileRows512):
		return asm.TileRows512[blocks]
	case l.isa == isaAVX512:
		return 0
	case blocks == 1 && l.isa == isaNEON:
		return asm.TileRowsNEON
	case blocks == 1:
		return asm.TileRows256
	}
	return 0
}

// cycles is the time of a tile for each element of its depth, calls included, as measured: two products a cycle, but no
// less than four cycles, which a product takes, and where there is but one block, whose every product needs a load, 5 %
// more.
func (l level) cycles(rows, blocks int) float64 {
	vectors := blocks
	switch l.isa {
	case isaAVX512:
	case isaNEON:
		vectors *= 4
	default:
		vectors *= 2
	}
	c := float64(rows*vectors) / 2
	if vectors == 1 {
		c *= 1.05
	}
	return max(c, 4) + tileOverhead
}

const tileOverhead = 0.3

// run multiplies a tile.
func (l level) run(t *asm.Tile, rows, blocks int) {
	switch {
	case l.isa == isaAVX512 && l.half:
		asm.Tile512Half(t, rows, blocks)
	case l.isa == isaAVX512:
		asm.Tile512(t, rows, blocks)
	case l.isa == isaAVX2 && l.half:
		asm.Tile256Half(t, rows, blocks)
	case l.isa == isaAVX2:
		asm.Tile256(t, rows, blocks)
	case l.half:
		asm.TileGoHalf(t, rows, blocks)
	case l.isa == isaNEON:
		asm.TileNEON(t, rows, blocks)
	default:
		asm.TileGo(t, rows, blocks)
	}
}

// tiling is a rectangle of pixels cut into tiles.
type tiling struct{ runs []tileRun }

// tilesOf cuts h x w pixels, whose places `at` knows, into tiles of blocks output channels and at most limit rows (0: as
// many as there are registers for). It takes the cheapest of three ways: each row of the map in even pieces; two rows of
// seven pixels together; pixels in their order whatever row they are in.
func tilesOf(l level, h, w, blocks, limit int, at func(y, x int) spot) tiling {
	most := l.mostRows(blocks)
	if limit > 0 {
		most = min(most, limit)
	}
	switch even, loose, pairs := l.wayCosts(h, w, blocks, most); {
	case even <= loose && even <= pairs:
		return evenRows(h, w, most, at)
	case loose <= pairs:
		return anyPixels(h, w, min(most, 8), at)
	}
	return rowPairs(h, at)
}

// tilesCost is the cost of tilesOf without a limit, found without cutting anything: it is asked for many more tilings than
// are made.
func tilesCost(l level, h, w, blocks int) float64 {
	even, loose, pairs := l.wayCosts(h, w, blocks, l.mostRows(blocks))
	return min(even, loose, pairs)
}

// wayCosts are the costs of the three ways.
func (l level) wayCosts(h, w, blocks, most int) (even, loose, pairs float64) {
	// n pixels in even pieces, that many times.
	pieces := func(times, n, most int) float64 {
		pieces := ceilDiv(n, most)
		rows, larger := n/pieces, n%pieces
		cost := float64(times*(pieces-larger)) * l.cycles(rows, blocks)
		if larger > 0 {
			cost += float64(times*larger) * l.cycles(rows+1, blocks)
		}
		return cost
	}
	even, loose, pairs = pieces(h, w, most), pieces(1, h*w, min(most, 8)), math.Inf(1)
	if w == 7 && most >= 14 {
		pairs = float64(h/2) * l.cycles(14, blocks)
		if h%2 > 0 {
			pairs += l.cycles(7, blocks)
		}
	}
	return even, loose, pairs
}

// tiler collects tiles and joins those that follow each other at one distance.
type tiler struct{ tiling }

func (t *tiler) add(pixels []spot) {
	p := patternOf(pixels)
	first := pixels[0]
	if n := len(t.runs); n > 0 {
		last := &t.runs[n-1]
		if *last.pattern == p {
			step := first.minus(last.first)
			if last.tiles == 1 {
				last.step = step
			}
			want := spot{last.step.in * last.tiles, last.step.res * last.tiles, last.step.out * last.tiles}
			if step == want {
				last.tiles++
				return
			}
			t.runs = append(t.runs, tileRun{pattern: last.pattern, first: first, tiles: 1})
			return
		}
	}
	kept := p // of thousands of tiles few are new
	t.runs = append(t.runs, tileRun{pattern: &kept, first: first, tiles: 1})
}

// patternOf describes a tile. Of more than 8 pixels, 0 to 6 and 7 to 13 must lie at equal distances.
func patternOf(pixels []spot) pattern {
	p := pattern{rows: len(pixels)}
	set := func(i int, s spot) { p.at[i], p.res[i], p.to[i] = s.in, s.res, s.out }
	if len(pixels) <= 8 {
		for i, s := range pixels {
			set(i, s.minus(pixels[0]))
		}
		return p
	}
	p.pixel = pixels[1].minus(pixels[0])
	for i, at := range []int{0, 4, 7, 11} {
		if at < len(pixels) {
			set(i, pixels[at].minus(pixels[0]))
		}
	}
	return p
}

func evenRows(h, w, most int, at func(y, x int) spot) tiling {
	var t tiler
	pieces := ceilDiv(w, most)
	var pixels []spot
	for y := range h {
		for i := range pieces {
			from, to := part(w, pieces, i)
			pixels = pixels[:0]
			for x := from; x < to; x++ {
				pixels = append(pixels, at(y, x))
			}
			t.add(pixels)
		}
	}
	return t.tiling
}

func anyPixels(h, w, most int, at func(y, x int) spot) tiling {
	var t tiler
	pieces := ceilDiv(h*w, most)
	var pixels []spot
	for i := range pieces {
		from, to := part(h*w, pieces, i)
		pixels = pixels[:0]
		for q := from; q < to; q++ {
			pixels = append(pixels, at(q/w, q%w))
		}
		t.add(pixels)
	}
	return t.tiling
}

func rowPairs(h int, at func(y, x int) spot) tiling {
	var t tiler
	var pixels []spot
	for y := 0; y < h; y += 2 {
		pixels = pixels[:0]
		for q := range 7 * min(2, h-y) {
			pixels = append(pixels, at(y+q/7, q%7))
		}
		t.add(pixels)
	}
	return t.tiling
}

// load gives a tile the pixels of a run.
func (r *tileRun) load(t *asm.Tile) {
	p := r.pattern
	t.At, t.ResAt, t.To = p.at, p.res, p.to
	t.InPixel, t.ResPixel, t.OutPixel = p.pixel.in, p.pixel.res, p.pixel.out
	t.InTile, t.ResTile, t.OutTile = r.step.in, r.step.res, r.step.out
	t.Reach = 0
	if t.KH*t.KW == 1 && t.Depth <= asm.Block {
		t.Reach = max(2*pixelBytes, 4*t.InPixel)
	}
}
