package packed

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// random are n numbers of which that part is zero.
func random(seed uint64, n int, zeros float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	d := make([]float32, n)
	for i := range d {
		if v := float32(r.NormFloat64()); r.Float64() >= zeros {
			d[i] = v
		}
	}
	return d
}

// each element becomes what f makes of it and its place.
func mapped(d []float32, f func(i int, v float32) float32) []float32 {
	for i, v := range d {
		d[i] = f(i, v)
	}
	return d
}

func f32(d []float32, shape ...int) *ir.Tensor { return ir.NewF32(d, shape...) }

// form is a tensor, the form that it must take, and the bytes of that where they are easily told.
type form struct {
	what  string
	t     *ir.Tensor
	text  string
	bytes int64
}

func forms() []form {
	toHalf := func(_ int, v float32) float32 { return op.Half(op.HalfBits(float64(v))) }
	toBrain := func(_ int, v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ 0xffff) }
	// Whole groups of 16 rows of a column are zero where the group's number and the column's have a sum that 5 divides not.
	blocked := func(d []float32, cols, rows int) []float32 {
		return mapped(d, func(i int, v float32) float32 {
			if (i/cols/rows+i%cols)%5 != 0 {
				return 0
			}
			return v
		})
	}
	// Kernels of 3x3 out of a book.
	coded := func(seed uint64, book []float32) []float32 {
		r := rand.New(rand.NewPCG(seed, 3))
		d := make([]float32, 96*64*9)
		for i := range 96 * 64 {
			copy(d[9*i:], book[r.IntN(len(book)/9)*9:][:9])
		}
		for i := range len(book) / 9 {
			copy(d[9*i:], book[9*i:][:9])
		}
		return d
	}
	// Numbers drawn from a few.
	drawn := func(seed uint64, n, few int, zeros float64) []float32 {
		r := rand.New(rand.NewPCG(seed, 2))
		return mapped(random(seed, n, zeros), func(_ int, v float32) float32 {
			if v == 0 {
				return 0
			}
			return float32(1+r.IntN(few)) * 0.1
		})
	}
	bytesOf := make([]int8, 64*64)
	for i := range bytesOf {
		if i%11 == 0 {
			bytesOf[i] = int8(i)
		}
	}
	large := make([]int64, 8*15)
	for i := range large {
		large[i] = []int64{-1, 1 << 60, 5}[(i*i*i+i/7)%13%3]
	}
	bools := make([]bool, 200)
	bools[3], bools[77] = true, true
	return []form{
		{"random numbers", f32(random(1, 4096, 0), 64, 64), "f32", 4 * 4096},
		{"few zeros", f32(random(2, 4096, 0.02), 64, 64), "f32", 4 * 4096},
		{"half of them zeros", f32(random(3, 1<<14, 0.5), 128, 128), "sparse f32", 0},
		{"nine of ten zeros", f32(random(4, 1<<14, 0.9), 128, 128), "sparse f32", 0},
		{"hardly any left", f32(random(5, 1<<16, 0.99), 256, 256), "sparse f32", 0},
		{"none left", f32(make([]float32, 1<<12), 64, 64), "sparse f32", 0},
		{"halves", f32(mapped(random(6, 4096, 0), toHalf), 64, 64), "f16", 2 * 4096},
		{"small halves", f32(mapped(random(7, 4096, 0), func(i int, v float32) float32 { return toHalf(i, v*1e-4) }), 64, 64), "f16", 2 * 4096},
		{"brain floats", f32(mapped(random(8, 4096, 0), func(i int, v float32) float32 { return toBrain(i, v*1e-9) }), 64, 64), "bf16", 2 * 4096},
		{"sparse halves", f32(mapped(random(9, 1<<14, 0.8), toHalf), 128, 128), "sparse f16", 0},
		{"32 values", f32(drawn(10, 1<<14, 32, 0), 128, 128), "palette(5)", 32*4 + 5<<14/8},
		{"33 values", f32(drawn(10, 1<<14, 33, 0), 128, 128), "palette(6)", 33*4 + 6<<14/8},
		{"two values", f32(drawn(11, 1<<12, 1, 0.4), 64, 64), "palette(1)", 2*4 + 1<<12/8},
		{"sparse, 16 values", f32(drawn(12, 1<<14, 16, 0.9), 128, 128), "sparse palette(4)", 0},
		{"blocks of 16 rows", f32(blocked(random(13, 64*96*9, 0), 96*9, 16), 64, 96, 3, 3), "16x1 f32", 0},
		{"blocks of 32 rows, and fewer", f32(blocked(random(14, 80*96, 0), 96, 32), 80, 96), "32x1 f32", 0},
		{"blocks of 4 rows", f32(blocked(random(15, 70*96, 0), 96, 4), 70, 96), "4x1 f32", 0},
		{"bytes", &ir.Tensor{Type: ir.I8, Shape: ir.Shape{64, 64}, Data: bytesOf}, "sparse i8", 0},
		{"truth values", &ir.Tensor{Type: ir.Bool, Shape: ir.Shape{10, 20}, Data: bools}, "sparse bool", 4},
		{"a vector", f32(make([]float32, 500), 500), "f32", 2000},
		{"a scalar", f32([]float32{3}), "f32", 4},
		{"nothing", f32(nil, 0, 4), "f32", 0},
		{"large numbers", &ir.Tensor{Type: ir.I64, Shape: ir.Shape{8, 15}, Data: large}, "palette(2)", 3*8 + 120/4},
		{"a codebook", f32(coded(17, random(17, 64*9, 0)), 96, 64, 3, 3), "codebook(6, 9)", 4*64*9 + 96*64*6/8},
		{"a codebook of halves", f32(coded(18, mapped(random(18, 200*9, 0), toHalf)), 96, 64, 3, 3), "codebook(8, 9)", 2*200*9 + 96*64},
		{"what is no number", f32(mapped(random(16, 1<<14, 0.7), func(i int, v float32) float32 {
			return [...]float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), v, v, v, v, v, v}[i%9]
		}), 128, 128), "sparse palette(12)", 0},
	}
}

