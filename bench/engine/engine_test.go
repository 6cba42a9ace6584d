package engine

import (
	"context"
	"math"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		median, high, goal float64
		want               string
	}{{0.8, 0.9, 0.9, "met"}, {0.89, 0.91, 0.9, "met, interval straddles"}, {0.91, 0.95, 0.9, "not met"}} {
		if v := verdict(c.median, c.high, c.goal); v != c.want {
			t.Errorf("%v: %s", c, v)
		}
	}
}

// TestRatio holds a ratio to the pairs of its rounds: what slows both in a round changes nothing.
func TestRatio(t *testing.T) {
	a, b := &entry{name: "a"}, &entry{name: "b"}
	for i := range 11 {
		slow := float64(1 + i%3)
		a.ms, b.ms = append(a.ms, 3*slow), append(b.ms, 4*slow)
	}
	if m, low, high := ratio(a, b); m != 0.75 || low != 0.75 || high != 0.75 {
		t.Errorf("%v, %v to %v", m, low, high)
	}
	if best([]*entry{b, a}) != a {
		t.Error("the slower one is the best")
	}
}

func TestLargest(t *testing.T) {
	if d := largest([]float64{1, -4.5}, []float64{1, -4}); d != 0.125 {
		t.Error(d)
	}
	if !math.IsInf(largest([]float64{1}, []float64{1, 2}), 1) {
		t.Error("outputs of different lengths agree")
	}
}

func TestSelected(t *testing.T) {
	all := func(words ...string) (n int) {
		for _, net := range networks() {
			if selected(net, words) {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		words []string
		want  int
	}{{nil, 13}, {[]string{"1", "f32"}, 13}, {[]string{"mobilenetv2"}, 2}, {[]string{"resnet50-224", "i8"}, 1}, {[]string{"nothing"}, 0}} {
		if n := all(c.words...); n != c.want {
			t.Errorf("%q selects %d networks, want %d", c.words, n, c.want)
		}
	}
}

// TestAskedFor holds every benchmark of networks to refuse a word that names none, before it measures anything.
func TestAskedFor(t *testing.T) {
	for name, f := range map[string]func(context.Context, Table, []string) error{"engine": Run, "batch": Batch, "cold": Cold, "pauses": Pauses, "avx2": AVX2} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := f(ctx, nil, []string{"resnet20", "resnet19"}); err == nil || !strings.Contains(err.Error(), `"resnet19"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
