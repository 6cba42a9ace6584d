package dlas

import (
	"fmt"
	"math"
	"strings"
)

// signed is a time that may be negative.
func signed(ms float64) string {
	if ms < 0 {
		return "-" + millis(-ms)
	}
	return "+" + millis(ms)
}

// path is the way from the baseline to the measured time: each row adds to those above it.
func (e *Explanation) path() table {
	t := table{
		head: []string{"", "", "time", "of gap", "", ""}, right: []bool{false, false, true, true, false, false},
		style: []string{"", "white-space:nowrap;font-weight:600", "white-space:nowrap", "", "", "opacity:.75"},
	}
	add := func(layer, what, ms, share, text, try string) {
		t.rows = append(t.rows, []string{layer, what, ms, share, text, try})
		t.marks = append(t.marks, markOf(layer))
	}
	baseline := e.Baseline.Compress + ", " + e.Baseline.Primitive
	if e.Own != nil {
		baseline = "the same network, " + e.Baseline.Primitive
	}
	add("", "baseline", millis(e.BaselineMS), "", baseline, "")
	if e.Spec.Compress != "none" && e.WeightsLeft > 0 {
		add("L3", "weights left", "", "", fmt.Sprintf("%s of the baseline's conv and linear weights; of those that there are %s are zero", shareText(e.WeightsLeft), percent(e.Zeros)), "")
	}
	if e.Ideal > 0 {
		add("", "ideal", millis(e.BaselineMS/e.Ideal), "", fmt.Sprintf("%s, if time were work, of which %s is left", times(e.Ideal), shareText(e.WorkLeft)), "")
		if math.Abs(e.Untouched) > 0.001*e.BaselineMS {
			add("L3", "not compressed", signed(e.Untouched), "", "nodes whose work is not, or less, compressed than the mean (Amdahl)", "")
		}
		if math.Abs(e.Type) > 0.001*e.BaselineMS {
			add("L3", "smaller type", signed(e.Type), "", "of which this machine multiplies more a second", "")
		}
	}
	add("", "expected", millis(e.ExpectedMS), "", times(e.Expected), "")
	for _, p := range e.Parts {
		if math.Abs(p.MS) >= 0.0005*e.BaselineMS {
			add(p.Layer, p.Name, signed(p.MS), e.ofGap(p.MS), p.Text, p.Try)
		}
	}
	add("", "unexplained", signed(e.Unexplained), e.ofGap(e.Unexplained), fmt.Sprintf("may be up to %s", millis(e.Limit)), "")
	if e.integers() && e.Least > 0 {
		add("", "peaks ask", millis(e.Least), "", "of all nodes together: their multiply-accumulates at the peak of their type, or their bytes, whichever takes longer", "")
	}
	add("", "measured", millis(e.MS), "", fmt.Sprintf("%s, 95 %% interval %s to %s, paired in %d rounds: %s; noise %s", times(e.Speedup), times(e.Low), times(e.High), e.Rounds, e.Verdict, millis(e.Noise)), "")
	return t
}

// ofGap is a share of the gap, where there is one.
func (e *Explanation) ofGap(ms float64) string {
	if math.Abs(e.Gap) <= max(e.Noise, 0.02*e.BaselineMS) {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*ms/e.Gap)
}

// markOf is the colour of a layer's rows.
func markOf(layer string) string {
	if len(layer) == 2 && layer[1] >= '1' && int(layer[1]-'1') < len(layerColours) {
		return layerColours[layer[1]-'1']
	}
	return "transparent"
}

// layers is the gap by layer of the stack in one line.
func (e *Explanation) layers() string {
	sums := map[string]float64{}
	for _, p := range e.Parts {
		sums[p.Layer] += p.MS
	}
	var list []string
	for _, l := range []string{"L4", "L5", "L6"} {
		if ms := sums[l]; math.Abs(ms) >= 0.0005*e.BaselineMS {
			list = append(list, l+" "+signed(ms))
		}
	}
	if list == nil {
		return ""
	}
	return "by layer of the stack: " + strings.Join(list, ", ")
}

