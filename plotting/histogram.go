package plotting

import (
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
// logarithmic count; zeros are counted apart. A panel for each compressed network; node= names one layer.
func histogram(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("histogram", "node"); err != nil {
		return nil, err
	}
	nets, err := weightsOf(rs, o.Node)
	if err != nil {
		return nil, err
	}
	largest := 0.0
	for k := range nets {
		nets[k].spread = [2][]float32{}
		for _, l := range nets[k].layers {
			nets[k].spread[0], nets[k].spread[1] = append(nets[k].spread[0], l.Before.Values...), append(nets[k].spread[1], l.After.Values...)
		}
		for _, v := range slices.Concat(nets[k].spread[0], nets[k].spread[1]) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return nil, &ir.Error{Layer: ir.Compress, What: "there are no weights other than zero to draw"}
	}
	width := 2 * largest / histogramBins
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"compress", "weights", "from", "to", "count", "spec", "environment"}}
	high := 1
	var all []*steps
	for _, n := range nets {
		h := &steps{width: width, low: -largest}
		for k, name := range histogramNames {
			bins, zeros := spreadOf(n.spread[k], largest)
			h.bins, h.zeros = append(h.bins, bins), append(h.zeros, zeros)
			high = max(high, slices.Max(bins))
			add := func(from, to float64, count int) {
				f.Rows = append(f.Rows, []string{clean(n.r.Spec.Compress), name, csvNumber(from), csvNumber(to), fmt.Sprint(count), n.r.SpecHash, n.r.Environment.Hash})
			}
			for i, count := range bins {
				if count > 0 {
					add(-largest+float64(i)*width, -largest+float64(i+1)*width, count)
				}
			}
			add(0, 0, zeros)
		}
		all = append(all, h)
	}
	entries := []func(text string) entry{
		func(text string) entry { return boxEntry(style{colour: tint(histogramStyles[0].colour, 0.3)}, text) },
		func(text string) entry { return barEntry(histogramStyles[1], text) },
	}
	for k, name := range histogramNames {
		if len(nets) == 1 {
			name = fmt.Sprintf("%s: %s not zero, %s zero", name, thousands(len(nets[0].spread[k])-all[0].zeros[k]), thousands(all[0].zeros[k]))
		}
		f.legend = append(f.legend, entries[k](name))
	}
	columns := weightColumns(len(nets))
	for i, n := range nets {
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
		if len(nets) > 1 {
			total := len(n.spread[1])
			p.Title.Text = fit(clean(fmt.Sprintf("%s: %.1f %% zero", n.name, 100*float64(all[i].zeros[1])/float64(max(1, total)))), p.Title.TextStyle, o.Width/vg.Length(columns)*0.85)
			if i%columns != 0 {
				p.Y.Label.Text = ""
			}
		}
		p.Add(grid{true, true}, all[i])
		f.Plots = append(f.Plots, p)
	}
	n := nets[0]
	f.Caption = clean(fmt.Sprintf("Weights of %s, n = %s before and %s after %s; zeros are counted in the legend alone. A bin is %s wide. %s, %s.",
		whichLayers(n.layers, o.Node), thousands(len(n.spread[0])), thousands(len(n.spread[1])), n.r.Spec.Compress, number(width), n.r.Spec.Data, n.r.Spec.Model))
	if len(nets) > 1 {
		f.Caption = clean(fmt.Sprintf("Weights of %s before and after %d compressions, n = %s before; zeros are counted in the titles alone. A bin is %s wide. %s.",
			whichLayers(n.layers, o.Node), len(nets), thousands(len(n.spread[0])), number(width), sameNetwork(nets)))
	}
	return f.panels(columns, f.Width*0.5, o), nil
}

var histogramNames = []string{"before", "after"}

// spreadOf counts weights in bins, those that are zero apart.
func spreadOf(of []float32, largest float64) (bins []int, zeros int) {
	width := 2 * largest / histogramBins
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

var histogramStyles = []style{{colour: okabeIto[0], hatch: 0}, {colour: okabeIto[1], hatch: 1}}

func whichLayers(layers []dlas.LayerWeights, node string) string {
	if node != "" {
		return layers[0].Name
	}
	return fmt.Sprintf("%d convolution and linear layers", len(layers))
}

// steps draws histograms over each other.
type steps struct {
	low, width float64
	bins       [][]int
	zeros      []int // in no bin
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
