package plotting

import (
	"cmp"
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

// flip draws which choice of L4 is fastest at which sparsity and for which type: where the best one flips. A cell whose
// quickest two cannot be told apart says so.
func flip(rs []*dlas.Result, o Options) (*Figure, error) {
	if err := o.only("flip"); err != nil {
		return nil, err
	}
	rs = slices.DeleteFunc(slices.Clone(rs), func(r *dlas.Result) bool { return r.Latency == nil || !(r.Latency.Low > 0) })
	if len(rs) == 0 || len(choices(rs, ir.Primitive)) < 2 {
		return nil, &ir.Error{Layer: ir.Primitive, What: "flip compares choices of L4, and the results have one", Try: "sweep primitive \"direct dense\"|\"direct csr\" with compress prune(0, .5, .8, .9)"}
	}
	rows, columns := flipRows(rs)
	if len(rows) > maxBars || len(columns) > 16 {
		return nil, &ir.Error{What: fmt.Sprintf("%d x %d cells do not fit in a figure", len(rows), len(columns)), Try: "name fewer results"}
	}
	primitives := choices(rs, ir.Primitive)
	styles := map[string]style{}
	for i, p := range primitives {
		styles[p] = styleOf(i)
	}
	f := &Figure{
		Width: o.Width, font: o.Font,
		Columns: []string{"row", "sparsity (%)", "best", "verdict", "second", "second / best", "low", "high", "best latency (ms)", "of", "spec", "environment"},
	}
	g := &flipCells{font: o.Font, columns: len(columns), rows: len(rows)}
	alone := 0
	var used []string
	for y, row := range rows {
		for x, column := range columns {
			here := row.at[column]
			if len(here) == 0 {
				continue
			}
			c := flipCell{x: x, y: y}
			slices.SortStableFunc(here, func(a, b *dlas.Result) int { return cmp.Compare(a.Latency.Median, b.Latency.Median) })
			best := here[0]
			c.style, c.name = styles[best.Spec.Primitive], best.Spec.Primitive
			line := []string{row.name, csvNumber(float64(column)), best.Spec.Primitive, "alone", "", "", "", "", csvNumber(best.Latency.Median), fmt.Sprint(len(here)), best.SpecHash, best.Environment.Hash}
			if len(here) == 1 {
				c.alone, c.text = true, "alone"
				alone++
			} else {
				second := here[1]
				v := Value{second.Latency.Median / best.Latency.Median, second.Latency.Low / best.Latency.High, second.Latency.High / best.Latency.Low}
				c.text = number(math.Round(100*v.V)/100) + " ×"
				line[3] = "fastest"
				if !(v.Low > 1.01) {
					c.tie, c.text, line[3] = true, dlas.CannotTell, dlas.CannotTell
					c.name = best.Spec.Primitive + " or " + second.Spec.Primitive
					if len(here) > 2 && !(here[2].Latency.Low/best.Latency.High > 1.01) {
						c.name = "several"
					}
				}
				line[4], line[5], line[6], line[7] = second.Spec.Primitive, csvNumber(v.V), csvNumber(v.Low), csvNumber(v.High)
			}
			if !c.tie && !slices.Contains(used, best.Spec.Primitive) {
				used = append(used, best.Spec.Primitive)
			}
			g.list = append(g.list, c)
			f.Rows = append(f.Rows, line)
		}
	}
	for _, p := range primitives {
		if slices.Contains(used, p) {
			f.legend = append(f.legend, boxEntry(style{colour: tint(styles[p].colour, flipTint)}, p))
		}
	}
	f.legend = append(f.legend, boxEntry(style{colour: faint}, "cannot tell: the quickest two are within 1 % or their intervals overlap"))
	p := newPlot(o.Font)
	var names []string
	for _, row := range rows {
		names = append(names, row.name)
	}
	nameRows(p, names, o.Font, o.Width)
	p.Y.Min, p.Y.Max = -float64(len(rows))+0.5, 0.5
	p.X.Label.Text = "Zeros among the weights (%)"
	p.X.Min, p.X.Max = -0.5, float64(len(columns))-0.5
	p.X.Tick.Length = 0
	var ticks plot.ConstantTicks
	for x, c := range columns {
		ticks = append(ticks, plot.Tick{Value: float64(x), Label: strconv.Itoa(c)})
	}
	p.X.Tick.Marker = ticks
	p.Add(g)
	f.Plots = append(f.Plots, p)
	f.Caption = clean(strings.TrimSpace(fmt.Sprintf("Fastest of %d choices of L4, and how many times as long the second takes. n = %d results. %s", len(primitives), len(rs), facts(rs, metrics[0]))))
	if slices.ContainsFunc(rs, func(r *dlas.Result) bool { return slices.ContainsFunc(passesOf(r.Spec.Compress), isInt8) }) {
		f.Caption += " Integers stand where their passes put them: rounding makes a few zeros more."
	}
	if alone > 0 {
		f.Caption += fmt.Sprintf(" %d cells have one result alone.", alone)
	}
	return f.finish(o.Font * (vg.Length(len(rows))*3 + 4.5)), nil
}

const flipTint = 0.35

// flipRow is the results of one type, compressed by the same passes, by sparsity in whole percent.
type flipRow struct {
	name string
	key  string
	at   map[int][]*dlas.Result
}

// flipRows sorts results into rows and columns. Uncompressed ones stand in each row of their type.
func flipRows(rs []*dlas.Result) (rows []*flipRow, columns []int) {
	vary := slices.DeleteFunc(varying(rs), func(l ir.Layer) bool { return l == ir.Compress || l == ir.Primitive })
	hardware := apart(choices(rs, ir.Hardware))
	others := func(r *dlas.Result) string {
		var words []string
		for _, l := range vary {
			w := r.Spec.Layer(l)
			if l == ir.Hardware {
				w = hardware[w]
			}
			words = append(words, w)
		}
		return strings.Join(words, ", ")
	}
	find := func(key, name string) *flipRow {
		for _, row := range rows {
			if row.key == key {
				return row
			}
		}
		rows = append(rows, &flipRow{name: clean(name), key: key, at: map[int][]*dlas.Result{}})
		return rows[len(rows)-1]
	}
	put := func(row *flipRow, r *dlas.Result) {
		c := zerosOf(rs, r)
		// The newest of one choice counts.
		row.at[c] = append(slices.DeleteFunc(row.at[c], func(x *dlas.Result) bool { return x.Spec.Primitive == r.Spec.Primitive }), r)
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	compressed := slices.ContainsFunc(rs, func(r *dlas.Result) bool { return r.Spec.Compress != "none" })
	for _, r := range rs {
		if r.Spec.Compress == "none" && compressed {
			continue
		}
		how := withoutLevels(r.Spec.Compress)
		name := strings.Join(slices.DeleteFunc([]string{typeOf(r), how, others(r)}, func(s string) bool { return s == "" || s == "none" }), " ")
		put(find(typeOf(r)+"|"+how+"|"+others(r), name), r)
	}
	for _, r := range rs {
		if r.Spec.Compress != "none" || !compressed {
			continue
		}
		placed := false
		for _, row := range rows {
			if parts := strings.Split(row.key, "|"); parts[0] == typeOf(r) && parts[2] == others(r) {
				put(row, r)
				placed = true
			}
		}
		if !placed {
			put(find(typeOf(r)+"|none|"+others(r), strings.TrimSpace(typeOf(r)+" "+others(r))), r)
		}
	}
	slices.Sort(columns)
	return rows, columns
}

// zerosOf is the percentage of zeros among the weights that a result's passes have made, or that its network came with.
// Rounding to integers makes some more, which no pass asked for: they would give each of these results a column of its own.
func zerosOf(rs []*dlas.Result, r *dlas.Result) int {
	percent := func(share float64) int { return int(math.Round(100 * share)) }
	passes := passesOf(r.Spec.Compress)
	floats := slices.DeleteFunc(slices.Clone(passes), isInt8)
	if len(floats) == len(passes) {
		return percent(r.Model.Sparsity)
	}
	level := 0.0
	for _, pass := range floats {
		name, args, _ := strings.Cut(strings.TrimSuffix(pass, ")"), "(")
		first, _, _ := strings.Cut(args, ",")
		switch name {
		case "prune", "blocks", "punch", "pattern":
			v, err := strconv.ParseFloat(first, 64)
			if err != nil { // a level for each layer
				return percent(r.Model.Sparsity)
			}
			level = max(level, v)
		}
	}
	twin := strings.Join(floats, " ")
	for _, x := range rs {
		if x.Spec.Model == r.Spec.Model && x.Spec.Data == r.Spec.Data && (x.Spec.Compress == twin || twin == "" && uncompressed(x)) {
			return percent(x.Model.Sparsity)
		}
	}
	return percent(level)
}

func isInt8(pass string) bool { return pass == "int8" || strings.HasPrefix(pass, "int8(") }

// passesOf splits a choice of L3.
func passesOf(choice string) (list []string) {
	depth, from := 0, 0
	for i, c := range choice + " " {
		switch {
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ' ' && depth == 0:
			if i > from {
				list = append(list, choice[from:i])
			}
			from = i + 1
		}
	}
	return list
}

// typeOf is the type in which a result does most of its multiply-accumulates.
func typeOf(r *dlas.Result) string {
	work := map[string]int64{}
	best := "f32"
	for _, n := range r.Nodes {
		t := cmp.Or(n.Type, "f32")
		work[t] += n.MACs
		if work[t] > work[best] {
			best = t
		}
	}
	return best
}

// withoutLevels is a choice of L3 without its numbers: blocks(0.8, 16x1) int8 is blocks(16x1) int8.
func withoutLevels(choice string) string {
	var out []string
	for _, part := range strings.SplitAfter(choice, ")") {
		name, args, ok := strings.Cut(part, "(")
		if !ok {
			out = append(out, strings.Fields(part)...)
			continue
		}
		before := strings.Fields(name)
		var kept []string
		for _, a := range strings.Split(strings.TrimSuffix(args, ")"), ", ") {
			if _, err := strconv.ParseFloat(a, 64); err != nil && !strings.HasPrefix(a, "[") {
				kept = append(kept, a)
			}
		}
		word := strings.Join(before, " ")
		if len(kept) > 0 {
			word += "(" + strings.Join(kept, ", ") + ")"
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// flipCells is the cells of a table, each in the colour of its best choice.
type flipCells struct {
	list          []flipCell
	rows, columns int
	font          vg.Length
}

type flipCell struct {
	x, y       int
	style      style
	name, text string
	tie, alone bool
}

// Plot implements plot.Plotter.
func (g *flipCells) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for _, q := range g.list {
		x0, x1 := trX(float64(q.x)-0.5), trX(float64(q.x)+0.5)
		y0, y1 := trY(-float64(q.y)-0.5), trY(-float64(q.y)+0.5)
		box := vg.Rectangle{Min: vg.Point{X: x0 + 1, Y: y0 + 1}, Max: vg.Point{X: x1 - 1, Y: y1 - 1}}
		colour := tint(q.style.colour, flipTint)
		if q.tie {
			colour = faint
		}
		if q.alone {
			colour = paper
		}
		c.SetColor(colour)
		c.Fill(box.Path())
		c.SetLineStyle(draw.LineStyle{Color: soft, Width: 0.6})
		c.Stroke(box.Path())
		size := g.font * 0.85
		name := align(textStyle(size, ink), draw.XCenter, draw.YBottom)
		room := x1 - x0 - g.font*0.5
		mid := (y0 + y1) / 2
		text := q.name
		first, second, ok := strings.Cut(text, " or ")
		if ok {
			second = "or " + second
		} else {
			first, second, ok = strings.Cut(text, " ") // algorithm over format
		}
		if ok && name.Width(text) > room {
			c.FillText(name, vg.Point{X: (x0 + x1) / 2, Y: mid + size*0.55}, fit(first, name, room))
			c.FillText(name, vg.Point{X: (x0 + x1) / 2, Y: mid - size*0.5}, fit(second, name, room))
			c.FillText(name, vg.Point{X: (x0 + x1) / 2, Y: mid - size*1.6}, fit(q.text, name, room))
			continue
		}
		c.FillText(name, vg.Point{X: (x0 + x1) / 2, Y: mid + size*0.15}, fit(text, name, room))
		c.FillText(name, vg.Point{X: (x0 + x1) / 2, Y: mid - size*1.1}, fit(q.text, name, room))
	}
}
