package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// padBlocked is Pad in blocks of 16 channels: pixels around a map, and channels before and after it, as in the shortcuts
// of CIFAR's ResNets, where the channels do not move by whole blocks.
func padBlocked() ir.Kernel {
	return ir.Kernel{
		Name: "pad_f32_blocks__go", Op: "Pad", Type: ir.F32, ISA: "go", Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if p.LayoutIn(0).Block == 0 || len(p.In[0]) != 4 {
				return fmt.Errorf("its input is not in blocks")
			}
			if p.Node.Attrs.Str("mode", "constant") != "constant" || p.Node.Attrs["axes"] != nil {
				return fmt.Errorf("it pads %v by %s", p.Node.Attrs["axes"], p.Node.Attrs.Str("mode", "constant"))
			}
			if pads := p.Node.Attrs.Ints("pads"); len(pads) == 8 && pads[0]+pads[4] != 0 {
				return fmt.Errorf("it pads the batch")
			}
			return padsOutward(p)
		},
		Layouts: func(p ir.Problem) (in, out []ir.Layout) {
			return []ir.Layout{{Block: p.LayoutIn(0).Block}}, []ir.Layout{{Block: p.LayoutIn(0).Block}}
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindPadBlocked(p), nil },
	}
}

// padShared is the elements that are worth handing to several threads: of fewer, half lie in another core's cache for the
// node after them.
const padShared = 1 << 14

func bindPadBlocked(p ir.Problem) ir.Bound {
	x, s := p.In[0], p.Out[0]
	pads := p.Node.Attrs.Ints("pads", 0, 0, 0, 0, 0, 0, 0, 0)
	value := float32(p.Node.Attrs.Float("value", 0))
	from, to := p.LayoutIn(0).StridesOf(x), p.LayoutOut(0).StridesOf(s)
	blocks := ir.Blocks(s)
	if s.Elems() < padShared {
		p.Machine.Threads = 1
	}
	return plain(p, s[0]*blocks*s[2], ir.Lanes*s[3], func(call ir.Call, a, b int) {
		in, out := call.In[0].F32(), call.Out[0].F32()
		for i := a; i < b; i++ {
			n, block, y := i/s[2]/blocks, i/s[2]%blocks, i%s[2]
			row := out[n*to.Image+block*to.Block+to.Origin+y*to.Row:][:ir.Lanes*s[3]]
			if clear(row); value != 0 {
				for j := range row {
					row[j] = value
				}
			}
			if y -= pads[2]; y < 0 || y >= x[2] {
				continue
			}
			row = row[ir.Lanes*pads[3]:]
			// The lanes of a block come from at most two blocks.
			for lane := 0; lane < ir.Lanes; {
				c := block*ir.Lanes + lane - pads[1]
				if c < 0 {
					lane = min(ir.Lanes, lane-c)
					continue
				}
				k := min(ir.Lanes-lane, ir.Lanes-c%ir.Lanes, x[1]-c)
				if k <= 0 {
					break
				}
				src := in[n*from.Image+c/ir.Lanes*from.Block+from.Origin+y*from.Row+c%ir.Lanes:]
				movePixels(row[lane:], src, x[3], k)
				lane += k
			}
		}
	})
}

// movePixels copies k lanes of that many pixels.
func movePixels(dst, src []float32, pixels, k int) {
	if k == 8 {
		for j := 0; j < pixels*ir.Lanes; j += ir.Lanes {
			*(*[8]float32)(dst[j:]) = *(*[8]float32)(src[j:])
		}
		return
	}
	for j := 0; j < pixels*ir.Lanes; j += ir.Lanes {
		copy(dst[j:j+k], src[j:j+k])
	}
}
