package compress

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// oneChoice reads "name(value, key=value)".
func oneChoice(text string) ir.Choice {
	name, rest, _ := strings.Cut(text, "(")
	c := ir.Choice{Name: name}
	for _, w := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || r == ' ' || r == ')' }) {
		if k, v, ok := strings.Cut(w, "="); ok {
			c.Args = append(c.Args, ir.Arg{Key: k, Op: "=", Value: v})
		} else {
			c.Value = append(c.Value, w)
		}
	}
	return c
}

// choices reads "pass pass(value)".
func choices(text string) []ir.Choice {
	var cs []ir.Choice
	for text != "" {
		end := strings.IndexByte(text, ' ')
		if b := strings.IndexByte(text, '('); b >= 0 && (end < 0 || b < end) {
			end = strings.IndexByte(text, ')') + 1
		}
		if end < 0 {
			end = len(text)
		}
		cs = append(cs, oneChoice(text[:end]))
		text = strings.TrimSpace(text[end:])
	}
	return cs
}

// mixed is a network with all kinds of layers that files bring: its weights are random, some of them shared or float16.
func mixed() *ir.Graph {
	rng := rand.New(rand.NewPCG(7, 7))
	g := &ir.Graph{Name: "mixed", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 6, 8, 8}}}, Outputs: []string{"out"}, Weights: map[string]*ir.Tensor{}}
	weight := func(name string, s ...int) string {
		data := make([]float32, ir.Shape(s).Elems())
		for i := range data {
			data[i] = float32(rng.NormFloat64()) / float32(math.Sqrt(float64(len(data)/s[0])))
		}
		g.Weights[name] = ir.NewF32(data, s...)
		return name
	}
	node := func(name, operator string, attrs ir.Attrs, in ...string) string {
		if attrs == nil {
			attrs = ir.Attrs{}
		}
		g.Nodes = append(g.Nodes, &ir.Node{Name: name, Op: operator, In: in, Out: []string{name}, Attrs: attrs})
		return name
	}
	pad := func(n, group int) ir.Attrs { return ir.Attrs{"pads": []int{n, n, n, n}, "group": group} }
	x := node("stem", "Conv", pad(1, 1), "x", weight("stem.w", 20, 6, 3, 3), weight("stem.b", 20))
	x = node("relu", "Relu", nil, x)
	x = node("depthwise", "Conv", pad(1, 20), x, weight("depthwise.w", 20, 1, 3, 3))
	x = node("wide", "Conv", pad(2, 1), x, weight("wide.w", 24, 20, 5, 5))
	x = node("grouped", "Conv", pad(1, 2), x, weight("grouped.w", 24, 12, 3, 3))
	x = node("point", "Conv", pad(0, 1), x, weight("shared.w", 24, 24, 1, 1), weight("point.b", 24))
	x = node("again", "Conv", ir.Attrs{"strides": []int{2, 2}}, x, "shared.w")
	x = node("deep", "Conv", pad(1, 1), x, weight("deep.w", 40, 24, 3, 3))
	x = node("flat", "Flatten", nil, node("pool", "GlobalAveragePool", nil, x))
	x = node("hidden", "Gemm", ir.Attrs{"transB": 1}, x, weight("hidden.w", 33, 40), weight("hidden.b", 33))
	x = node("plain", "Gemm", ir.Attrs{"alpha": 0.5}, x, weight("plain.w", 33, 21), weight("plain.b", 21))
	node("out", "MatMul", nil, x, weight("out.w", 21, 10))
	g.Weights["plain.w"] = half{bits: halfBits}.of(g.Weights["plain.w"], ir.F16)
	return g
}

func (h half) of(t *ir.Tensor, typ ir.Type) *ir.Tensor {
	return stored(context.Background(), &ir.Tensor{Shape: t.Shape, Type: typ}, t.F32())
}

