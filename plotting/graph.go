package plotting

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// graph draws the network of one result.
func graph(rs []*dlas.Result, o Options) (*Figure, error) {
	if o.X != "" || o.Y != "" || o.Colour != "" || o.Panel != "" {
		return nil, &ir.Error{What: "graph has no x=, y=, colour= or panel=", Try: "it has width= and font="}
	}
	if len(rs) > 1 {
		return nil, &ir.Error{What: fmt.Sprintf("graph draws the network of one result, not of %d", len(rs)), Try: "name the one to draw"}
	}
	n, err := dlas.FromSpec(rs[0].Spec).Diagram(interruptible())
	if err != nil {
		return nil, err
	}
	return drawNetwork(n, o)
}

// Network draws a network: its operations from top to bottom with the shape of what each gives to the next. What always
// runs together (a convolution with its normalisation and activation) is one box; so is what lies between two points
// that everything passes through, where there are many, and a run of equal ones is drawn once with their number. Args
// are width= and font=.
func Network(n *dlas.Diagram, args ...string) (*Figure, error) {
	o, err := ParseOptions(args)
	if err != nil {
		return nil, err
	}
	f, err := drawNetwork(n, o.withDefaults())
	if err == nil {
		f.Kind = "graph"
		f.Meta = []Property{{"Software", "godlas"}}
	}
	return f, err
}

// unit is nodes that run as one: its text, the units it reads (-1: the input), and what it adds up to.
type unit struct {
	words  []string // of its nodes, in order
	in     []int
	shape  ir.Shape
	params int64
	macs   int64
	nodes  int
	kind   int // of its style
	times  int // equal ones in a row
	first  string
}

// The kinds of units, in the order of the legend.
var unitKinds = []string{"convolution", "depthwise convolution", "linear layer", "pooling", "block with branches", "other"}

