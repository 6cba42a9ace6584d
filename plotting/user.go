package plotting

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// Render makes a figure of a plot of one's own, of a width and height. Its look
// is the plot's alone.
func Render(p *plot.Plot, width, height vg.Length) *Figure {
	return &Figure{Kind: "plot", Plots: []*plot.Plot{p}, Width: width, Height: height, Caption: clean(p.Title.Text)}
}

// Size of a plot that is shown without one being asked for.
const (
	showWidth  = 14 * vg.Centimeter
	showHeight = 9 * vg.Centimeter
)

// Bundle shows a *plot.Plot under a cell like a Figure. It has the form that
// display.Register wants, and returns false for other values.
func Bundle(v any) (map[string]any, bool) {
	p, ok := v.(*plot.Plot)
	if !ok || p == nil {
		return nil, false
	}
	return Render(p, showWidth, showHeight).MimeBundle(), true
}