// TestForms: every form is chosen where it is the smallest, takes what it says, and gives back the same bits.
func TestForms(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range forms() {
		e := encodingOf(c.t)
		text, n := Stored(c.t)
		if text != c.text || c.bytes > 0 && n != c.bytes || n > c.t.Bytes() {
			t.Errorf("%s: stored as %s in %d bytes, not %s in %d", c.what, text, n, c.text, c.bytes)
		}
		seen[text] = true
		b := payload(c.t, e)
		if int64(len(b)) != n {
			t.Errorf("%s: takes %d bytes, and %d were told", c.what, len(b), n)
		}
		got := &ir.Tensor{Shape: c.t.Shape, Type: c.t.Type}
		if err := restore(got, e, b); err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if !bytes.Equal(got.Memory(), c.t.Memory()) || reflect.TypeOf(got.Data) != reflect.TypeOf(c.t.Data) {
			t.Errorf("%s: comes back as something else", c.what)
		}
	}
	for _, want := range []string{"f32", "f16", "bf16", "sparse f32", "sparse f16", "palette(5)", "sparse palette(4)", "4x1 f32", "16x1 f32", "32x1 f32"} {
		if !seen[want] {
			t.Errorf("no tensor is stored as %s", want)
		}
	}
}

// TestNearEntropy: what zeros are left out by takes at most a fifth more than the least that there is for zeros that have
// no order, H(p) bits an element.
func TestNearEntropy(t *testing.T) {
	for _, p := range []float64{0.5, 0.8, 0.9, 0.95, 0.99} {
		const n = 1 << 18
		x := f32(random(20, n, p), 512, 512)
		nonzero := 0
		for _, v := range x.F32() {
			if v != 0 {
				nonzero++
			}
		}
		_, got := Stored(x)
		q := float64(nonzero) / n
		least := -(q*math.Log2(q) + (1-q)*math.Log2(1-q)) * n / 8
		if index := float64(got - 4*int64(nonzero)); index > 1.2*least || index < least {
			t.Errorf("%.0f %% zeros: %.0f bytes of places, and %.0f are the least", 100*p, index, least)
		}
	}
}

