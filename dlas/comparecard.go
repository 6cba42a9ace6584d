package dlas

import (
	"fmt"
	"strings"
)

// lines are what a comparison says below its table.
func (c *Comparison) lines() []string {
	var out []string
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
