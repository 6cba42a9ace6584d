// Package exactness says how far numbers are from the float64 reference, for tests.
package exactness

import "math"

// Distance is the largest error over the largest magnitude that is wanted; NaN where a number is none.
func Distance(got []float32, want []float64) float64 {
	worst, top := 0.0, 1e-30
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= worst) {
			worst = d
		}
		top = max(top, math.Abs(w))
	}
	return worst / top
}