// TestHalves takes every float16 there is to f32 and back, and numbers beside them.
func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		f := widen(uint16(h))
		if want := op.Half(uint16(h)); math.Float32bits(want) != f && want == want {
			t.Fatalf("%#x is %v, not %v", h, math.Float32frombits(f), want)
		}
		back, ok := narrow(f)
		if number := h&0x7c00 != 0x7c00; ok != number || ok && back != uint16(h) {
			t.Fatalf("%#x comes back as %#x, %v", h, back, ok)
		}
		if _, ok := narrow(f + 1); ok {
			t.Fatalf("%v is taken for a float16", math.Float32frombits(f+1))
		}
	}
}

// sample is a network with every kind of attribute and a tensor of every form.
func sample() Network {
	g := &ir.Graph{
		Name: "a <net>", Inputs: []ir.Value{{Name: "in", Type: ir.F32, Shape: ir.Shape{1, 96, 8, 8}}}, Outputs: []string{"y"}, Trained: true,
		Prep: ir.Preprocess{Scale: 1. / 255, Mean: []float64{0.5}}, Classes: []string{"cat", "dög"},
		Weights: map[string]*ir.Tensor{},
		Nodes: []*ir.Node{
			{Name: "conv", Op: "Conv", In: []string{"in", "w"}, Out: []string{"c"}, Attrs: ir.Attrs{"pads": []int{1, 1, 1, 1}, "group": 1, "auto_pad": "NOTSET"}},
			{Name: "clip", Op: "Clip", In: []string{"c"}, Out: []string{"d"}, Attrs: ir.Attrs{"min": 0.1, "max": math.Inf(1)}},
			{Name: "resize", Op: "Resize", In: []string{"d"}, Out: []string{"y"}, Attrs: ir.Attrs{"scales": []float64{1, 1, 2, 2}}},
		},
	}
	for i, c := range forms() {
		if c.t.Shape.Elems() > 0 { // no weight of a network is empty
			g.Weights["w"+strconv.Itoa(i)] = c.t
		}
		if c.text == "16x1 f32" {
			g.Weights["w"] = c.t
		}
	}
	return Network{Graph: g, PrepKnown: true, Meta: map[string]string{"compress": "prune(0.5)"}}
}

func written(t testing.TB, net Network) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, net); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFile: a file gives back the network that it was made of, bit for bit, and is as large as its weights take.
func TestFile(t *testing.T) {
	want := sample()
	raw := written(t, want)
	if !bytes.Equal(raw, written(t, want)) {
		t.Error("the same network makes two files")
	}
	got, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want.Graph.Weights {
		x := got.Graph.Weights[name]
		if x == nil || x.Type != w.Type || !x.Shape.Equal(w.Shape) || !bytes.Equal(x.Memory(), w.Memory()) {
			t.Errorf("the weight %s is another", name)
		}
	}
	a, b := *got.Graph, *want.Graph
	a.Weights, b.Weights = nil, nil
	if !reflect.DeepEqual(a, b) || !got.PrepKnown || !reflect.DeepEqual(got.Meta, want.Meta) {
		t.Errorf("read\n%+v\nwrote\n%+v", a, b)
	}
	total, by := Sum(want.Graph.Weights)
	rows := int64(0)
	for _, n := range by {
		rows += n
	}
	if over := int64(len(raw)) - total; rows != total || over < 0 || over > 8<<10+68*int64(len(want.Graph.Weights)) {
		t.Errorf("a file of %d bytes for weights of %d (%d)", len(raw), total, rows)
	}
	if !bytes.Equal(written(t, *got), raw) {
		t.Error("what was read is written otherwise")
	}
}

// TestManyZeros: a network that is nearly all zeros is written so that it can be read.
func TestManyZeros(t *testing.T) {
	net := sample()
	net.Graph.Weights["huge"] = f32(make([]float32, 18<<20), 1<<10, 18<<10)
	raw := written(t, net)
	if _, bytes := Stored(net.Graph.Weights["huge"]); bytes > 0 || len(raw) > 1<<20 {
		t.Errorf("%d bytes", len(raw))
	}
	got, err := Read(raw)
	if err != nil || slices.ContainsFunc(got.Graph.Weights["huge"].F32(), func(v float32) bool { return v != 0 }) {
		t.Error("not what was written", err)
	}
}

