package plotting

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// histogramBins is odd: the middle one is around zero.
const histogramBins = 61

// histogram draws how the weights of convolutions and linear layers are spread before compression and after, on a
// logarithmic count; zeros are counted apart. node= names one layer.
func histogram(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("histogram", "node"); err != nil {
		return nil, err
	}
	r, layers, err := weightsOf(rs, o.Node)
	if err != nil {
		return nil, err
	}
	var before, after []float32
	for _, l := range layers {
		before, after = append(before, l.Before.Values...), append(after, l.After.Values...)
	}
	largest := 0.0
	for _, v := range slices.Concat(before, after) {
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return nil, &ir.Error{Layer: ir.Compress, What: "there are no weights other than zero to draw"}
	}
	width := 2 * largest / histogramBins
	count := func(of []float32) (bins []int, zeros int) {
		bins = make([]int, histogramBins)
		for _, v := range of {
			if v == 0 {
				zeros++
				continue
			}
			bins[min(histogramBins-1, max(0, int((float64(v)+largest)/width)))]++
		}
		return bins, zeros
	}
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"weights", "from", "to", "count", "spec", "environment"}}
	h := &steps{width: width, low: -largest}
	high := 1
	for k, of := range []struct {
		name   string
		values []float32
	}{{"before", before}, {"after", after}} {
		bins, zeros := count(of.values)
		h.bins = append(h.bins, bins)
		high = max(high, slices.Max(bins))
		for i, n := range bins {
			if n > 0 {
				f.Rows = append(f.Rows, []string{of.name, csvNumber(-largest + float64(i)*width), csvNumber(-largest + float64(i+1)*width), fmt.Sprint(n), r.SpecHash, r.Environment.Hash})
			}
		}
		f.Rows = append(f.Rows, []string{of.name, "0", "0", fmt.Sprint(zeros), r.SpecHash, r.Environment.Hash})
		text := fmt.Sprintf("%s: %s not zero, %s zero", of.name, thousands(len(of.values)-zeros), thousands(zeros))
		if k == 0 {
			f.legend = append(f.legend, boxEntry(style{colour: tint(histogramStyles[0].colour, 0.3)}, text))
		} else {
			f.legend = append(f.legend, barEntry(histogramStyles[k], text))
		}
	}
	p := newPlot(o.Font)
	p.X.Label.Text, p.Y.Label.Text = "Value of a weight (number)", "Weights in a bin (count)"
	p.X.Min, p.X.Max = -largest*1.02, largest*1.02
	// The axis is linear in the logarithm: gonum makes room for the label of a logarithmic one at the wrong place.
	p.Y.Min, p.Y.Max = math.Log10(0.7), math.Log10(float64(high)*1.5)
	var ticks plot.ConstantTicks
	for _, t := range (logTicks{}).Ticks(0.7, float64(high)*1.5) {
		ticks = append(ticks, plot.Tick{Value: math.Log10(t.Value), Label: t.Label})
	}
	p.Y.Tick.Marker = ticks
	p.Add(grid{true, true}, h)
	f.Plots = append(f.Plots, p)
	f.Caption = clean(fmt.Sprintf("Weights of %s, n = %s before and %s after %s; zeros are counted in the legend alone. A bin is %s wide. %s, %s.",
		whichLayers(layers, o.Node), thousands(len(before)), thousands(len(after)), r.Spec.Compress, number(width), r.Spec.Data, r.Spec.Model))
	return f.finish(max(f.Width*0.5, 14*o.Font)), nil
}

var histogramStyles = []style{{colour: okabeIto[0], hatch: 0}, {colour: okabeIto[1], hatch: 1}}

func whichLayers(layers []dlas.LayerWeights, node string) string {
	if node != "" {
		return layers[0].Name
	}
	return fmt.Sprintf("%d convolution and linear layers", len(layers))
}

// weightsOf builds the network of the newest compressed result, before and after, with one layer or all.
func weightsOf(rs []*dlas.Result, node string) (*dlas.Result, []dlas.LayerWeights, error) {
	r := rs[len(rs)-1]
	for _, x := range rs {
		if x.Spec.Compress != "none" {
			r = x
		}
	}
	layers, err := dlas.FromSpec(r.Spec).Weights(context.Background())
	if err != nil {
		return nil, nil, err
	}
	if len(layers) == 0 {
		return nil, nil, &ir.Error{Layer: ir.Model, What: r.Spec.Model + " has no convolution or linear layers"}
	}
	if node == "" {
		return r, layers, nil
	}
	var names []string
	for _, l := range layers {
		if l.Name == node {
			return r, []dlas.LayerWeights{l}, nil
		}
		names = append(names, l.Name)
	}
	return nil, nil, ir.Unknown("", "layer with weights", node, names)
}

// steps draws histograms over each other.
type steps struct {
	low, width float64
	bins       [][]int
}

// Plot implements plot.Plotter.
func (h *steps) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	floor := c.Min.Y
	for k, bins := range h.bins {
		s := histogramStyles[k]
		for i, n := range bins {
			if n == 0 {
				continue
			}
			x0, x1 := trX(h.low+float64(i)*h.width), trX(h.low+float64(i+1)*h.width)
			box := vg.Rectangle{Min: vg.Point{X: x0, Y: floor}, Max: vg.Point{X: x1, Y: trY(math.Log10(float64(n)))}}
			if k == 0 {
				c.SetColor(tint(s.colour, 0.3))
				c.Fill(box.Path())
				continue
			}
			// What is after lies over what was before, and both show.
			c.SetLineStyle(draw.LineStyle{Color: s.colour, Width: 0.8})
			c.Stroke(box.Path())
			c.StrokeLine2(draw.LineStyle{Color: s.colour, Width: 0.6}, x0, floor, x1, box.Max.Y)
		}
	}
}
