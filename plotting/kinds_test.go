package plotting

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/godlas/godlas/dlas"
)

// TestPanelsDrawAChoiceOnce: an elbow may be a level that stands in the sweep already, and two bars would overlap.
func TestPanelsDrawAChoiceOnce(t *testing.T) {
	f, err := Plot("bars", append(levels(), made("none", "direct csr", 0.9173, 2.8)), "panel=compress")
	if err != nil || len(f.Rows) != len(levels()) || f.Rows[len(f.Rows)-1][2] != "2.8" {
		t.Fatalf("%v, %v", f.Rows, err)
	}
}

func TestConfusionCounts(t *testing.T) {
	r := levels()[2]
	r.Seen.Labels[0] = -1 // no label: not counted
	f, err := Plot("confusion", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	sum, right := 0.0, 0.0
	for _, row := range rows(t, f) {
		n := value(t, row, "images")
		want := 0
		for i, l := range r.Seen.Labels {
			if l >= 0 && r.Seen.Classes[l] == row["true class"] && r.Seen.Classes[r.Seen.Predicted[i]] == row["predicted class"] {
				want++
			}
		}
		if int(n) != want {
			t.Errorf("%v: want %d", row, want)
		}
		sum += n
		if row["true class"] == row["predicted class"] {
			right += n
		}
	}
	if sum != 1999 || !strings.Contains(f.Caption, fmt.Sprintf("n = 1,999 images, 1,%03.0f right", right-1000)) {
		t.Errorf("%v images, %v right: %s", sum, right, f.Caption)
	}
}

// TestLayersOfManyNodes checks that what is merged is not lost.
func TestLayersOfManyNodes(t *testing.T) {
	r := made("none", "direct dense", 0.9, 1)
	want := 0.0
	r.Nodes = nil
	for i := range 100 {
		ms := 1 / float64(i+1)
		want += ms
		r.Nodes = append(r.Nodes, dlas.Node{Name: fmt.Sprint("node", i), Op: "conv", MS: &ms})
	}
	f, err := Plot("layers", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	table := rows(t, f)
	if len(table) != maxNodes || table[maxNodes-1]["node"] != "61 others" {
		t.Fatalf("%d rows, the last %v", len(table), table[len(table)-1])
	}
	got := 0.0
	for _, row := range table {
		got += value(t, row, "time (ms)")
	}
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("times sum to %v, want %v", got, want)
	}
}

func TestFront(t *testing.T) {
	pt := func(x, y float64, lost bool) *point { return &point{x: Value{V: x}, y: Value{V: y}, lost: lost} }
	pts := []*point{pt(1, 50, false), pt(2, 60, false), pt(2, 55, false), pt(3, 60, false), pt(0.5, 12, true), pt(4, 90, false)}
	var got []bool
	markFront(pts, -1, +1)
	for _, p := range pts {
		got = append(got, p.front)
	}
	if want := []bool{true, true, false, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("latency and accuracy: %v, want %v", got, want)
	}
	for _, p := range pts {
		p.front, p.stairs = false, false
	}
	markFront(pts, 0, +1) // sparsity is neither good nor bad
	for _, p := range pts {
		if p.front || p.stairs {
			t.Error("a front where a metric has no better")
		}
	}
	a, b := vg.Point{X: 1, Y: 10}, vg.Point{X: 5, Y: 20}
	if got := corner(a, b, -1); got != (vg.Point{X: 5, Y: 10}) {
		t.Errorf("less is better: %v", got)
	}
	if got := corner(a, b, +1); got != (vg.Point{X: 1, Y: 20}) {
		t.Errorf("more is better: %v", got)
	}
}

// TestLayersOfQuickNodes checks the numbers where the unit changes.
func TestLayersOfQuickNodes(t *testing.T) {
	r := made("none", "direct dense", 0.9, 0.4)
	f, err := Plot("layers", []*dlas.Result{r})
	if err != nil {
		t.Fatal(err)
	}
	if l := f.Plots[0].X.Label.Text; l != "Time of a node (µs)" {
		t.Errorf("label %q", l)
	}
	for i, row := range rows(t, f) {
		if got, want := value(t, row, "time (µs)"), 1000**r.Nodes[i].MS; math.Abs(got-want) > 1e-9*want {
			t.Errorf("row %d says %v, the node %v", i, got, want)
		}
	}
	if !strings.Contains(f.Caption, "96 % of the latency") {
		t.Error(f.Caption)
	}
}
