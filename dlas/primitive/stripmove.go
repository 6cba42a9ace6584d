package primitive

import (
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// stripMoves are the rows that bring maps into strips and out of them.
func stripMoves() []ir.Kernel {
	var ks []ir.Kernel
	for _, isa := range stripISAs() {
		ks = append(ks, ir.Kernel{
			Name: "layout_f32_strips__" + isa, Op: "Layout", Type: ir.F32, ISA: isa, Exact: ir.ExactInt, Strips: true,
			Fits: func(p ir.Problem) error {
				if p.TypeIn(0) != ir.F32 || len(p.In[0]) != 4 {
					return fmt.Errorf("only maps of f32 have strips")
				}
				if p.LayoutIn(0).Block != ir.Strips && p.LayoutOut(0).Block != ir.Strips {
					return fmt.Errorf("neither of its layouts has strips")
				}
				return nil
			},
			Cost: func(p ir.Problem) float64 { return moveCost(p, asm.ISAOf(isa)) },
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindStripMove(p, asm.ISAOf(isa)), nil },
		})
	}
	return ks
}

// stripISAs are the levels that have loops for strips.
func stripISAs() []string {
	isas := []string{isaGo}
	if asm.HasAVX2() {
		isas = append(isas, isaAVX2)
	}
	if asm.HasAVX512() {
		isas = append(isas, isaAVX512)
	}
	return isas
}

// Cycles of a conversion, measured: of 16x16 numbers that are transposed, of a call for a row of them, of a number that is
// moved alone, of a vector of a border.
const (
	turnCycles  = 90.0
	turnRow     = 220.0
	singleMove  = 3.0
	edgeCycles  = 6.0
	turnAVX2    = 2.0  // times as long
	turnGoTimes = 10.0 // times as long
)

// moveCross is the cycles of a byte of a map that is converted where several threads made or will read it: half of it lies
// in another core's cache, on both sides.
const moveCross = 0.3

// moveShared is the nanoseconds of a conversion that is worth handing to other threads: what they write lies in another
// core's cache for the node after it.
const moveShared = 8e3

// moveCost estimates a conversion, counted for all threads as products are.
func moveCost(p ir.Problem, isa asm.ISA) float64 {
	cycles := moveCycles(p, isa)
	threads := float64(max(1, p.Machine.Threads))
	if threads == 1 {
		return cycles
	}
	if cycles/3 < moveShared {
		// Who makes and who reads the map may be one thread or all: one is as likely as the other.
		return threads * (cycles + moveCross/2*4*float64(p.In[0].Elems()))
	}
	parts := partsFor(p.In[0][0]*ir.Blocks(p.In[0]), cycles/3, p.Machine)
	return threads*(cycles/min(threads, float64(parts))+moveCross*4*float64(p.In[0].Elems())) + handover(p.Machine.Threads)
}

// moveCycles estimates the work of a conversion.
func moveCycles(p ir.Problem, isa asm.ISA) float64 {
	s := p.In[0]
	from, to := p.LayoutIn(0), p.LayoutOut(0)
	turns := func(g ir.Grid) float64 {
		n := float64(s[0]*ir.Blocks(s)*g.H) * (turnRow + turnCycles*float64(g.W))
		switch isa {
		case asm.AVX512:
			return n
		case asm.AVX2:
			return n * turnAVX2
		}
		return n * turnGoTimes
	}
	cost := 0.0
	switch {
	case from.Block == 0 || to.Block == 0:
		cost = singleMove * float64(s.Elems())
	default:
		if from.Block == ir.Strips {
			cost += turns(from.Grid)
		}
		if to.Block == ir.Strips {
			cost += turns(to.Grid)
		}
	}
	if b, g := to.Border, to.Grid; to.Block == ir.Strips && b != (ir.Border{}) {
		around := (b.Top+g.H+b.Bottom)*(b.Left+g.W+b.Right) - g.H*g.W
		cost += edgeCycles * float64(s[0]*s[1]*around)
	}
	return cost
}

// zeros is what lanes without a pixel and channels that there are not are read from.
var zeros [ir.Lanes]float32

// stripMover moves 16 channels of an image between a map in blocks, or in plain order, and strips.
type stripMover struct {
	isa  asm.ISA
	h, w int
	g    ir.Grid
	st   ir.Strides // of the strips
	cuts []int      // columns of a strip from which other strips lie outside the map
}

func newStripMover(isa asm.ISA, s ir.Shape, l ir.Layout) *stripMover {
	m := &stripMover{isa: isa, h: s[2], w: s[3], g: l.Grid, st: l.StridesOf(s), cuts: []int{0}}
	for gx := range m.g.Cols {
		if x := m.w - gx*m.g.W; x > 0 && x < m.g.W {
			m.cuts = append(m.cuts, x)
		}
	}
	m.cuts = append(m.cuts, m.g.W)
	slices.Sort(m.cuts)
	m.cuts = slices.Compact(m.cuts)
	return m
}

