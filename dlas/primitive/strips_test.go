package primitive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// TestStripMoves holds every conversion into strips and out of them to the definition, for maps that fill their strips,
// reach into few of them, or end inside one, and for borders wider than strips.
func TestStripMoves(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	borders := []ir.Border{{}, {Top: 1, Left: 1, Bottom: 1, Right: 1}, {Top: 0, Left: 3, Bottom: 2, Right: 5}}
	for _, s := range []ir.Shape{{1, 1, 1, 1}, {2, 17, 7, 7}, {1, 16, 8, 8}, {1, 5, 14, 14}, {1, 33, 16, 12}, {2, 3, 5, 40}, {1, 40, 28, 28}} {
		for _, border := range borders {
			grids := []ir.Grid{gridOf(s[2], s[3])}
			for _, rows := range []int{1, 4, 16} {
				grids = append(grids, ir.Grid{Rows: rows, Cols: 16 / rows, H: ceilDiv(s[2], rows) + 1, W: ceilDiv(s[3], 16/rows)})
			}
			layouts := []ir.Layout{ir.Plain, {Block: ir.Lanes, Border: border}}
			for _, g := range grids {
				layouts = append(layouts, ir.Layout{Block: ir.Strips, Grid: g, Border: border})
			}
			for _, from := range layouts {
				for _, to := range layouts {
					p := ir.Problem{
						Node: &ir.Node{Op: "Layout"}, In: []ir.Shape{s}, Out: []ir.Shape{s}, Weights: []*ir.Tensor{nil},
						InLayout: []ir.Layout{from}, OutLayout: []ir.Layout{to}, Machine: testMachine(2),
					}
					x := make([]float32, s.Elems())
					for i := range x {
						x[i] = float32(r.NormFloat64())
					}
					for _, k := range stripMoves() {
						if k.Fits(p) != nil {
							if from.Block == ir.Strips || to.Block == ir.Strips {
								t.Fatalf("%s does not take %v to %v", k.Name, from, to)
							}
							continue
						}
						b, err := k.Bind(p, ir.Schedule{})
						if err != nil {
							t.Fatal(err)
						}
						got := run(t, r, b, p, [][]float32{x})
						if !slices.Equal(got[:len(x)], x) {
							t.Fatalf("%s: %v from %v to %v", k.Name, s, from, to)
						}
					}
				}
			}
		}
	}
}

// TestStripsStay checks that a convolution leaves its input in the strips that it is in, where these divide by its stride
// and are not much more than need be, and else asks for others.
func TestStripsStay(t *testing.T) {
	for _, c := range []struct {
		size, stride int
		in           ir.Grid
		stays        bool
	}{
		{56, 1, ir.Grid{Rows: 4, Cols: 4, H: 14, W: 14}, true},
		{56, 2, ir.Grid{Rows: 4, Cols: 4, H: 14, W: 14}, true},
		{28, 2, ir.Grid{Rows: 4, Cols: 4, H: 7, W: 7}, false},
		{14, 1, ir.Grid{Rows: 8, Cols: 2, H: 2, W: 7}, true},
		{14, 1, ir.Grid{Rows: 4, Cols: 4, H: 4, W: 4}, true},
		{14, 1, ir.Grid{Rows: 16, Cols: 1, H: 1, W: 40}, false},
	} {
		p, _, _ := convShape(1, 8, c.size, c.size, 8, 3, 3, 1, strided(c.stride, 1, 1, 1, 1), true, false).unsolved(rand.New(rand.NewPCG(1, 2)), 0.5, testMachine(1))
		p.InLayout = make([]ir.Layout, len(p.In))
		p.InLayout[0] = ir.Layout{Block: ir.Strips, Grid: c.in}
		in, out := stripLayouts(p)
		if stays := in[0].Grid == c.in; stays != c.stays {
			t.Errorf("%v: it asks for %v and makes %v", c, in[0].Grid, out[0].Grid)
		}
		if g, o := in[0].Grid, out[0].Grid; g.H != o.H*c.stride || g.W != o.W*c.stride || g.Rows != o.Rows || !covers(o, p.Out[0][2], p.Out[0][3]) {
			t.Errorf("%v: %v does not make %v", c, g, o)
		}
	}
}

// TestStripTiles checks that every plan has a loop, and that tiles cover the map once.
func TestStripTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, 3, 7, 8, 13, 14, 28, 32, 56, 112} {
		for _, kernel := range []int{1, 3} {
			s := convShape(1, 8, size, size, 4, kernel, kernel, 1, pads(kernel/2, kernel/2, kernel/2, kernel/2), true, false)
			s.prune = clearPatterns(0, 4, 8)
			p, _, _ := s.unsolved(r, 0, testMachine(1))
			for _, k := range stripKernels() {
				if k.Format == Pattern && kernel != 3 {
					continue
				}
				q, ok := arrange(k, p, 0)
				if !ok {
					t.Fatalf("%s does not fit %v", k.Name, p.In)
				}
				for _, s := range append(k.Schedules(q), ir.Schedule{}, ir.Schedule{Name: "untuned", Tiles: []int{8, 1, 1 << 20}}, ir.Schedule{Tiles: []int{100, 100, 1}}) {
					b, err := k.Bind(q, s)
					if err != nil {
						t.Fatal(err)
					}
					if b.MACsExecuted == 0 {
						t.Fatal("nothing is multiplied")
					}
				}
			}
		}
	}
}

