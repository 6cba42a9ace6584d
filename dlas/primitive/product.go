package primitive

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file multiplies matrices of which none is known before the run, or more than one of each: what attention is made
// of. An item is a group of columns of one right matrix: a thread packs it into its scratch, where it stays in the
// first-level cache while the rows of the left matrix pass by.

func productKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		if l.half {
			continue
		}
		ks = append(ks, ir.Kernel{
			Name: "matmul_f32_packed__" + l.isa, Op: "MatMul", Type: ir.F32, ISA: l.isa, Exact: ir.ExactF32,
			Fits: func(p ir.Problem) error {
				_, err := newProduct(p)
				return err
			},
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindProduct(p, l) },
		})
	}
	return ks
}

// product is a MatMul: for each of the matrices of the output, n x k by k x m.
type product struct {
	n, k, m int
	a, b    []int // where each matrix of the output has its factors, in elements
}

func newProduct(p ir.Problem) (*product, error) {
	for i := range p.In {
		if p.TypeIn(i) != ir.F32 {
			return nil, fmt.Errorf("it takes f32, not %s", p.TypeIn(i))
		}
	}
	a, b := p.In[0], p.In[1]
	if len(a) < 2 || len(b) < 2 || p.Out[0].Elems() == 0 || a.Elems() == 0 {
		return nil, errors.New("it takes matrices of some elements")
	}
	x := &product{n: a[len(a)-2], k: a[len(a)-1], m: b[len(b)-1]}
	outer := p.Out[0][:len(p.Out[0])-2]
	stepsA, stepsB := broadcastSteps(a[:len(a)-2], outer), broadcastSteps(b[:len(b)-2], outer)
	for i := range outer.Elems() {
		atA, atB := 0, 0
		for d, rest := len(outer)-1, i; d >= 0; d-- {
			atA += rest % outer[d] * stepsA[d]
			atB += rest % outer[d] * stepsB[d]
			rest /= outer[d]
		}
		x.a, x.b = append(x.a, atA*x.n*x.k), append(x.b, atB*x.k*x.m)
	}
	return x, nil
}

// productRows is the most rows of an item.
const productRows = 256

func bindProduct(p ir.Problem, l level) (ir.Bound, error) {
	x, err := newProduct(p)
	if err != nil {
		return ir.Bound{}, err
	}
	blocks := 1
	if l.mostRows(2) > 0 && x.m > asm.Block {
		blocks = 2
	}
	width := blocks * asm.Block
	most := max(1, min(l.mostRows(blocks), asm.MaxMACs/x.k/width))
	groups, bands := ceilDiv(x.m, width), ceilDiv(x.n, productRows)
	items := len(x.a) * groups * bands
	macs := float64(len(x.a)) * float64(bands*groups*width) * float64(x.k) * (float64(min(x.n, productRows)) + 4)
	parts := partsFor(items, macs/float64(max(1, blocks*16)), p.Machine)
	packed := x.k * width // then a tile whose columns are not all there
	base := asm.Tile{KH: 1, KW: 1, Blocks: 1, Tiles: 1, Depth: x.k, LastDepth: x.k, InPixel: 4 * x.k, OutBlock: 4 * asm.Block}
	base.Lo, base.Hi = clampOf(p.Node)
	run := func(call ir.Call) {
		from, to := part(items, parts, call.Part)
		space := call.Scratch.F32()
		t := base
		t.W, t.Bias = unsafe.Pointer(&space[0]), &zeroBlocks[0]
		t.Next = t.W
		for i := from; i < to; i++ {
			matrix, group, band := i/bands/groups, i/bands%groups, i%bands
			first := group * width
			n := min(width, x.m-first)
			if i == from || band == 0 {
				b := call.In[1].F32()[x.b[matrix]+first:]
				for k := range x.k {
					row := space[k*width:][:width]
					copy(row, b[k*x.m:][:n])
					clear(row[n:])
				}
			}
			r0, r1 := part(x.n, bands, band)
			pieces := ceilDiv(r1-r0, most)
			for piece := range pieces {
				from, to := part(r1-r0, pieces, piece)
				rows, first0 := to-from, r0+from
				asm.Spread(&t.At, rows, rows, 4*x.k, 0)
				t.In = pointer(call.In[0], 4*(x.a[matrix]+first0*x.k))
				if n == width {
					asm.Spread(&t.To, rows, rows, 4*x.m, 0)
					t.OutPixel = 4 * x.m
					t.Out = pointer(call.Out[0], 4*((matrix*x.n+first0)*x.m+first))
					l.run(&t, rows, blocks)
					continue
				}
				asm.Spread(&t.To, rows, rows, 4*width, 0)
				t.OutPixel = 4 * width
				t.Out = &space[packed]
				l.run(&t, rows, blocks)
				for r := range rows {
					copy(call.Out[0].F32()[(matrix*x.n+first0+r)*x.m+first:][:n], space[packed+r*width:])
				}
			}
		}
	}
	return ir.Bound{
		Run: run, Phases: []int{parts}, Unpacked: true, ScratchBytes: 4 * int64(packed+most*width),
		MACsExecuted: int64(len(x.a)) * int64(x.n) * int64(x.k) * int64(groups*width) / int64(images(p.Out[0])),
	}, nil
}

// zeroBlocks is a bias of nothing.
var zeroBlocks [3 * asm.Block]float32
