package compress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
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

// TestBlocksAreWhole holds blocks, in all of which the views differ, to a count of its own: every block is zero or as it
// was, those that went are the smallest, and no other number of blocks comes nearer to the fraction.
func TestBlocksAreWhole(t *testing.T) {
	for _, c := range []struct {
		text       string
		p          float64
		rows, cols int
		punched    bool
		layers     bool
	}{
		{"blocks(0.6, 16x1)", 0.6, 16, 1, false, false},
		{"blocks(0.45, 4x1, scope=layer)", 0.45, 4, 1, false, true},
		{"blocks(0.5, 8x3)", 0.5, 8, 3, false, false},
		{"punch(0.6, 8x4)", 0.6, 8, 4, true, true},
		{"punch(0.3, 8x4, scope=global)", 0.3, 8, 4, true, false},
	} {
		g := mixed()
		g.Weights["plain.w"] = ir.NewF32(op.Floats(g.Weights["plain.w"]), 33, 21)
		out, _ := applied(t, g, c.text)
		kept, gone, zeros, total, largest := math.Inf(1), 0.0, 0, 0, 0
		check := func(what string) {
			if gone > kept*1.000001 {
				t.Errorf("%s: %s: a block of score %v went and one of %v stayed", c.text, what, gone, kept)
			}
			if off := math.Abs(float64(zeros) - c.p*float64(total)); off > float64(largest)/2+1 {
				t.Errorf("%s: %s: %d of %d are zero, and a block has at most %d", c.text, what, zeros, total, largest)
			}
			kept, gone, zeros, total, largest = math.Inf(1), 0, 0, 0, 0
		}
		for _, w := range op.Weights(g) {
			before, after := g.Weights[w.Name].F32(), out.Weights[w.Name].F32()
			for row := 0; row < w.Rows; row += c.rows {
				for col := 0; col < w.Cols; col += c.cols {
					for tap := range w.Taps {
						score, size, left := 0.0, 0, 0
						for cc := col; cc < min(col+c.cols, w.Cols); cc++ {
							column := 0.0
							for r := row; r < min(row+c.rows, w.Rows); r++ {
								i := w.At(r, cc, tap)
								size++
								column += float64(before[i]) * float64(before[i])
								if after[i] != 0 {
									left++
									if after[i] != before[i] {
										t.Fatalf("%s changed a weight that stays", c.text)
									}
								}
							}
							if c.punched {
								column = math.Sqrt(column)
							}
							score += column
						}
						if !c.punched {
							score = math.Sqrt(score)
						}
						total += size
						largest = max(largest, size)
						switch left {
						case 0:
							gone = max(gone, score)
							zeros += size
						case size:
							kept = min(kept, score)
						default:
							t.Fatalf("%s leaves %d of %d weights of a block of %s", c.text, left, size, w.Name)
						}
					}
				}
			}
			if c.layers {
				check(w.Name)
			}
		}
		if !c.layers {
			check("the network")
		}
	}
}

// TestPatterns: a kernel that stays has no more weights than it keeps, all in one of the fixed patterns, and that one is the
// best; other kernels are as they were.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		p          float64
		keep, most int
	}{{0.45, 5, 9}, {0.5, 5, 9}, {0.6, 4, 8}, {0.85, 4, 8}} {
		g := mixed()
		out, lines := applied(t, g, fmt.Sprintf("pattern(%v)", c.p))
		used := map[uint16]bool{}
		zeros, total := 0, 0
		for _, w := range op.Weights(g) {
			before, after := op.Floats(g.Weights[w.Name]), op.Floats(out.Weights[w.Name])
			if !w.Kernel.Equal(ir.Shape{3, 3}) {
				if !slices.Equal(before, after) {
					t.Errorf("pattern changed %s", w.Name)
				}
				continue
			}
			for k := 0; k < len(before); k += 9 {
				var mask uint16
				norm := 0.0
				for j := range 9 {
					if v := after[k+j]; v != 0 {
						mask |= 1 << j
						norm += float64(v) * float64(v)
					} else {
						zeros++
					}
				}
				total += 9
				if mask == 0 {
					continue
				}
				used[mask] = true
				if !slices.Contains(masks(c.keep), mask) {
					t.Fatalf("pattern(%v) leaves %09b", c.p, mask)
				}
				for _, m := range masks(c.keep) {
					other := 0.0
					for j := range 9 {
						if m>>j&1 != 0 {
							other += float64(before[k+j]) * float64(before[k+j])
						}
					}
					if other > norm*1.000001 {
						t.Fatalf("pattern(%v) takes %09b where %09b keeps more", c.p, mask, m)
					}
				}
			}
		}
		if off := math.Abs(float64(zeros) - c.p*float64(total)); off > float64(c.keep)/2+1 {
			t.Errorf("pattern(%v): %d of %d are zero", c.p, zeros, total)
		}
		if len(used) != c.most || !strings.Contains(lines[0], fmt.Sprintf("%.4f of the weights of 3x3 kernels", float64(zeros)/float64(total))) {
			t.Errorf("pattern(%v) uses %d patterns and says %q", c.p, len(used), lines[0])
		}
	}
	for keep, want := range map[int]int{4: 8, 5: 9} {
		ms := masks(keep)
		slices.Sort(ms)
		if len(slices.Compact(ms)) != want {
			t.Errorf("of %d: %d patterns", keep, len(ms))
		}
		for _, m := range ms {
			n := 0
			for j := range 9 {
				n += int(m >> j & 1)
			}
			if n != keep || m>>4&1 == 0 || m > 511 {
				t.Errorf("%09b is no pattern of %d with the centre", m, keep)
			}
		}
	}
}

