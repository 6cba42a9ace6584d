package dlas

import (
	"strings"
	"testing"
)

// seen makes a result over n images whose label is always 0: the first right of them are right.
func seenResult(n, right int, digest string) *Result {
	p := &Predictions{Predicted: make([]int, n), Labels: make([]int, n)}
	for i := right; i < n; i++ {
		p.Predicted[i] = 1
	}
	return &Result{Seen: p, Accuracy: score(p, make([]bool, n), "test", digest)}
}

func TestScore(t *testing.T) {
	a := seenResult(10000, 9173, "d").Accuracy
	if a.Top1 != 0.9173 || a.N != 10000 || a.Split != "test" || a.Low < 0.9116 || a.Low > 0.9118 || a.High < 0.9224 || a.High > 0.9226 {
		t.Errorf("%+v", a)
	}
}

func TestCompareAccuracy(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b *Result
		want string
	}{
		{"identical", seenResult(1000, 900, "d"), seenResult(1000, 900, "d"), "identical: the same class for each of the 1,000 images"},
		{
			"lower", seenResult(1000, 900, "d"), seenResult(1000, 800, "d"),
			"lower: top-1 of B minus A is -10.00 points, 95 % interval -11.85 to -8.11 (only A right: 100, only B right: 0 of 1,000; exact McNemar p = less than 0.0001)",
		},
		{
			"higher", seenResult(1000, 900, "d"), seenResult(1000, 908, "d"),
			"higher: top-1 of B minus A is +0.80 points, 95 % interval +0.21 to +1.38 (only A right: 0, only B right: 8 of 1,000; exact McNemar p = 0.0078)",
		},
		{
			"few", seenResult(1000, 900, "d"), seenResult(1000, 903, "d"),
			"no difference shown: top-1 of B minus A is +0.30 points, 95 % interval -0.09 to +0.69 (only A right: 0, only B right: 3 of 1,000; exact McNemar p = 0.2500)",
		},
	} {
		d, refused := CompareAccuracy(c.a, c.b)
		if d == nil {
			t.Errorf("%s: refused: %s", c.name, refused)
			continue
		}
		if got := d.String(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	// The same number right, but on other images.
	a, b := seenResult(100, 50, "d"), seenResult(100, 50, "d")
	b.Seen.Predicted[0], b.Seen.Predicted[99] = 1, 0
	if d, _ := CompareAccuracy(a, b); d == nil || d.Verdict != NoDifferenceShown || d.OnlyA != 1 || d.OnlyB != 1 || d.P != 1 {
		t.Errorf("%+v", d)
	}
	// Other classes for images that both get wrong: not identical, and no difference either.
	b = seenResult(100, 50, "d")
	b.Seen.Predicted[99] = 2
	if d, _ := CompareAccuracy(a, b); d == nil || d.Verdict != NoDifferenceShown {
		t.Errorf("%+v", d)
	}
	other := seenResult(1000, 900, "d")
	other.Accuracy.Split = "val"
	for want, b := range map[string]*Result{
		"different images":                   seenResult(1000, 900, "e"),
		"different numbers of images, 1000":  seenResult(999, 900, "d"),
		"different splits, test and val":     other,
		"one of the two has no accuracy":     {},
		"predicted classes of one of the tw": {Accuracy: seenResult(1000, 900, "d").Accuracy},
	} {
		d, refused := CompareAccuracy(seenResult(1000, 900, "d"), b)
		if d != nil || !strings.Contains(refused, want) {
			t.Errorf("%+v refused with %q, want %q", d, refused, want)
		}
	}
}

func TestComparisonText(t *testing.T) {
	a, b := seenResult(1000, 900, "d"), seenResult(1000, 900, "d")
	a.Spec.Compress, b.Spec.Compress = "none", "<b>prune(0.9)"
	c := &Comparison{A: a, B: b, Ratio: 0.512, Low: 0.498, High: 0.53, Rounds: 11, Verdict: Faster}
	c.Accuracy, c.AccuracyRefuse = CompareAccuracy(a, b)
	want := "latency: B is faster; latency of B / A is 0.512, 95 % interval 0.498 to 0.530, paired in 11 rounds\naccuracy: identical"
	if got := c.String(); !strings.Contains(got, want) {
		t.Errorf("%s\nlacks\n%s", got, want)
	}
	if h := c.MimeBundle()["text/html"].(string); strings.Contains(h, "<b>") || !strings.Contains(h, "&lt;b&gt;prune") {
		t.Errorf("not escaped: %s", h)
	}
	c.Verdict = CannotTell
	if got := c.String(); !strings.Contains(got, "latency: cannot tell; latency of B / A is 0.512") {
		t.Error(got)
	}
	c.Unpaired = true
	if got := c.String(); !strings.Contains(got, "unpaired, the two were not measured side by side") || strings.Contains(got, "faster") {
		t.Error(got)
	}
	c.Accuracy, c.AccuracyRefuse = nil, "they saw different images"
	if got := c.String(); !strings.Contains(got, "accuracy: not compared, they saw different images") {
		t.Error(got)
	}
}
