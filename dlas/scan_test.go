package dlas

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestElbow: the level is the one that the rule gives on val, it is in the Spec before that is hashed, and a second run
// takes every point from the store.
func TestElbow(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	s := New().Data("fashion-mnist(n=50)").Compress("prune(elbow, drop=2, n=300)")
	ctx := context.Background()
	r, err := s.Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	scan := r.run.scans[0]
	points := scan.Layers[0].Points
	want := "none"
	for _, p := range points {
		// The rule anew, on accuracies that are counted apart from the scan.
		got := accuracyOn(t, "val", 300, "prune("+p.Level+")")
		if math.Abs(got-p.Top1) > 1e-12 {
			t.Errorf("level %s: the scan says %v, a run %v", p.Level, p.Top1, got)
		}
		if got < accuracyOn(t, "val", 300, "none")-0.02-1e-12 {
			break
		}
		want = "prune(" + p.Level + ")"
	}
	if r.run.spec.Compress != want || r.run.spec.Hash() != s.With(ir.Compress, want).Spec().Hash() {
		t.Errorf("the Spec has %s, the rule gives %s of %v", r.run.spec.Compress, want, points)
	}
	if note := strings.Join(r.run.notes, "\n"); !strings.Contains(note, "(elbow) is "+scan.Elbow) {
		t.Errorf("the notes do not tell: %s", note)
	}
	again, err := s.Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range again.run.scans[0].Layers[0].Points {
		if !p.Stored {
			t.Errorf("level %s was measured again", p.Level)
		}
		p.Stored = points[i].Stored
		if p != points[i] {
			t.Errorf("from the store %v, measured %v", p, points[i])
		}
	}
}

