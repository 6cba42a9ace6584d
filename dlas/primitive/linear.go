package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// linear is a fully connected layer on the dense loop: images are the rows, output features the lanes. The bias is one
// more depth, whose input is 1.
type linear struct {
	n, k, m int
	avx2    bool
	w       []float32 // by panel of 16 features, by depth
	off     []int32
	zeros   []float32 // the loop's own bias
	lo, hi  float32
	chunks  int
}

const featureLanes = 2 * asm.Lane

func bindLinear(p ir.Problem, avx2 bool) ir.Bound {
	l := &linear{n: p.In[0][0], k: p.In[0][1], m: p.Out[0][1], avx2: avx2}
	l.lo, l.hi = clampOf(p.Node)
	w, bias := p.Weights[1].F32(), biasOf(p, l.m)
	panels := ceilDiv(l.m, featureLanes)
	l.w = make([]float32, panels*(l.k+1)*featureLanes)
	for f := range l.m {
		at := l.w[f/featureLanes*(l.k+1)*featureLanes+f%featureLanes:]
		for k := range l.k {
			at[k*featureLanes] = w[f*l.k+k]
		}
		at[l.k*featureLanes] = bias[f]
	}
	for k := range l.k + 1 {
		l.off = append(l.off, int32(k*featureLanes))
	}
	l.zeros = make([]float32, l.rows())
	l.chunks = max(1, min(panels, chunksFor(panels, (l.k+1)*featureLanes, p.Machine)))
	packed := l.rows() * (l.k + 1)
	return ir.Bound{
		Phases:         []int{1, l.chunks},
		Unpacked:       p.Weights[0] != nil,
		WorkspaceBytes: 4 * int64(packed),
		PackedBytes:    4 * int64(len(l.w)),
		MACsExecuted:   int64(packed) * int64(panels*featureLanes) / int64(l.n),
		Run: func(call ir.Call) {
			if call.Phase == 0 {
				l.pack(call)
				return
			}
			from, to := part(panels, l.chunks, call.Part)
			for panel := from; panel < to; panel++ {
				l.panel(call, panel)
			}
		},
	}
}

// rowsOf is the size of the group of rows that starts at image i.
func (l *linear) rowsOf(i int) int {
	if l.n-i <= 4 {
		return 4
	}
	return 6
}

// rows is the number of rows of all groups, those without an image included.
func (l *linear) rows() int {
	n := 0
	for n < l.n {
		n += l.rowsOf(n)
	}
	return n
}

// pack lays the images out as the loop wants its weights: by group, by depth, by row.
func (l *linear) pack(call ir.Call) {
	x := call.In[0].F32()
	at := 0
	for first := 0; first < l.n; first += l.rowsOf(first) {
		rows := l.rowsOf(first)
		for k := range l.k + 1 {
			for r := range rows {
				v := float32(0)
				switch {
				case first+r >= l.n:
				case k == l.k:
					v = 1
				default:
					v = x[(first+r)*l.k+k]
				}
				call.Workspace.F32()[at] = v
				at++
			}
		}
	}
}

func (l *linear) panel(call ir.Call, panel int) {
	var tile [6 * featureLanes]float32
	d := asm.Dense{
		In: l.w[panel*(l.k+1)*featureLanes:], Off: l.off, Reach: l.k*featureLanes + 1, Bias: l.zeros,
		At: [2]int{0, asm.Lane}, To: [2]int{0, asm.Lane}, Out: tile[:], Pitch: featureLanes, Groups: 1, Lo: l.lo, Hi: l.hi,
	}
	for first := 0; first < l.n; first += l.rowsOf(first) {
		rows := l.rowsOf(first)
		d.W = call.Workspace.F32()[first*(l.k+1):]
		if l.avx2 {
			asm.DenseAVX2(&d, rows)
		} else {
			asm.DenseGo(&d, rows)
		}
		for r := range min(rows, l.n-first) {
			copy(call.Out[0].F32()[(first+r)*l.m+panel*featureLanes:(first+r+1)*l.m], tile[r*featureLanes:(r+1)*featureLanes])
		}
	}
}
