package compress

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestPassFaults: each bad input is one clear line, and the network is as it was.
func TestPassFaults(t *testing.T) {
	quantised := mixed()
	quantised.Weights["wide.w"] = &ir.Tensor{Shape: ir.Shape{24, 20, 5, 5}, Type: ir.I8, Data: make([]int8, 24*20*25)}
	double := mixed()
	double.Weights["wide.w"] = &ir.Tensor{Shape: ir.Shape{24, 20, 5, 5}, Type: ir.F64, Data: make([]float64, 24*20*25)}
	linear := &ir.Graph{
		Name: "linear", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 4}}}, Outputs: []string{"y"}, Weights: map[string]*ir.Tensor{"w": ir.NewF32([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)},
		Nodes: []*ir.Node{{Name: "n", Op: "MatMul", In: []string{"x", "w"}, Out: []string{"y"}, Attrs: ir.Attrs{}}},
	}
	for _, c := range []struct {
		text, want string
		g          *ir.Graph
	}{
		{"prune(1)", `prune(1) would leave nothing of "stem.w", "depthwise.w" and 7 more; take a lower level`, nil},
		{"prune(0.999)", `take a lower level, or scope=layer, which takes the same share of each`, nil},
		{"prune(1, scope=layer)", `take a lower level`, nil},
		{"blocks(0.99, 16x1)", `blocks(0.99, 16x1) would leave nothing of `, nil},
		{"blocks(0.8)", "blocks takes one block, but got 0; write blocks(0.8, 16x1)", nil},
		{"blocks(16x1)", "blocks takes one fraction, but got 0; write blocks(0.8, 16x1)", nil},
		{"blocks(0.8, 0x0)", "blocks(0.8, 0x0): a block has 4, 8, 16 or 32 output channels and at least one input channel; write blocks(0.8, 16x1)", nil},
		{"blocks(0.8, 16x0)", "a block has 4, 8, 16 or 32 output channels", nil},
		{"blocks(0.8, 5x1)", "a block has 4, 8, 16 or 32 output channels", nil},
		{"blocks(0.8, 16x)", "blocks(0.8, 16x): 16x is neither a number nor a block such as 16x1; write blocks(0.8, 16x1)", nil},
		{"blocks(0.8, 99999999999999999999x1)", "a block has 4, 8, 16 or 32 output channels", nil},
		{"blocks(1.8, 16x1)", "blocks(1.8, 16x1): the fraction must be from 0 to 1; write blocks(0.8, 16x1)", nil},
		{"blocks(0.8, 16x1, by=gradient)", `unknown by of blocks "gradient"; try magnitude`, nil},
		{"blocks(0.8, 16x1, round=1)", `unknown argument of blocks "round"; try`, nil},
		{"punch(0.8)", "punch takes one block, but got 0; write punch(0.8, 8x4)", nil},
		{"pattern(0.4)", "pattern(0.4): a pattern keeps at most 5 of 9 weights, so the fraction is at least 4/9, which is 0.4445; for fewer zeros take prune or blocks", nil},
		{"pattern(0.5, keep=4)", "with 4 of 9 weights kept the fraction is at least 5/9", nil},
		{"pattern(0.7, keep=3)", `unknown keep of pattern "3"; try`, nil},
		{"pattern(0.7)", "linear has no 3x3 kernels; take prune or blocks", linear},
		{"palette(0)", "palette(0): the number of bits must be from 1 to 16; write palette(4) for 16 values a layer", nil},
		{"palette(17)", "palette(17): the number of bits must be from 1 to 16", nil},
		{"palette(2.5)", "palette(2.5): the number of bits must be from 1 to 16", nil},
		{"palette(4, 8x4)", "the number of bits must be from 1 to 16", nil},
		{"palette", "palette takes one number of bits, but got 0", nil},
		{"lowrank(2)", "lowrank(2): the share of the energy must be from 0 to 1", nil},
		{"ternary(0.5)", "ternary takes no value, but got 0.5; write ternary", nil},
		{"ternary(ends=half)", `unknown ends of ternary "half"; try`, nil},
		{"ternary", "leaves the first and the last layer as they are, and linear has no others; ternary(ends=ternary)", linear},
		{"fp16(n=3)", "fp16 takes no arguments, but got n", nil},
		{"bf16(1)", "bf16 takes no value, but got 1", nil},
		{"prune(0.5)", `prune takes float weights, and "wide.w" has i8: the network is quantised already; of a float network: prune(0.5) int8`, quantised},
		{"fp16", `fp16 takes float weights, and "wide.w" has i8: the network is quantised already; take the network that has not been quantised`, quantised},
		{"fp16", `fp16 takes weights of f32, f16 or bf16, and "wide.w" has f64`, double},
		{"prune(0.5) lowrank(0.9)", "lowrank(0.9) after prune(0.5): lowrank would fill the zeros of prune(0.5): a product of two small matrices has none; write lowrank(0.9) prune(0.5)", nil},
		{"palette(4) prune(0.5)", "prune(0.5) after palette(4): after palette(4) many weights are equal, and prune(0.5) would choose among them by their place", nil},
		{"palette(4) ternary", "ternary after palette(4): nothing would be left of palette(4); write ternary", nil},
		{"fp16 bf16", "bf16 after fp16: both are types of the same two bytes; write one of the two", nil},
	} {
		g := c.g
		if g == nil {
			g = mixed()
		}
		before := g.Clone()
		_, _, err := Apply(context.Background(), g, choices(c.text), Tools{})
		var e *ir.Error
		if !errors.As(err, &e) || e.Layer != ir.Compress || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v does not say %q", c.text, err, c.want)
		}
		if fmt.Sprint(before.Weights) != fmt.Sprint(g.Weights) {
			t.Errorf("%s changed the network", c.text)
		}
	}
}

// TestOrders: what makes sense one after the other may be written so.
func TestOrders(t *testing.T) {
	for _, text := range []string{
		"prune(0.5) fp16", "fp16 prune(0.5)", "fp16 palette(4)", "lowrank(0.6) prune(0.5) palette(4) fp16", "blocks(0.5, 16x1) ternary bf16", "ternary palette(2)", "pattern(0.6) prune(0.7)",
		"lowrank(0.5) lowrank(0.5)", "fp16 lowrank(0.6)", "prune(0.5) blocks(0.6, 4x1)",
	} {
		_, lines := applied(t, mixed(), text)
		if len(lines) != len(choices(text)) {
			t.Errorf("%s says %q", text, lines)
		}
	}
}

// TestOrdersSayWhatIsTaken: what an error tells to write is an order that makes sense.
func TestOrdersSayWhatIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		"int8 fp16":                            "int8",
		"int8 bf16":                            "int8",
		"fp16 int8":                            "int8",
		"int8 prune(0.8)":                      "prune(0.8) int8",
		"int8 auto(accuracy>=-1pt)":            "auto(accuracy>=-1pt)",
		"prune(0.8) auto(accuracy>=-1pt) int8": "prune(0.8) auto(accuracy>=-1pt)",
		"auto(accuracy>=-1pt) channels(0.2) recalibrate": "channels(0.2) recalibrate auto(accuracy>=-1pt)",
	} {
		err := CheckOrder(choices(text))
		var e *ir.Error
		if !errors.As(err, &e) || e.Try != "write "+want {
			t.Errorf("%s: %v; want: write %s", text, err, want)
		}
		if err := CheckOrder(choices(want)); err != nil {
			t.Errorf("%s, which is told to be written for %s: %v", want, text, err)
		}
	}
}
