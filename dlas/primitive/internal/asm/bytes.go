package asm

import (
	"math"
	"math/bits"
	"unsafe"
)

//go:generate go run -C _generate . -set int8 -out ../int8_amd64.s -stubs ../int8_amd64.go -pkg asm -layout ../int8_layout_amd64.go
//go:generate go run -C _generate . -set int8_256 -out ../int8_256_amd64.s -stubs ../int8_256_amd64.go -pkg asm
//go:generate go run -C _generate . -dots ../int8_256_amd64.s

// MostBytePixels is the number of pixels of the largest ByteTile; those from half a tile on lie In2, Out2 and Res2 bytes
// behind the first, so that a tile may take pixels of two rows. Half is HalfTile, or less in a tile of twice as many.
const (
	MostBytePixels = 14
	HalfTile       = 7
)

// ByteTile computes some pixels and one or two blocks of 16 output channels of a quantised convolution. Its input is in
// blocks of 16 channels (groups = 4: a tap holds 4 groups of 4 channels) or of 4 (groups = 1):
//
//	for v := range vectors {
//		for i := range pixels {
//			for o := range 16 {
//				sum := Bias[16*v+o]
//				for p, b, kh, kw, g, c := range Passes, Blocks, KH, KW, groups, 4 {
//					x := In[b*BlockStep + kh*RowStep + kw*TapStep + i*Pixel + 4*g + c]
//					sum += x * W[(((((p*Blocks+b)*KH+kh)*KW+kw)*groups+g)*vectors+v)*64 + 4*o + c]
//				}
//				y := float32(sum) * Scale[16*v+o]
//				if Res != nil {
//					own, res := round(min(max(y, Least), Most)) + OwnZero, Res[v*ResStep+16*i+o]
//					y = fma(own, Own, fma(res, Other, Fixed))
//					if ResFirst {
//						y = fma(res, Other, fma(own, Own, Fixed))
//					}
//				}
//				q := min(max(round(y)+Zero, Lo), Hi)
//				Out[v*OutStep+16*i+o] = Table[q] // q itself where there is no table
//			}
//		}
//	}
//
// Each float operation rounds to float32, round goes to the nearest integer, even on a tie. |sum*Scale| must stay below
// 2^31, |Least| and |Most| below 2^21. Rounder is 1.5*2^23, whose last bit is worth one, and Unrounder that less OwnZero. Pointers are to the first of what they name, steps are in bytes.
type ByteTile struct {
	In              *uint8
	W               *int8
	Bias            *int32
	Scale           *float32
	Out, Res        *uint8
	Table           *[256]uint8
	Sums            *int32 // where it is given, sum goes to Sums[(v*pixels+i)*16+o] and nothing else is done
	Passes          int    // more than one: for weights that are sums of bytes
	Blocks          int
	BlockStep       int
	KH, RowStep     int
	KW, TapStep     int
	Pixel           int
	In2, Out2, Res2 int
	OutStep         int
	ResStep         int
	Off             *int32 // read by BytePickGo alone, as is Depth
	Depth           int
	Zero            int32
	Lo, Hi          uint32 // 0 to 255
	Least, Most     float32
	Rounder         float32
	Unrounder       float32
	Own, Other      float32
	Fixed           float32
	ResFirst        uint32
}

// Residual fills in what ByteTile needs for a residual: of the tile's own results and of the residual the scales and zero
// points, and those of their sum; first tells that the residual is the sum's first operand.
func (t *ByteTile) Residual(ownScale, ownZero, resScale, resZero, sumScale, sumZero float32, first bool) {
	t.Least, t.Most = -ownZero, 255-ownZero
	t.Rounder = 3 << 22
	t.Unrounder = t.Rounder - ownZero
	t.Own, t.Other = ownScale/sumScale, resScale/sumScale
	if t.ResFirst = 0; first {
		t.ResFirst = 1
		t.Fixed = SumFixed(t.Other, resZero, t.Own, ownZero, sumZero)
	} else {
		t.Fixed = SumFixed(t.Own, ownZero, t.Other, resZero, sumZero)
	}
	t.Zero = 0
}

