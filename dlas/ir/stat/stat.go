// Package stat is the statistics behind every interval and verdict of DLAS. It imports the standard library alone.
package stat

import (
	"math"
	"slices"
)

// z95 is the 97.5 % point of the standard normal distribution.
const z95 = 1.959963984540054

// Wilson is the 95 % score interval of a proportion of k in n (Wilson 1927); 0 to 1 where n is 0.
func Wilson(k, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	centre := p + z95*z95/(2*m)
	half := z95 * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	return max(0, (centre-half)/(1+z95*z95/m)), min(1, (centre+half)/(1+z95*z95/m))
}

// Median is the middle value, or the mean of the two middle ones; NaN of nothing. It does not change v.
func Median(v []float64) float64 {
	m, _, _ := MedianInterval(v)
	return m
}

// MedianInterval is the median with its order-statistic (binomial) 95 % interval: the narrowest pair of values, equally
// far from both ends of the sorted list, that holds the median of the distribution with at least 95 % probability,
// whatever the distribution. With fewer than six values no pair does, and the interval is the whole range.
func MedianInterval(v []float64) (median, low, high float64) {
	n := len(v)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	s := slices.Clone(v)
	slices.Sort(s)
	median = s[n/2]
	if n%2 == 0 {
		median = (s[n/2-1] + s[n/2]) / 2
	}
	r := medianRank(n)
	return median, s[r], s[n-1-r]
}

// medianRank is the largest r for which the r-th values from both ends (from 0) enclose the median with 95 %: the
// largest r with P(Binomial(n, 1/2) <= r) <= 2.5 %, or 0.
func medianRank(n int) int {
	cdf, r := 0.0, 0
	for k := 0; k < n/2; k++ {
		cdf += math.Exp(logChoose(n, k) - float64(n)*math.Ln2)
		if cdf > 0.025 {
			break
		}
		r = k
	}
	return r
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// McNemar is the exact two-sided p value of McNemar's test (1947): b images only the first got right, c only the second.
// Under equal accuracy b is binomial(b+c, 1/2). With no discordant image it is 1.
func McNemar(b, c int) float64 {
	n, k := b+c, min(b, c)
	p := 0.0
	for i := 0; i <= k; i++ {
		p += math.Exp(logChoose(n, i) - float64(n)*math.Ln2)
	}
	return min(1, 2*p)
}

// PairedDifference is the difference of two accuracies on the same n images, second minus first, as a fraction, with its
// 95 % interval (Wald with Agresti and Min's correction of 2005, which adds half an image to each of the four cells). b
// images only the first got right, c only the second.
func PairedDifference(b, c, n int) (diff, low, high float64) {
	if n <= 0 {
		return 0, -1, 1
	}
	diff = float64(c-b) / float64(n)
	fb, fc, m := float64(b)+0.5, float64(c)+0.5, float64(n)+2
	d := (fc - fb) / m
	half := z95 * math.Sqrt((fb+fc)-(fc-fb)*(fc-fb)/m) / m
	return diff, max(-1, d-half), min(1, d+half)
}
