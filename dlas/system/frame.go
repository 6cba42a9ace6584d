package system

import "github.com/godlas/godlas/dlas/ir"

// frame is the border of a value, which is filled before anything is written inside. All in bytes.
type frame struct {
	at            int // of the first block
	planes, plane int // blocks of channels of all images; from one to the next
	top, bottom   int // what lies before the first row and after the last one
	left, right   int // before and after the pixels of a row
	rows, row     int
	fill          byte
}

func newFrame(l ir.Layout, s ir.Shape, t ir.Type, fill byte, at int) frame {
	st, b, e := l.StridesOf(s), l.Border, t.Size()
	pixel := ir.Lanes * e
	return frame{
		at: at, planes: s[0] * ir.Blocks(s), plane: st.Block * e, top: b.Top * st.Row * e, bottom: b.Bottom * st.Row * e,
		left: b.Left * pixel, right: b.Right * pixel, rows: s[2], row: st.Row * e, fill: fill,
	}
}

// paint fills the border.
func (f *frame) paint(arena ir.Memory) {
	for p := range f.planes {
		m := arena[f.at+p*f.plane:][:f.plane]
		// What lies right of a row and left of the next is one piece.
		f.set(m[:f.top+f.left])
		if side := f.left + f.right; side > 0 {
			end := f.top + f.row - f.right
			for range f.rows - 1 {
				f.set(m[end : end+side])
				end += f.row
			}
		}
		f.set(m[f.plane-f.bottom-f.right:])
	}
}

func (f *frame) set(m ir.Memory) {
	if f.fill == 0 {
		clear(m)
		return
	}
	for i := range m {
		m[i] = f.fill
	}
}
