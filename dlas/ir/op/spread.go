package op

import "github.com/godlas/godlas/dlas/ir"

// Spread is how a ConvTranspose in two dimensions spreads a pixel: pixel (y, x) adds to (y*SH - Top + kh*DH,
// x*SW - Left + kw*DW).
type Spread struct{ SH, SW, DH, DW, Top, Left int }

// SpreadOf reads a ConvTranspose of maps of shape x with weights of shape w, whatever its way to say the padding.
func SpreadOf(n *ir.Node, x, w ir.Shape) (Spread, error) {
	before, _, err := spreading(n, x, w)
	if err == nil {
		err = fourAxes(x)
	}
	if err != nil {
		return Spread{}, err
	}
	s, d := n.Attrs.Ints("strides", 1, 1), n.Attrs.Ints("dilations", 1, 1)
	return Spread{SH: s[0], SW: s[1], DH: d[0], DW: d[1], Top: before[0], Left: before[1]}, nil
}
