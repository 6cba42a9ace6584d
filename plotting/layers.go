package plotting

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxNodes is how many nodes layers draws one by one; the quickest of more are
// drawn as one bar.
const maxNodes = 40

// layers draws the time of each node in the order of execution: of one result
// with its share of the sum, coloured by operator, or of up to four side by
// side.
func layers(rs []*dlas.Result, o Options) (*Figure, error) {
	if o.X != "" || o.Y != "" || o.Colour != "" || o.Panel != "" {
		return nil, &ir.Error{What: "layers has no x=, y=, colour= or panel=", Try: "it has width= and font="}
	}
	var drawn []*dlas.Result
	for _, r := range rs {
		if slices.ContainsFunc(r.Nodes, func(n dlas.Node) bool { return n.MS != nil }) {
			drawn = append(drawn, r)
		}
	}
	switch {
	case len(drawn) == 0:
		return nil, &ir.Error{What: "no result has times by node", Try: "measure one with run"}
	case len(drawn) > 4:
		return nil, &ir.Error{What: fmt.Sprintf("layers draws one to four results, not %d", len(drawn)), Try: "name those to draw"}
	}
	rows, others := nodeRows(drawn)
	b := &barPlot{font: o.Font}
	for _, n := range rows {
		b.names = append(b.names, n.name)
	}
	names := labelsOf(drawn)
	largest := 0.0
	for _, n := range rows {
		largest = max(largest, slices.Max(n.time[:]))
	}
	unit := "ms"
	if largest < 0.1 {
		unit, largest = "µs", largest*1000
		for _, n := range rows {
			for k := range n.time {
				n.time[k] *= 1000
			}
		}
	}
	write := fixed(largest)
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"result", "node", "operator", "time (" + unit + ")", "share", "spec", "environment"}}
	styles := map[string]style{}
	high := 0.72
	if len(drawn) > 1 {
		high = 0.84
	}
	var caption string
	for k, r := range drawn {
		sum := 0.0
		for _, n := range rows {
			sum += n.time[k]
		}
		for i, n := range rows {
			if !n.has[k] {
				continue
			}
			share := 0.0
			if sum > 0 {
				share = n.time[k] / sum
			}
			x := bar{
				row: float64(i), high: high / float64(len(drawn)), value: Value{n.time[k], n.time[k], n.time[k]},
				style: styleOf(k), text: write(n.time[k]),
			}
			x.row += (float64(k) - float64(len(drawn)-1)/2) * x.high
			if len(drawn) == 1 {
				what := n.what[k]
				s, ok := styles[what]
				if !ok {
					s = styleOf(len(styles))
					styles[what] = s
					f.legend = append(f.legend, barEntry(s, what))
				}
				x.style = s
				x.text = fmt.Sprintf("%s (%.0f %%)", x.text, 100*share)
			}
			b.bars = append(b.bars, x)
			f.Rows = append(f.Rows, []string{names[k], n.name, n.what[k], csvNumber(n.time[k]), csvNumber(share), r.SpecHash, r.Environment.Hash})
		}
		if len(drawn) > 1 {
			f.legend = append(f.legend, barEntry(styleOf(k), fmt.Sprintf("%s (sum %s %s)", names[k], write(sum), unit)))
		} else {
			caption = fmt.Sprintf("%s: %d nodes, sum %s %s", names[k], len(r.Nodes), write(sum), unit)
			if r.Latency != nil && r.Latency.Median > 0 {
				ms := sum
				if unit == "µs" {
					ms /= 1000
				}
				caption += fmt.Sprintf(", %.0f %% of the latency", 100*ms/r.Latency.Median)
			}
			caption += ". "
		}
	}
	if others > 0 {
		caption += fmt.Sprintf("The %d quickest nodes are drawn as one. ", others)
	}
	f.Caption = clean(caption) + "Each time is the median of a profiled pass of its own. " + facts(drawn, metrics[0])
	p := newBarPlot(b, Metric{Name: "ms", Label: "Time of a node (" + unit + ")"}, o.Width)
	f.Plots = append(f.Plots, p)
	return f.finish(barRows(float64(len(rows))*max(1, 0.76*float64(len(drawn))), o.Font)), nil
}

// nodeRow is a node in all results: its time, and what computes it.
type nodeRow struct {
	name string
	time [4]float64 // in ms, then in the unit of the figure
	has  [4]bool
	what [4]string
}

// nodeRows joins the nodes of results by name, in the order in which they first
// come, and tells how many were merged into the last row.
func nodeRows(rs []*dlas.Result) ([]*nodeRow, int) {
	var rows []*nodeRow
	byName := map[string]*nodeRow{}
	for k, r := range rs {
		for _, n := range r.Nodes {
			if n.MS == nil {
				continue
			}
			row := byName[n.Name]
			if row == nil {
				row = &nodeRow{name: n.Name}
				byName[n.Name] = row
				rows = append(rows, row)
			}
			row.time[k] += *n.MS
			row.has[k] = true
			row.what[k] = nodeKind(n)
		}
	}
	if len(rows) <= maxNodes {
		return rows, 0
	}
	total := func(n *nodeRow) float64 { return n.time[0] + n.time[1] + n.time[2] + n.time[3] }
	slowest := slices.Clone(rows)
	slices.SortStableFunc(slowest, func(a, b *nodeRow) int { return cmp.Compare(total(b), total(a)) })
	rest := &nodeRow{}
	for _, n := range slowest[maxNodes-1:] {
		for k := range rs {
			rest.time[k] += n.time[k]
			rest.has[k] = rest.has[k] || n.has[k]
			rest.what[k] = "others"
		}
		rows = slices.DeleteFunc(rows, func(m *nodeRow) bool { return m == n })
	}
	merged := len(slowest) - maxNodes + 1
	rest.name = fmt.Sprintf("%d others", merged)
	return append(rows, rest), merged
}

// nodeKind is what computes a node: "conv direct csr".
func nodeKind(n dlas.Node) string {
	s := n.Op
	if n.Primitive != "" && n.Primitive != n.Op {
		s += " " + n.Primitive
	}
	if n.Format != "" {
		s += " " + n.Format
	}
	return clean(s)
}
