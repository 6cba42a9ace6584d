package plotting

import (
	"image/color"
	"math"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The colours of Okabe and Ito, which the colour-blind tell apart
// (https://jfly.uni-koeln.de/color), those that stand out on white first.
var okabeIto = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermillion
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0x00, 0x00, 0x00, 0xff}, // black
}

var (
	paper = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	soft  = color.NRGBA{0x66, 0x66, 0x66, 0xff} // captions, the front, lines at 1
	faint = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff} // grids
	grey  = color.NRGBA{0xa6, 0xa6, 0xa6, 0xff} // points no better than chance
)

// style is how one series is told from the others: by colour, and without
// colour by the marker of its points or the hatch of its bars.
type style struct {
	colour color.NRGBA
	marker int
	hatch  int
}

// styleOf is the style of the i-th series. Colours and markers have coprime
// counts, so that the first 56 pairs differ.
func styleOf(i int) style {
	return style{colour: okabeIto[i%len(okabeIto)], marker: i % markers, hatch: i % hatches}
}

// maxStyles is how many series differ without their colour as well.
const maxStyles = markers

const markers = 8

// drawMarker draws a marker of about radius r. Filled ones have a white rim,
// which keeps them apart where they touch.
func drawMarker(c *draw.Canvas, s style, r vg.Length, at vg.Point) {
	poly := func(fill bool, corners ...float64) {
		var p vg.Path
		for i := 0; i < len(corners); i += 2 {
			q := vg.Point{X: at.X + r*vg.Length(corners[i]), Y: at.Y + r*vg.Length(corners[i+1])}
			if i == 0 {
				p.Move(q)
			} else {
				p.Line(q)
			}
		}
		p.Close()
		if !fill {
			c.SetColor(paper)
			c.Fill(p)
			c.SetLineStyle(draw.LineStyle{Color: s.colour, Width: r * 0.4})
			c.Stroke(p)
			return
		}
		c.SetColor(s.colour)
		c.Fill(p)
		c.SetLineStyle(draw.LineStyle{Color: paper, Width: r * 0.18})
		c.Stroke(p)
	}
	disc := func(fill bool) {
		const n = 24
		var corners []float64
		for i := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / n)
			corners = append(corners, cos, sin)
		}
		poly(fill, corners...)
	}
	cross := func(a float64) {
		sin, cos := math.Sincos(a)
		arm := func(x, y float64) vg.Point {
			return vg.Point{X: at.X + r*vg.Length(x*cos-y*sin), Y: at.Y + r*vg.Length(x*sin+y*cos)}
		}
		for _, l := range []draw.LineStyle{{Color: paper, Width: r * 0.85}, {Color: s.colour, Width: r * 0.5}} {
			c.StrokeLines(l, []vg.Point{arm(-1.1, 0), arm(1.1, 0)}, []vg.Point{arm(0, -1.1), arm(0, 1.1)})
		}
	}
	switch s.marker {
	case 0:
		disc(true)
	case 1:
		poly(true, -.9, -.9, .9, -.9, .9, .9, -.9, .9)
	case 2:
		poly(true, -1.1, -.8, 1.1, -.8, 0, 1.15)
	case 3:
		poly(true, 0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0)
	case 4:
		cross(math.Pi / 4)
	case 5:
		disc(false)
	case 6:
		poly(true, -1.1, .8, 1.1, .8, 0, -1.15)
	case 7:
		poly(false, -.85, -.85, .85, -.85, .85, .85, -.85, .85)
	}
}

const hatches = 6

// drawBar fills a rectangle with a tint of the style's colour, its hatch and
// its outline. The hatches are: none, /, \, horizontal, crossed, vertical.
func drawBar(c *draw.Canvas, s style, r vg.Rectangle) {
	w, h := r.Max.X-r.Min.X, r.Max.Y-r.Min.Y
	if w <= 0 || h <= 0 {
		return
	}
	c.SetColor(tint(s.colour, map[bool]float64{true: 0.85, false: 0.45}[s.hatch == 0]))
	c.Fill(r.Path())
	line := draw.LineStyle{Color: s.colour, Width: 0.7}
	const gap = 4 // points between hatch lines
	slanted := func(up bool) {
		// The lines y - y0 = ±(x - x0) that meet the rectangle.
		for d := vg.Length(gap) / 2; d < w+h; d += gap * math.Sqrt2 {
			x0, y0 := max(0, d-h), min(d, h)
			x1, y1 := min(d, w), max(0, d-w)
			if up {
				y0, y1 = h-y0, h-y1
			}
			c.StrokeLine2(line, r.Min.X+x0, r.Min.Y+y0, r.Min.X+x1, r.Min.Y+y1)
		}
	}
	switch s.hatch {
	case 1:
		slanted(true)
	case 2:
		slanted(false)
	case 3:
		for y := vg.Length(gap) / 2; y < h; y += gap * 0.75 {
			c.StrokeLine2(line, r.Min.X, r.Min.Y+y, r.Max.X, r.Min.Y+y)
		}
	case 4:
		slanted(true)
		slanted(false)
	case 5:
		for x := vg.Length(gap) / 2; x < w; x += gap {
			c.StrokeLine2(line, r.Min.X+x, r.Min.Y, r.Min.X+x, r.Max.Y)
		}
	}
	c.SetLineStyle(line)
	c.Stroke(r.Path())
}

