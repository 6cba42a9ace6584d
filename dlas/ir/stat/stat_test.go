package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestWilson(t *testing.T) {
	low, high := Wilson(9173, 10000)
	near(t, "low of 9173/10000", low, 0.9117, 5e-5)
	near(t, "high of 9173/10000", high, 0.9225, 5e-5)
	low, high = Wilson(0, 10) // Newcombe 1998: 0 to 0.2775
	near(t, "low of 0/10", low, 0, 1e-12)
	near(t, "high of 0/10", high, 0.2775, 5e-5)
	low, high = Wilson(0, 0)
	near(t, "low of 0/0", low, 0, 0)
	near(t, "high of 0/0", high, 1, 0)
}

func TestMedianInterval(t *testing.T) {
	// Ranks from 1 of the textbook table (Conover, Practical Nonparametric Statistics, table A3).
	for n, rank := range map[int]int{6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 50: 18, 100: 40} {
		v := make([]float64, n)
		for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
			v[i] = float64(p + 1)
		}
		before := slices.Clone(v)
		m, low, high := MedianInterval(v)
		near(t, "median", m, float64(n+1)/2, 0)
		near(t, "low", low, float64(rank), 0)
		near(t, "high", high, float64(n+1-rank), 0)
		if !slices.Equal(v, before) {
			t.Fatal("MedianInterval sorted its argument")
		}
	}
	for n := 1; n < 6; n++ {
		v := []float64{5, 1, 4, 2, 3}[:n]
		_, low, high := MedianInterval(v)
		near(t, "low", low, slices.Min(v), 0)
		near(t, "high", high, slices.Max(v), 0)
	}
	if m, _, _ := MedianInterval(nil); !math.IsNaN(m) {
		t.Error("the median of nothing is a number")
	}
}

// TestMedianCoverage draws samples of a skewed distribution and counts how often the interval holds its median.
func TestMedianCoverage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const trials = 4000
	hit := 0
	for range trials {
		v := make([]float64, 31)
		for i := range v {
			v[i] = r.ExpFloat64()
		}
		if _, low, high := MedianInterval(v); low <= math.Ln2 && math.Ln2 <= high {
			hit++
		}
	}
	if c := float64(hit) / trials; c < 0.945 {
		t.Errorf("the interval holds the median in %.3f of the trials", c)
	}
}

func TestMcNemar(t *testing.T) {
	near(t, "McNemar(1,8)", McNemar(1, 8), 2*(1+9)/512.0, 1e-12)
	near(t, "McNemar(8,1)", McNemar(8, 1), 2*(1+9)/512.0, 1e-12)
	near(t, "McNemar(0,5)", McNemar(0, 5), 2/32.0, 1e-12)
	near(t, "McNemar(4,4)", McNemar(4, 4), 1, 0)
	near(t, "McNemar(0,0)", McNemar(0, 0), 1, 0)
	if p := McNemar(4000, 4400); !(p > 0 && p < 1e-4) {
		t.Errorf("McNemar(4000,4400) = %v", p)
	}
}

func TestPairedDifference(t *testing.T) {
	d, low, high := PairedDifference(10, 30, 1000)
	near(t, "difference", d, 0.02, 1e-15)
	if !(low > 0 && low < d && d < high && high < 0.04) {
		t.Errorf("interval %v to %v", low, high)
	}
	if _, low, high = PairedDifference(0, 0, 100); !(low < 0 && high > 0) {
		t.Errorf("no discordant image: %v to %v", low, high)
	}
}
