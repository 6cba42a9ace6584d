package dlas

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// The verdicts of a paired comparison of two accuracies, said of B against A.
const (
	Identical         = "identical"           // every predicted class is the same
	NoDifferenceShown = "no difference shown" // p > 0.05, which is not a proof of equality
	Higher            = "higher"
	Lower             = "lower"
)

// score counts the images whose label came first and among the first five.
func score(p *Predictions, top5 []bool, split, digest string) *Accuracy {
	right, five := 0, 0
	for i, label := range p.Labels {
		if p.Predicted[i] == label {
			right++
		}
		if top5[i] {
			five++
		}
	}
	n := len(p.Labels)
	low, high := stat.Wilson(right, n)
	return &Accuracy{Top1: float64(right) / float64(n), Top5: float64(five) / float64(n), Low: low, High: high, N: n, Split: split, Digest: digest}
}

// CompareAccuracy is the exact McNemar test of B against A. It refuses, with the reason, where the two did not see the
// same images.
func CompareAccuracy(a, b *Result) (d *AccuracyDifference, refused string) {
	switch {
	case a.Accuracy == nil || b.Accuracy == nil:
		return nil, "one of the two has no accuracy"
	case a.Seen == nil || b.Seen == nil:
		return nil, "the predicted classes of one of the two were not kept"
	case a.Accuracy.Split != b.Accuracy.Split:
		return nil, fmt.Sprintf("they saw different splits, %s and %s", a.Accuracy.Split, b.Accuracy.Split)
	case a.Accuracy.N != b.Accuracy.N:
		return nil, fmt.Sprintf("they saw different numbers of images, %d and %d", a.Accuracy.N, b.Accuracy.N)
	case a.Accuracy.Digest != b.Accuracy.Digest || !slices.Equal(a.Seen.Labels, b.Seen.Labels):
		return nil, "they saw different images"
	case len(a.Seen.Predicted) != len(b.Seen.Predicted) || len(a.Seen.Predicted) != len(a.Seen.Labels):
		return nil, "the predicted classes of one of the two are incomplete"
	}
	d = &AccuracyDifference{N: len(a.Seen.Labels)}
	same := true
	for i, label := range a.Seen.Labels {
		pa, pb := a.Seen.Predicted[i], b.Seen.Predicted[i]
		same = same && pa == pb
		switch {
		case pa == label && pb != label:
			d.OnlyA++
		case pa != label && pb == label:
			d.OnlyB++
		}
	}
	diff, low, high := stat.PairedDifference(d.OnlyA, d.OnlyB, d.N)
	d.P, d.Points, d.Low, d.High = stat.McNemar(d.OnlyA, d.OnlyB), 100*diff, 100*low, 100*high
	switch {
	case same:
		d.Verdict = Identical
		d.Low, d.High = 0, 0
	case d.P > 0.05:
		d.Verdict = NoDifferenceShown
	case d.Points > 0:
		d.Verdict = Higher
	default:
		d.Verdict = Lower
	}
	return d, ""
}

// String is the test in one line.
func (d *AccuracyDifference) String() string {
	if d.Verdict == Identical {
		return fmt.Sprintf("identical: the same class for each of the %s images", thousands(int64(d.N)))
	}
	return fmt.Sprintf("%s: top-1 of B minus A is %+.2f points, 95 %% interval %+.2f to %+.2f (only A right: %d, only B right: %d of %s; exact McNemar p = %s)",
		d.Verdict, d.Points, d.Low, d.High, d.OnlyA, d.OnlyB, thousands(int64(d.N)), pValue(d.P))
}

func pValue(p float64) string {
	if p < 0.0001 {
		return "less than 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}
