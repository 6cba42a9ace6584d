package plotting

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// scanned is a result whose levels were found by made-up scans.
func scanned() *dlas.Result {
	r := made("prune(0.7)", "direct csr", 0.9141, 1.1)
	point := func(level string, top1, lost float64) dlas.ScanPoint {
		return dlas.ScanPoint{Level: level, Compress: "prune(" + level + ")", Top1: top1, Low: top1 - 0.018, High: top1 + 0.017, Points: -lost, PointsLo: -lost - 0.6, PointsHi: -lost + 0.6, Bytes: 311400}
	}
	scan := func(pass, elbow string, at ...dlas.ScanPoint) *dlas.Scan {
		return &dlas.Scan{Pass: pass, After: "none", Elbow: elbow, Drop: 1, Base: 0.921, Before: 0.921, N: 1000, Split: "val", Classes: 10, Layers: []dlas.ScanLayer{{Points: at}}, Caveat: "such networks were trained on these images"}
	}
	r.Scans = []*dlas.Scan{
		scan("prune", "0.7", point("0", 0.921, 0), point("0.5", 0.92, 0.1), point("0.6", 0.918, 0.3), point("0.7", 0.913, 0.8), point("0.8", 0.871, 5), point("0.9", 0.62, 30.1), point("0.95", 0.13, 79.1)),
		scan("channels", "0.05", point("0", 0.921, 0), point("0.05", 0.915, 0.6), point("0.1", 0.9, 2.1), point("0.2", 0.8, 12.1), point("0.3", 0.55, 37.1)),
	}
	return r
}

// sensed is a result with a made-up scan by layer.
func sensed() *dlas.Result {
	r := made("none", "auto", 0.9173, 2.6)
	s := &dlas.Scan{Pass: "prune", After: "none", Base: 0.921, Before: 0.921, N: 1000, Split: "val", Classes: 10}
	for i, n := range r.Nodes {
		if n.Op == "avgpool" {
			continue
		}
		l := dlas.ScanLayer{Name: n.Name, Weights: int64(1000 * (i + 1))}
		for k, level := range []string{"0.5", "0.8", "0.9"} {
			lost := float64(k*k) * 12 / float64(2+i*i)
			l.Points = append(l.Points, dlas.ScanPoint{Level: level, Top1: 0.921 - lost/100, Points: -lost, PointsLo: -lost - 0.5 - lost/9, PointsHi: -lost + 0.5 + lost/9})
		}
		s.Layers = append(s.Layers, l)
	}
	r.Scans = []*dlas.Scan{s}
	return r
}

// withWork gives made-up results the work that is left in their nodes.
func withWork(rs []*dlas.Result) []*dlas.Result {
	left := map[string]float64{"none": 1, "prune(0.5)": 0.5, "prune(0.8)": 0.2, "prune(0.9)": 0.1, "prune(0.99)": 0.01, "prune(0.8) int8": 0.2}
	for _, r := range rs {
		r.Model.Sparsity = 1 - left[r.Spec.Compress]
		for i := range r.Nodes {
			if n := &r.Nodes[i]; n.Op != "avgpool" {
				n.MACs, n.Type = 1_000_000, "f32"
				if strings.HasSuffix(r.Spec.Compress, "int8") {
					n.Type = "i8"
				}
				n.MACsNonzero = int64(1_000_000 * left[r.Spec.Compress])
			}
		}
	}
	return rs
}

// flips is a sweep in which the best primitive changes, with one more type.
func flips() []*dlas.Result {
	rs := crossed()
	for j, p := range []string{"direct dense", "gemm dense"} {
		rs = append(rs, made("prune(0.8) int8", p, 0.85, []float64{0.42, 0.421}[j]))
	}
	rs = withWork(rs)
	for _, r := range rs[len(rs)-2:] {
		r.Model.Sparsity = 0.813 // what the pass took, and what rounds to zero
	}
	return rs
}

// TestElbowIsDrawn: every level of a scan has its row, the elbow is marked, levels of another sort have a panel of their own.
func TestElbowIsDrawn(t *testing.T) {
	f, err := Plot("elbow", []*dlas.Result{scanned()})
	if err != nil {
		t.Fatal(err)
	}
	all := rows(t, f)
	marked := map[string]string{}
	for _, r := range all {
		if r["elbow"] == "true" {
			marked[r["pass"]] = r["level"]
		}
	}
	if len(f.Plots) != 2 || len(all) != 12 || marked["prune"] != "0.7" || marked["channels"] != "0.05" || value(t, all[4], "points lost") != 5 || value(t, all[4], "level drawn") != 80 {
		t.Errorf("%d panels, %d rows, elbows %v", len(f.Plots), len(all), marked)
	}
	if !strings.Contains(f.Caption, "Grey") { // prune(0.95) is near chance
		t.Errorf("caption: %s", f.Caption)
	}
	if !strings.Contains(f.Caption, "Optimistic where the network knows these images: such networks were trained on these images.") {
		t.Errorf("caption: %s", f.Caption)
	}
}

