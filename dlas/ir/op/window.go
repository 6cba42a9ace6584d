package op

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// Window is how a convolution or a pooling slides over a map. Output position (y, x) reads input positions
// (y*SH - Top + kh*DH, x*SW - Left + kw*DW) for kh < KH and kw < KW.
type Window struct {
	KH, KW                   int
	SH, SW                   int
	DH, DW                   int
	Top, Left, Bottom, Right int
	Ceil                     bool // round the number of positions up (pooling only)
}

// maxExtent bounds kernel, stride, dilation and padding, so that no product of them overflows.
const maxExtent = 1 << 16

// WindowOf reads kernel_shape, strides, dilations, pads, ceil_mode of a node whose kernel is kh x kw unless
// kernel_shape says otherwise; kh = 0 makes kernel_shape mandatory. auto_pad is an error: Fold makes explicit pads of it.
func WindowOf(n *ir.Node, kh, kw int) (Window, error) {
	k, err := intsOf(n, "kernel_shape", kh, kw)
	if err != nil {
		return Window{}, err
	}
	s, err := intsOf(n, "strides", 1, 1)
	if err != nil {
		return Window{}, err
	}
	d, err := intsOf(n, "dilations", 1, 1)
	if err != nil {
		return Window{}, err
	}
	p, err := intsOf(n, "pads", 0, 0, 0, 0)
	if err != nil {
		return Window{}, err
	}
	if auto := n.Attrs.Str("auto_pad", "NOTSET"); auto != "NOTSET" && auto != "" {
		return Window{}, fmt.Errorf("auto_pad is %s", auto)
	}
	w := Window{
		KH: k[0], KW: k[1], SH: s[0], SW: s[1], DH: d[0], DW: d[1],
		Top: p[0], Left: p[1], Bottom: p[2], Right: p[3], Ceil: n.Attrs.Int("ceil_mode", 0) != 0,
	}
	for _, v := range []int{w.KH, w.KW, w.SH, w.SW, w.DH, w.DW} {
		if v < 1 || v > maxExtent {
			return Window{}, fmt.Errorf("kernel %dx%d, strides %v or dilations %v are not from 1 to %d", w.KH, w.KW, s, d, maxExtent)
		}
	}
	for _, v := range p {
		if v < 0 || v > maxExtent {
			return Window{}, fmt.Errorf("pads %v are not from 0 to %d", p, maxExtent)
		}
	}
	if kh > 0 && (w.KH != kh || w.KW != kw) {
		return Window{}, fmt.Errorf("kernel_shape is %dx%d, its weights are %dx%d", w.KH, w.KW, kh, kw)
	}
	return w, nil
}

// Out is the number of positions over a map of h x w.
func (v Window) Out(h, w int) (oh, ow int, err error) {
	oh = v.positions(h, v.KH, v.SH, v.DH, v.Top, v.Bottom)
	ow = v.positions(w, v.KW, v.SW, v.DW, v.Left, v.Right)
	if oh < 1 || ow < 1 {
		return 0, 0, fmt.Errorf("a %dx%d kernel does not fit into a map of %dx%d", v.KH, v.KW, h, w)
	}
	return oh, ow, nil
}

func (v Window) positions(size, k, s, d, before, after int) int {
	room := size + before + after - ((k-1)*d + 1)
	if room < 0 {
		return 0
	}
	n := room/s + 1
	// A position that rounding up adds counts only if it starts inside the map or the padding before it.
	if v.Ceil && room%s != 0 && n*s < size+before {
		n++
	}
	return n
}
