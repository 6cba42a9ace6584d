package primitive

import (
	"math"
	"testing"
)

// TestTilesCost holds that what a tiling is said to cost is what the tiles that it is cut into cost, that these cover
// every pixel once, and that no other way is cheaper.
func TestTilesCost(t *testing.T) {
	at := func(y, x int) spot { return spot{in: y<<10 + x} }
	cost := func(l level, blocks int, c tiling) (total float64, pixels int) {
		for _, r := range c.runs {
			total += float64(r.tiles) * l.cycles(r.pattern.rows, blocks)
			pixels += r.tiles * r.pattern.rows
		}
		return total, pixels
	}
	for _, l := range []level{{isa: isaGo}, {isa: isaAVX2}, {isa: isaNEON}, {isa: isaAVX512}, {isa: isaAVX512, half: true}, {isa: isaAVX2, picks: true}, {isa: isaAVX512, picks: true}} {
		for blocks := 1; l.mostRows(blocks) > 0; blocks++ {
			most := l.mostRows(blocks)
			for h := 1; h <= 17; h++ {
				for w := 1; w <= 34; w++ {
					said := tilesCost(l, h, w, blocks)
					got, pixels := cost(l, blocks, tilesOf(l, h, w, blocks, 0, at))
					if math.Abs(got-said) > 1e-9*said || pixels != h*w {
						t.Fatalf("%v: %d x %d pixels of %d blocks are said to cost %v, and %d cost %v", l, h, w, blocks, said, pixels, got)
					}
					for _, c := range []tiling{evenRows(l, h, w, most, at), anyPixels(l, h, w, min(most, 8), at)} {
						if other, _ := cost(l, blocks, c); other < said*(1-1e-9) {
							t.Fatalf("%v: %d x %d pixels of %d blocks cost %v, and otherwise %v", l, h, w, blocks, said, other)
						}
					}
				}
			}
		}
	}
}