// TestPalette: a layer has no more values than the bits allow, zeros stay, each weight is the nearest of the values, and no
// value is far from the mean of the weights that became it.
func TestPalette(t *testing.T) {
	for _, text := range []string{"palette(1)", "palette(3)", "palette(6)", "palette(16)"} {
		bits, _ := strconv.Atoi(oneChoice(text).Value[0])
		for _, first := range []string{"", "prune(0.6) "} {
			g := mixed()
			g.Weights["plain.w"] = ir.NewF32(op.Floats(g.Weights["plain.w"]), 33, 21)
			base := g
			if first != "" {
				base, _ = applied(t, g, first)
			}
			out, _ := applied(t, g, first+text)
			for name, after := range weightsOf(out) {
				before := weightsOf(base)[name]
				sums, counts := map[float32]float64{}, map[float32]int{}
				for i, v := range after {
					if before[i] == 0 && v != 0 {
						t.Fatalf("%s%s lets a zero become %v", first, text, v)
					}
					sums[v] += float64(before[i])
					counts[v]++
				}
				if len(counts) > 1<<bits {
					t.Errorf("%s%s leaves %d values of %s", first, text, len(counts), name)
				}
				for i, v := range after {
					if bits == 16 && v != before[i] {
						t.Fatalf("%s%s: %v became %v, and there is room for all", first, text, before[i], v)
					}
					for other := range counts {
						if bits == 16 {
							break
						}
						if other != 0 && before[i] != 0 && math.Abs(float64(before[i])-float64(other)) < math.Abs(float64(before[i])-float64(v))*(1-1e-6) {
							t.Fatalf("%s%s: %v became %v, and %v is nearer", first, text, before[i], v, other)
						}
					}
				}
				for v, n := range counts {
					if mean := sums[v] / float64(n); math.Abs(mean-float64(v)) > 1e-6*max(1e-3, math.Abs(mean)) {
						t.Errorf("%s%s: %v stands for %d weights of mean %v", first, text, v, n, mean)
					}
				}
			}
		}
	}
}

// TestPaletteOfMany: where there are so many weights that they are put together by their upper bits, the means are as near to
// them as those of each weight by itself.
func TestPaletteOfMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	data := make([]float32, mostSorted+1)
	for i := range data {
		data[i] = float32(rng.NormFloat64())
	}
	lost := func(sorted int) (sum float64) {
		near := newNearest(clustersOf(t.Context(), data, sorted).means(t.Context(), 16))
		for _, v := range data {
			d := float64(v) - float64(near.of(v))
			sum += d * d
		}
		return sum
	}
	if binned, exact := lost(mostSorted), lost(len(data)); binned > 1.0001*exact {
		t.Errorf("the squared error is %v, not %v", binned, exact)
	}
}