// ResidualBy is Residual with the factors given, fma(first, a, fma(second, b, add)).
func (t *ByteTile) ResidualBy(a, b, add, ownZero float32, first bool) {
	t.Residual(1, ownZero, 1, 0, 1, 0, first)
	if t.Own, t.Other, t.Fixed = a, b, add; first {
		t.Own, t.Other = b, a
	}
}

// SumFixed is the part of a sum of quantised values that is the same for all of them: zero less both zero points, each
// times its factor.
func SumFixed(a, aZero, b, bZero, zero float32) float32 {
	return zero - fma(a, aZero, float32(b*bZero))
}

// fma is x*y + z rounded once.
func fma(x, y, z float32) float32 {
	p := float64(x) * float64(y) // exact
	sum := p + float64(z)
	// An inexact sum gets its last bit set, so that rounding it again cannot take it for a tie.
	t := sum - p
	if lost := (p - (sum - t)) + (float64(z) - t); (lost < 0 || lost > 0) && math.Float64bits(sum)&1 == 0 {
		if bits := math.Float64bits(sum); (lost > 0) == (sum > 0) {
			sum = math.Float64frombits(bits + 1)
		} else {
			sum = math.Float64frombits(bits - 1)
		}
	}
	return float32(sum)
}

// ByteWindow computes rows of pixels of one block of 16 channels whose windows do not mix channels. Pixel is the step
// from one output pixel's window to the next, InRow that from one output row's; a row is Quads times 4 pixels, the last 4
// of which begin LastIn and LastOut bytes further than they would and of which only those in Mask (4 bits a pixel, low
// first) are written. The sum of a window goes on as in ByteTile without a residual:
//
//	sum := Bias[c]
//	for kh, kw := range KH, KW {
//		sum += In[y*InRow + x*Pixel + kh*RowStep + 16*kw + c] * W[...]
//	}
//
// The weights are 64 bytes for each row of the window and 4 taps of it: byte 4*c+tap. Windows of 3 taps at stride 1 have
// 128 bytes a row, the second 64 with each tap one byte further. The maximum takes Least in TapStep bytes and KW instead.
type ByteWindow struct {
	In              *uint8
	W               *int8
	Bias            *int32
	Scale           *float32
	Out             *uint8
	Table           *[256]uint8
	KH, KW          int
	RowStep         int
	TapStep         int
	Pixel           int
	Rows            int
	InRow, OutRow   int
	Quads           int
	LastIn, LastOut int
	Mask            uint32
	Zero            int32
	Lo, Hi          uint32
}

// ByteRun is what the element-wise loops do to Rows rows of 4*Quads + Tail pixels of 16 channels each. What the four floats
// are is the loop's: a sum's AZero is its constant summand, a product's BScale its zero point.
type ByteRun struct {
	A, B, Out      *uint8
	Mul, Add       *float32
	Table          *[256]uint8
	Rows           int
	ARow, BRow     int
	OutRow         int
	Quads, Tail    int
	AZero, BZero   float32
	AScale, BScale float32
	Zero           int32
	Lo, Hi         uint32
	_              uint32
}

