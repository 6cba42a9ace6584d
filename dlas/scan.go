package dlas

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// Scan is how accurate a network is, on images of the split val, when a pass of L3 compresses it at several levels: as a
// whole, which an elbow is read from, or each layer alone, its sensitivity.
type Scan struct {
	Pass    string      `json:"pass"`           // without its level: prune, blocks(16x1)
	After   string      `json:"after"`          // what is compressed before it; none
	Elbow   string      `json:"elbow"`          // the level at the elbow; empty for a scan by layer
	Drop    float64     `json:"drop"`           // the most that an elbow may lose, in points
	Base    float64     `json:"base"`           // top-1 of the uncompressed network, a fraction
	Before  float64     `json:"before"`         // top-1 of what Points of layers are differences from: the network after After
	N       int         `json:"n"`              // images
	Split   string      `json:"split"`          // val
	Classes int         `json:"classes"`        // that the images have
	Layers  []ScanLayer `json:"layers"`         // one without a name for a scan of the whole network
	Seconds float64     `json:"seconds"`        // that it took; points from the store take none
	Note    string      `json:"note,omitempty"` // why it has fewer levels than were asked for
	// Caveat is what a reader of these accuracies must know: that published networks were trained on the images, say.
	Caveat string `json:"caveat,omitempty"`

	of *Result
}

// ScanLayer is a layer of a scan with its points.
type ScanLayer struct {
	Name    string      `json:"name"`
	Weights int64       `json:"weights"` // elements
	Points  []ScanPoint `json:"points"`  // the gentlest level first
}