// TestTernary holds the values to the paper's: 0 up to 0.7 of the mean magnitude, and the mean magnitude of the rest.
func TestTernary(t *testing.T) {
	g := mixed()
	out, lines := applied(t, g, "ternary")
	names := Prunable(g)
	for i, name := range names {
		before, after := op.Floats(g.Weights[name]), op.Floats(out.Weights[name])
		if i == 0 || i == len(names)-1 {
			if !slices.Equal(before, after) {
				t.Errorf("%s is not as it was", name)
			}
			continue
		}
		mean, above, n := 0.0, 0.0, 0.0
		for _, v := range before {
			mean += math.Abs(float64(v)) / float64(len(before))
		}
		for _, v := range before {
			if math.Abs(float64(v)) > 0.7*mean {
				above += math.Abs(float64(v))
				n++
			}
		}
		for j, v := range before {
			want := 0.0
			if math.Abs(float64(v)) > 0.7*mean {
				want = math.Copysign(above/n, float64(v))
			}
			if math.Abs(want-float64(after[j])) > 1e-3*above/n {
				t.Fatalf("%s: %v became %v, not %v", name, v, after[j], want)
			}
		}
	}
	if !strings.Contains(lines[0], fmt.Sprintf("%d of %d layers", len(names)-2, len(names))) {
		t.Errorf("it says %q", lines[0])
	}
	all, _ := applied(t, g, "ternary(ends=ternary)")
	for name, w := range weightsOf(all) {
		slices.Sort(w)
		if n := len(slices.Compact(w)); n != 3 {
			t.Errorf("%s has %d values", name, n)
		}
	}
}