// follows are operators that belong to the one before them.
var follows = []string{"BatchNormalization", "Relu", "Clip", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu", "PRelu", "Softmax", "Identity", "Dropout"}

var shortNames = map[string]string{
	"Conv": "conv", "BatchNormalization": "norm", "Relu": "ReLU", "Clip": "clip", "Sigmoid": "sigmoid", "MaxPool": "max pool", "AveragePool": "mean pool",
	"GlobalAveragePool": "global mean", "Gemm": "linear", "MatMul": "linear", "Concat": "concat", "Add": "add", "Mul": "mul", "Flatten": "flatten", "Pad": "pad",
	"Softmax": "softmax", "HardSwish": "hard-swish", "QLinearConv": "conv i8",
}

func word(n dlas.DiagramNode) string {
	w := shortNames[n.Op]
	if w == "" {
		w = n.Op
	}
	if n.Detail != "" {
		w += " " + n.Detail
	}
	return w
}

// units joins nodes with those that alone read them and belong to them.
func units(n *dlas.Diagram) []unit {
	readers := make([][]int, len(n.Nodes))
	for i, x := range n.Nodes {
		for _, in := range x.In {
			if in >= 0 {
				readers[in] = append(readers[in], i)
			}
		}
	}
	owner := make([]int, len(n.Nodes))
	var us []unit
	for i, x := range n.Nodes {
		at := -1
		if len(x.In) == 1 && x.In[0] >= 0 && slices.Contains(follows, x.Op) {
			if from := x.In[0]; len(readers[from]) == 1 {
				at = owner[from]
			} else if len(readers[from]) == 2 && x.Op == "Sigmoid" && isGate(n, readers[from], i) {
				at = owner[from]
			}
		}
		if x.Op == "Mul" && len(x.In) == 2 && x.In[0] >= 0 && x.In[1] >= 0 && owner[x.In[0]] == owner[x.In[1]] {
			at = owner[x.In[0]] // x * sigmoid(x)
		}
		if at >= 0 && at == len(us)-1 {
			u := &us[at]
			if x.Op == "Mul" && len(u.words) > 0 && u.words[len(u.words)-1] == "sigmoid" {
				u.words[len(u.words)-1] = "SiLU"
			} else {
				u.words = append(u.words, word(x))
			}
			u.shape, u.params, u.macs, u.nodes = x.Shape, u.params+x.Params, u.macs+x.MACs, u.nodes+1
			owner[i] = at
			continue
		}
		u := unit{words: []string{word(x)}, shape: x.Shape, params: x.Params, macs: x.MACs, nodes: 1, times: 1, first: x.Name, kind: kindOf(x)}
		for _, in := range x.In {
			from := -1
			if in >= 0 {
				from = owner[in]
			}
			if !slices.Contains(u.in, from) {
				u.in = append(u.in, from)
			}
		}
		owner[i] = len(us)
		us = append(us, u)
	}
	return us
}

// isGate: the two readers of a value are node i, a sigmoid, and the product of both.
func isGate(n *dlas.Diagram, readers []int, i int) bool {
	for _, r := range readers {
		if r != i && n.Nodes[r].Op == "Mul" && slices.Contains(n.Nodes[r].In, i) {
			return true
		}
	}
	return false
}

func kindOf(n dlas.DiagramNode) int {
	switch {
	case strings.Contains(n.Detail, "depthwise"):
		return 1
	case strings.Contains(n.Op, "Conv"):
		return 0
	case n.Op == "Gemm" || n.Op == "MatMul":
		return 2
	case strings.Contains(n.Op, "Pool"):
		return 3
	}
	return 5
}

// fewUnits is how many are drawn one by one, with lines beside them for branches.
const fewUnits = 26

// blocks joins what lies between two points that everything passes through.
func blocks(us []unit) []unit {
	last := make([]int, len(us)) // the last unit that reads each
	reach := 0                   // the last that reads what came before the one at hand; first the input
	for i, u := range us {
		for _, in := range u.in {
			if in >= 0 {
				last[in] = i
			} else {
				reach = i
			}
		}
	}
	var out []unit
	first := 0
	for i := range us {
		if reach <= i {
			out = append(out, blockOf(us[first:i+1]))
			first = i + 1
		}
		reach = max(reach, last[i])
	}
	for i := range out {
		if out[i].in = nil; i > 0 {
			out[i].in = []int{i - 1}
		}
	}
	return out
}

// blockOf makes one unit of several.
func blockOf(us []unit) unit {
	if len(us) == 1 {
		return us[0]
	}
	b := unit{kind: 4, times: 1, shape: us[len(us)-1].shape, first: us[0].first}
	counts := map[string]int{}
	var order []string
	for _, u := range us {
		b.params, b.macs, b.nodes = b.params+u.params, b.macs+u.macs, b.nodes+u.nodes
		main := u.words[0]
		if counts[main] == 0 {
			order = append(order, main)
		}
		counts[main]++
	}
	for _, w := range order {
		if counts[w] > 1 {
			w = fmt.Sprintf("%d %s", counts[w], w)
		}
		b.words = append(b.words, w)
	}
	return b
}

// runs joins equal units that follow one another.
func runs(us []unit) []unit {
	var out []unit
	for _, u := range us {
		if len(out) > 0 {
			if p := &out[len(out)-1]; slices.Equal(p.words, u.words) && slices.Equal(tail(p.shape), tail(u.shape)) {
				p.times, p.shape = p.times+1, u.shape
				p.params, p.macs, p.nodes = p.params+u.params, p.macs+u.macs, p.nodes+u.nodes
				continue
			}
		}
		out = append(out, u)
	}
	for i := range out {
		if out[i].in = nil; i > 0 {
			out[i].in = []int{i - 1}
		}
	}
	return out
}

func tail(s ir.Shape) ir.Shape {
	if len(s) < 2 {
		return s
	}
	return s[1:]
}

// drawNetwork lays units out from top to bottom, in columns where there are many.
func drawNetwork(n *dlas.Diagram, o Options) (*Figure, error) {
	if n == nil || len(n.Nodes) == 0 {
		return nil, &ir.Error{What: "the network has no nodes to draw"}
	}
	us := units(n)
	caption := fmt.Sprintf("%s: n = %d nodes, %s parameters, %s multiply-accumulates for one image of %s.", n.Name, len(n.Nodes), thousands(int(n.Params)), thousands(int(n.MACs)), n.Input)
	if len(us) > fewUnits {
		us = runs(blocks(us))
		caption += " Between two points that everything passes through one box is drawn, for equal ones in a row their number; C x H x W at an arrow is what goes on."
	} else {
		caption += " C x H x W at an arrow is what goes on."
	}
	f := &Figure{Width: o.Width, font: o.Font, Columns: []string{"box", "first node", "operations", "times", "nodes", "shape", "parameters", "MACs"}, Caption: clean(caption)}
	used := map[int]bool{}
	for i, u := range us {
		used[u.kind] = true
		f.Rows = append(f.Rows, []string{
			fmt.Sprint(i + 1), clean(u.first), clean(strings.Join(u.words, ", ")), fmt.Sprint(u.times), fmt.Sprint(u.nodes), u.shape.String(), fmt.Sprint(u.params), fmt.Sprint(u.macs),
		})
	}
	for k, name := range unitKinds {
		if used[k] {
			f.legend = append(f.legend, barEntry(styleOf(k), name))
		}
	}
	perColumn, columns := len(us), 1
	if len(us) > fewUnits {
		columns = (len(us) + 15) / 16
		if o.Width > 120*vg.Millimeter {
			columns = max(columns, 2)
		}
		perColumn = (len(us) + columns - 1) / columns
	}
	font := o.Font * 0.85
	line := lineHeight(font)
	gap := line * 1.5 // room for an arrow with its shape
	wide := (f.Width - f.font*1.4) / vg.Length(columns)
	side := font * 5 // room for lines beside the boxes
	if columns > 1 {
		side = font * 2
	}
	boxWidth := min(wide-side, font*26)
	texts := make([][]string, len(us))
	for i, u := range us {
		texts[i] = wrap(clean(label(u)), textStyle(font, ink), boxWidth-font*1.6)
	}
	high := func(i int) vg.Length { return line*vg.Length(len(texts[i])) + font*0.7 }
	tallest := vg.Length(0)
	for c := range columns {
		sum := gap
		for i := c * perColumn; i < min((c+1)*perColumn, len(us)); i++ {
			sum += high(i) + gap
		}
		tallest = max(tallest, sum)
	}
	f.body = func(c draw.Canvas) {
		boxes := make([]vg.Rectangle, len(us))
		for i := range us {
			col := i / perColumn
			y := c.Max.Y - gap
			if i > col*perColumn {
				y = boxes[i-1].Min.Y - gap
			}
			x := c.Min.X + vg.Length(col)*wide
			boxes[i] = vg.Rectangle{Min: vg.Point{X: x, Y: y - high(i)}, Max: vg.Point{X: x + boxWidth, Y: y}}
		}
		small := align(textStyle(font*0.9, soft), draw.XLeft, draw.YBottom)
		arrow := draw.LineStyle{Color: soft, Width: 0.8}
		for i := range us {
			b := boxes[i]
			mid := b.Min.X + font*2
			shape := n.Input.String()
			if i > 0 {
				shape = us[i-1].shape.String()
			}
			top := b.Max.Y + gap
			straight := i == 0 || slices.Contains(us[i].in, i-1) || len(us[i].in) == 0
			if straight {
				c.StrokeLine2(arrow, mid, top, mid, b.Max.Y)
				arrowHead(&c, vg.Point{X: mid, Y: b.Max.Y}, font*0.35)
				c.FillText(small, vg.Point{X: mid + font*0.6, Y: b.Max.Y + font*0.35}, shape)
			}
			for k, in := range us[i].in {
				if in == i-1 || in < -1 || in == -1 && i == 0 || columns > 1 {
					continue
				}
				// Beside the boxes, each line a little further out than the one before.
				out := b.Max.X + font*(0.9+0.55*vg.Length((i+k)%6))
				from := c.Max.Y - gap*0.6
				x0 := b.Min.X + font*2
				if in >= 0 {
					from, x0 = boxes[in].Min.Y+high(in)/2, boxes[in].Max.X
				}
				to := b.Max.Y - high(i)/2
				c.StrokeLines(arrow, []vg.Point{{X: x0, Y: from}, {X: out, Y: from}, {X: out, Y: to}, {X: b.Max.X, Y: to}})
				sideHead(&c, vg.Point{X: b.Max.X, Y: to}, font*0.35)
			}
			fillBox(&c, us[i].kind, b)
			for j, t := range texts[i] {
				c.FillText(align(textStyle(font, ink), draw.XLeft, draw.YBottom), vg.Point{X: b.Min.X + font*1.1, Y: b.Max.Y - font*0.25 - line*vg.Length(j+1)}, t)
			}
		}
		// What leaves the last box.
		b := boxes[len(boxes)-1]
		c.FillText(small, vg.Point{X: b.Min.X + font*2.6, Y: b.Min.Y - line}, us[len(us)-1].shape.String())
	}
	return f.finish(tallest + line), nil
}

// label is the text of a box.
func label(u unit) string {
	text := strings.Join(u.words, ", ")
	if u.times > 1 {
		text = fmt.Sprintf("%d times: %s", u.times, text)
	}
	if u.params > 0 {
		text += "; " + thousands(int(u.params)) + " parameters"
	}
	return text
}

// fillBox makes the inside of a box light, but for a stripe of its kind at the left.
func fillBox(c *draw.Canvas, kind int, b vg.Rectangle) {
	inner := b
	inner.Min.X += 5
	c.SetColor(tint(styleOf(kind).colour, 0.12))
	c.Fill(inner.Path())
	stripe := b
	stripe.Max.X = b.Min.X + 5
	drawBar(c, styleOf(kind), stripe)
	c.SetLineStyle(draw.LineStyle{Color: styleOf(kind).colour, Width: 0.7})
	c.Stroke(b.Path())
}

func arrowHead(c *draw.Canvas, tip vg.Point, r vg.Length) {
	var p vg.Path
	p.Move(tip)
	p.Line(vg.Point{X: tip.X - r, Y: tip.Y + 1.6*r})
	p.Line(vg.Point{X: tip.X + r, Y: tip.Y + 1.6*r})
	p.Close()
	c.SetColor(soft)
	c.Fill(p)
}

func sideHead(c *draw.Canvas, tip vg.Point, r vg.Length) {
	var p vg.Path
	p.Move(tip)
	p.Line(vg.Point{X: tip.X + 1.6*r, Y: tip.Y + r})
	p.Line(vg.Point{X: tip.X + 1.6*r, Y: tip.Y - r})
	p.Close()
	c.SetColor(soft)
	c.Fill(p)
}
