package tflite

import (
	"fmt"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// sumNet adds two quantised inputs, averages the sum over the map and, as operator last says, makes something of that: 14 is
// LOGISTIC, 22 RESHAPE, 40 MEAN.
func sumNet(scale float32, typ int8, last int) fields {
	q := func(s float32) fields { return fields{2: []float32{s}, 3: []int64{3}} }
	mean := fields{0: []int32{2}, 1: int8(2), 2: int32(1), 3: "axes"}
	end := fields{0: int32(2), 1: []int32{3}, 2: []int32{4}}
	from := []int32{1, 1, 1, 3}
	if last == 40 {
		end = fields{0: int32(2), 1: []int32{2, 5}, 2: []int32{4}, 4: fields{0: int8(1)}}
	}
	return fields{
		0: int32(3), 3: "by hand",
		1: []fields{{0: int8(0)}, {0: int8(1), 3: int32(1)}, {0: int8(last), 3: int32(last)}},
		4: []fields{{}, {0: raw([]int32{1, 2})}},
		2: []fields{{
			0: []fields{
				{0: []int32{1, 2, 2, 3}, 1: typ, 3: "a", 4: q(0.5)},
				{0: []int32{1, 2, 2, 3}, 1: typ, 3: "b", 4: q(0.25)},
				{0: []int32{1, 2, 2, 3}, 1: typ, 3: "sum", 4: q(scale)},
				{0: from, 1: typ, 3: "mean", 4: q(scale)},
				{0: from, 1: typ, 3: "end", 4: q(scale)},
				mean,
			},
			1: []int32{0, 1}, 2: []int32{4},
			3: []fields{
				{0: int32(0), 1: []int32{0, 1}, 2: []int32{2}},
				{0: int32(1), 1: []int32{2}, 2: []int32{3}, 4: fields{0: int8(1), 1: int32(1), 2: int32(1), 3: int32(2), 4: int32(2)}},
				end,
			},
		}},
	}
}

// TestRoundings: which of LiteRT's roundings the nodes of a network have.
func TestRoundings(t *testing.T) {
	const u8, i8 = 3, 9
	for _, c := range []struct {
		scale float32
		typ   int8
		last  int
		usual bool
		want  string // of the sum, the mean and the end: the attribute and its value
	}{
		{0.5, u8, 22, false, "fixed1 fixed1 -"},
		{0.5, i8, 22, false, "fixed2 fixed2 -"},
		{0.5, i8, 22, true, "xnnpack2 fixed2 -"},
		{0.5, u8, 14, false, "xnnpack1 fixed1 -"},
		{0.5, i8, 40, false, "xnnpack2 fixed2 xnnpack2"},
		{0.5e-3, i8, 14, false, "fixed2 fixed2 -"}, // too different for XNNPACK
		{1e3, u8, 14, false, "fixed1 fixed1 -"},
	} {
		m, err := Read(build(sumNet(c.scale, c.typ, c.last)), Options{Usual: c.usual})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, name := range []string{"sum", "mean", "end"} {
			mark := "-"
			for _, n := range m.Graph.Nodes {
				for _, attr := range []string{"fixed", "xnnpack"} {
					if v, ok := n.Attrs[attr]; ok && n.Name == name && n.Op == "QuantizeLinear" {
						mark = fmt.Sprint(attr, v)
					}
				}
			}
			got += " " + mark
		}
		if got != " "+c.want || m.Roundings.Fixed != (c.last == 22 && !c.usual) {
			t.Errorf("%+v: marked%s, fixed %v", c, got, m.Roundings.Fixed)
		}
		m.Roundings.Usual()
		for _, n := range m.Graph.Nodes {
			if n.Name == "sum" && c.scale == 0.5 && (n.Attrs.Int("xnnpack", 0) == 0 || n.Attrs.Int("fixed", 0) != 0) {
				t.Errorf("%+v: %v after all", c, n.Attrs)
			}
		}
	}
	if got := sumRule(&tensor{}, &tensor{}, &tensor{scale: []float32{1}, typ: ir.I8}); got != "" {
		t.Errorf("a sum of numbers is %q", got)
	}
}
