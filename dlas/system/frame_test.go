package system

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestFrameShares: pieces of a border, whatever their number, make the border, and none touches the map inside.
func TestFrameShares(t *testing.T) {
	for _, s := range []ir.Shape{{1, 40, 7, 5}, {3, 16, 1, 1}, {1, 16, 2, 9}, {2, 17, 14, 14}} {
		for _, border := range []ir.Border{{Top: 1, Left: 1, Bottom: 1, Right: 1}, {Bottom: 3, Right: 2}, {Top: 2}, {Left: 1}} {
			l := ir.Layout{Block: ir.Lanes, Border: border}
			for _, byRows := range []bool{false, true} {
				for _, n := range []int{1, 2, 3, 8, 50} {
					t.Run(fmt.Sprint(s, border, byRows, n), func(t *testing.T) {
						const before = 64
						f := newFrame(l, s, ir.U8, 9, before)
						f.byRows = byRows
						got := make(ir.Memory, before+l.Elems(s)+64)
						for i := range n {
							f.share(got, i, n)
						}
						want := bytes.Repeat([]byte{9}, len(got))
						clear(want[:before])
						clear(want[before+l.Elems(s):])
						st := l.StridesOf(s)
						for plane := range s[0] * ir.Blocks(s) {
							for y := range s[2] {
								clear(want[before+plane*st.Block+st.Origin+y*st.Row:][:s[3]*ir.Lanes])
							}
						}
						if !bytes.Equal(got, want) {
							t.Error("the border differs")
						}
					})
				}
			}
		}
	}
}
