package plotting

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// TestGraphHoldsEverything: however a network is collapsed, its boxes hold all of its nodes, parameters and work, and
// few enough of them to read.
func TestGraphHoldsEverything(t *testing.T) {
	for _, c := range []struct {
		model string
		most  int    // boxes
		want  string // operations of one of them
	}{
		{"resnet56", 12, "2 conv 3x3, add"},
		{"densenet161", 20, "norm, conv 1x1, conv 3x3, concat"},
		{"imagenet-mobilenetv2", 32, "2 conv 1x1, conv 3x3 depthwise, add"},
		{"squeezenet1.1", 26, "conv 1x1, conv 3x3, concat"},
		{"cifar-vgg16", 26, "conv 3x3, norm, ReLU"},
	} {
		n, err := dlas.New().Data("random(1x3x64x64)").Model(c.model).Diagram(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		f, err := Network(n)
		if err != nil {
			t.Fatal(err)
		}
		var nodes, params, macs int64
		found := false
		for _, r := range f.Rows {
			for i, sum := range map[int]*int64{4: &nodes, 6: &params, 7: &macs} {
				v, err := strconv.ParseInt(r[i], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				*sum += v
			}
			found = found || strings.Contains(r[2], c.want)
		}
		if nodes != int64(len(n.Nodes)) || params != n.Params || macs != n.MACs {
			t.Errorf("%s: %d of %d nodes, %d of %d parameters, %d of %d MACs are drawn", c.model, nodes, len(n.Nodes), params, n.Params, macs, n.MACs)
		}
		if len(f.Rows) > c.most || !found {
			t.Errorf("%s: %d boxes, one of %q: %v\n%v", c.model, len(f.Rows), c.want, found, f.Rows)
		}
	}
}

// TestGraphBranches: a value that is read far below keeps all between in one block, and a hostile name stays text.
func TestGraphBranches(t *testing.T) {
	n := &dlas.Diagram{Name: "<img onerror=x>", Input: ir.Shape{3, 8, 8}}
	for i := range 60 {
		n.Nodes = append(n.Nodes, dlas.DiagramNode{Name: "n<b>" + strconv.Itoa(i), Op: "Op<script>", In: []int{i - 1}, Shape: ir.Shape{i, 8, 8}})
	}
	n.Nodes[40].In = append(n.Nodes[40].In, 10)
	f, err := Network(n)
	if err != nil {
		t.Fatal(err)
	}
	block := ""
	for _, r := range f.Rows {
		if r[4] == "30" {
			block = r[1]
		}
	}
	if block != "n<b>11" {
		t.Errorf("nodes 11 to 40 are no block: %v", f.Rows)
	}
	svg, err := f.SVG()
	if err != nil || strings.Contains(string(svg), "<script>") || strings.Contains(string(svg), "<img") {
		t.Errorf("names are not escaped: %v", err)
	}
	if _, err := Network(&dlas.Diagram{}); err == nil {
		t.Error("a network without nodes is drawn")
	}
}