// mostNodes is how many nodes the text has; a notebook has all, folded.
const mostNodes = 8

// nodeTable is the nodes that lose most, worst first.
func (e *Explanation) nodeTable(most int) (title string, t table) {
	t = table{
		head: []string{"node", "baseline", "expected", "took", "lost", "alone warm", "evicted", "memory", "mostly", "kernel"}, right: []bool{false, true, true, true, true, true, true, true, false, false},
		style: []string{"font-family:monospace", "", "", "", "font-weight:600", "", "", "", "", "font-family:monospace"},
	}
	n := len(e.Nodes)
	if most > 0 && n > most {
		n = most
	}
	for _, x := range e.Nodes[:n] {
		kernel := x.Kernel
		if x.Before != "" && x.Before != x.Kernel {
			kernel += " (baseline: " + x.Before + ")"
		}
		row := []string{x.Name}
		for _, ms := range []float64{x.BaselineMS, x.ExpectedMS, x.MS, x.Lost, x.Warm, x.Evicted, x.Memory} {
			cell := "" // a node that only one of the two has
			if ms != 0 {
				cell = millis(ms)
			}
			row = append(row, cell)
		}
		row[4] = signed(x.Lost)
		t.rows = append(t.rows, append(row, x.Text, kernel))
	}
	first := "that lose most"
	if e.integers() {
		first = "that are furthest above what the peaks ask"
	}
	title = fmt.Sprintf("the %d of %d nodes %s; alone warm and evicted: the node by itself; memory: what moving its bytes takes at least", n, len(e.Nodes), first)
	if n == len(e.Nodes) {
		title = fmt.Sprintf("%d nodes, worst first; alone warm and evicted: the node by itself; memory: what moving its bytes takes at least", n)
	}
	return title, t
}

func (e *Explanation) footer() string {
	parts := []string{"spec " + e.SpecHash, "baseline " + e.BaselineHash, e.Spec.Data, e.Spec.Model, e.Spec.Compress, e.Spec.Primitive, e.Spec.Schedule, e.Spec.Hardware}
	if e.name != "" {
		parts = append([]string{e.name}, parts...)
	}
	return plain(strings.Join(parts, " · "))
}

// String is the answer in one sentence, then the parts, then the nodes that lose most.
func (e *Explanation) String() string {
	var b strings.Builder
	b.WriteString(plain(e.Headline()) + "\n\n" + e.path().text())
	for _, l := range []string{e.layers(), plain(e.formats())} {
		if l != "" {
			b.WriteString(l + "\n")
		}
	}
	title, nodes := e.nodeTable(mostNodes)
	b.WriteString("\n" + title + "\n" + nodes.text())
	b.WriteString("\n" + e.footer() + "\n")
	for _, n := range e.Notes {
		b.WriteString("note: " + plain(n) + "\n")
	}
	return b.String()
}

// MimeBundle shows the explanation in a notebook.
func (e *Explanation) MimeBundle() map[string]any {
	var b strings.Builder
	b.WriteString(`<div class="dlas-explanation"><p><b>` + escape(e.Headline()) + "</b></p>" + e.path().html())
	for _, l := range []string{e.layers(), e.formats()} {
		if l != "" {
			b.WriteString("<p>" + escape(l) + "</p>")
		}
	}
	title, nodes := e.nodeTable(0)
	b.WriteString(`<details><summary>` + escape(title) + `</summary><div style="overflow-x:auto">` + nodes.html() + "</div></details>")
	b.WriteString("<p><small>" + escape(e.footer()) + "</small></p>")
	for _, n := range e.Notes {
		b.WriteString("<p><small>note: " + escape(n) + "</small></p>")
	}
	b.WriteString("</div>")
	return bundle(b.String(), e.String())
}
