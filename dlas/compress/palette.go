package compress

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

var paletteForm = form{level: "number of bits", lo: 1, hi: 16, whole: true, example: "write palette(4) for 16 values a layer"}

func palette() pass {
	o := ir.Option{
		Name: "palette",
		Help: "Each layer keeps at most 2^bits different weights: k-means over its weights, begun with values evenly spaced between the least and the largest, " +
			"and every weight becomes the nearest mean. Zeros stay zero and are one of the values. Without retraining. Stored, a weight takes so many bits; " +
			"kernels compute with the values as they are, so it is smaller and not faster.",
		Source: "Han, Mao, Dally: Deep Compression, ICLR 2016 (linear initialisation)",
		Params: []ir.Param{{Help: "bits of a weight, 1 to 16", Examples: []string{"4", "5", "8"}}},
	}
	return changing(o, paletteForm.read, applyPalette)
}

func applyPalette(ctx context.Context, e *change, c ir.Choice, a given, _ Tools) (*ir.Graph, string, error) {
	var lost, norm float64
	for _, data := range e.data {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		l, n := palettise(ctx, data, 1<<int(a.level))
		lost, norm = lost+l, norm+n
	}
	out, s, err := e.end(ctx, c)
	if err != nil {
		return nil, "", err
	}
	share := 0.0
	if norm > 0 {
		share = math.Sqrt(lost / norm)
	}
	return out, fmt.Sprintf("%s: %s have at most %d values each, off by %.4f of their norm; %s",
		c, plural(len(e.of), "layer"), 1<<int(a.level), share, s), nil
}

// palettise gives weights at most that many values and returns the squares of the norms of the error and of the weights.
func palettise(ctx context.Context, data []float32, values int) (lost, norm float64) {
	zeros := false
	inParts(ctx, len(data), func(lo, hi int) {
		for _, v := range data[lo:hi] {
			norm += float64(v) * float64(v)
			zeros = zeros || v == 0
		}
	})
	if few(ctx, data, values) {
		return 0, norm
	}
	if zeros {
		values-- // they have one of their own
	}
	near := newNearest(clustersOf(ctx, data, mostSorted).means(ctx, values))
	inParts(ctx, len(data), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			v := data[i]
			if v == 0 {
				continue
			}
			m := near.of(v)
			d := float64(v) - float64(m)
			lost += d * d
			data[i] = m
		}
	})
	return lost, norm
}

// few reports whether there are at most so many different values.
func few(ctx context.Context, data []float32, values int) bool {
	seen := make(map[float32]struct{}, min(values, len(data))+1)
	for i, v := range data {
		if i%(part/4) == 0 {
			goOn(ctx)
		}
		if _, ok := seen[v]; !ok {
			if len(seen) == values {
				return false
			}
			seen[v] = struct{}{}
		}
	}
	return true
}

// clusters are the weights that are not zero, in order: prefix sums of their number and of their values.
type clusters struct {
	value  []float64
	number []int64   // of the weights before place i
	sum    []float64 // of them
}

// binBits are the upper bits of a number by which weights are put together where there are many: their relative distance
// is at most 2^-13, far below that of any two means.
const binBits = 22

// mostSorted is the most weights of a layer that are told apart.
const mostSorted = 1 << 18

// clustersOf puts weights in order: up to so many each by itself, more by their upper bits.
func clustersOf(ctx context.Context, data []float32, sorted int) clusters {
	c := clusters{number: []int64{0}, sum: []float64{0}}
	add := func(value float64, n int64, sum float64) {
		c.value = append(c.value, value)
		c.number = append(c.number, c.number[len(c.number)-1]+n)
		c.sum = append(c.sum, c.sum[len(c.sum)-1]+sum)
	}
	if len(data) <= sorted {
		ordered := slices.Clone(data)
		slices.Sort(ordered)
		for _, v := range ordered {
			if v != 0 {
				add(float64(v), 1, float64(v))
			}
		}
		return c
	}
	number, sum := make([]int64, 1<<binBits), make([]float64, 1<<binBits)
	inParts(ctx, len(data), func(lo, hi int) {
		for _, v := range data[lo:hi] {
			if v != 0 {
				b := ordered(v) >> (32 - binBits)
				number[b]++
				sum[b] += float64(v)
			}
		}
	})
	for b, n := range number {
		if n > 0 {
			add(sum[b]/float64(n), n, sum[b])
		}
	}
	return c
}

// ordered are a float's bits as an integer that orders like it.
func ordered(v float32) uint32 {
	b := math.Float32bits(v)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// mostRounds bounds k-means of k clusters, which ends by itself where no weight changes its mean: that may take thousands of
// rounds, and a round takes time in proportion to k.
func mostRounds(k int) int { return max(50, 1<<20/k) }

// means are those of k clusters, in order, begun evenly spaced. A cluster that nothing is near to keeps its place.
func (c clusters) means(ctx context.Context, k int) []float32 {
	lo, hi := c.value[0], c.value[len(c.value)-1]
	means := make([]float64, k)
	for i := range means {
		means[i] = lo
		if k > 1 {
			means[i] += (hi - lo) * float64(i) / float64(k-1)
		}
	}
	for range mostRounds(k) {
		goOn(ctx)
		changed, from := false, 0
		for i := range means {
			to := len(c.value)
			if i+1 < k {
				middle := (means[i] + means[i+1]) / 2
				n, _ := slices.BinarySearch(c.value[from:], middle)
				to = from + n
			}
			if n := c.number[to] - c.number[from]; n > 0 {
				mean := (c.sum[to] - c.sum[from]) / float64(n)
				// Rounding may put the mean of equal numbers a little beside them.
				mean = min(max(mean, c.value[from]), c.value[to-1])
				if mean != means[i] {
					means[i], changed = mean, true
				}
			}
			from = to
		}
		if !changed {
			break
		}
	}
	out := make([]float32, k)
	for i, m := range means {
		out[i] = float32(m)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearest finds the nearest of some values, the smaller one in the middle of two.
type nearest struct {
	values []float32
	middle []float64 // of each value and the next one
	from   []uint16  // by the upper bits of a number: the first value that may be nearest
}

const nearestBits = 16

func newNearest(values []float32) *nearest {
	n := &nearest{values: values, from: make([]uint16, 1<<nearestBits)}
	for i, v := range values[1:] {
		n.middle = append(n.middle, (float64(values[i])+float64(v))/2)
	}
	at := 0
	for b := range n.from {
		least := unordered(uint32(b) << (32 - nearestBits)) // the least number with these bits
		for at < len(n.middle) && float64(least) > n.middle[at] {
			at++
		}
		n.from[b] = uint16(at)
	}
	return n
}

// unordered is the float that ordered made the integer of.
func unordered(b uint32) float32 {
	return math.Float32frombits(b ^ (uint32(int32(^b)>>31) | 1<<31))
}

func (n *nearest) of(v float32) float32 {
	at := int(n.from[ordered(v)>>(32-nearestBits)])
	for at < len(n.middle) && float64(v) > n.middle[at] {
		at++
	}
	return n.values[at]
}
