package primitive

import (
	"errors"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// turner transposes matrices of f32: squares of 16 x 16 in registers, what is left over at the edges one by one.
type turner struct{ isa asm.ISA }

// turnerOf is the best there is at a level of instructions.
func turnerOf(isa string) turner { return turner{asm.ISAOf(isa)} }

// turn writes the rows x cols numbers of src, whose rows lie `from` apart, as cols x rows numbers of dst, whose rows lie
// `to` apart.
func (u turner) turn(dst, src []float32, rows, cols, from, to int) {
	fullRows, fullCols := rows/asm.Block*asm.Block, cols/asm.Block*asm.Block
	if u.isa == asm.GoISA || fullRows == 0 || fullCols == 0 {
		u.edge(dst, src, 0, rows, 0, cols, from, to)
		return
	}
	var t asm.Turn
	t.Count = 1
	for r := 0; r < fullRows; r += asm.Block {
		for c := 0; c < fullCols; c += asm.Block {
			_, _ = src[(r+asm.Block-1)*from+c+asm.Block-1], dst[(c+asm.Block-1)*to+r+asm.Block-1]
			for l := range asm.Block {
				t.Src[l], t.Dst[l] = &src[(r+l)*from+c], &dst[(c+l)*to+r]
			}
			u.run(&t)
		}
	}
	u.edge(dst, src, fullRows, rows, 0, cols, from, to)
	u.edge(dst, src, 0, fullRows, fullCols, cols, from, to)
}

func (u turner) run(t *asm.Turn) {
	if u.isa == asm.AVX512 {
		asm.Turn512(t)
	} else {
		asm.Turn256(t)
	}
}

// edge transposes rows r0..r1-1 and columns c0..c1-1.
func (u turner) edge(dst, src []float32, r0, r1, c0, c1, from, to int) {
	for r := r0; r < r1; r++ {
		for c, v := range src[r*from+c0 : r*from+c1] {
			dst[(c0+c)*to+r] = v
		}
	}
}

// turnRow brings a row of n pixels of up to 16 channels, which lie `pitch` apart, into a block, or out of it. Lanes that have
// no channel become zero.
func (u turner) turnRow(block, plain []float32, n, lanes, pitch int, in bool) {
	full := n / asm.Block
	if u.isa == asm.GoISA {
		full = 0
	}
	if full > 0 {
		var t asm.Turn
		var trash [asm.Block]float32
		t.Count = 1
		for i := range full {
			at := i * asm.Block
			_ = block[(at+asm.Block)*asm.Block-1]
			for l := range asm.Block {
				pixel := &block[(at+l)*asm.Block]
				var plane *float32
				switch {
				case l < lanes:
					plane = &plain[l*pitch+at : l*pitch+at+asm.Block][0]
				case in:
					plane = &zeros[0]
				default:
					plane = &trash[0]
				}
				if in {
					t.Src[l], t.Dst[l] = plane, pixel
				} else {
					t.Src[l], t.Dst[l] = pixel, plane
				}
			}
			u.run(&t)
		}
	}
	at := full * asm.Block
	rest := block[at*asm.Block : n*asm.Block]
	if in && lanes < asm.Block {
		clear(rest)
	}
	for l := range lanes {
		row := plain[l*pitch+at:][:n-at]
		if in {
			for j, v := range row {
				rest[j*asm.Block+l] = v
			}
		} else {
			for j := range row {
				row[j] = rest[j*asm.Block+l]
			}
		}
	}
}

// turnKernels are the rows that bring f32 into blocks or out of them in registers.
func turnKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		if l.half || l.isa != isaAVX2 && l.isa != isaAVX512 {
			continue
		}
		u := turnerOf(l.isa)
		ks = append(ks, ir.Kernel{
			Name: "layout_f32__" + l.isa, Op: "Layout", Type: ir.F32, ISA: l.isa, Exact: ir.ExactInt,
			Fits: func(p ir.Problem) error {
				from, to := p.LayoutIn(0).Block, p.LayoutOut(0).Block
				if p.TypeIn(0) != ir.F32 || from+to != ir.Lanes || from != 0 && to != 0 {
					return errors.New("it brings f32 into blocks or out of them")
				}
				return nil
			},
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindTurnLayout(p, u), nil },
		})
	}
	return ks
}

// bindTurnLayout brings f32 into blocks or out of them.
func bindTurnLayout(p ir.Problem, u turner) ir.Bound {
	s, in := p.In[0], p.LayoutOut(0).Block != 0
	l := p.LayoutIn(0)
	if in {
		l = p.LayoutOut(0)
	}
	st := l.StridesOf(s)
	blocks, c, h, w := ir.Blocks(s), s[1], s[2], s[3]
	flat := st.Block == h*w*ir.Lanes // without a border a map is one row
	rows, n := h, w
	if flat {
		n = min(h*w, 1<<9)
		rows = ceilDiv(h*w, n)
	}
	nanos := float64(s[0]*blocks*h*w) * 3
	return shared(p, s[0]*blocks*rows, nanos, func(call ir.Call, a, b int) {
		plain, block := call.In[0].F32(), call.Out[0].F32()
		if !in {
			plain, block = block, plain
		}
		for i := a; i < b; i++ {
			y, image, k := i%rows, i/rows/blocks, i/rows%blocks
			lanes := min(ir.Lanes, c-k*ir.Lanes)
			at := image*st.Image + k*st.Block + st.Origin
			from, count := y*w, n
			if flat {
				from, count = y*n, min(n, h*w-y*n)
				at += from * ir.Lanes
			} else {
				at += y * st.Row
			}
			u.turnRow(block[at:at+count*ir.Lanes], plain[(image*c+k*ir.Lanes)*h*w+from:], count, lanes, h*w, in)
		}
	})
}