// Plus is the pointer that many bytes on.
func Plus[T any](p *T, bytes int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// RoundClamp is the way of a scaled number to its byte: rounded to the nearest integer, even on a tie, moved by zero and
// clamped.
func RoundClamp(y float32, zero int32, lo, hi uint32) uint8 {
	r := math.RoundToEven(float64(y)) + float64(zero)
	return uint8(min(max(r, float64(lo)), float64(hi)))
}

// ByteTileGo is the loop of ByteTile in Go.
func ByteTileGo(t *ByteTile, pixels, half, vectors, groups int) {
	for i := range pixels {
		in, at, out, res := t.In, i*t.Pixel, 16*i, 16*i
		if i >= half {
			j := i - half
			at, out, res = t.In2+j*t.Pixel, t.Out2+16*j, t.Res2+16*j
		}
		var sum [32]int32
		copy(sum[:16*vectors], unsafe.Slice(t.Bias, 16*vectors))
		w := t.W
		for b := range t.Passes * t.Blocks {
			b %= t.Blocks
			for kh := range t.KH {
				for kw := range t.KW {
					x := unsafe.Slice(Plus(in, b*t.BlockStep+kh*t.RowStep+kw*t.TapStep+at), 4*groups)
					for g := range groups {
						x0, x1, x2, x3 := int32(x[4*g]), int32(x[4*g+1]), int32(x[4*g+2]), int32(x[4*g+3])
						row := unsafe.Slice(w, 64*vectors)
						for o := range 16 * vectors {
							r := row[4*o : 4*o+4]
							sum[o] += x0*int32(r[0]) + x1*int32(r[1]) + x2*int32(r[2]) + x3*int32(r[3])
						}
						w = Plus(w, 64*vectors)
					}
				}
			}
		}
		if t.Sums != nil {
			for v := range vectors {
				copy(unsafe.Slice(Plus(t.Sums, 64*(v*pixels+i)), 16), sum[16*v:])
			}
			continue
		}
		t.finish(sum[:16*vectors], out, res)
	}
}

// finish makes the bytes of a pixel of its sums; out and res are its places.
func (t *ByteTile) finish(sum []int32, out, res int) {
	scale := unsafe.Slice(t.Scale, len(sum))
	for o, s := range sum {
		v := o / 16
		y := float32(s) * scale[o]
		if t.Res != nil {
			r := *Plus(t.Res, v*t.ResStep+res+o%16)
			own := float32(min(max(y, t.Least), t.Most)+t.Rounder) - t.Unrounder
			if t.ResFirst != 0 {
				y = fma(float32(r), t.Other, fma(own, t.Own, t.Fixed))
			} else {
				y = fma(own, t.Own, fma(float32(r), t.Other, t.Fixed))
			}
		}
		q := RoundClamp(y, t.Zero, t.Lo, t.Hi)
		if t.Table != nil {
			q = t.Table[q]
		}
		*Plus(t.Out, v*t.OutStep+out+o%16) = q
	}
}

// each calls f for every pixel that the loop writes: its window and its place.
func (w *ByteWindow) each(f func(in, out *uint8)) {
	for y := range w.Rows {
		for q := range w.Quads {
			in, out, mask := y*w.InRow+4*q*w.Pixel, y*w.OutRow+64*q, uint32(0xffff)
			if q == w.Quads-1 {
				in, out, mask = in+w.LastIn, out+w.LastOut, w.Mask
			}
			for i := range 4 {
				if mask>>(4*i)&1 != 0 {
					f(Plus(w.In, in+i*w.Pixel), Plus(w.Out, out+16*i))
				}
			}
		}
	}
}

// ByteWindowGo is the loop of ByteWindow in Go; step is the bytes of weights of a row of the window.
func ByteWindowGo(w *ByteWindow, step int) {
	bias, scale := unsafe.Slice(w.Bias, 16), unsafe.Slice(w.Scale, 16)
	w.each(func(in, out *uint8) {
		var sum [16]int32
		copy(sum[:], bias)
		for kh := range w.KH {
			for kw := range w.KW {
				x := unsafe.Slice(Plus(in, kh*w.RowStep+16*kw), 16)
				for c := range sum {
					sum[c] += int32(x[c]) * int32(*Plus(w.W, kh*step+kw/4*64+4*c+kw%4))
				}
			}
		}
		for c := range sum {
			o := RoundClamp(float32(sum[c])*scale[c], w.Zero, w.Lo, w.Hi)
			if w.Table != nil {
				o = w.Table[o]
			}
			*Plus(out, c) = o
		}
	})
}

// ByteWindowPairsGo is ByteWindowGo on weights of 16 bits, of two taps of the 16 channels at a time: number 2*c+tap%2 of
// 32 for each pair of taps of a row of the window.
func ByteWindowPairsGo(w *ByteWindow) {
	bias, scale := unsafe.Slice(w.Bias, 16), unsafe.Slice(w.Scale, 16)
	weights := (*int16)(unsafe.Pointer(w.W))
	for y := range w.Rows {
		for i := range w.pixels() {
			in, out := Plus(w.In, y*w.InRow+i*w.Pixel), Plus(w.Out, y*w.OutRow+16*i)
			for c := range 16 {
				sum := bias[c]
				for kh := range w.KH {
					for kw := range w.KW {
						x, pair := *Plus(in, kh*w.RowStep+16*kw+c), kh*((w.KW+1)/2)+kw/2
						sum += int32(x) * int32(*Plus(weights, 64*pair+4*c+kw%2*2))
					}
				}
				*Plus(out, c) = RoundClamp(float32(sum)*scale[c], w.Zero, w.Lo, w.Hi)
			}
		}
	}
	w.lookUp()
}

// pixels is the number of pixels of a row: the last four may begin among those before.
func (w *ByteWindow) pixels() int {
	if w.Quads == 1 {
		return bits.OnesCount32(w.Mask) / 4
	}
	return 4*w.Quads + w.LastOut/16
}

// lookUp looks up what a loop has written.
func (w *ByteWindow) lookUp() {
	if w.Table == nil {
		return
	}
	for y := range w.Rows {
		row := unsafe.Slice(Plus(w.Out, y*w.OutRow), 16*w.pixels())
		for i, v := range row {
			row[i] = w.Table[v]
		}
	}
}

// ByteMaxGo is the maximum over each window.
func ByteMaxGo(w *ByteWindow) {
	w.each(func(in, out *uint8) {
		var most [16]uint8
		for kh := range w.KH {
			for kw := range w.KW {
				for c, x := range unsafe.Slice(Plus(in, kh*w.RowStep+kw*w.TapStep), 16) {
					most[c] = max(most[c], x)
				}
			}
		}
		copy(unsafe.Slice(out, 16), most[:])
	})
}

func (r *ByteRun) each(f func(a, b, out *uint8, n int)) {
	n := 4*r.Quads + r.Tail
	for y := range r.Rows {
		b := r.B
		if b != nil {
			b = Plus(b, y*r.BRow)
		}
		f(Plus(r.A, y*r.ARow), b, Plus(r.Out, y*r.OutRow), n)
	}
}

// ByteAddGo adds: round(fma(A, AScale, fma(B, BScale, AZero))) + Zero.
func ByteAddGo(r *ByteRun) {
	r.each(func(pa, pb, po *uint8, n int) {
		a, b, out := unsafe.Slice(pa, 16*n), unsafe.Slice(pb, 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			y := fma(float32(x), r.AScale, fma(float32(b[i]), r.BScale, r.AZero))
			out[i] = RoundClamp(y, r.Zero, r.Lo, r.Hi)
		}
	})
}

// ByteMulGo multiplies: round((A-AZero)*(B-BZero)*AScale + BScale) + Zero.
func ByteMulGo(r *ByteRun) {
	r.each(func(pa, pb, po *uint8, n int) {
		a, b, out := unsafe.Slice(pa, 16*n), unsafe.Slice(pb, 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			y := float32(float32((float32(x)-r.AZero)*(float32(b[i])-r.BZero))*r.AScale) + r.BScale
			out[i] = RoundClamp(y, r.Zero, r.Lo, r.Hi)
		}
	})
}

// ByteMulOneGo multiplies by the one pixel that B is.
func ByteMulOneGo(r *ByteRun) {
	b := unsafe.Slice(r.B, 16)
	r.each(func(pa, _, po *uint8, n int) {
		a, out := unsafe.Slice(pa, 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			y := float32(float32((float32(x)-r.AZero)*(float32(b[i%16])-r.BZero))*r.AScale) + r.BScale
			out[i] = RoundClamp(y, r.Zero, r.Lo, r.Hi)
		}
	})
}

// ByteAffineGo multiplies and adds by channel: round((A-AZero)*Mul[c] + Add[c]) + Zero.
func ByteAffineGo(r *ByteRun) {
	mul, add := unsafe.Slice(r.Mul, 16), unsafe.Slice(r.Add, 16)
	r.each(func(pa, _, po *uint8, n int) {
		a, out := unsafe.Slice(pa, 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			y := float32((float32(x)-r.AZero)*mul[i%16]) + add[i%16]
			out[i] = RoundClamp(y, r.Zero, r.Lo, r.Hi)
		}
	})
}

// ByteQuantizeGo quantizes floats: round(A/AScale, clamped to AZero and BZero) + Zero.
func ByteQuantizeGo(r *ByteRun) {
	r.each(func(pa, _, po *uint8, n int) {
		a, out := unsafe.Slice((*float32)(unsafe.Pointer(pa)), 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			out[i] = quantized(x, r, r.Lo, r.Hi)
		}
	})
}

// quantized is the byte of a float; a NaN's is that of the least.
func quantized(x float32, r *ByteRun, lo, hi uint32) uint8 {
	y := x / r.AScale
	if !(y > r.AZero) {
		y = r.AZero
	}
	return RoundClamp(min(y, r.BZero), r.Zero, lo, hi)
}

// ByteLookUpGo replaces bytes by their entries in the table.
func ByteLookUpGo(r *ByteRun) {
	r.each(func(pa, _, po *uint8, n int) {
		a, out := unsafe.Slice(pa, 16*n), unsafe.Slice(po, 16*n)
		for i, x := range a {
			out[i] = r.Table[x]
		}
	})
}

// ByteFloatGo turns bytes into floats: (A-AZero) * AScale, over Tail pixels a row.
func ByteFloatGo(r *ByteRun) {
	r.each(func(pa, _, po *uint8, n int) {
		a, out := unsafe.Slice(pa, 16*n), unsafe.Slice((*float32)(unsafe.Pointer(po)), 16*n)
		for i, x := range a {
			out[i] = (float32(x) - r.AZero) * r.AScale
		}
	})
}

// ByteSumGo sums the Tail pixels of each row by channel into 16 int32.
func ByteSumGo(r *ByteRun) {
	sum := unsafe.Slice((*int32)(unsafe.Pointer(r.Out)), 16)
	clear(sum)
	for y := range r.Rows {
		for i, x := range unsafe.Slice(Plus(r.A, y*r.ARow), 16*r.Tail) {
			sum[i%16] += int32(x)
		}
	}
}

// BytePlanesGo quantizes BRow planes of floats, of which A is the last and each lies ARow bytes before the next, into
// Tail pixels of 4 bytes.
func BytePlanesGo(r *ByteRun) {
	for i := range r.Tail {
		for c := range 4 {
			q := uint8(0)
			if c < r.BRow {
				x := (*float32)(unsafe.Pointer(Plus(r.A, (c+1-r.BRow)*r.ARow+4*i)))
				q = quantized(*x, r, 0, 255)
			}
			*Plus(r.Out, 4*i+c) = q
		}
	}
}

// FirstByte is the address of the first element of a slice of floats.
func FirstByte(v []float32) *uint8 { return (*uint8)(unsafe.Pointer(unsafe.SliceData(v))) }

// BytePairs are a ByteTile's weights of one vector as BytePair wants them: 16-bit numbers, of each group of 4 input
// channels (0, 2) of the 16 output channels, then (1, 3). They are twice as many bytes.
func BytePairs(w, to []int8) {
	for g := 0; g+64 <= len(w); g += 64 {
		for o := range 16 {
			for i := range 4 {
				at := 2*g + i%2*64 + 4*o + i/2*2
				v := w[g+4*o+i]
				to[at], to[at+1] = v, v>>7
			}
		}
	}
}
