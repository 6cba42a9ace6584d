package compress

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// The ways to choose the range of an activation from what was seen of it.
const (
	rangeMinMax     = "minmax"
	rangePercentile = "percentile"
	rangeMSE        = "mse"
	rangeEntropy    = "entropy"
)

// calibrationImages is n where it is not given.
const calibrationImages = 128

func int8Pass() pass {
	return pass{
		option: ir.Option{
			Name: "int8",
			Help: "Makes bytes of weights and activations, without training: weights as signed bytes with one scale for each output channel, symmetric, so that " +
				"zeros stay zeros; activations as unsigned bytes with one scale and zero point each, whose range is chosen by method from n images of val. " +
				"Batch norm is folded first. The result is a network of QuantizeLinear and DequantizeLinear, which runs on integers and is written as such to ONNX.",
			Source: "Jacob et al., CVPR 2018; equalisation and bias correction: Nagel et al., ICCV 2019; entropy: Migacz, GTC 2017; the form: ONNX Runtime's static quantiser",
			Params: []ir.Param{
				{Key: "method", Help: "how the range of an activation is chosen: all that was seen, all but a hundred-thousandth at each end, least squared error, or least divergence of the histograms", Default: rangeMSE, Values: []string{rangeMinMax, rangePercentile, rangeMSE, rangeEntropy}},
				{Key: "n", Help: "images of val that calibrate it", Default: strconv.Itoa(calibrationImages)},
				{Key: "keep", Help: "how many layers stay float: those whose quantisation alone moves the logits most, measured", Default: "0"},
				{Key: "equalise", Help: "scale channels between neighbouring layers so that their ranges meet", Default: "off", Values: []string{"on", "off"}},
				{Key: "bias", Help: "take the mean error that rounding weights makes in each channel out of its bias", Default: "on", Values: []string{"on", "off"}},
			},
		},
		check: func(c ir.Choice) error { _, err := int8ArgsOf(c); return err },
		apply: applyInt8,
	}
}

// int8Args are the arguments of int8.
type int8Args struct {
	method         string
	n, keep        int
	equalise, bias bool
}

func int8ArgsOf(c ir.Choice) (a int8Args, err error) {
	a = int8Args{method: rangeMSE, n: calibrationImages, bias: true}
	if len(c.Value) > 0 {
		return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8 takes no plain value, but got %s", strings.Join(c.Value, ", ")), Try: "write int8 or int8(method=mse, n=128)"}
	}
	for _, p := range c.Args {
		if p.Op != "=" {
			return a, ir.Errorf(ir.Compress, "int8 takes %s=, not %s%s", p.Key, p.Key, p.Op)
		}
		switch p.Key {
		case "method":
			methods := []string{rangeMinMax, rangePercentile, rangeMSE, rangeEntropy}
			if !slices.Contains(methods, p.Value) {
				return a, ir.Unknown(ir.Compress, "method of int8", p.Value, methods)
			}
			a.method = p.Value
		case "n":
			if a.n, err = strconv.Atoi(p.Value); err != nil || a.n < 1 {
				return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8(n=%s): at least one image calibrates", p.Value), Try: "write int8(n=128)"}
			}
		case "keep":
			if a.keep, err = strconv.Atoi(p.Value); err != nil || a.keep < 0 {
				return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8(keep=%s): keep is how many layers stay float", p.Value), Try: "write int8(keep=2)"}
			}
		case "equalise", "bias":
			if p.Value != "on" && p.Value != "off" {
				return a, ir.Unknown(ir.Compress, "value of int8's "+p.Key, p.Value, []string{"on", "off"})
			}
			if p.Key == "bias" {
				a.bias = p.Value == "on"
			} else {
				a.equalise = p.Value == "on"
			}
		default:
			return a, ir.Unknown(ir.Compress, "argument of int8", p.Key, []string{"method", "n", "keep", "equalise", "bias"})
		}
	}
	return a, nil
}