// accuracyOn is the top-1 of the default stack on a split.
func accuracyOn(t *testing.T, split string, n int, compress string) float64 {
	t.Helper()
	c, err := FromSpec(Spec{Data: "fashion-mnist(n=" + strconv.Itoa(n) + ", split=" + split + ")", Compress: compress}).Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := c.run.classify(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, l := range p.Labels {
		if p.Predicted[i] == l {
			right++
		}
	}
	if len(p.Labels) != n {
		t.Fatalf("%d images", len(p.Labels))
	}
	return float64(right) / float64(n)
}

// TestElbowRule: the highest level that is near enough, as all before it are.
func TestElbowRule(t *testing.T) {
	points := func(lost ...float64) (ps []ScanPoint) {
		for _, l := range lost {
			ps = append(ps, ScanPoint{Points: -l})
		}
		return ps
	}
	for _, c := range []struct {
		lost []float64
		drop float64
		want int
	}{
		{[]float64{0, 0.1, 0.9, 5}, 1, 2},
		{[]float64{0, 2, 0.9, 5}, 1, 0}, // a level between is not near enough
		{[]float64{0, -1, 1}, 1, 2},
		{[]float64{3}, 1, -1},
		{[]float64{0, 0}, 0, 1},
		{[]float64{math.NaN()}, 1, -1},
		{nil, 1, -1},
	} {
		if got := ElbowOf(points(c.lost...), c.drop); got != c.want {
			t.Errorf("%v with a drop of %v: %d, want %d", c.lost, c.drop, got, c.want)
		}
	}
}

// TestSensitivity: each point is the network with that layer alone compressed.
func TestSensitivity(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	ctx := context.Background()
	scan, err := New().Sensitivity(ctx, "prune(0.9, 0.5, n=300)")
	if err != nil {
		t.Fatal(err)
	}
	net, err := New().Diagram(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range net.Nodes {
		if n.Op == "Conv" || n.Op == "Gemm" {
			names = append(names, n.Name)
		}
	}
	if len(scan.Layers) != len(names) || scan.N != 300 || scan.Split != "val" {
		t.Fatalf("%d layers of %d, n = %d of %s", len(scan.Layers), len(names), scan.N, scan.Split)
	}
	for i, l := range scan.Layers {
		if l.Name != names[i] || len(l.Points) != 2 || l.Points[0].Level != "0.5" || l.Points[1].Level != "0.9" {
			t.Errorf("layer %d is %+v, the network has %s", i, l, names[i])
		}
	}
	p := scan.Layers[3].Points[1]
	if got := accuracyOn(t, "val", 300, p.Compress); math.Abs(got-p.Top1) > 1e-12 || !strings.HasPrefix(p.Compress, "prune([- - - 0.9 -") {
		t.Errorf("%s: %v, a run says %v", p.Compress, p.Top1, got)
	}
	if base := accuracyOn(t, "val", 300, "none"); math.Abs(p.Points-100*(p.Top1-base)) > 1e-9 || p.PointsLo > p.Points || p.PointsHi < p.Points {
		t.Errorf("%+v, before %v", p, base)
	}
}

// TestChoosingSeesVal: what chooses never opens test, whatever the data say, and says so where it cannot choose.
func TestChoosingSeesVal(t *testing.T) {
	t.Setenv("DLAS_STORE", t.TempDir())
	ctx := context.Background()
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Data: "random(1x1x28x28)", Model: "resnet8", Compress: "prune(elbow)"}, "needs the true classes"},
		{Spec{Data: "fashion-mnist(n=10)", Model: "mobilenetv1", Compress: "prune(elbow)"}, "are random"},
		{Spec{Compress: "int8(elbow)"}, ""},
		{Spec{Compress: "fp16(elbow)"}, ""},
		{Spec{Compress: "prune(elbow, drop=x)"}, "is no number of points"},
		{Spec{Compress: "prune(elbow, n=0)"}, "is no number of images"},
		{Spec{Compress: "prune(elbow, scope=row)"}, "scope"},
		{Spec{Compress: "auto(min=bytes)"}, "wants a target"},
		{Spec{Compress: "auto(accuracy<=0.9)"}, "accuracy>="},
		{Spec{Compress: "auto(accuracy>=2)"}, "a fraction from 0 to 1; write accuracy>=0.02 for 2 %"},
		{Spec{Compress: "auto(accuracy>=-1)"}, "a fraction from 0 to 1; write accuracy>=-1pt for points"},
		{Spec{Compress: "auto(bytes<=60KB)"}, "no number of bytes; write it like bytes<=60000, bytes<=60kB"},
		{Spec{Compress: "auto(accuracy>=1pt)"}, "zero or negative"},
		{Spec{Compress: "auto(latency<=5)"}, "no time"},
		{Spec{Compress: "auto(bytes<=many)"}, "no number of bytes"},
		{Spec{Compress: "auto(speed>=1)"}, "speed"},
		{Spec{Compress: "auto(bytes<=1kB) prune(0.5)"}, "cannot come after"},
		{Spec{Compress: "auto(accuracy>=0.99, n=100)"}, "cannot reach"},
		{Spec{Compress: "auto(accuracy>=nanpt)"}, "neither a fraction nor points"},
		{Spec{Compress: "auto(latency<=infms)"}, "no time"},
		{Spec{Compress: "auto(bytes<=infMB)"}, "no number of bytes"},
		{Spec{Compress: "prune([0.5 0.5])"}, "has 2 levels"},
		{Spec{Compress: "prune([0.5 2 - - - - - - - -])"}, "from 0 to 1"},
		{Spec{Compress: "prune([0.5 + - - - - - - - -])"}, "+ is no level"},
	} {
		_, err := FromSpec(c.spec).Compile(ctx)
		var e *ir.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
	spec, err := Spec{Data: "fashion-mnist(n=10, split=test)"}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(ctx, spec, 100)
	if err != nil {
		t.Fatal(err)
	}
	val, _, err := New().Data("fashion-mnist(n=100, split=val)").Pictures(100)
	if err != nil {
		t.Fatal(err)
	}
	if j.base.set.Split != "val" || j.base.set.Len() != len(val) {
		t.Errorf("it sees %d images of %s", j.base.set.Len(), j.base.set.Split)
	}
}
