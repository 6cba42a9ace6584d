package dlas

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/system"
)

// card is the six rows of a Spec, with the paper's names of the layers.
func card(s Spec) table {
	t := table{style: []string{"", "font-family:monospace;font-weight:600"}, marks: layerColours}
	for _, l := range ir.Layers() {
		text := s.Layer(l)
		if text == "" {
			text = "(default)"
		}
		t.rows = append(t.rows, []string{fmt.Sprintf("L%d %s: %s", l.Number(), l.Title(), l), text})
	}
	return t
}

// layerColours are the edges of the card's rows, of Okabe and Ito's palette, which colour-blind readers can tell apart.
var layerColours = []string{"#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7"}

// shown is the Spec with its defaults where they are known; a Spec in error is shown as it was written.
func (s Stack) shown() Spec {
	if c, err := s.spec.Canonical(); err == nil {
		return c
	}
	return s.spec
}

// String is the six-row card.
func (s Stack) String() string { return card(s.shown()).text() }

// MimeBundle shows the card in a notebook.
func (s Stack) MimeBundle() map[string]any {
	c := card(s.shown())
	return bundle(c.html(), c.text())
}

func bundle(html, text string) map[string]any {
	return map[string]any{"text/html": html, "text/plain": text}
}

// figures are the lines of a result: what, value, what the value is to be read with.
func (r *Result) figures() table {
	t := table{style: []string{"", "font-weight:600;white-space:nowrap", "opacity:.75"}}
	add := func(cells ...string) { t.rows = append(t.rows, cells) }
	switch a := r.Accuracy; {
	case a != nil:
		add("top-1", percent(a.Top1), fmt.Sprintf("95 %% interval %s to %s %%, n = %s, split %s", percentBare(a.Low), percentBare(a.High), thousands(int64(a.N)), a.Split))
		if r.manyClasses() {
			add("top-5", percent(a.Top5), "")
		}
	case !r.Model.Trained:
		add("top-1", "none", "random weights: their accuracy means nothing")
	default:
		add("top-1", "none", "the data has no labels")
	}
	if l := r.Latency; l != nil {
		add("latency", millis(l.Median), fmt.Sprintf("95 %% interval %s, n = %d samples, batch %d, stopped by %s", millisRange(l.Low, l.High), l.N, l.Batch, stoppedBy(l.StoppedBy)))
	}
	if r.OverheadMS != nil {
		add("overhead", millis(*r.OverheadMS), "of that, what the do-nothing network takes")
	}
	add("parameters", thousands(r.Model.Params), fmt.Sprintf("%s not zero; of the conv and linear weights %s are zero", thousands(r.Model.NonZero), percent(r.Model.Sparsity)))
	add("MACs", scaled(r.Model.MACs, ""), scaled(r.Model.MACsNonzero, "")+" with a weight that is not zero")
	stored := ""
	if len(r.Model.Stored) > 0 {
		stored = "as saved: " + storedText(r.Model.Stored) + "; "
	}
	add("weights", bytesText(r.Model.Bytes), stored+bytesText(r.Model.MemoryBytes)+" in memory, with the buffers")
	return t
}

// stoppedBy says in words what ended the measuring.
func stoppedBy(why string) string {
	switch why {
	case system.ByWidth:
		return "a narrow interval"
	case system.ByTime:
		return "the time budget"
	case system.ByRounds:
		return "the last round"
	}
	return why
}

// manyClasses: from 100 classes up, top-5 stands beside top-1.
func (r *Result) manyClasses() bool {
	if r.Seen == nil {
		return false
	}
	n := len(r.Seen.Classes)
	for i, l := range r.Seen.Labels {
		n = max(n, l+1, r.Seen.Predicted[i]+1)
	}
	return n >= 100
}