// quantisedAlready names what makes a network a quantised one, or is empty.
func quantisedAlready(g *ir.Graph) string {
	for _, n := range g.Nodes {
		if n.Op == "QuantizeLinear" || n.Op == "DequantizeLinear" || n.Op == "DynamicQuantizeLinear" || strings.HasPrefix(n.Op, "QLinear") || n.Op == "QGemm" || strings.HasSuffix(n.Op, "Integer") {
			return fmt.Sprintf("node %q (%s)", n.Name, n.Op)
		}
	}
	return ""
}

func applyInt8(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error) {
	a, err := int8ArgsOf(c)
	if err != nil {
		return nil, "", err
	}
	if node := quantisedAlready(g); node != "" {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8: %s is quantised already: %s", g.Name, node), Try: "apply it to the float network"}
	}
	h := g.Clone()
	widenWeights(ctx, h)
	foldNorms(ctx, h)
	equalised := 0
	if a.equalise {
		equalised = equaliseLayers(ctx, h)
	}
	z, err := newByteGraph(h)
	if err != nil {
		return nil, "", err
	}
	layers := z.layers()
	if len(layers) == 0 {
		return nil, "", ir.Errorf(ir.Compress, "int8: %s has no convolution or linear layer whose weights are constants", g.Name)
	}
	if a.keep >= len(layers) {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8(keep=%d) leaves nothing to quantise: %s has %d layers with weights", a.keep, g.Name, len(layers)), Try: fmt.Sprintf("keep at most %d", len(layers)-1)}
	}
	if _, err := t.runner("int8"); err != nil {
		return nil, "", err
	}
	val, err := t.images("int8", "calibrate with")
	if err != nil {
		return nil, "", err
	}
	n := min(a.n, val.Len())
	if n < a.n && c.Arg("n", "") != "" {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8(n=%d): val has %d images", a.n, n), Try: fmt.Sprintf("write int8(n=%d)", n)}
	}
	seen, err := observe(ctx, h, t, n)
	if err != nil {
		return nil, "", err
	}
	if err := z.setRanges(ctx, seen, a.method); err != nil {
		return nil, "", err
	}
	if a.bias {
		z.means = seen.means
	}
	kept := ""
	if a.keep > 0 {
		ranked, err := z.sensitivity(ctx, t, min(n, sensitivityImages))
		if err != nil {
			return nil, "", err
		}
		var names []string
		for _, s := range ranked[:a.keep] {
			z.keep[s.node] = true
			names = append(names, fmt.Sprintf("%s (%.1f dB)", s.node.Name, s.decibel))
		}
		kept = "; float, as most sensitive (signal to error of the logits when it alone is quantised): " + strings.Join(names, ", ")
	}
	out, err := z.quantised(ctx, nil)
	if err != nil {
		return nil, "", err
	}
	if _, err := op.Infer(out, 1); err != nil {
		return nil, "", err
	}
	line := fmt.Sprintf("%s: %d of %d conv and linear layers in bytes, ranges by %s from %s of val", c, len(layers)-a.keep, len(layers), a.method, plural(n, "image"))
	if a.equalise {
		line += fmt.Sprintf(", %d pairs of layers equalised", equalised)
	}
	if a.bias {
		line += ", bias corrected"
	}
	return out, line + kept, nil
}

// widenWeights makes f32 of weights of half precision, whose numbers f32 holds.
func widenWeights(ctx context.Context, g *ir.Graph) {
	for name, t := range g.Weights {
		if t.Type == ir.F16 || t.Type == ir.BF16 {
			data, _ := floatsOf(ctx, t)
			g.Weights[name] = ir.NewF32(data, t.Shape...)
		}
	}
}

// usersOf are the nodes that read each value.
func usersOf(g *ir.Graph) map[string][]*ir.Node {
	users := map[string][]*ir.Node{}
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if in != "" && !slices.Contains(n.In[:i], in) {
				users[in] = append(users[in], n)
			}
		}
	}
	return users
}

// soleUser is the only node that reads a value which is no output of the network, or nil.
func soleUser(g *ir.Graph, users map[string][]*ir.Node, value string) *ir.Node {
	if len(users[value]) != 1 || slices.Contains(g.Outputs, value) {
		return nil
	}
	return users[value][0]
}
