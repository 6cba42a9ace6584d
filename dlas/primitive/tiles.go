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
	pixel       spot // of tiles of more than 8 rows: from pixel to pixel; at has pixels 0, 4, 7, 11, or every seventh
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
	isa   string // go, avx2, avx512, neon
	half  bool   // weights are float16
	picks bool   // zeros are left out of the depth
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
	case l.isa == isaAVX512 && l.picks:
		if blocks < len(asm.PickRows512) {
			return asm.PickRows512[blocks]
		}
		return 0
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
	if l.picks {
		return max(c, float64(rows+vectors+2)/2, 4) + tileOverhead
	}
	if vectors == 1 {
		c *= 1.05
	}
	return max(c, 4) + tileOverhead
}

const tileOverhead = 0.3

// run multiplies a tile.
func (l level) run(t *asm.Tile, rows, blocks int) {
	switch {
	case l.picks && l.isa == isaAVX512:
		asm.Pick512(t, rows, blocks)
	case l.picks && l.isa == isaAVX2:
		asm.Pick256(t, rows, blocks)
	case l.picks:
		asm.PickGo(t, rows, blocks)
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
// many as there are registers for). It takes the cheapest of three ways: each row of the map in even pieces; rows of
// seven pixels, or a multiple, together; pixels in their order whatever row they are in.
func tilesOf(l level, h, w, blocks, limit int, at func(y, x int) spot) tiling {
	most := l.mostRows(blocks)
	if limit > 0 {
		most = min(most, limit)
	}
	switch even, loose, pairs := l.wayCosts(h, w, blocks, most); {
	case even <= loose && even <= pairs:
		return evenRows(l, h, w, most, at)
	case loose <= pairs:
		return anyPixels(l, h, w, min(most, 8), at)
	}
	return wholeRows(l, h, w, most/w, at)
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
	if n := most / w; l.joins(w, n) {
		pairs = 0
		pieces := ceilDiv(h, n)
		for i := range pieces {
			y0, y1 := part(h, pieces, i)
			pairs += l.cycles((y1-y0)*w, blocks)
		}
	}
	return even, loose, pairs
}

// joins reports whether a tile may have n whole rows of w pixels: with stretches of seven pixels.
func (l level) joins(w, n int) bool {
	if l.picks {
		return w%asm.PickGroup == 0 && n >= 2
	}
	return w == 7 && n >= 2
}

// tiler collects tiles and joins those that follow each other at one distance.
type tiler struct {
	tiling
	level level
}

func (t *tiler) add(pixels []spot) {
	p := patternOf(t.level, pixels)
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

// patternOf describes a tile. Of more than 8 pixels, 0 to 6, 7 to 13 and so on must lie at equal distances.
func patternOf(l level, pixels []spot) pattern {
	p := pattern{rows: len(pixels)}
	set := func(i int, s spot) { p.at[i], p.res[i], p.to[i] = s.in, s.res, s.out }
	if len(pixels) <= 8 {
		for i, s := range pixels {
			set(i, s.minus(pixels[0]))
		}
		return p
	}
	p.pixel = pixels[1].minus(pixels[0])
	begins := [4]int{0, 4, 7, 11}
	if l.picks {
		begins = [4]int{0, asm.PickGroup, 2 * asm.PickGroup, 3 * asm.PickGroup}
	}
	for i, at := range begins {
		if at < len(pixels) {
			set(i, pixels[at].minus(pixels[0]))
		}
	}
	return p
}

func evenRows(l level, h, w, most int, at func(y, x int) spot) tiling {
	t := tiler{level: l}
	pieces := ceilDiv(w, most)
	var pixels []spot
	add := func(y, i int) {
		from, to := part(w, pieces, i)
		pixels = pixels[:0]
		for x := from; x < to; x++ {
			pixels = append(pixels, at(y, x))
		}
		t.add(pixels)
	}
	if l.picks { // long runs: where most of the depth is left out, to begin one takes its time
		for i := range pieces {
			for y := range h {
				add(y, i)
			}
		}
		return t.tiling
	}
	for y := range h {
		for i := range pieces {
			add(y, i)
		}
	}
	return t.tiling
}

func anyPixels(l level, h, w, most int, at func(y, x int) spot) tiling {
	t := tiler{level: l}
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

func wholeRows(l level, h, w, n int, at func(y, x int) spot) tiling {
	t := tiler{level: l}
	var pixels []spot
	pieces := ceilDiv(h, n)
	for i := range pieces {
		y0, y1 := part(h, pieces, i)
		pixels = pixels[:0]
		for q := range w * (y1 - y0) {
			pixels = append(pixels, at(y0+q/w, q%w))
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
