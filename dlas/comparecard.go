package dlas

import (
	"fmt"
	"math"
	"strings"

	"github.com/godlas/godlas/dlas/primitive"
)

// lines are what a comparison says below its table.
func (c *Comparison) lines() []string {
	var out []string
	if h := c.headline(); h != "" {
		out = append(out, h)
	}
	latency := fmt.Sprintf("latency: B is %s; latency of B / A is %.3f, 95 %% interval %.3f to %.3f", c.Verdict, c.Ratio, c.Low, c.High)
	if c.Verdict == CannotTell {
		latency = fmt.Sprintf("latency: cannot tell; latency of B / A is %.3f, 95 %% interval %.3f to %.3f", c.Ratio, c.Low, c.High)
	}
	if c.Unpaired {
		latency = fmt.Sprintf("latency: unpaired, the two were not measured side by side; latency of B / A is %.3f", c.Ratio)
	} else {
		latency += fmt.Sprintf(", paired in %d rounds", c.Rounds)
	}
	out = append(out, latency)
	if c.Accuracy != nil {
		out = append(out, "accuracy: "+c.Accuracy.String())
	} else {
		out = append(out, "accuracy: not compared, "+c.AccuracyRefuse)
	}
	if line := sizes([]*Result{c.A, c.B}); line != "" {
		out = append(out, line)
	}
	return out
}

// headline says in one sentence how a compressed network compares with its baseline, whichever of the two is which; empty
// for other pairs.
func (c *Comparison) headline() string {
	now, ratio, low, high, sign := c.B, c.Ratio, c.Low, c.High, 1.0
	verdict := c.Verdict
	switch {
	case isBaseline(c.A, c.B):
	case isBaseline(c.B, c.A):
		now, ratio, low, high, sign = c.A, 1/ratio, 1/high, 1/low, -1.0
		verdict = map[string]string{Faster: Slower, Slower: Faster}[verdict]
	default:
		return ""
	}
	var b strings.Builder
	what := now.Spec.Compress
	if uncompressed(now.Spec) {
		what = fmt.Sprintf("%s, of whose weights %s came as zero", now.Spec.Model, percent(now.Model.Sparsity))
	}
	b.WriteString(what + ", " + now.Spec.Primitive)
	speed := fmt.Sprintf("%s, 95 %% interval %s to %s", times(1/ratio), times(1/high), times(1/low))
	switch {
	case c.Unpaired:
		fmt.Fprintf(&b, " ran at %s of its baseline's speed, unpaired", times(1/ratio))
	case verdict == Faster || verdict == Slower:
		fmt.Fprintf(&b, " is %s than its baseline (%s)", verdict, speed)
	default:
		fmt.Fprintf(&b, " cannot be told from its baseline in time (%s)", speed)
	}
	switch d := c.Accuracy; {
	case d == nil:
		b.WriteString("; their accuracies are not compared: " + c.AccuracyRefuse)
	case d.Verdict == Identical:
		b.WriteString(", and predicts the same class for every image")
	case d.Verdict == NoDifferenceShown:
		fmt.Fprintf(&b, ", and no difference of accuracy is shown (%+.2f points, p = %s)", sign*d.Points, pValue(d.P))
	default:
		word := "higher"
		if sign*d.Points < 0 {
			word = "lower"
		}
		fmt.Fprintf(&b, ", and its top-1 is %s by %.2f points (p = %s)", word, math.Abs(d.Points), pValue(d.P))
	}
	return b.String()
}

// isBaseline reports whether a is what the compressed b is judged by: the same choices, nothing compressed, dense. A network
// that came with zeros is judged by itself on dense kernels.
func isBaseline(a, b *Result) bool {
	x, y := a.Spec, b.Spec
	algorithm, format := pairOf(x.Primitive)
	own, other := pairOf(y.Primitive)
	dense := algorithm == own && (format == "" || format == primitive.Dense)
	if uncompressed(y) {
		dense = algorithm == own && format == primitive.Dense && other != primitive.Dense && b.Model.Sparsity >= leastZeros
	}
	if x.Compress != "none" {
		return false
	}
	x.Compress, x.Primitive = y.Compress, y.Primitive
	return x == y && dense
}

func (c *Comparison) table() table {
	both := []*Result{c.A, c.B}
	t := resultsTable(both, Varies(both))
	t.head = append([]string{""}, t.head...)
	t.right = append([]bool{false}, t.right...)
	for i := range t.rows {
		t.rows[i] = append([]string{"AB"[i : i+1]}, t.rows[i]...)
	}
	return t
}

// String is both results and what differs between them.
func (c *Comparison) String() string {
	return c.table().text() + "\n" + strings.Join(c.lines(), "\n") + "\n"
}

// MimeBundle shows the comparison in a notebook.
func (c *Comparison) MimeBundle() map[string]any {
	var b strings.Builder
	b.WriteString(`<div class="dlas-comparison">` + c.table().html())
	for _, l := range c.lines() {
		b.WriteString("<p>" + escape(l) + "</p>")
	}
	b.WriteString("</div>")
	return bundle(b.String(), c.String())
}
