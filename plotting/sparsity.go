package plotting

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// A picture of weights has at most this many cells; of a larger matrix a cell is several weights.
const (
	maxCellRows    = 256
	maxCellColumns = 768
)

// sparsity draws which weights of a layer are zero after compression: output channels downwards, input channels with
// their kernel positions to the right. A panel for each compressed network; node= names the layer, without it the one with
// most weights.
func sparsity(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("sparsity", "node"); err != nil {
		return nil, err
	}
	nets, err := weightsOf(rs, o.Node)
	if err != nil {
		return nil, err
	}
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"compress", "layer", "output channel", "column", "share not zero", "spec", "environment"}}
	full, empty := style{colour: okabeIto[0]}, style{colour: paper}
	f.legend = append(f.legend, boxEntry(full, "not zero"), boxEntry(empty, "zero"))
	columns := weightColumns(len(nets))
	tallest, coarse := 0.0, ""
	caption, layer := "", ""
	var counts, others []string
	for k, n := range nets {
		l := n.layers[0]
		for _, x := range n.layers {
			if x.Name == layer && len(x.After.Values) > 0 {
				l = x
				break
			}
			if len(x.After.Values) > len(l.After.Values) {
				l = x
			}
		}
		w := l.After
		if len(w.Values) == 0 {
			return nil, &ir.Error{Layer: ir.Compress, What: "the layer " + l.Name + " is not there after compression"}
		}
		g := f.picture(n.r, l)
		p := newPlot(o.Font)
		p.X.Label.Text, p.Y.Label.Text = fmt.Sprintf("Input channel x kernel position, %d x %d (index)", w.Cols, w.Taps), "Output channel (index)"
		p.X.Min, p.X.Max = 0, float64(w.Cols*w.Taps)
		p.Y.Min, p.Y.Max = 0, float64(w.Rows)
		p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
		p.Add(g)
		total, zero := len(w.Values), len(w.Values)-g.nonzero
		if len(nets) > 1 {
			p.X.Label.Text = fmt.Sprintf("Input x position, %d x %d (index)", w.Cols, w.Taps)
			p.Title.Text = fit(clean(fmt.Sprintf("%s: %.1f %% zero", n.name, 100*float64(zero)/float64(total))), p.Title.TextStyle, o.Width/vg.Length(columns)*0.85)
			if k%columns != 0 {
				p.Y.Label.Text = ""
			}
			if k == 0 {
				layer = l.Name
			} else if l.Name != layer { // it has been split, or is of another model
				others = append(others, fmt.Sprintf("; %s after %s", l.Name, n.name))
			}
			if count := thousands(total); !slices.Contains(counts, count) {
				counts = append(counts, count)
			}
		} else {
			caption = fmt.Sprintf("%s of %s after %s: n = %s weights, %s of them zero (%.1f %%).", l.Name, n.r.Spec.Model, n.r.Spec.Compress, thousands(total), thousands(zero), 100*float64(zero)/float64(total))
		}
		if g.tallCell*g.wideCell > 1 {
			coarse = fmt.Sprintf(" A cell is %d x %d weights, the darker the more are not zero.", g.tallCell, g.wideCell)
		}
		tallest = max(tallest, float64(w.Rows)/float64(w.Cols*w.Taps))
		f.Plots = append(f.Plots, p)
	}
	if len(nets) > 1 {
		caption = fmt.Sprintf("%s after %d compressions%s: n = %s weights. %s.", layer, len(nets), strings.Join(others, ""), strings.Join(counts, " or "), sameNetwork(nets))
	}
	f.Caption = clean(caption) + coarse
	if len(nets) > 1 {
		rows := (len(nets) + columns - 1) / columns
		wide := f.Width/vg.Length(columns) - 6*o.Font
		f.body = tile(f.Plots, columns, o.Font)
		return f.finish((min(max(wide*vg.Length(tallest), 8*o.Font), wide) + 7*o.Font) * vg.Length(rows)), nil
	}
	body := (f.Width - 6*o.Font) * vg.Length(tallest)
	return f.finish(min(max(body, 10*o.Font), f.Width) + 4*o.Font), nil
}

// picture makes the cells of a layer, with their rows.
func (f *Figure) picture(r *dlas.Result, l dlas.LayerWeights) *cells {
	w := l.After
	rows, columns := w.Rows, w.Cols*w.Taps
	tall, wide := (rows+maxCellRows-1)/maxCellRows, (columns+maxCellColumns-1)/maxCellColumns // weights of a cell
	h, n := (rows+tall-1)/tall, (columns+wide-1)/wide
	g := &cells{
		share: make([]float64, h*n), rows: h, columns: n, tall: float64(h*tall) / float64(rows), wide: float64(n*wide) / float64(columns),
		tallCell: tall, wideCell: wide,
	}
	for y := range h {
		for x := range n {
			some, all := 0, 0
			for i := y * tall; i < min(rows, (y+1)*tall); i++ {
				for j := x * wide; j < min(columns, (x+1)*wide); j++ {
					all++
					if w.Values[i*columns+j] != 0 {
						some++
					}
				}
			}
			g.nonzero += some
			g.share[y*n+x] = float64(some) / float64(all)
			f.Rows = append(f.Rows, []string{clean(r.Spec.Compress), clean(l.Name), fmt.Sprint(y * tall), fmt.Sprint(x * wide), csvNumber(g.share[y*n+x]), r.SpecHash, r.Environment.Hash})
		}
	}
	return g
}

// boxEntry is a legend line with a filled square.
func boxEntry(s style, text string) entry {
	return entry{text: clean(text), draw: func(c *draw.Canvas, r vg.Length, at vg.Point) {
		box := vg.Rectangle{Min: vg.Point{X: at.X - r*1.2, Y: at.Y - r*1.2}, Max: vg.Point{X: at.X + r*1.2, Y: at.Y + r*1.2}}
		c.SetColor(s.colour)
		c.Fill(box.Path())
		c.SetLineStyle(draw.LineStyle{Color: soft, Width: 0.6})
		c.Stroke(box.Path())
	}}
}

// cells is a picture of shares, over the whole area of a plot and, where the last cells are not full, a bit beyond.
type cells struct {
	share         []float64
	rows, columns int
	tall, wide    float64 // of the picture, in that area

	tallCell, wideCell int // weights that a cell stands for
	nonzero            int // of all
}

// Plot implements plot.Plotter.
func (s *cells) Plot(c draw.Canvas, p *plot.Plot) {
	// Several dots a cell, so that what shows the picture does not blur it.
	dots := max(1, 900/max(s.columns, s.rows))
	w, h := int(math.Round(float64(s.columns*dots)/s.wide)), int(math.Round(float64(s.rows*dots)/s.tall))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, tint(okabeIto[0], s.share[min(s.rows-1, y/dots)*s.columns+min(s.columns-1, x/dots)]))
		}
	}
	c.DrawImage(c.Rectangle, m)
	c.SetLineStyle(draw.LineStyle{Color: soft, Width: 0.6})
	c.Stroke(c.Rectangle.Path())
}
