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
	byRows        bool // how threads share the map, and its border with it
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
func (f *frame) paint(arena ir.Memory) { f.share(arena, 0, 1) }

// share fills piece i of n of the border: that of the rows or channels that piece i of the map has.
func (f *frame) share(arena ir.Memory, i, n int) {
	from, to, y0, y1 := 0, f.planes, 0, f.rows
	if f.byRows {
		y0, y1 = f.rows*i/n, f.rows*(i+1)/n
	} else {
		from, to = f.planes*i/n, f.planes*(i+1)/n
	}
	if y0 == y1 {
		return
	}
	for p := from; p < to; p++ {
		m := arena[f.at+p*f.plane:][:f.plane]
		if y0 == 0 {
			f.set(m[:f.top+f.left])
		}
		// What lies right of a row and left of the next is one piece.
		if side := f.left + f.right; side > 0 {
			end := f.top + (y0+1)*f.row - f.right
			for y := y0; y < min(y1, f.rows-1); y++ {
				f.set(m[end : end+side])
				end += f.row
			}
		}
		if y1 == f.rows {
			f.set(m[f.plane-f.bottom-f.right:])
		}
	}
}

// painted is a step's work with the borders of what begins to exist with it: each part of the first phase fills its share,
// so that the thread that will have the part of the map beside it need not fetch it from another core.
func (st *step) painted(arena ir.Memory) func(ir.Call) {
	if len(st.frames) == 0 {
		return st.bound.Run
	}
	return func(call ir.Call) {
		if call.Phase == 0 {
			for i := range st.frames {
				st.frames[i].share(arena, call.Part, st.bound.Phases[0])
			}
		}
		st.bound.Run(call)
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
