package primitive

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// TestByteWinogradRange runs sums at the very ends of what minimal filtering can hold, and has it refuse those past them.
func TestByteWinogradRange(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, sign := range []int{1, -1} {
		for _, typ := range []ir.Type{ir.U8, ir.I8} {
			const channels = 128
			c := byteConvCase(r, typ, ir.I8, 1, channels, 6, 7, 20, 3, 3, 1, pads(1, 1, 1, 1), "b")
			largest, x := 255, c.in[0].Memory()
			c.in[2], c.zero[0] = u8(0), 0
			if typ == ir.I8 {
				largest, c.in[2] = 127, i8(0)
			}
			for i := range x {
				x[i] = byte(largest)
			}
			w, bias := c.in[3].Data.([]int8), c.in[8].Data.([]int32)
			for i := range w {
				w[i] = int8(sign * 114)
			}
			for i := range bias {
				bias[i] = int32(sign * (byteSumLimit - 1 - largest*114*9*channels))
			}
			if typ == ir.I8 { // the other end is -128 times the weights
				for i := range bias {
					bias[i] = int32(sign * (byteSumLimit - 1 - 128*114*9*channels))
				}
			}
			c.in[1], c.in[4], c.in[6], c.in[7] = f1(1), f1(1), f1(byteSumLimit/100), u8(128)
			p, want := c.problem(testMachine(1))
			for _, l := range byteLevels() {
				k := byteWinogradKernel(l)
				if err := k.Fits(p); err != nil {
					t.Fatalf("%s, %d, %s: %v", k.Name, sign, typ, err)
				}
				q, _ := arrange(k, p, ir.Lanes)
				for i, v := range runBytesOf(t, r, k, q, ir.Schedule{}, c) {
					if v != want[i] {
						t.Fatalf("%s, %d, %s: element %d is %d, want %d", k.Name, sign, typ, i, v, want[i])
					}
				}
				bias[7] += int32(sign)
				if err := k.Fits(p); typ == ir.U8 && (err == nil || !strings.Contains(err.Error(), "channel 7 ")) {
					t.Errorf("%s takes a sum of 2^25: %v", k.Name, err)
				}
				bias[7] -= int32(sign)
			}
			for i := range w {
				w[i] = int8(sign * 127)
			}
			if err := byteWinogradFits(p); typ == ir.U8 && err == nil {
				t.Error("sums of more than 2^25 are taken")
			}
		}
	}
}

// TestByteWinogradShort has it refuse what no part can do in a short time, and transform weights that it keeps in many.
func TestByteWinogradShort(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		channels, width int
		fits            bool
	}{{64, 8192, true}, {64, 8193, false}, {16, 32768, true}, {17, 32768, false}, {8192, 4, true}, {8193, 4, false}} {
		p, _ := byteConvCase(r, ir.U8, ir.I8, 1, c.channels, 1, 1, 1, 3, 3, 1, pads(1, 1, 1, 1), "").problem(testMachine(1))
		p.Weights[3].Data = make([]int8, p.Weights[3].Shape.Elems())
		p.In[0], p.Out[0] = ir.Shape{1, c.channels, 4, c.width}, ir.Shape{1, 1, 4, c.width}
		if err := byteWinogradFits(p); (err == nil) != c.fits {
			t.Errorf("%d channels in rows of %d: %v", c.channels, c.width, err)
		}
	}
	k := byteWinogradKernel(byteLevels()[0]) // in Go, where transforms take longest
	p, _ := arrange(k, byteBare(r, 128, 28), ir.Lanes)
	b, err := k.Bind(p, byteWinogradPlan{chunk: 2, vectors: 1, shares: 1, kept: true}.schedule())
	if err != nil {
		t.Fatal(err)
	}
	// 64 pairs of input channels times 8 blocks of output channels, 8000 cycles each, are two parts of 2 million and a bit.
	if b.Phases[0] != 3 {
		t.Errorf("the weights of 128 channels are transformed in %d parts", b.Phases[0])
	}
}