// TestExpected: the sum of times over what is left of them by the work, against what was measured.
func TestExpected(t *testing.T) {
	rs := withWork([]*dlas.Result{made("none", "direct dense", 0.9173, 2), made("prune(0.9)", "direct csr", 0.9, 0.8), made("prune(0.9)", "gemm csr", 0.9, 0.9)})
	f, err := Plot("expected", rs)
	if err != nil {
		t.Fatal(err)
	}
	all := rows(t, f)
	sum, left := 0.0, 0.0
	for _, n := range rs[0].Nodes {
		sum += *n.MS
		if n.Op == "avgpool" {
			left += *n.MS
		} else {
			left += *n.MS / 10
		}
	}
	// gemm has no baseline here, which is not drawn.
	if len(all) != 1 || math.Abs(value(t, all[0], "Expected speed-up (×)")-sum/left) > 1e-9 || value(t, all[0], "Achieved speed-up (×)") != 2.5 {
		t.Errorf("%v, want %v", all, sum/left)
	}
	rs[0].Spec.Compress = "prune(0)" // is one, too
	if f, err = Plot("expected", rs); err != nil || len(rows(t, f)) != 1 {
		t.Errorf("against prune(0): %v", err)
	}
	// A network that came with zeros is judged by itself on dense kernels.
	own := withWork([]*dlas.Result{made("none", "auto dense", 0.9173, 2), made("none", "auto", 0.9173, 1), made("none", "auto dense", 0.9173, 2)})
	for _, r := range own {
		r.Model.Sparsity = 0.75
		for i := range r.Nodes {
			r.Nodes[i].MACsNonzero = r.Nodes[i].MACs / 4
		}
	}
	if f, err = Plot("expected", own); err != nil {
		t.Fatal(err)
	}
	if all = rows(t, f); len(all) != 1 || value(t, all[0], "Achieved speed-up (×)") != 2 || !(value(t, all[0], "Expected speed-up (×)") > 3) {
		t.Errorf("of its own zeros: %v", all)
	}
	if _, err := Plot("expected", rs[1:]); err == nil || !strings.Contains(err.Error(), "baseline") {
		t.Errorf("without a baseline: %v", err)
	}
}

// TestFlip: the quickest of each cell, and cannot tell where the intervals overlap.
func TestFlip(t *testing.T) {
	f, err := Plot("flip", flips())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows(t, f) {
		got[r["row"]+" "+r["sparsity (%)"]] = r["verdict"] + " " + r["best"]
	}
	for cell, want := range map[string]string{
		"f32 prune 0": "fastest gemm dense", "f32 prune 80": "cannot tell ", "f32 prune 90": "fastest direct csr", "i8 prune int8 80": "cannot tell direct dense",
	} {
		if !strings.HasPrefix(got[cell], want) {
			t.Errorf("%s: %q, want %q; all: %v", cell, got[cell], want, got)
		}
	}
	for cell := range got {
		if strings.HasSuffix(cell, " 81") {
			t.Errorf("zeros that rounding makes have a column: %s", cell)
		}
	}
	// Without the floats beside them integers stand at the level of their passes.
	for choice, want := range map[string]int{"int8": 0, "prune(0.5) int8(keep=2)": 50, "blocks(0.8, 16x1) fp16 int8": 80, "prune([0.5 - 0.9]) int8": 83, "prune(0.8)": 83, "none": 83} {
		r := made(choice, "auto", 0.9, 1)
		r.Model.Sparsity = 0.83
		if at := zerosOf([]*dlas.Result{r}, r); at != want {
			t.Errorf("%s stands at %d %%, want %d", choice, at, want)
		}
	}
	if _, err := Plot("flip", levels()); err == nil {
		t.Error("one primitive was compared")
	}
}

