package compress

import (
	"context"
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
