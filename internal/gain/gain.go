// Package gain shows in a benchmark what a rule gains: the same work with the rule kept and broken.
package gain

import (
	"testing"
	"time"
)

// least is the gain, as a part of the time without the rule, below which a rule is not worth its code.
const least = 0.03

// Of runs both in turns, reports the least time of each, which other work on the machine disturbs the least, and fails
// where the rule gains nothing.
func Of(b *testing.B, kept, broken func()) {
	kept()
	broken()
	with, without := time.Duration(1<<62), time.Duration(1<<62)
	for b.Loop() {
		begin := time.Now()
		kept()
		middle := time.Now()
		broken()
		with, without = min(with, middle.Sub(begin)), min(without, time.Since(middle))
	}
	b.ReportMetric(0, "ns/op") // would be both together
	b.ReportMetric(with.Seconds()*1e6, "us-with")
	b.ReportMetric(without.Seconds()*1e6, "us-without")
	b.ReportMetric(float64(with)/float64(without), "ratio")
	if b.N > 1 && float64(with) > (1-least)*float64(without) {
		b.Errorf("%v with, %v without: the rule gains nothing", with, without)
	}
}