// TestWeightsAreDrawn: the histogram and the pattern count the weights that the network has.
func TestWeightsAreDrawn(t *testing.T) {
	r := made("prune(0.9)", "direct csr", 0.6, 0.6)
	f, err := Plot("histogram", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]float64{}
	for _, row := range rows(t, f) {
		count[row["weights"]] += value(t, row, "count")
		if row["from"] == "0" && row["to"] == "0" {
			count[row["weights"]+" zero"] = value(t, row, "count")
		}
	}
	if count["before"] != count["after"] || math.Abs(count["after zero"]/count["after"]-0.9) > 1e-4 || count["before zero"] > 10 {
		t.Errorf("%v", count)
	}
	if f, err = Plot("sparsity", []*dlas.Result{r}, "node=stack1.conv1"); err == nil {
		t.Errorf("a layer that is not there: %s", f.Caption)
	}
	net, err := dlas.New().With(ir.Compress, "prune(0.9)").Weights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := net[2]
	if f, err = Plot("sparsity", []*dlas.Result{r}, "node="+l.Name); err != nil {
		t.Fatal(err)
	}
	shown, nonzero := 0.0, 0.0
	for _, row := range rows(t, f) {
		shown += value(t, row, "share not zero")
	}
	for _, v := range l.After.Values {
		if v != 0 {
			nonzero++
		}
	}
	if shown != nonzero || len(l.After.Values) != l.After.Rows*l.After.Cols*l.After.Taps {
		t.Errorf("%v cells are full, %v weights not zero", shown, nonzero)
	}
}

// TestWeightsHavePanels: of a sweep every compressed network has a panel, once, and no result is left out silently.
func TestWeightsHavePanels(t *testing.T) {
	rs := append(levels()[:4], made("prune(0.8)", "direct dense", 0.861, 0.8))
	for _, kind := range []string{"histogram", "sparsity"} {
		f, err := Plot(kind, rs)
		if err != nil {
			t.Fatal(err)
		}
		var titles []string
		for _, p := range f.Plots {
			titles = append(titles, p.Title.Text)
		}
		drawn := map[string]bool{}
		for _, r := range rows(t, f) {
			drawn[r["compress"]] = true
		}
		if len(f.Plots) != 3 || len(drawn) != 3 || drawn["none"] || !strings.HasPrefix(titles[1], "prune(0.8): ") || !strings.HasSuffix(titles[1], " % zero") {
			t.Errorf("%s: %d panels %q, rows of %v", kind, len(f.Plots), titles, drawn)
		}
		if f, err = Plot(kind, rs[:1]); err != nil || len(f.Plots) != 1 {
			t.Errorf("%s of an uncompressed network: %v", kind, err)
		}
		var many []*dlas.Result
		for i := range maxPanels + 1 {
			many = append(many, made(fmt.Sprintf("prune(0.%d)", 10+i), "auto", 0.5, 1))
		}
		if _, err := Plot(kind, many); err == nil || !strings.Contains(err.Error(), "13 networks do not fit") {
			t.Errorf("%s of %d networks: %v", kind, len(many), err)
		}
	}
}

// TestSparsityOfOthers: of a model that has no such layer the largest is shown, and the caption says which; and how many
// weights there are where networks differ in that.
func TestSparsityOfOthers(t *testing.T) {
	other := made("prune(0.8)", "direct csr", 0.9, 1)
	other.Spec.Model = "vgg7"
	f, err := Plot("sparsity", []*dlas.Result{made("prune(0.5)", "direct csr", 0.9, 1), other, made("channels(0.5)", "direct dense", 0.9, 1)})
	if err != nil {
		t.Fatal(err)
	}
	layers := map[string]string{}
	for _, r := range rows(t, f) {
		layers[r["compress"]] = r["layer"]
	}
	if layers["prune(0.5)"] != layers["channels(0.5)"] || layers["prune(0.5)"] == layers["prune(0.8)"] ||
		!strings.HasPrefix(f.Caption, layers["prune(0.5)"]+" after 3 compressions; "+layers["prune(0.8)"]+" after vgg7, prune(0.8): n = ") ||
		!strings.Contains(f.Caption, " or 9,216 weights. fashion-mnist.") {
		t.Errorf("layers %v; %s", layers, f.Caption)
	}
	svg, err := f.SVG()
	if pictures := strings.Count(string(svg), "<image "); err != nil || pictures != 3 || strings.Count(string(svg), `<image preserveAspectRatio="none" `) != pictures {
		t.Errorf("%d pictures, which need not fill their axes: %v", pictures, err)
	}
}

// TestWeightsFollowTheCell: a figure that compresses a network anew ends with the cell that asked for it.
func TestWeightsFollowTheCell(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func(f func() context.Context) { dlas.CellContext = f }(dlas.CellContext)
	dlas.CellContext = func() context.Context { return ctx }
	r := &dlas.Result{Spec: dlas.Spec{Model: "resnet8", Compress: "prune(0.5)"}}
	if _, err := Plot("histogram", []*dlas.Result{r}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted figure says %v", err)
	}
}
