package compress

import (
	"context"
	"math"
)

// pieces are what a ranking drops whole, single weights or blocks of them, in the order that decides ties.
type pieces struct {
	score []float32       // of each piece; the sign does not count
	size  func(i int) int // its elements; nil: one each
}

// magnitude is a number's absolute value as an integer that orders like it: that of the bits of a float without its sign.
func magnitude(v float32) uint32 { return math.Float32bits(v) &^ (1 << 31) }

// limit parts what goes from what stays.
type limit struct {
	key  uint32 // pieces of a smaller magnitude go
	ties int64  // of those that have it, the first ones go, so many
}

// everything is the limit that keeps nothing.
var everything = limit{key: 1 << 31}

// drops reports whether the next piece goes; it is asked for each piece once, in order.
func (k *limit) drops(score float32) bool {
	m := magnitude(score)
	if m == k.key && k.ties > 0 {
		k.ties--
		return true
	}
	return m < k.key
}

// zero sets the weights that go to zero, each a piece of its own.
func (k *limit) zero(score, data []float32) {
	i := 0
	for ; i < len(score) && k.ties > 0; i++ {
		if k.drops(score[i]) {
			data[i] = 0
		}
	}
	// Without a branch, which would be foretold wrongly half of the time.
	for j, v := range score[i:] {
		keep := uint32(int64(uint64(k.key)-1-uint64(magnitude(v))) >> 63) // all ones from the key on
		data[i+j] = math.Float32frombits(math.Float32bits(data[i+j]) & keep)
	}
}

// The bits of a magnitude are counted in two rounds, the upper ones first.
const (
	lowBits  = 15
	highBits = 31 - lowBits
)

// smallest finds the limit below which the pieces of the smallest scores have want elements, or the nearest number that
// whole pieces allow. It takes time in proportion to the pieces and no memory of theirs.
func smallest(ctx context.Context, lists []pieces, want int64) limit {
	high := make([]int64, 1<<highBits)
	for _, p := range lists {
		p.countHigh(ctx, high)
	}
	below, at := int64(0), 0
	for ; at < len(high) && below+high[at] <= want; at++ {
		below += high[at]
	}
	if at == len(high) {
		return everything
	}
	low := make([]int64, 1<<lowBits)
	for _, p := range lists {
		p.countLow(ctx, uint32(at), low)
	}
	next := 0
	for ; below+low[next] <= want; next++ {
		below += low[next]
	}
	k := limit{key: uint32(at)<<lowBits | uint32(next)}
	left := want - below
	for _, p := range lists {
		if p.size == nil && left == 0 {
			return k
		}
		for i, v := range p.score {
			if i%part == 0 {
				goOn(ctx)
			}
			if magnitude(v) != k.key {
				continue
			}
			size := int64(1)
			if p.size != nil {
				size = int64(p.size(i))
			}
			if 2*left < size {
				return k
			}
			left -= size
			k.ties++
		}
	}
	return k
}

// countHigh adds the elements of each piece to the place of its magnitude's upper bits.
func (p pieces) countHigh(ctx context.Context, in []int64) {
	if p.size == nil {
		inParts(ctx, len(p.score), func(lo, hi int) {
			for _, v := range p.score[lo:hi] {
				in[magnitude(v)>>lowBits]++
			}
		})
		return
	}
	inParts(ctx, len(p.score), func(lo, hi int) {
		for i, v := range p.score[lo:hi] {
			in[magnitude(v)>>lowBits] += int64(p.size(lo + i))
		}
	})
}

// countLow adds those of the pieces that have these upper bits to the place of the lower ones.
func (p pieces) countLow(ctx context.Context, high uint32, in []int64) {
	inParts(ctx, len(p.score), func(lo, hi int) {
		for i, v := range p.score[lo:hi] {
			if m := magnitude(v); m>>lowBits == high {
				size := int64(1)
				if p.size != nil {
					size = int64(p.size(lo + i))
				}
				in[m&(1<<lowBits-1)] += size
			}
		}
	})
}
