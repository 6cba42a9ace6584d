package compress

import (
	"context"
	"math"
)

// tail is the fraction of numbers that method=percentile leaves out at each end.
const tail = 1e-5

// bounds chooses the range of a value, which always has zero in it.
func (h *histogram) bounds(ctx context.Context, method string) (lo, hi float64) {
	lo, hi = min(float64(h.lo), 0), max(float64(h.hi), 0)
	if lo == hi {
		return lo, hi
	}
	switch method {
	case rangePercentile:
		return h.percentile(lo, hi)
	case rangeMSE:
		return h.search(ctx, lo, hi, h.squaredError)
	case rangeEntropy:
		return h.search(ctx, lo, hi, h.divergence)
	}
	return lo, hi
}

// percentile leaves out the tail at each end.
func (h *histogram) percentile(lo, hi float64) (float64, float64) {
	total := h.zeros
	for _, c := range h.count {
		total += c
	}
	most := int64(tail * float64(total))
	width := 2 * h.reach / bins
	low, high := int64(0), int64(0)
	for i := 0; i < bins/2; i++ {
		if low += h.count[i]; low > most {
			lo = max(lo, h.middle(i)-width/2)
			break
		}
		if i == bins/2-1 {
			lo = 0
		}
	}
	for i := bins - 1; i >= bins/2; i-- {
		if high += h.count[i]; high > most {
			hi = min(hi, h.middle(i)+width/2)
			break
		}
		if i == bins/2 {
			hi = 0
		}
	}
	if lo == hi { // the tails are all there is
		return min(float64(h.lo), 0), max(float64(h.hi), 0)
	}
	return lo, hi
}

// search shrinks both ends in turn, in steps of a hundredth, to where the cost is least.
func (h *histogram) search(ctx context.Context, lo, hi float64, cost func(lo, hi float64) float64) (float64, float64) {
	fl, fh := 1.0, 1.0
	best := cost(lo, hi)
	for range 3 {
		before := best
		for _, end := range []*float64{&fh, &fl} {
			if end == &fl && lo == 0 || end == &fh && hi == 0 {
				continue
			}
			kept := *end
			for f := 1.0; f > 0.2; f -= 0.01 {
				goOn(ctx)
				*end = f
				if c := cost(lo*fl, hi*fh); c < best {
					best, kept = c, f
				}
			}
			*end = kept
		}
		if best == before {
			break
		}
	}
	return lo * fl, hi * fh
}

// squaredError is the sum of squared errors of numbers quantised to 256 steps from lo to hi: a twelfth of a step's square
// for each inside, the distance's square beyond. Zeros have none.
func (h *histogram) squaredError(lo, hi float64) float64 {
	step := (hi - lo) / 255
	inside, beyond := int64(0), 0.0
	for i, c := range h.count {
		if c == 0 {
			continue
		}
		x := h.middle(i)
		switch {
		case x > hi+step/2:
			beyond += float64(c) * (x - hi) * (x - hi)
		case x < lo-step/2:
			beyond += float64(c) * (lo - x) * (lo - x)
		default:
			inside += c
		}
	}
	return beyond + float64(inside)*step*step/12
}

// divergence is the Kullback-Leibler divergence of the numbers clamped between lo and hi from the same in 256 steps. Zeros,
// of which a rectified value is full, count as their bin's neighbour at most, so that they do not outweigh the rest.
func (h *histogram) divergence(lo, hi float64) float64 {
	width := 2 * h.reach / bins
	first := max(0, min(bins-1, int((lo+h.reach)/width)))
	last := max(first, min(bins-1, int((hi+h.reach)/width)))
	n := last - first + 1
	p, total := make([]float64, n), 0.0
	inside := make([]float64, n) // without what is clamped
	for i, c := range h.count {
		p[min(max(i, first), last)-first] += float64(c)
		total += float64(c)
		if i >= first && i <= last {
			inside[i-first] = float64(c)
		}
	}
	d := 0.0
	kept := 0.0
	for _, c := range inside {
		kept += c
	}
	if kept == 0 {
		return math.Inf(1)
	}
	for s := range 256 {
		a, b := s*n/256, (s+1)*n/256
		sum, used := 0.0, 0
		for _, c := range inside[a:b] {
			if sum += c; c > 0 {
				used++
			}
		}
		for i := a; i < b; i++ {
			if p[i] == 0 {
				continue
			}
			q := 1e-9 // the clamped may stand where nothing else did
			if used > 0 && inside[i] > 0 {
				q = max(q, sum/float64(used)/kept)
			}
			d += p[i] / total * math.Log(p[i]/total/q)
		}
	}
	return d
}
