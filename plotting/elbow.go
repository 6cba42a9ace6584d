package plotting

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// elbow draws the accuracy on val against the level of each pass that a scan looked at, the elbow in a ring, with lines at
// the uncompressed network and at the most that may be lost.
func elbow(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("elbow"); err != nil {
		return nil, err
	}
	var scans []scanOf
	for _, r := range rs {
		for _, s := range r.Scans {
			if s.Elbow == "" || slices.ContainsFunc(scans, func(x scanOf) bool { return sameScan(x.scan, s) && x.r.Spec.Model == r.Spec.Model }) {
				continue
			}
			scans = append(scans, scanOf{r, s})
		}
	}
	if len(scans) == 0 {
		return nil, &ir.Error{Layer: ir.Compress, What: "no result has a level that a scan has found", Try: "run with compress prune(elbow)"}
	}
	if len(scans) > maxPanels {
		return nil, &ir.Error{What: fmt.Sprintf("%d scans do not fit in a figure", len(scans)), Try: "name the results to draw"}
	}
	f := &Figure{
		Width: o.Width, font: o.Font,
		Columns: []string{"pass", "level", "level drawn", "top-1 on val (%)", "low", "high", "points lost", "points low", "points high", "sparsity", "bytes", "elbow", "compress", "n", "spec", "environment"},
	}
	// Passes whose levels mean the same share a panel.
	var labels []string
	for _, s := range scans {
		if l := levelAxis(s.scan.Pass); !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	columns := panelColumns(len(labels))
	var ys []Value
	for _, s := range scans {
		base := 100 * s.scan.Base
		ys = append(ys, Value{base, base - s.scan.Drop, base})
		for _, p := range s.scan.Layers[0].Points {
			ys = append(ys, Value{100 * p.Top1, 100 * p.Low, 100 * p.High})
		}
	}
	accuracy := Metric{Name: "accuracy", Label: "Top-1 accuracy on val (%)", Better: +1}
	var caption []string
	lost := false
	for at, label := range labels {
		p := newPlot(o.Font)
		cv := &curves{font: o.Font}
		var xs []Value
		for i, s := range scans {
			if levelAxis(s.scan.Pass) != label {
				continue
			}
			c := curve{style: styleOf(i)}
			points := s.scan.Layers[0].Points
			chance := 0.0
			if s.scan.Classes > 1 {
				chance = 100 / float64(s.scan.Classes)
			}
			for _, q := range points {
				x := levelDrawn(s.scan.Pass, q.Level)
				m := mark{x: x, y: Value{100 * q.Top1, 100 * q.Low, 100 * q.High}, ring: q.Level == s.scan.Elbow, lost: chance > 0 && 100*q.Top1 <= chance+5}
				lost = lost || m.lost
				if m.ring {
					m.text = "elbow " + s.scan.Elbow
				}
				c.marks = append(c.marks, m)
				xs = append(xs, Value{x, x, x})
				f.Rows = append(f.Rows, []string{
					clean(s.scan.Pass), q.Level, csvNumber(x), csvNumber(100 * q.Top1), csvNumber(100 * q.Low), csvNumber(100 * q.High), csvNumber(-q.Points), csvNumber(-q.PointsHi), csvNumber(-q.PointsLo),
					csvNumber(q.Sparsity), strconv.FormatInt(q.Bytes, 10), fmt.Sprint(m.ring), clean(q.Compress), fmt.Sprint(s.scan.N), s.r.SpecHash, s.r.Environment.Hash,
				})
			}
			cv.list = append(cv.list, c)
			cv.levels = append(cv.levels, 100*s.scan.Base, 100*s.scan.Base-s.scan.Drop)
			name := s.scan.Pass
			if s.scan.After != "none" && s.scan.After != "" {
				name = s.scan.After + " " + name
			}
			if len(choices(rs, ir.Model)) > 1 {
				name = s.r.Spec.Model + ", " + name
			}
			f.legend = append(f.legend, markerEntry(styleOf(i), name))
			caption = append(caption, fmt.Sprintf("%s: elbow at %s", s.scan.Pass, s.scan.Elbow))
		}
		setAxis(&p.X, Metric{Label: label}, xs)
		linear(&p.X, xs)
		setAxis(&p.Y, accuracy, ys)
		linear(&p.Y, ys)
		if p.Y.Max > 100 {
			p.Y.Max = 100
		}
		if at%columns != 0 {
			p.Y.Label.Text = ""
		}
		p.Add(grid{true, true}, cv)
		f.Plots = append(f.Plots, p)
	}
	f.legend = append(f.legend, lineEntry(levelLine, "uncompressed, and the most that may be lost"),
		entry{"elbow", func(c *draw.Canvas, r vg.Length, at vg.Point) { ring(c, r*1.5, at) }})
	s := scans[0].scan
	f.Caption = clean(fmt.Sprintf("%s. An elbow is the highest level that is, as all lower ones are, at most %s below the uncompressed network. n = %s images of val, Wilson 95 %% interval. %s, %s.",
		strings.Join(caption, "; "), counted(s.Drop, "point"), thousands(s.N), scans[0].r.Spec.Data, scans[0].r.Spec.Model))
	if s.Caveat != "" {
		f.Caption += optimistic(s)
	}
	if lost {
		f.Caption += " Grey: within 5 points of chance."
	}
	rows := (len(labels) + columns - 1) / columns
	f.body = tile(f.Plots, columns, o.Font)
	height := max(f.Width/vg.Length(columns)*0.5, textStyle(o.Font, ink).Width(accuracy.Label), 8*o.Font) + 4*o.Font
	return f.finish(height * vg.Length(rows)), nil
}

// optimistic says that the accuracies of a scan may be better than on new images.
func optimistic(s *dlas.Scan) string {
	return clean(" Optimistic where the network knows these images: " + s.Caveat + ".")
}

// counted is a number with its noun.
func counted(v float64, noun string) string {
	if v == 1 {
		return "1 " + noun
	}
	return number(v) + " " + noun + "s"
}

// scanOf is a scan with the result that has it.
type scanOf struct {
	r    *dlas.Result
	scan *dlas.Scan
}

func sameScan(a, b *dlas.Scan) bool {
	return a.Pass == b.Pass && a.After == b.After && a.N == b.N && a.Elbow == b.Elbow && a.Base == b.Base && a.Drop == b.Drop
}

// levelAxis is the quantity that a pass' level is.
func levelAxis(pass string) string {
	name, _, _ := strings.Cut(pass, "(")
	switch name {
	case "channels":
		return "Channels removed (%)"
	case "palette":
		return "Weight in the palette (bits)"
	case "lowrank":
		return "Energy left out (%)"
	}
	return "Weights set to zero (%)"
}

// levelDrawn is a level on that axis.
func levelDrawn(pass, level string) float64 {
	v, err := strconv.ParseFloat(level, 64)
	if err != nil {
		return math.NaN()
	}
	name, _, _ := strings.Cut(pass, "(")
	switch name {
	case "palette":
		return v
	case "lowrank":
		return 100 * (1 - v)
	}
	return 100 * v
}

// linear makes an axis a linear one.
func linear(a *plot.Axis, vs []Value) {
	if _, log := a.Scale.(plot.LogScale); !log {
		return
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range vs {
		low, high = min(low, v.Low), max(high, v.High)
	}
	a.Scale, a.Tick.Marker = plot.LinearScale{}, niceTicks{}
	a.Min, a.Max = max(0, low-0.07*(high-low)), high+0.07*(high-low)
}

// curves are lines of points with whiskers.
type curves struct {
	list   []curve
	levels []float64 // dashed horizontals
	font   vg.Length
}

type curve struct {
	style style
	marks []mark
}

// mark is a point of a curve.
type mark struct {
	x    float64
	y    Value
	ring bool
	lost bool // no better than chance
	text string
}

var levelLine = draw.LineStyle{Color: soft, Width: 0.8, Dashes: []vg.Length{1.5, 2}}

// Plot implements plot.Plotter.
func (cv *curves) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for _, l := range cv.levels {
		c.StrokeLine2(levelLine, c.Min.X, trY(l), c.Max.X, trY(l))
	}
	r := cv.font * 0.36
	space := &placer{within: c.Rectangle}
	for _, cu := range cv.list {
		var line []vg.Point
		for _, m := range cu.marks {
			line = append(line, vg.Point{X: trX(m.x), Y: trY(m.y.V)})
		}
		c.StrokeLines(draw.LineStyle{Color: tint(cu.style.colour, 0.6), Width: 0.9}, line)
		for i := 1; i < len(line); i++ { // labels keep off the line, in pieces
			for t := range 8 {
				f := vg.Length(t) / 8
				at := vg.Point{X: line[i-1].X + f*(line[i].X-line[i-1].X), Y: line[i-1].Y + f*(line[i].Y-line[i-1].Y)}
				space.take(vg.Rectangle{Min: vg.Point{X: at.X - 2, Y: at.Y - 2}, Max: vg.Point{X: at.X + 2, Y: at.Y + 2}})
			}
		}
		for _, m := range cu.marks {
			s := cu.style
			if m.lost {
				s = greyed(s)
			}
			whisker(&c, draw.LineStyle{Color: s.colour, Width: 0.8}, r*0.6, trX(m.x), trY(m.y.Low), trX(m.x), trY(m.y.High))
			drawMarker(&c, s, r, vg.Point{X: trX(m.x), Y: trY(m.y.V)})
		}
	}
	small := textStyle(cv.font*0.85, ink)
	for _, cu := range cv.list {
		for _, m := range cu.marks {
			if !m.ring {
				continue
			}
			at := vg.Point{X: trX(m.x), Y: trY(m.y.V)}
			ring(&c, r*1.9, at)
			if q, ok := space.beside(at, r*2.6, small.Width(m.text), small.Font.Size); ok {
				small.Color = darker(cu.style.colour)
				c.FillText(small, q, m.text)
			}
		}
	}
}