func applied(t *testing.T, g *ir.Graph, text string) (*ir.Graph, []string) {
	t.Helper()
	out, lines, err := Apply(context.Background(), g, choices(text), Tools{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if _, err := op.Infer(out, 1); err != nil {
		t.Fatalf("%s leaves a network that is none: %v", text, err)
	}
	return out, lines
}

// weightsOf are all conv and linear weights as floats, by name.
func weightsOf(g *ir.Graph) map[string][]float32 {
	all := map[string][]float32{}
	for _, n := range Prunable(g) {
		all[n] = op.Floats(g.Weights[n])
	}
	return all
}

func equalWeights(a, b *ir.Graph) bool {
	x, y := weightsOf(a), weightsOf(b)
	if len(x) != len(y) {
		return false
	}
	for n := range x {
		if !slices.Equal(x[n], y[n]) || a.Weights[n].Type != b.Weights[n].Type {
			return false
		}
	}
	return true
}

func zerosOf(g *ir.Graph) (zeros, total int) {
	for _, w := range weightsOf(g) {
		for _, v := range w {
			if v == 0 {
				zeros++
			}
		}
		total += len(w)
	}
	return zeros, total
}

// everyPass are passes as they may be written, each once more or less.
var everyPass = []string{
	"prune(0.7)", "prune(0.7, scope=layer)", "prune(0.7, by=magnitude)", "blocks(0.6, 16x1)", "blocks(0.6, 32x1, scope=layer)", "blocks(0.5, 4x1)", "blocks(0.5, 16x4, scope=layer)", "blocks(0.3, 8x3)",
	"punch(0.6, 8x4)", "punch(0.2, 16x4, scope=global)", "pattern(0.5)", "pattern(0.7)", "pattern(0.7, keep=5)", "pattern(0.7, scope=layer)", "palette(1)", "palette(4)", "palette(8)",
	"ternary", "ternary(ends=ternary)", "fp16", "bf16",
}

// TestEveryPass: each leaves the graph that it was given as it is, says one line that begins with its name, is applied twice
// as once, and takes float16 weights as stored.
func TestEveryPass(t *testing.T) {
	for _, text := range everyPass {
		g, before := mixed(), mixed()
		once, lines := applied(t, g, text)
		if !equalWeights(g, before) {
			t.Errorf("%s changed the network that it was given", text)
		}
		if len(lines) != 1 || !strings.HasPrefix(lines[0], oneChoice(text).String()+": ") || strings.ContainsAny(lines[0], "\n") {
			t.Errorf("%s says %q", text, lines)
		}
		if equalWeights(once, g) {
			t.Errorf("%s changed nothing", text)
		}
		if typ := once.Weights["plain.w"].Type; typ != ir.F16 && text != "bf16" {
			t.Errorf("%s makes float16 weights %s", text, typ)
		}
		if twice, _ := applied(t, once, text); !equalWeights(once, twice) {
			t.Errorf("%s does something else the second time", text)
		}
		for name, w := range before.Weights {
			if strings.HasSuffix(name, ".b") && !slices.Equal(w.F32(), once.Weights[name].F32()) {
				t.Errorf("%s changed the bias %s", text, name)
			}
		}
	}
}

// TestMasksLiveOn: what one pass has set to zero stays zero after every later one.
func TestMasksLiveOn(t *testing.T) {
	for _, first := range []string{"prune(0.8)", "blocks(0.7, 16x1)", "punch(0.6, 8x4)", "pattern(0.7)"} {
		masked, _ := applied(t, mixed(), first)
		for _, then := range everyPass {
			out, _ := applied(t, mixed(), first+" "+then)
			after := weightsOf(out)
			for name, w := range weightsOf(masked) {
				for i, v := range w {
					if v == 0 && after[name][i] != 0 {
						t.Fatalf("%s %s: %s[%d] is not zero any more", first, then, name, i)
					}
				}
			}
		}
	}
}

// TestLinesSayBytes: each line ends in what the network takes, where there is something to tell that.
func TestLinesSayBytes(t *testing.T) {
	calls := 0
	tools := Tools{Stored: func(weights map[string]*ir.Tensor) (n int64) {
		calls++
		for _, w := range weights {
			n += w.Bytes()
		}
		return n
	}}
	g := mixed()
	_, lines, err := Apply(t.Context(), g, choices("prune(0.5) fp16 none"), tools)
	if err != nil || len(lines) != 2 || calls != 3 {
		t.Fatalf("%q, %v after %d calls", lines, err, calls)
	}
	all := tools.Stored(g.Weights)
	_, total := zerosOf(g)
	halves := all - 2*int64(total-33*21) // which one layer has already
	for i, want := range []string{fmt.Sprintf("; stored in %d bytes instead of %d", all, all), fmt.Sprintf("; stored in %d bytes instead of %d", halves, all)} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("%q does not end in %q", lines[i], want)
		}
	}
}

// TestExactSparsity: prune reaches round(p*n) of what every kind of layer has, whatever type they are stored in.
func TestExactSparsity(t *testing.T) {
	for _, p := range []float64{0.1, 0.333, 0.5, 0.9} {
		out, lines := applied(t, mixed(), fmt.Sprintf("prune(%v)", p))
		zeros, total := zerosOf(out)
		if zeros != int(math.Round(p*float64(total))) || !strings.Contains(lines[0], fmt.Sprintf("%d of %d conv and linear weights are zero", zeros, total)) {
			t.Errorf("prune(%v): %d of %d; it says %q", p, zeros, total, lines[0])
		}
	}
}

// BenchmarkLarge is a network of the size of VGG-16.
func BenchmarkLarge(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	g := &ir.Graph{Name: "large", Inputs: []ir.Value{{Name: "x", Shape: ir.Shape{1, 25088}}}, Outputs: []string{"c"}, Weights: map[string]*ir.Tensor{}}
	in := "x"
	for _, l := range []struct {
		name   string
		rows   int
		inputs int
	}{{"a", 4096, 25088}, {"b", 4096, 4096}, {"c", 4096, 4500}} {
		data := make([]float32, l.rows*l.inputs)
		for i := range data {
			data[i] = float32(rng.Float64()+rng.Float64()-1) * 0.02
		}
		g.Weights[l.name+".w"] = ir.NewF32(data, l.rows, l.inputs)
		g.Nodes = append(g.Nodes, &ir.Node{Name: l.name, Op: "Gemm", In: []string{in, l.name + ".w"}, Out: []string{l.name}, Attrs: ir.Attrs{"transB": 1}})
		in = l.name
	}
	for _, text := range []string{"prune(0.8)", "blocks(0.8, 16x1)", "blocks(0.8, 4x1)", "punch(0.8, 8x4)", "palette(4)", "palette(8)", "ternary(ends=ternary)", "fp16", "bf16"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, _, err := Apply(context.Background(), g, choices(text), Tools{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