// sealed makes the sums of a changed file right again, as far as its header can be read.
func sealed(raw []byte) []byte {
	raw = slices.Clone(raw)
	if len(raw) < prefix {
		return raw
	}
	if n := int(binary.LittleEndian.Uint32(raw[len(Magic):])); n >= 0 && n <= len(raw)-prefix {
		binary.LittleEndian.PutUint32(raw[len(Magic)+4:], sum(raw[prefix:prefix+n]))
	}
	return raw
}

// TestDamaged: no byte of a file may be another one.
func TestDamaged(t *testing.T) {
	net := sample()
	net.Graph.Weights = map[string]*ir.Tensor{"w": net.Graph.Weights["w"]}
	raw := written(t, net)
	at := prefix + int(binary.LittleEndian.Uint32(raw[len(Magic):]))
	for i := 0; i < len(raw); i += 1 + i/at*97 {
		bad := slices.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		if _, err := Read(bad); err == nil {
			t.Fatalf("byte %d of %d may be another", i, len(raw))
		}
	}
	for n := range at {
		if _, err := Read(raw[:n]); err == nil {
			t.Fatalf("the first %d bytes are read", n)
		}
	}
	for _, n := range []int{at, at + 1, len(raw) - 1, len(raw) + 1} {
		if _, err := Read(append(slices.Clone(raw), 0)[:n]); err == nil {
			t.Errorf("%d bytes of %d are read", n, len(raw))
		}
	}
}