// turn transposes all pixels of up to 16 channels: block has the block's first pixel at its beginning and its rows that far
// apart, planes the border of the first channel in strips. What goes nowhere goes into trash, a vector.
func (m *stripMover) turn(block []float32, row int, planes []float32, channels int, in bool, trash []float32) {
	idle := &trash[0]
	if in {
		idle = &zeros[0]
	}
	var t asm.Turn
	pixel, pixelStep, plane, planeStep := &t.Dst, &t.DstStep, &t.Src, &t.SrcStep
	spare := &zeros[0]
	if in {
		pixel, pixelStep, plane, planeStep = &t.Src, &t.SrcStep, &t.Dst, &t.DstStep
		spare = &trash[0]
	}
	for y := range m.g.H {
		for i, x0 := range m.cuts[:len(m.cuts)-1] {
			t.Count = m.cuts[i+1] - x0
			for l := range ir.Lanes {
				ty, tx := l/m.g.Cols*m.g.H+y, l%m.g.Cols*m.g.W+x0
				pixel[l], pixelStep[l] = idle, 0
				if ty < m.h && tx < m.w {
					pixel[l], pixelStep[l] = &block[ty*row+tx*ir.Lanes], -1
				}
				plane[l], planeStep[l] = spare, 0
				if l < channels {
					plane[l], planeStep[l] = &planes[l*m.st.Block+m.st.Origin+y*m.st.Row+x0*ir.Lanes], -1
				}
			}
			switch m.isa {
			case asm.AVX512:
				asm.Turn512(&t)
			case asm.AVX2:
				asm.Turn256(&t)
			default:
				asm.TurnGo(&t)
			}
		}
	}
}

// plain moves a channel between its plane in strips and its plain map.
func (m *stripMover) plain(flat, plane []float32, in bool) {
	for l := range ir.Lanes {
		y0, x0 := l/m.g.Cols*m.g.H, l%m.g.Cols*m.g.W
		n := min(m.g.W, m.w-x0)
		for y := range m.g.H {
			to := plane[m.st.Origin+y*m.st.Row+l:]
			if y0+y >= m.h || n <= 0 {
				for x := 0; in && x < m.g.W; x++ {
					to[x*ir.Lanes] = 0
				}
				continue
			}
			line := flat[(y0+y)*m.w+x0:][:n]
			if !in {
				for x := range line {
					line[x] = to[x*ir.Lanes]
				}
				continue
			}
			for x, v := range line {
				to[x*ir.Lanes] = v
			}
			for x := n; x < m.g.W; x++ {
				to[x*ir.Lanes] = 0
			}
		}
	}
}

// bindStripMove converts 16 channels of an image at a time. Of two grids the way from one to the other is over a block of
// channels in the thread's scratch.
func bindStripMove(p ir.Problem, isa asm.ISA) ir.Bound {
	s, from, to := p.In[0], p.LayoutIn(0), p.LayoutOut(0)
	src, dst := from.StridesOf(s), to.StridesOf(s)
	blocks, c, h, w := ir.Blocks(s), s[1], s[2], s[3]
	var out, in *stripMover
	var e *edges
	if from.Block == ir.Strips {
		out = newStripMover(isa, s, from)
	}
	if to.Block == ir.Strips {
		in = newStripMover(isa, s, to)
		e = edgesOf(isa, to, s)
	}
	ns := moveCycles(p, isa) / 3
	if ns < moveShared {
		p.Machine.Threads = 1
	}
	b := shared(p, s[0]*blocks, ns, func(call ir.Call, a, z int) {
		x, y := call.In[0].F32(), call.Out[0].F32()
		trash := call.Scratch.F32()[:ir.Lanes]
		for i := a; i < z; i++ {
			n, first := i/blocks, i%blocks*ir.Lanes
			channels := min(ir.Lanes, c-first)
			switch {
			case from.Block == 0 || to.Block == 0:
				for ch := first; ch < first+channels; ch++ {
					if in != nil {
						in.plain(x[(n*c+ch)*h*w:][:h*w], y[n*dst.Image+ch*dst.Block:], true)
					} else {
						out.plain(y[(n*c+ch)*h*w:][:h*w], x[n*src.Image+ch*src.Block:], false)
					}
				}
			case in != nil && out != nil:
				scratch := call.Scratch.F32()[ir.Lanes:][:h*w*ir.Lanes]
				out.turn(scratch, w*ir.Lanes, x[n*src.Image+first*src.Block:], channels, false, trash)
				in.turn(scratch, w*ir.Lanes, y[n*dst.Image+first*dst.Block:], channels, true, trash)
			case in != nil:
				in.turn(x[n*src.Image+i%blocks*src.Block+src.Origin:], src.Row, y[n*dst.Image+first*dst.Block:], channels, true, trash)
			default:
				out.turn(y[n*dst.Image+i%blocks*dst.Block+dst.Origin:], dst.Row, x[n*src.Image+first*src.Block:], channels, false, trash)
			}
			if e != nil {
				e.fill(y, n*c+first, n*c+first+channels)
			}
		}
	})
	b.ScratchBytes = 4 * ir.Lanes
	if in != nil && out != nil {
		b.ScratchBytes += 4 * int64(h*w*ir.Lanes)
	}
	return b
}
