package plotting

import (
	"cmp"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// maxBars is how many bars a figure may have.
const maxBars = 200

// bars draws one metric of each result as a horizontal bar with its interval.
// The results of a choice of the coloured layer share colour and hatch.
func bars(rs []*dlas.Result, o Options) (*Figure, error) {
	if o.X != "" || o.Panel != "" {
		return nil, &ir.Error{What: "bars has neither x= nor panel=", Try: "y= names the metric, colour= a layer"}
	}
	m, err := metricNamed(cmp.Or(o.Y, "latency"))
	if err != nil {
		return nil, err
	}
	b := &barPlot{font: o.Font}
	if m.Ratio {
		b.from = 1
	}
	f := &Figure{
		Width: o.Width, font: o.Font,
		Columns: []string{"name", m.Label, m.Name + " low", m.Name + " high", "spec", "environment"},
	}
	var drawn []*dlas.Result
	for _, r := range rs {
		if _, ok := m.value(r, rs[0]); ok {
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
	b.names = labelsOf(drawn)
	smallest, largest := math.Inf(1), 0.0
	for _, r := range drawn {
		v, _ := m.value(r, rs[0])
		smallest, largest = min(smallest, v.V), max(largest, v.V)
	}
	write := fixed(largest)
	if smallest < largest/10 { // else the small ones would all read 0.3
		write = func(v float64) string { return fixed(v)(v) }
	}
	for i, r := range drawn {
		v, _ := m.value(r, rs[0])
		s := styleOf(0)
		if o.Colour != "" {
			s = styles[r.Spec.Layer(o.Colour)]
		}
		b.bars = append(b.bars, bar{row: float64(i), high: 0.72, value: v, style: s, text: write(v.V)})
		f.Rows = append(f.Rows, []string{b.names[i], csvNumber(v.V), csvNumber(v.Low), csvNumber(v.High), r.SpecHash, r.Environment.Hash})
	}
	p := newBarPlot(b, m, o.Width)
	f.Plots = append(f.Plots, p)
	f.Caption = facts(drawn, m)
	if m.Ratio {
		f.Caption += " The first is " + b.names[0] + "."
	}
	return f.finish(barRows(float64(len(drawn)), o.Font)), nil
}