// TestRefuses: what a header may not say, each with what the error must name.
func TestRefuses(t *testing.T) {
	net := sample()
	net.Graph.Weights = map[string]*ir.Tensor{"w": net.Graph.Weights["w"]}
	raw := written(t, net)
	at := prefix + int(binary.LittleEndian.Uint32(raw[len(Magic):]))
	plain, err := inflated(raw[prefix:at])
	if err != nil || len(plain) <= at-prefix {
		t.Fatalf("a header of %d bytes takes %d in the file: %v", len(plain), at-prefix, err)
	}
	text := string(plain)
	for _, c := range []struct{ from, to, want string }{
		{`"rows":16`, `"rows":99`, "tensor"},
		{`"rows":16`, `"rows":-6`, "rows"},
		{`"skip":`, `"skip":9`, "bits"},
		{`"stored":`, `"stored":9`, ""},
		{`"at":0`, `"at":8`, "lies at"},
		{`"type":"f32","shape":[64`, `"type":"x32","shape":[64`, "type"},
		{`"shape":[64`, `"shape":[-4`, "shape"},
		{`"shape":[64`, `"shape":[99999999999`, "shape"},
		{`"op":"Conv"`, `"op":"Cone"`, "Cone"},
		{`"name":"w"`, `"name":"v"`, "not made"},
		{`"group":{"int":1}`, `"group":{"int":1,"text":""}`, "values"},
		{`"group":{"int":1}`, `"group":{"tensor":7}`, "tensor 7"},
		{`"group":{"int":1}`, `"group":{}`, "values"},
		{`"trained":true`, `"trainee":true`, "trainee"},
		{`"trained":true`, `"filler":64`, "padded"},
		{`"trained":true`, `"filler":-1`, "padded"},
		{text, text + " x", "after its end"},
	} {
		changed := strings.Replace(text, c.from, c.to, 1)
		if changed == text {
			t.Fatalf("the header has no %s: %s", c.from, text)
		}
		stored, err := deflated([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		bad := binary.LittleEndian.AppendUint32([]byte(Magic), uint32(len(stored)))
		bad = append(append(append(bad, 0, 0, 0, 0), stored...), raw[at:]...)
		if _, err := Read(sealed(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	for _, version := range []byte{1, 3} {
		bad := slices.Clone(raw)
		bad[len(Magic)-1] = version
		if _, err := Read(bad); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("version %d", version)) {
			t.Error(err)
		}
	}
}

// TestHeaderExpands: a header that stands for far more than it takes is refused before it is made.
func TestHeaderExpands(t *testing.T) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(`{"name":"` + strings.Repeat("a", 3<<20) + `"}`))
	z.Close()
	for (prefix+b.Len())%align != 0 {
		b.WriteByte(0)
	}
	raw := binary.LittleEndian.AppendUint32([]byte(Magic), uint32(b.Len()))
	raw = sealed(append(append(raw, 0, 0, 0, 0), b.Bytes()...))
	if _, err := Read(raw); err == nil || !strings.Contains(err.Error(), "stands for more than") {
		t.Errorf("a file of %d bytes: %v", len(raw), err)
	}
	long := sample() // of a header that deflates well the file is filled up
	long.Meta = map[string]string{"a": strings.Repeat("a", 1<<20)}
	if got, err := Read(written(t, long)); err != nil || got.Meta["a"] != long.Meta["a"] {
		t.Error(err)
	}
}

// TestHostileFiles: a file is read or refused in a second and in 256 times its size, one of a long header in 128 MB.
func TestHostileFiles(t *testing.T) {
	file := func(text string) []byte {
		for (prefix+len(text))%align != 0 {
			text += " "
		}
		b := binary.LittleEndian.AppendUint32([]byte(Magic), uint32(len(text)))
		return sealed(append(append(b, 0, 0, 0, 0), text...))
	}
	filled := func(begin, end, more string) []byte {
		return file(begin + strings.Repeat(more, min(maxValues-2, (maxHeader-len(begin)-len(end)-64)/len(more))) + end)
	}
	for what, raw := range map[string][]byte{
		"nodes":   filled(`{"nodes":[`, `{}]}`, `{},`),
		"tensors": filled(`{"tensors":[`, `{}]}`, `{},`),
		"attrs":   filled(`{"nodes":[{"attrs":{`, `"a":{}}}]}`, `"a":{},`),
		"nested":  filled(`{"name":`, `0}`, `[`),
		"outputs": filled(`{"outputs":[`, `""]}`, `"",`),
		"axes":    filled(`{"tensors":[{"shape":[`, `1]}]}`, `1,`),
		"zeros":   file(`{"tensors":[{"name":"a","type":"f64","shape":[16384,16384],"at":0,"bytes":0,"rows":1,"skip":1}]}`),
		"many":    file(`{"tensors":[` + strings.Repeat(`{"name":"a","type":"f64","shape":[1024,1024],"at":0,"bytes":0,"rows":1,"skip":1},`, 9) + `{}]}`),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		_, err := Read(raw)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if bytes := int(after.TotalAlloc - before.TotalAlloc); err == nil || took > 20*time.Second || bytes > 1<<20+most*len(raw) && len(raw) < 1<<16 || bytes > 128<<20 {
			t.Errorf("%s: %v and %d bytes for a file of %d (%v)", what, took, bytes, len(raw), err)
		}
	}
}

// FuzzRead reads any file, whose sums it takes as they are; one that can be read can be written, and is read the same.
func FuzzRead(f *testing.F) {
	net := sample()
	f.Add(written(f, net))
	for name, w := range net.Graph.Weights {
		small := sample()
		small.Graph.Weights = map[string]*ir.Tensor{"w": small.Graph.Weights["w"], name: w}
		if w.Bytes() < 1<<14 {
			f.Add(written(f, small))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := read(raw, false)
		if err != nil {
			return
		}
		again, err := Read(written(t, *got))
		if err != nil {
			t.Fatalf("what was written of it cannot be read: %v", err)
		}
		for name, w := range got.Graph.Weights {
			if !bytes.Equal(w.Memory(), again.Graph.Weights[name].Memory()) {
				t.Fatalf("the weight %q is another", name)
			}
		}
	})
}

// BenchmarkStored looks for the form of 64 MB of weights.
func BenchmarkStored(b *testing.B) {
	for what, zeros := range map[string]float64{"dense": 0, "pruned": 0.9} {
		x := f32(random(30, 16<<20, zeros), 4<<10, 4<<10)
		b.Run(what, func(b *testing.B) {
			b.SetBytes(x.Bytes())
			for b.Loop() {
				encodingOf(x)
			}
		})
	}
}