// tint mixes a colour with white: 1 is the colour, 0 white.
func tint(c color.NRGBA, share float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(math.Round(float64(v)*share + 255*(1-share))) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// darker is a colour that a small text can have on white.
func darker(c color.NRGBA) color.NRGBA {
	return color.NRGBA{c.R / 10 * 6, c.G / 10 * 6, c.B / 10 * 6, 0xff}
}

// textStyle is the figure's sans serif at a size.
func textStyle(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler,
	}
}

// newPlot returns an empty plot in the house style for a font size.
func newPlot(size vg.Length) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = paper
	p.Title.TextStyle = align(textStyle(size, ink), draw.XCenter, draw.YTop)
	p.Title.Padding = size * 0.4
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle = align(textStyle(size, ink), draw.XCenter, draw.YBottom)
		a.Label.Padding = size * 0.25
		a.LineStyle = draw.LineStyle{Color: ink, Width: 0.6}
		a.Tick.LineStyle = draw.LineStyle{Color: ink, Width: 0.6}
		a.Tick.Length = size * 0.35
		a.Padding = 0
		a.Tick.Label.Font = textStyle(size*0.92, ink).Font
		a.Tick.Label.Color = ink
		a.Tick.Marker = niceTicks{}
	}
	return p
}

func align(s draw.TextStyle, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	s.XAlign, s.YAlign = x, y
	return s
}

// clean makes a string from a file fit to be drawn: one line, no control or
// direction characters, and only what the fonts of all output formats have
// (Windows-1252, which PDF uses); the rest shows as a question mark.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		case r < 0x100 || strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", r):
			return r
		}
		return '?'
	}, s)
}

// fit cuts the middle out of a string so that it is at most width wide: names
// differ at their ends.
func fit(s string, sty text.Style, width vg.Length) string {
	if sty.Width(s) <= width {
		return s
	}
	rs := []rune(s)
	cut := ""
	for n := len(rs) - 1; n > 0; n-- {
		tail := n * 2 / 5
		cut = strings.TrimRight(string(rs[:n-tail]), " ") + "…" + strings.TrimLeft(string(rs[len(rs)-tail:]), " ")
		if sty.Width(cut) <= width {
			break
		}
	}
	return cut
}

// fitParts is fit for a text of parts with commas between them: what is too long of it is cut from the ends of its longest
// parts, so that the others can be told apart. Commas in brackets are no ends of parts.
func fitParts(s string, sty text.Style, width vg.Length) string {
	var parts [][]rune
	depth, from := 0, 0
	for i, r := range s {
		switch {
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], ", "):
			parts, from = append(parts, []rune(s[from:i])), i+2
		}
	}
	parts = append(parts, []rune(s[from:]))
	const least = 8 // runes of a part that is cut
	for sty.Width(s) > width && len(parts) > 1 {
		longest := 0
		for i, p := range parts {
			if len(p) > len(parts[longest]) {
				longest = i
			}
		}
		p := parts[longest]
		if len(p) <= least {
			break
		}
		parts[longest] = append([]rune(strings.TrimRight(string(p[:len(p)-2]), " …")), '…')
		words := make([]string, len(parts))
		for i, p := range parts {
			words[i] = string(p)
		}
		s = strings.Join(words, ", ")
	}
	return fit(s, sty, width)
}

// wrap breaks a text into lines that are at most width wide.
func wrap(s string, sty text.Style, width vg.Length) []string {
	var lines []string
	line := ""
	// A unit stays with its number, and a number with its name.
	s = strings.NewReplacer(" %", "\u00a0%", "batch ", "batch\u00a0").Replace(s)
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }) {
		switch {
		case line == "":
			line = word
		case sty.Width(line+" "+word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	for i := range lines {
		lines[i] = fit(lines[i], sty, width)
	}
	return lines
}