// TestStripsAlone checks that small maps are one thread's work, of one phase that fills borders too, and that large ones are
// cut for all threads.
func TestStripsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		channels, size, threads int
		alone                   bool
	}{
		{16, 32, 2, true}, {64, 8, 2, true}, {64, 56, 2, false}, {64, 8, 1, true},
	} {
		p, _, _ := convShape(1, c.channels, c.size, c.size, c.channels, 3, 3, 1, pads(1, 1, 1, 1), true, false).unsolved(r, 0.9, testMachine(c.threads))
		for _, k := range stripKernels() {
			if k.ISA == isaGo || k.Algorithm != Direct || k.Format != CSR {
				continue
			}
			q, ok := arrange(k, p, 1)
			if !ok {
				t.Fatalf("%s does not fit %v", k.Name, p.In)
			}
			b, err := k.Bind(q, ir.Schedule{})
			if err != nil {
				t.Fatal(err)
			}
			if alone := slices.Equal(b.Phases, []int{1}); alone != c.alone {
				t.Errorf("%s, %d channels of %dx%d, %d threads: phases %v", k.Name, c.channels, c.size, c.size, c.threads, b.Phases)
			}
		}
	}
}

// TestStripCalls checks that an output channel of a chunk without zeros is no more than a call may take: a call has at
// least one, and cannot be stopped.
func TestStripCalls(t *testing.T) {
	for _, kernel := range []int{1, 3, 7} {
		p, _, _ := convShape(1, 6000, 32, 32, 4, kernel, kernel, 1, pads(kernel/2, kernel/2, kernel/2, kernel/2), false, false).unsolved(rand.New(rand.NewPCG(1, 2)), 0, testMachine(1))
		s, err := newStrips(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range stripRowsOf() {
			for _, isa := range []asm.ISA{asm.AVX2, asm.AVX512} {
				for _, sch := range []ir.Schedule{{}, {Tiles: []int{8, 4, 1 << 20}}, {Tiles: []int{1, 1, 1 << 20}}} {
					plan := s.plan(isa, sch, 1, row.form)
					if macs := ir.Lanes * plan.rows * plan.cols * row.form.unit() * plan.chunk * kernel * kernel; macs > asm.MaxMACs {
						t.Errorf("%s %s, window %d, schedule %v: %d multiply-accumulates in a call of %v", row.algorithm, row.name, kernel, sch, macs, plan)
					}
				}
			}
		}
	}
}

// TestStripsShared checks that several threads make what one makes, borders too, to the bit: where parts have whole rows of
// tiles, of one image or two, where they have output channels, and where neither shares the work evenly.
func TestStripsShared(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		batch, channels, size, threads int
		whole                          bool
	}{
		{1, 48, 32, 2, true}, {2, 48, 32, 2, true}, {1, 160, 8, 2, true}, {1, 40, 28, 3, false},
	} {
		p, _, _ := convShape(c.batch, c.channels, c.size, c.size, c.channels, 3, 3, 1, pads(1, 1, 1, 1), true, false).unsolved(r, 0.5, testMachine(1))
		for _, k := range stripKernels() {
			if k.ISA == isaGo && len(stripISAs()) > 1 || k.Format != CSR || k.Algorithm != Direct {
				continue
			}
			var want []float32
			for _, threads := range []int{1, c.threads} {
				p.Machine = testMachine(threads)
				q, ok := arrange(k, p, 1)
				if !ok {
					t.Fatalf("%s does not fit %v", k.Name, p.In)
				}
				q.OutLayout[0].Border = ir.Border{Top: 1, Left: 1, Bottom: 2, Right: 1}
				b, err := k.Bind(q, ir.Schedule{})
				if err != nil {
					t.Fatal(err)
				}
				call := ir.Call{In: make([]ir.Memory, len(q.In)), Out: []ir.Memory{ir.NewMemory(4 * q.OutLayout[0].Elems(q.Out[0]))}}
				rng := rand.New(rand.NewPCG(3, 4))
				for i, w := range q.Weights {
					if w == nil && q.In[i] != nil {
						call.In[i] = ir.NewMemory(4 * q.InLayout[i].Elems(q.In[i]))
						for j := range call.In[i].F32() {
							call.In[i].F32()[j] = float32(rng.NormFloat64())
						}
					}
				}
				parts := 0
				for call.Phase = range b.Phases {
					for call.Part = range b.Phases[call.Phase] {
						b.Run(call)
						parts++
					}
				}
				got := call.Out[0].F32()
				if threads == 1 {
					want = got
					continue
				}
				// In Go parts are cut finer than the rows of tiles go.
				if whole := len(b.Phases) == 1; parts < threads || whole != c.whole && k.ISA != isaGo {
					t.Errorf("%s, %v: phases %v", k.Name, c, b.Phases)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, %v: several threads make something else than one", k.Name, c)
				}
			}
		}
	}
}