// nodeTable is time by node, with the share that the nodes' sum has of the latency.
func (r *Result) nodeTable() (title string, t table) {
	sum := 0.0
	for _, n := range r.Nodes {
		if n.MS != nil {
			sum += *n.MS
		}
	}
	title = "time by node"
	if r.Latency != nil && r.Latency.Median > 0 && sum > 0 {
		title += fmt.Sprintf(" (sum of nodes / latency = %.2f; a separate profiled pass)", sum/r.Latency.Median)
	}
	t = table{style: []string{"font-family:monospace", "", "", "", "", "white-space:nowrap"}, head: []string{"node", "operator", "kernel", "time", "share", "", "MACs", "not zero", "roofline"}, right: []bool{false, false, false, true, true, false, true, true, true}}
	for _, n := range r.Nodes {
		ms, share, bar := "", "", ""
		if n.MS != nil && sum > 0 {
			ms, share, bar = millis(*n.MS), fmt.Sprintf("%.1f %%", 100**n.MS/sum), barOf(*n.MS/sum)
		}
		kernel := strings.Join(strings.Fields(strings.Join([]string{n.Primitive, n.Format, n.Type, n.ISA}, " ")), " ")
		if n.InsteadOf != "" {
			kernel += " (instead of " + n.InsteadOf + ")"
		}
		macs, nonzero := "", ""
		if n.MACs > 0 {
			macs, nonzero = scaled(n.MACs, ""), scaled(n.MACsNonzero, "")
		}
		peak := ""
		if n.Roofline != nil {
			peak = fmt.Sprintf("%.0f %%", 100**n.Roofline)
		}
		t.rows = append(t.rows, []string{n.Name, n.Op, kernel, ms, share, bar, macs, nonzero, peak})
	}
	return title, t
}

// barOf draws a share as a bar of up to ten cells, in eighths.
func barOf(share float64) string {
	eighths := int(share*80 + 0.5)
	eighths = max(0, min(eighths, 80))
	bar := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[part-1])
	}
	return bar
}

// marks says where a result does not come from measuring now, side by side.
func (r *Result) marks() string {
	var m []string
	if r.Stored {
		m = append(m, "stored")
	}
	if r.Unpaired {
		m = append(m, "unpaired")
	}
	return strings.Join(m, ", ")
}

// String is the card with the result below it.
func (r *Result) String() string {
	var b strings.Builder
	b.WriteString(card(r.Spec).text())
	b.WriteString("\n" + r.figures().text())
	if title, nodes := r.nodeTable(); len(nodes.rows) > 0 {
		b.WriteString("\n" + title + "\n" + nodes.text())
	}
	b.WriteString("\n" + r.footer() + "\n")
	for _, n := range r.Notes {
		b.WriteString("note: " + plain(n) + "\n")
	}
	return b.String()
}

// footer names what the numbers hold for.
func (r *Result) footer() string {
	e := r.Environment
	parts := []string{"spec " + r.SpecHash}
	if r.Name != "" {
		parts = append([]string{r.Name}, parts...)
	}
	if e.CPU != "" {
		parts = append(parts, e.CPU)
	}
	threads := fmt.Sprintf("%d threads", e.Threads)
	if e.Threads == 1 {
		threads = "1 thread"
	}
	parts = append(parts, fmt.Sprintf("%s, %s, %s", threads, e.ISA, e.Go))
	if m := r.marks(); m != "" {
		parts = append(parts, m)
	}
	return plain(strings.Join(parts, " · "))
}

// MimeBundle shows the card, the result and the time by node in a notebook.
func (r *Result) MimeBundle() map[string]any {
	var b strings.Builder
	b.WriteString(`<div class="dlas-result">` + card(r.Spec).html() + r.figures().html())
	if title, nodes := r.nodeTable(); len(nodes.rows) > 0 {
		b.WriteString("<details><summary>" + escape(title) + "</summary>" + nodes.html() + "</details>")
	}
	b.WriteString("<p><small>" + escape(r.footer()) + "</small></p>")
	for _, n := range r.Notes {
		b.WriteString("<p><small>note: " + escape(n) + "</small></p>")
	}
	b.WriteString("</div>")
	return bundle(b.String(), r.String())
}
