package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// This file brings the input of a quantised convolution into the form that its tiles read, where it has another.

// prepare is the first phase: it makes pixels of 4 bytes of a plain map, or u8 of i8.
func (c *byteConv) prepare(call ir.Call) {
	if !c.stem {
		const step = 1 << 14
		from, to := part(ceilDiv(c.signedBytes, step), c.stemParts, call.Part)
		from, to = from*step, min(to*step, c.signedBytes)
		for i, x := range call.In[0][from:to] {
			call.Workspace[from+i] = x ^ 0x80
		}
		return
	}
	rows := c.image / c.row
	from, to := part(c.in[0]*rows, c.stemParts, call.Part)
	for i := from; i < to; i++ {
		n, y := i/rows, i%rows-c.border.Top
		row := call.Workspace[i*c.row : (i+1)*c.row]
		if y < 0 || y >= c.in[2] {
			fill(row, c.zero)
			continue
		}
		left, right := 4*c.border.Left, 4*(c.border.Left+c.in[3])
		fill(row[:left], c.zero)
		fill(row[right:], c.zero)
		c.stemRow(call.In[0], n, y, row[left:right])
	}
}

func (c *byteConv) stemRow(x ir.Memory, n, y int, row []byte) {
	ch, h, w := c.in[1], c.in[2], c.in[3]
	if c.typ == ir.F32 {
		r := c.quantize
		r.A = (*uint8)(unsafe.Pointer(&x.F32()[((n*ch+ch-1)*h+y)*w]))
		r.Out = &row[0]
		switch {
		case c.level.wide:
			asm.BytePlanes(&r)
		case c.level.isa == isaGo:
			asm.BytePlanesGo(&r)
		default:
			asm.BytePlanes2(&r)
		}
		return
	}
	flip := byte(0)
	if c.typ == ir.I8 {
		flip = 0x80
	}
	clear(row)
	for l := range ch {
		for i, v := range x[((n*ch+l)*h+y)*w:][:w] {
			row[4*i+l] = v ^ flip
		}
	}
}

func fill(m []byte, v byte) {
	for i := range m {
		m[i] = v
	}
}