// ScanPoint is a level. Accuracies are fractions; Points is the paired difference from the uncompressed network (of a
// scan by layer: from the network as it was before), in percentage points, with its 95 % interval.
type ScanPoint struct {
	Level    string  `json:"level"`
	Compress string  `json:"compress"` // all of it, as a Spec says it
	Top1     float64 `json:"top1"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Points   float64 `json:"points"`
	PointsLo float64 `json:"points_low"`
	PointsHi float64 `json:"points_high"`
	Sparsity float64 `json:"sparsity"`
	Bytes    int64   `json:"bytes"`
	Stored   bool    `json:"stored,omitempty"` // taken from the store
}

// Result is the stack that a scan by layer is of, without a latency: what plot sensitivity draws. nil for a scan that was
// part of a run, whose result has it.
func (s *Scan) Result() *Result { return s.of }

// byLayer tells the two sorts of scans apart.
func (s *Scan) byLayer() bool { return len(s.Layers) > 0 && s.Layers[0].Name != "" }

// scanImages is how many images of val a scan looks at where n= says nothing.
const scanImages = 1000

// layerLevels are the levels of a scan by layer where none are named: one of the layer alone costs less than all.
func layerLevels(name string) []string {
	all := compress.ScanLevels(name)
	switch name {
	case "prune", "blocks", "punch":
		return []string{"0.5", "0.7", "0.8", "0.9", "0.95"}
	case "channels":
		return []string{"0.1", "0.25", "0.5"}
	case "":
		return nil
	}
	if len(all) == 0 {
		return []string{compress.Take}
	}
	return all[max(0, len(all)-5):]
}

// Sensitivity compresses each convolution and linear layer alone by a pass, at each of its levels, and measures what that
// costs in accuracy on images of val: "prune", "prune(0.5, 0.9)", "blocks(16x1)", "fp16(n=500)", n= being the number of
// images. What the stack's L3 says is applied before. Points that the store has are taken from it, so that a scan which
// was interrupted goes on where it ended. It returns the context's cause where that ends first, else errors are *ir.Error.
func (s Stack) Sensitivity(ctx context.Context, pass string) (*Scan, error) {
	spec, err := s.spec.point()
	if err != nil {
		return nil, err
	}
	c, levels, n, err := scanChoice(pass)
	if err != nil {
		return nil, err
	}
	defer progressEnd()
	f, err := resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	spec = f.spec
	j, err := newJudge(ctx, spec, n)
	if err != nil {
		return nil, err
	}
	scan, err := j.sensitivity(ctx, spec.Compress, c, levels)
	if err != nil {
		return nil, err
	}
	scan.of = j.result(spec)
	scan.of.Scans = []*Scan{scan}
	recent.Lock()
	recent.scan = scan
	recent.Unlock()
	return scan, nil
}

// MustSensitivity is Sensitivity for a notebook cell: it follows the cell's interrupt and panics with an *ir.Error.
func (s Stack) MustSensitivity(pass string) *Scan {
	scan, err := s.Sensitivity(cellContext(), pass)
	if err != nil {
		panic(asError(err))
	}
	return scan
}

// scanChoice reads a pass with any number of levels.
func scanChoice(text string) (c ir.Choice, levels []string, n int, err error) {
	example := "write it like prune, prune(0.5, 0.9) or blocks(16x1)"
	if strings.TrimSpace(text) == "" {
		return c, nil, 0, &ir.Error{Layer: ir.Compress, What: "which pass?", Try: example}
	}
	line, err := grammar.Parse(ir.Compress, text)
	if err != nil {
		return c, nil, 0, err
	}
	points, err := line.Points(ir.Compress)
	if err != nil {
		return c, nil, 0, err
	}
	for _, p := range points {
		if len(p) != 1 || p[0].Name != points[0][0].Name {
			return c, nil, 0, &ir.Error{Layer: ir.Compress, What: "a scan by layer is of one pass, but got " + text, Try: example}
		}
		if p[0].Arg("drop", "") != "" {
			return c, nil, 0, &ir.Error{Layer: ir.Compress, What: "drop= is of an elbow, and a scan by layer has none", Try: "leave it out"}
		}
		for _, v := range p[0].Value {
			if compress.IsLevel(v) {
				levels = append(levels, v)
			}
		}
		if next := compress.At(p[0], ""); c.Name != "" && next.String() != c.String() {
			return c, nil, 0, &ir.Error{Layer: ir.Compress, What: "a scan by layer is of one pass, but got " + c.String() + " and " + next.String(), Try: example}
		}
		c = compress.At(p[0], "")
	}
	if c, n, _, err = scanArgs(c); err != nil {
		return c, nil, 0, err
	}
	if compress.HasLevel(c.Name) && len(levels) == 0 {
		levels = layerLevels(c.Name)
	}
	if !compress.HasLevel(c.Name) && len(levels) == 0 {
		levels = []string{compress.Take}
	}
	for _, v := range levels {
		if v == compress.Elbow {
			return c, nil, 0, &ir.Error{Layer: ir.Compress, What: "elbow is of the whole network", Try: "for a scan by layer " + example}
		}
		if err := compress.Check(compress.At(c, "["+v+"]")); err != nil {
			return c, nil, 0, err
		}
	}
	slices.SortStableFunc(levels, func(a, b string) int { return gentler(c.Name, a, b) })
	return c, levels, n, nil
}

// scanArgs takes n= and drop= out of a choice.
func scanArgs(c ir.Choice) (plain ir.Choice, n int, drop float64, err error) {
	plain, scan := compress.SplitScan(c)
	n, drop = scanImages, 1
	for _, a := range scan {
		switch a.Key {
		case "n":
			if n, err = strconv.Atoi(a.Value); err != nil || n < 1 || a.Op != "=" {
				return c, 0, 0, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("n%s%s of a scan is not a number of images", a.Op, a.Value), Try: "write n=1000"}
			}
		case "drop":
			if drop, err = strconv.ParseFloat(a.Value, 64); err != nil || !(drop >= 0 && drop <= 100) || a.Op != "=" {
				return c, 0, 0, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("drop%s%s is not a number of points", a.Op, a.Value), Try: "write drop=2 for two points"}
			}
		}
	}
	return plain, n, drop, nil
}

func gentler(name, a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return compress.Gentler(name, x, y)
}

// sensitivity scans each layer alone.
func (j *judge) sensitivity(ctx context.Context, after string, c ir.Choice, levels []string) (*Scan, error) {
	g, err := j.graph(ctx, after)
	if err != nil {
		return nil, err
	}
	layers := compress.Layers(g)
	if len(layers) == 0 {
		return nil, ir.Errorf(ir.Compress, "%s has no convolution or linear layers", g.Name)
	}
	scan, err := j.scan(ctx, after, c)
	if err != nil {
		return nil, err
	}
	before, err := j.see(ctx, after)
	if err != nil {
		return nil, err
	}
	scan.Before = before.top1()
	var failed error
	for i, l := range layers {
		layer := ScanLayer{Name: plain(l.Nodes[0].Name), Weights: int64(l.Elems())}
		for k, v := range levels {
			progress(Progress{Step: "sensitivity of " + c.String(), Done: i*len(levels) + k, Total: len(layers) * len(levels), Unit: "points"})
			p, err := j.point(ctx, after, compress.At(c, alone(len(layers), i, v)), "", before)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err != nil { // a level that would leave nothing of the layer, say
				scan.Note, failed = "some levels cannot be reached: "+asError(err).What, err
				continue
			}
			p.Level = v
			layer.Points = append(layer.Points, p)
		}
		scan.Layers = append(scan.Layers, layer)
	}
	if !slices.ContainsFunc(scan.Layers, func(l ScanLayer) bool { return len(l.Points) > 0 }) {
		return nil, failed
	}
	scan.Seconds = j.seconds()
	return scan, nil
}

// alone is the vector of levels that has one for layer i only.
func alone(n, i int, level string) string {
	levels := make([]string, n)
	for k := range levels {
		levels[k] = compress.Leave
	}
	levels[i] = level
	return "[" + strings.Join(levels, " ") + "]"
}

// elbow scans the whole network and finds the highest level whose accuracy, and that of all lower ones, is at most drop
// points below the uncompressed. then is what follows the pass as a recovery.
func (j *judge) elbow(ctx context.Context, after string, c ir.Choice, then string, drop float64) (*Scan, error) {
	scan, err := j.scan(ctx, after, c)
	if err != nil {
		return nil, err
	}
	base, err := j.see(ctx, "none")
	if err != nil {
		return nil, err
	}
	scan.Drop, scan.Before = drop, base.top1()
	levels := compress.ScanLevels(c.Name)
	layer := ScanLayer{}
	for i, v := range levels {
		progress(Progress{Step: "elbow of " + c.String(), Done: i, Total: len(levels), Unit: "levels"})
		p, err := j.point(ctx, after, compress.At(c, v), then, base)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			if len(layer.Points) == 0 {
				return nil, err
			}
			scan.Note = "the scan ended before " + v + ": " + asError(err).What
			break
		}
		p.Level = v
		layer.Points = append(layer.Points, p)
		if p.Points < -farBelow-drop { // the figure shows the fall; what comes after is of no use
			scan.Note = "the scan ended where accuracy had fallen by " + fmt.Sprintf("%.0f points", -p.Points)
			break
		}
	}
	scan.Layers = []ScanLayer{layer}
	at := ElbowOf(layer.Points, drop)
	if at < 0 {
		p := layer.Points[0]
		return nil, &ir.Error{
			Layer: ir.Compress, What: fmt.Sprintf("%s has no elbow: its gentlest level, %s, loses %.2f points on val, more than %g", c, p.Level, -p.Points, drop),
			Try: fmt.Sprintf("allow more, as in %s(elbow, drop=%.0f)", c.Name, 1-p.Points),
		}
	}
	scan.Elbow = layer.Points[at].Level
	scan.Seconds = j.seconds()
	return scan, nil
}

// farBelow is how many points beyond the drop a scan follows the fall.
const farBelow = 25

// ElbowOf is the index of the last of points, the gentlest level first, that is at most drop points below the
// uncompressed network, as all before it are; -1 where the first is not.
func ElbowOf(points []ScanPoint, drop float64) int {
	for i, p := range points {
		if !(p.Points >= -drop-1e-9) {
			return i - 1
		}
	}
	return len(points) - 1
}

// scan is an empty one.
func (j *judge) scan(ctx context.Context, after string, c ir.Choice) (*Scan, error) {
	base, err := j.see(ctx, "none")
	if err != nil {
		return nil, err
	}
	return &Scan{Pass: c.String(), After: after, Base: base.top1(), N: len(base.Right), Split: "val", Classes: max(len(j.base.set.Classes), j.base.set.MinClasses), Caveat: j.base.set.Caveat}, nil
}

// point is one level of a scan, against what base got right.
func (j *judge) point(ctx context.Context, after string, c ir.Choice, then string, base *seen) (ScanPoint, error) {
	text := c.String()
	if then != "" {
		text += " " + then
	}
	if after != "none" {
		text = after + " " + text
	}
	s, err := j.see(ctx, text)
	if err != nil {
		return ScanPoint{}, err
	}
	p := ScanPoint{Compress: text, Top1: s.top1(), Sparsity: s.Sparsity, Bytes: s.Bytes, Stored: s.stored}
	p.Low, p.High = stat.Wilson(s.right(), len(s.Right))
	onlyBase, onlyThis := 0, 0
	for i := range s.Right {
		switch {
		case base.Right[i] == '1' && s.Right[i] != '1':
			onlyBase++
		case base.Right[i] != '1' && s.Right[i] == '1':
			onlyThis++
		}
	}
	d, low, high := stat.PairedDifference(onlyBase, onlyThis, len(s.Right))
	if s.Right == base.Right {
		low, high = 0, 0
	}
	p.Points, p.PointsLo, p.PointsHi = 100*d, 100*low, 100*high
	return p, nil
}