// TestHalves: rounding is to the nearest, even on a tie, for all there is between two numbers of each type.
func TestHalves(t *testing.T) {
	for b := range 1 << 16 {
		h := uint16(b)
		if h&0x7c00 == 0x7c00 {
			continue
		}
		v := op.Half(h)
		next := math.Nextafter32(v, float32(math.Inf(1)))
		up := op.Half(h + 1)
		for _, x := range []float32{v, next, (v + up) / 2, math.Nextafter32((v+up)/2, 1e9), math.Nextafter32((v+up)/2, -1e9), v + (up-v)/3} {
			if got, want := halfBits(x), op.HalfBits(float64(x)); got != want {
				t.Fatalf("float16 of %v (%x) is %x, want %x", x, math.Float32bits(x), got, want)
			}
		}
	}
	for _, x := range []float32{65519.996, 65520, 1e30, float32(math.Inf(-1)), float32(math.NaN()), 1e-8, 2.9802322e-8, 2.9802326e-8, float32(math.Copysign(0, -1))} {
		if got, want := halfBits(x), op.HalfBits(float64(x)); got != want {
			t.Errorf("float16 of %v is %x, want %x", x, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200000 {
		v := math.Float32frombits(rng.Uint32())
		b := math.Float32frombits(uint32(brainBits(v)) << 16)
		if v != v {
			if b == b {
				t.Fatalf("bfloat16 of NaN is %v", b)
			}
			continue
		}
		low := math.Float32frombits(math.Float32bits(v) &^ 0xffff) // towards zero
		high := math.Float32frombits(math.Float32bits(v)&^0xffff + 0x10000)
		if math.IsInf(float64(high), 0) {
			continue
		}
		d := func(x float32) float64 { return math.Abs(float64(x) - float64(v)) }
		even := math.Float32bits(b)>>16&1 == 0
		if b != low && b != high || d(b) > d(low) || d(b) > d(high) || d(low) == d(high) && !even {
			t.Fatalf("bfloat16 of %v is %v, between %v and %v", v, b, low, high)
		}
	}
}

// TestHalfPasses: what a weight is off by, the type and the bytes it is stored in, and what does not fit.
func TestHalfPasses(t *testing.T) {
	for _, c := range []struct {
		pass string
		typ  ir.Type
		unit float64
	}{{"fp16", ir.F16, 0x1p-11}, {"bf16", ir.BF16, 0x1p-8}} {
		g := mixed()
		out, lines := applied(t, g, c.pass)
		bytes := int64(0)
		for name, after := range weightsOf(out) {
			w := out.Weights[name]
			bytes += w.Bytes()
			if w.Type != c.typ {
				t.Errorf("%s makes %s %s", c.pass, name, w.Type)
			}
			for i, v := range weightsOf(g)[name] {
				if math.Abs(float64(after[i])-float64(v)) > c.unit*math.Abs(float64(v))+0x1p-25 {
					t.Fatalf("%s makes %v of %v", c.pass, after[i], v)
				}
			}
		}
		if _, total := zerosOf(out); bytes != 2*int64(total) || !strings.Contains(lines[0], fmt.Sprintf("%s: %d conv and linear weights in 9 layers", c.pass, total)) {
			t.Errorf("%s: %d bytes, and it says %q", c.pass, bytes, lines[0])
		}
	}
	g := mixed()
	g.Weights["wide.w"].F32()[77] = -70000
	if _, _, err := Apply(context.Background(), g, choices("fp16"), Tools{}); err == nil ||
		err.Error() != `L3 compress: fp16: element 77 of "wide.w" is -70000, beyond the range of float16, whose largest number is 65504; bf16, which has the range of float32` {
		t.Errorf("a weight of 70000: %v", err)
	}
	g.Weights["wide.w"].F32()[77] = 1e-30
	if _, lines := applied(t, g, "fp16"); !strings.Contains(lines[0], "; 1 are so small that they became zero") {
		t.Errorf("it says %q", lines[0])
	}
	g.Nodes = append(g.Nodes, &ir.Node{Name: "other", Op: "Relu", In: []string{"wide.w"}, Out: []string{"other"}, Attrs: ir.Attrs{}})
	if out, lines := applied(t, g, "fp16"); out.Weights["wide.w"].Type != ir.F32 || !strings.Contains(lines[0], "; 1 layer rounded, but stored as float32") {
		t.Errorf("weights that another node reads are %s; it says %q", out.Weights["wide.w"].Type, lines[0])
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

// TestLowrank: the logits are those of a network whose weights are the nearest of the rank, found another way, the error of
// the weights is what the energy says, work and weights fall, and a network of full rank stays.
func TestLowrank(t *testing.T) {
	in := op.Widen(ir.NewF32(make([]float32, 6*64), 1, 6, 8, 8))
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range in.Data {
		in.Data[i] = rng.NormFloat64()
	}
	g := mixed()
	g.Weights["plain.w"] = ir.NewF32(op.Floats(g.Weights["plain.w"]), 33, 21)
	out, lines := applied(t, g, "lowrank(0.6)")
	before, _ := op.Count(g)
	after, _ := op.Count(out)
	sum := func(w []op.Work) (n int64) {
		for _, x := range w {
			n += x.MACs
		}
		return n
	}
	if sum(after) >= sum(before) || !strings.Contains(lines[0], " of 9 layers split (") {
		t.Errorf("%d multiply-accumulates, before %d; it says %q", sum(after), sum(before), lines[0])
	}
	// The product of the factors takes the place of the weights.
	product := g.Clone()
	split := 0
	for _, w := range op.Weights(g) {
		right, left := out.Weights[w.Name+" right"], out.Weights[w.Name+" left"]
		if right == nil {
			continue
		}
		split++
		r := left.Shape.Elems() / w.Rows
		at := func(row, k, col int) float64 {
			if w.RowStep == 1 { // stored the other way round
				return float64(right.F32()[col*r+k]) * float64(left.F32()[k*w.Rows+row])
			}
			return float64(left.F32()[row*r+k]) * float64(right.F32()[k*w.Cols*w.Taps+col])
		}
		made, lost, norm := g.Weights[w.Name].Clone(), 0.0, 0.0
		for row := range w.Rows {
			for col := range w.Cols * w.Taps {
				v := 0.0
				for k := range r {
					v += at(row, k, col)
				}
				i := w.At(row, col/w.Taps, col%w.Taps)
				d := v - float64(made.F32()[i])
				lost, norm = lost+d*d, norm+float64(made.F32()[i])*float64(made.F32()[i])
				made.F32()[i] = float32(v)
			}
		}
		if share := 1 - lost/norm; share < 0.6-1e-6 || share > 0.75 {
			t.Errorf("%s keeps %.4f of its energy in rank %d", w.Name, share, r)
		}
		product.Weights[w.Name] = made
	}
	if split < 5 {
		t.Errorf("only %d layers were split: %q", split, lines[0])
	}
	want, err := op.Exact(context.Background(), product, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := op.Exact(context.Background(), out, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	top, worst := 0.0, 0.0
	for i, v := range want.Data {
		top, worst = max(top, math.Abs(v)), max(worst, math.Abs(v-got.Data[i]))
	}
	if worst > 1e-5*top {
		t.Errorf("the logits are off by %g of %g", worst, top)
	}
	if same, lines := applied(t, g, "lowrank(1)"); !equalWeights(same, g) || !strings.Contains(lines[0], "0 of 9 layers split") {
		t.Errorf("all energy: %q", lines[0])
	}
	typed, _ := applied(t, mixed(), "lowrank(0.5)")
	if w := typed.Weights["plain.w left"]; w == nil || w.Type != ir.F16 {
		t.Errorf("the factors of float16 weights are %v", w)
	}
}

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
		{"blocks(0.8, 99999999999999999999x1)", "the fraction must be from 0 to 1", nil},
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
		{"fp16", `fp16 takes float weights, and "wide.w" has i8`, quantised},
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
