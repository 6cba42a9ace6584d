package dlas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// varying lists the layers that are not the same in all Specs.
func varying(specs []Spec) []ir.Layer {
	var out []ir.Layer
	for _, l := range ir.Layers() {
		if slices.ContainsFunc(specs, func(s Spec) bool { return s.Layer(l) != specs[0].Layer(l) }) {
			out = append(out, l)
		}
	}
	return out
}

// Label names a result among its neighbours: the texts of the layers that vary, else its name or its compression.
func (r *Result) Label(varies []ir.Layer) string {
	if r.Name != "" {
		return r.Name
	}
	if len(varies) == 0 {
		return r.Spec.Model + " " + r.Spec.Compress
	}
	words := make([]string, len(varies))
	for i, l := range varies {
		words[i] = r.Spec.Layer(l)
	}
	return strings.Join(words, ", ")
}

// Varies lists the layers that are not the same in all results.
func Varies(results []*Result) []ir.Layer {
	specs := make([]Spec, len(results))
	for i, r := range results {
		specs[i] = r.Spec
	}
	if len(specs) == 0 {
		return nil
	}
	return varying(specs)
}

// resultsTable is one row a result: what varies, accuracy and latency with their intervals, what the network holds.
func resultsTable(results []*Result, varies []ir.Layer) table {
	t := table{}
	if len(varies) == 0 {
		varies = []ir.Layer{ir.Model, ir.Compress}
	}
	named := slices.ContainsFunc(results, func(r *Result) bool { return r.Name != "" })
	column := func(name string, right bool) {
		t.head = append(t.head, name)
		t.right = append(t.right, right)
	}
	if named {
		column("name", false)
	}
	for _, l := range varies {
		column(string(l), false)
	}
	many := slices.ContainsFunc(results, (*Result).manyClasses)
	scored := slices.ContainsFunc(results, func(r *Result) bool { return r.Accuracy != nil })
	column("top-1 %", true)
	if scored {
		column("95 % interval", true)
	}
	if many = many && scored; many {
		column("top-5 %", true)
	}
	column("latency", true)
	column("95 % interval", true)
	alike := sizes(results) != ""
	if !alike {
		column("not zero", true)
		column("MACs not zero", true)
		column("weights", true)
	}
	marked := slices.ContainsFunc(results, func(r *Result) bool { return r.marks() != "" })
	if marked {
		column("", false)
	}
	column("spec", false)
	for _, r := range results {
		var row []string
		if named {
			row = append(row, r.Name)
		}
		for _, l := range varies {
			row = append(row, r.Spec.Layer(l))
		}
		top1, top1Range, latency, latencyRange := "none", "", "", ""
		if a := r.Accuracy; a != nil {
			top1, top1Range = percentBare(a.Top1), percentBare(a.Low)+" to "+percentBare(a.High)
		}
		if l := r.Latency; l != nil {
			latency, latencyRange = millis(l.Median), millisRange(l.Low, l.High)
		}
		row = append(row, top1)
		if scored {
			row = append(row, top1Range)
		}
		if many {
			top5 := ""
			if a := r.Accuracy; a != nil {
				top5 = percentBare(a.Top5)
			}
			row = append(row, top5)
		}
		row = append(row, latency, latencyRange)
		if !alike {
			row = append(row, thousands(r.Model.NonZero), scaled(r.Model.MACsNonzero, ""), bytesText(r.Model.Bytes))
		}
		if marked {
			row = append(row, r.marks())
		}
		t.rows = append(t.rows, append(row, r.SpecHash[:min(8, len(r.SpecHash))]))
	}
	return t
}

// sizes is what the networks of several results hold, where that is the same of all: a line in place of three columns.
func sizes(results []*Result) string {
	if len(results) < 2 {
		return ""
	}
	m := results[0].Model
	for _, r := range results {
		if r.Model.NonZero != m.NonZero || r.Model.MACsNonzero != m.MACsNonzero || r.Model.Bytes != m.Bytes {
			return ""
		}
	}
	return fmt.Sprintf("each: %s parameters not zero, %s MACs not zero, %s of weights", thousands(m.NonZero), scaled(m.MACsNonzero, ""), bytesText(m.Bytes))
}

// fixed is the layers that all points share, in one line.
func (s *Sweep) fixed() string {
	if len(s.Specs) == 0 {
		return "no points"
	}
	var parts []string
	for _, l := range ir.Layers() {
		if !slices.Contains(s.Varies, l) {
			parts = append(parts, string(l)+" "+s.Specs[0].Layer(l))
		}
	}
	return plain(strings.Join(parts, " · "))
}

// footer says what of the sweep is missing.
func (s *Sweep) footer() []string {
	var out []string
	if line := sizes(s.Results); line != "" {
		out = append(out, line)
	}
	if s.Rounds > 0 {
		out = append(out, fmt.Sprintf("measured side by side in %d rounds, in a new random order each", s.Rounds))
	}
	if s.Interrupted {
		text := fmt.Sprintf("interrupted: %d of %d points are done", s.Done, len(s.Specs))
		if n := len(s.Results) - s.Done; n > 0 {
			text += fmt.Sprintf(", and of %d more the latency is known", n)
		}
		out = append(out, text)
	}
	for _, f := range s.Failed {
		out = append(out, plain("failed: "+f.Err.Error()))
	}
	return out
}

// String is the sweep's table.
func (s *Sweep) String() string {
	return s.fixed() + "\n\n" + resultsTable(s.Results, s.Varies).text() + "\n" + strings.Join(append(s.footer(), ""), "\n")
}

// MimeBundle shows the table in a notebook.
func (s *Sweep) MimeBundle() map[string]any {
	var b strings.Builder
	b.WriteString(`<div class="dlas-sweep"><p><small>` + escape(s.fixed()) + "</small></p>" + resultsTable(s.Results, s.Varies).html())
	for _, line := range s.footer() {
		b.WriteString("<p><small>" + escape(line) + "</small></p>")
	}
	b.WriteString("</div>")
	return bundle(b.String(), s.String())
}

// Results is a list that shows itself as one table.
type Results []*Result

// String is one row a result.
func (rs Results) String() string {
	text := resultsTable(rs, Varies(rs)).text()
	if line := sizes(rs); line != "" {
		text += "\n" + line + "\n"
	}
	return text
}

// MimeBundle shows the table in a notebook.
func (rs Results) MimeBundle() map[string]any {
	html := resultsTable(rs, Varies(rs)).html()
	if line := sizes(rs); line != "" {
		html += "<p><small>" + escape(line) + "</small></p>"
	}
	return bundle(html, rs.String())
}