// TestBytesExecuted: what a row of quantised convolutions says that it executes is for one image, however many there are.
func TestBytesExecuted(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	done := 0
	for _, k := range int8Kernels() {
		if k.Op != "QLinearConv" {
			continue
		}
		c := byteConvCase(r, ir.U8, ir.I8, 1, 32, 9, 10, 32, 3, 3, 1, pads(1, 1, 1, 1), "")
		p, _ := c.problem(testMachine(1))
		q, ok := arrange(k, p, ir.Lanes)
		if !ok {
			continue
		}
		one, err := k.Bind(q, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		q.In[0], q.Out[0] = ir.Shape{3, 32, 9, 10}, ir.Shape{3, 32, 9, 10}
		three, err := k.Bind(q, ir.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		if done++; one.MACsExecuted != three.MACsExecuted {
			t.Errorf("%s executes %d MACs for one image, %d for each of three", k.Name, one.MACsExecuted, three.MACsExecuted)
		}
	}
	if done == 0 {
		t.Error("no row fits")
	}
}

// BenchmarkByteWinograd times layers of ResNet and VGG alone, with every plan, as the least of many runs: microseconds
// beside those of the direct kernel.
func BenchmarkByteWinograd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, layer := range [][2]int{{64, 224}, {128, 112}, {256, 56}, {512, 28}, {512, 14}, {64, 56}, {128, 28}, {256, 14}, {512, 7}, {64, 32}, {128, 16}, {256, 8}, {512, 4}, {16, 32}, {32, 16}, {64, 8}} {
		for _, l := range byteLevels() {
			byteWinogradLayer(b, r, l, layer[0], layer[1])
		}
	}
}

func byteWinogradLayer(b *testing.B, r *rand.Rand, l byteLevel, c, h int) {
	b.Run(fmt.Sprintf("%s/%d@%d", l.isa, c, h), func(b *testing.B) {
		p := byteBare(r, c, h)
		bind := func(k ir.Kernel, s ir.Schedule) func(int) float64 {
			q, _ := arrange(k, p, ir.Lanes)
			bound, err := k.Bind(q, s)
			if err != nil {
				b.Fatal(err)
			}
			call := ir.Call{In: make([]ir.Memory, len(q.In)), Out: []ir.Memory{ir.NewMemory(q.OutLayout[0].Elems(q.Out[0]))}, Workspace: ir.NewMemory(int(bound.WorkspaceBytes)), Scratch: ir.NewMemory(int(bound.ScratchBytes))}
			call.In[0] = ir.NewMemory(q.InLayout[0].Elems(q.In[0]))
			return func(n int) float64 {
				best := time.Duration(1 << 62)
				for range n {
					begin := time.Now()
					for phase, parts := range bound.Phases {
						for part := range parts {
							call.Phase, call.Part = phase, part
							bound.Run(call)
						}
					}
					best = min(best, time.Since(begin))
				}
				return best.Seconds() * 1e6
			}
		}
		k := byteWinogradKernel(l)
		if err := k.Fits(p); err != nil {
			b.Fatal(err)
		}
		q, _ := arrange(k, p, ir.Lanes)
		w := newByteWinograd(q, l)
		n := max(8, min(200, int(12_500_000*l.rate)/(c*c*h*h*9/10)))
		direct, best := bind(byteConvKernel(l, Direct, Dense), ir.Schedule{})(n), w.best()
		fmt.Printf("%s %4d@%-3d direct %8.1f us, estimate %8.1f kcyc\n", l.isa, c, h, direct, byteConvCost(q, l)/1e3)
		plans := w.plans()
		if b.N == 1 && testing.Short() {
			plans = []byteWinogradPlan{best}
		}
		for _, plan := range plans {
			us, mark := bind(k, plan.schedule())(n), ""
			if plan == best {
				mark = "<- chosen"
			}
			fmt.Printf("%s %4d@%-3d %+v %8.1f us, estimate %8.1f kcyc, ratio %.2f %s\n", l.isa, c, h, plan, us, w.cost(plan)/1e3, us/direct, mark)
		}
	})
}

// byteBare is a quantised convolution c to c channels on h x h, of weights as a quantiser leaves them.
func byteBare(r *rand.Rand, c, h int) ir.Problem {
	b := byteConvCase(r, ir.U8, ir.I8, 1, c, 4, 4, c, 3, 3, 1, pads(1, 1, 1, 1), "b")
	w := b.in[3].Data.([]int8)
	for i := range w {
		w[i] = int8(max(-127, min(127, r.NormFloat64()*30)))
	}
	b.in[2] = u8(0)
	p, _ := b.problem(testMachine(1))
	p.Machine.L1D, p.Machine.L2 = 48<<10, 2<<20
	p.In[0], p.Out[0] = ir.Shape{1, c, h, h}, ir.Shape{1, c, h, h}
	return p
}
