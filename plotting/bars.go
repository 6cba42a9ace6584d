package plotting

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxBars is how many bars a figure may have.
const maxBars = 200

// bars draws one metric of each result as a horizontal bar with its interval.
// The results of a choice of the coloured layer share colour and hatch.
func bars(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("bars", "y", "colour", "panel"); err != nil {
		return nil, err
	}
	m, err := metricNamed(cmp.Or(o.Y, "latency"))
	if err != nil {
		return nil, err
	}
	f := &Figure{
		Width: o.Width, font: o.Font,
		Columns: []string{"name", m.Label, m.Name + " low", m.Name + " high", "spec", "environment"},
	}
	var drawn []*dlas.Result
	for _, r := range rs {
		if _, ok := m.value(r, rs[0]); ok {
			if o.Panel != "" { // a row of a panel has one bar: that of the last result with these choices
				drawn = slices.DeleteFunc(drawn, func(d *dlas.Result) bool {
					return d.Spec == r.Spec && d.Environment.Hash == r.Environment.Hash
				})
			}
			drawn = append(drawn, r)
		}
	}
	if len(drawn) == 0 {
		return nil, &ir.Error{What: "no result has " + m.Name, Try: "accuracy needs labels and trained weights"}
	}
	if len(drawn) > maxBars {
		return nil, &ir.Error{What: fmt.Sprintf("%d bars do not fit in a figure", len(drawn)), Try: fmt.Sprintf("at most %d do", maxBars)}
	}
	styles := map[string]style{}
	if o.Colour != "" {
		for i, c := range choices(drawn, o.Colour) {
			styles[c] = styleOf(i)
			f.legend = append(f.legend, barEntry(styles[c], c))
		}
	}
	left := []ir.Layer{}
	if o.Panel != "" {
		left = append(left, o.Panel)
	}
	names := labelsOf(drawn, left...)
	smallest, largest := math.Inf(1), 0.0
	for _, r := range drawn {
		v, _ := m.value(r, rs[0])
		smallest, largest = min(smallest, v.V), max(largest, v.V)
	}
	write := fixed(largest)
	if smallest < largest/10 { // else the small ones would all read 0.3
		write = func(v float64) string { return fixed(v)(v) }
	}
	panels := []string{""}
	if o.Panel != "" {
		panels = choices(drawn, o.Panel)
		if len(panels) > maxPanels {
			return nil, &ir.Error{Layer: o.Panel, What: fmt.Sprintf("panel=%s makes %d panels", o.Panel, len(panels)), Try: fmt.Sprintf("at most %d are readable", maxPanels)}
		}
		f.Columns = append([]string{string(o.Panel)}, f.Columns...)
	}
	// A row has the same name in all panels, and is empty where a panel has no such result.
	rows := names
	if o.Panel != "" {
		rows = nil
		for _, n := range names {
			if !slices.Contains(rows, n) {
				rows = append(rows, n)
			}
		}
	}
	plots := make([]*barPlot, len(panels))
	for k := range plots {
		plots[k] = &barPlot{font: o.Font, names: rows}
		if m.Ratio {
			plots[k].from = 1
		}
	}
	for i, r := range drawn {
		v, _ := m.value(r, rs[0])
		s := styleOf(0)
		if o.Colour != "" {
			s = styles[r.Spec.Layer(o.Colour)]
		}
		row, k := i, 0
		line := []string{names[i], csvNumber(v.V), csvNumber(v.Low), csvNumber(v.High), r.SpecHash, r.Environment.Hash}
		if o.Panel != "" {
			row, k = slices.Index(rows, names[i]), slices.Index(panels, r.Spec.Layer(o.Panel))
			line = append([]string{panels[k]}, line...)
		}
		plots[k].bars = append(plots[k].bars, bar{row: float64(row), high: 0.72, value: v, style: s, text: write(v.V)})
		f.Rows = append(f.Rows, line)
	}
	columns := panelColumns(len(panels))
	widest := 0.0
	for k, b := range plots {
		width := o.Width
		if o.Panel != "" {
			width = o.Width * 0.8 // the names stand in the first column alone
		}
		p := newBarPlot(b, m, width)
		widest = max(widest, p.X.Max)
		if o.Panel != "" {
			p.Title.Text = fit(clean(panels[k]), p.Title.TextStyle, o.Width/vg.Length(columns)*0.85)
			if k%columns != 0 {
				ticks := make(plot.ConstantTicks, len(rows))
				for i := range rows {
					ticks[i] = plot.Tick{Value: -float64(i), Label: " "}
				}
				p.Y.Tick.Marker = ticks
			}
		}
		f.Plots = append(f.Plots, p)
	}
	if o.Panel != "" {
		least := math.Inf(1)
		for _, p := range f.Plots {
			least = min(least, p.X.Min)
		}
		for _, p := range f.Plots { // bars compare across panels
			p.X.Min, p.X.Max = least, widest
		}
		f.body = tile(f.Plots, columns, o.Font)
	}
	f.Caption = facts(drawn, m)
	if m.Ratio {
		f.Caption += " The first is " + names[0] + "."
	}
	body := barRows(float64(len(rows)), o.Font)
	if o.Panel != "" {
		body = (body + 2*o.Font) * vg.Length((len(panels)+columns-1)/columns)
	}
	return f.finish(body), nil
}
