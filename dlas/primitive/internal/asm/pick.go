package asm

import "unsafe"

//go:generate go run -C _generate . -set bsr -out ../bsr_amd64.s -stubs ../bsr_amd64.go -pkg asm -layout ../bsr_layout_amd64.go

// The most rows of a tile of picked products: of 1 and 2 blocks with AVX-512, and of the one block there is with AVX2.
var PickRows512 = [3]int{0, 28, 14}

// PickRows256 is the most rows of an AVX2 tile.
const PickRows256 = 6

// PickGroup is how many rows of a tile of more than 8 lie InPixel apart.
const PickGroup = 7

// PickGo is the tile of products whose weights are zero but for some elements of the depth, of which Off has the places,
// Depth of them:
//
//	for n := range Tiles {
//		for r := range rows {
//			for v := range blocks {
//				for j := range 16 {
//					sum := Bias[16*v+j] + f(Res, n*ResTile + resAt(r) + v*ResBlock + 4*j)
//					for k := range Depth {
//						sum += f(In, n*InTile + at(r) + Off[k]) * W[(k*blocks+v)*16+j]
//					}
//					f(Out, n*OutTile + to(r) + v*OutBlock + 4*j) = min(max(sum, Lo), Hi)
//				}
//			}
//		}
//	}
//
// Up to 8 rows, at(r) is At[r]; of more, At[r/7] + r%7*InPixel. ResAt and To likewise. Res nil stands for zeros; Res may
// be Out. Depth may be 0. The lines from Next on are fetched, NextStep bytes for every four elements of the depth; the
// counts that describe the depth of other tiles are not read. Rows are any number up to 28, blocks any.
func PickGo(t *Tile, rows, blocks int) {
	place := func(at *[8]int, pixel, r int) int {
		if rows <= len(at) {
			return at[r]
		}
		return at[r/PickGroup] + r%PickGroup*pixel
	}
	off := unsafe.Slice((*int32)(t.Off), t.Depth)
	step := 4 * blocks * Block
	for n := range t.Tiles {
		for r := range rows {
			in := unsafe.Add(unsafe.Pointer(t.In), n*t.InTile+place(&t.At, t.InPixel, r))
			for v := range 2 * blocks {
				acc := *eight(t.Bias, 32*v)
				if t.Res != nil {
					for j, x := range eight(t.Res, n*t.ResTile+place(&t.ResAt, t.ResPixel, r)+v/2*t.ResBlock+v%2*32) {
						acc[j] += x
					}
				}
				pickFloats(&acc, in, off, t.W, 32*v, step)
				out := eight(t.Out, n*t.OutTile+place(&t.To, t.OutPixel, r)+v/2*t.OutBlock+v%2*32)
				for j, x := range acc {
					if x < t.Lo {
						x = t.Lo
					}
					if x > t.Hi {
						x = t.Hi
					}
					out[j] = x
				}
			}
		}
	}
}

// pickFloats adds the products of picked inputs and their weights, which lie step bytes apart from `from` on.
func pickFloats(acc *[8]float32, in unsafe.Pointer, off []int32, w unsafe.Pointer, from, step int) {
	a, b, c, d, e, f, g, h := acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
	for _, o := range off {
		x := *(*float32)(unsafe.Add(in, int(o)))
		u := (*[8]float32)(unsafe.Add(w, from))
		a += x * u[0]
		b += x * u[1]
		c += x * u[2]
		d += x * u[3]
		e += x * u[4]
		f += x * u[5]
		g += x * u[6]
		h += x * u[7]
		from += step
	}
	*acc = [8]float32{a, b, c, d, e, f, g, h}
}
