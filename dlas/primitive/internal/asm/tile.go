package asm

import (
	"math"
	"unsafe"
)

//go:generate go run -C _generate . -set conv -out ../conv_amd64.s -stubs ../conv_amd64.go -pkg asm -layout ../conv_layout_amd64.go

// Block is the number of channels of a block (ir.Layout.Block).
const Block = 16

// Tile is a product that fits the registers, and a row of them: `rows` pixels times `blocks` blocks of 16 output channels,
// Tiles times. All distances are in bytes; f(p, d) is the number d bytes behind p.
//
//	for n := range Tiles {
//		for r := range rows {
//			for v := range blocks {
//				for j := range 16 {
//					sum := Bias[16*v+j] + f(Res, n*ResTile + resAt(r) + v*ResBlock + 4*j)
//					k := 0
//					for b := range Blocks {
//						for y := range KH {
//							for x := range KW {
//								for c := range depth(b) { // LastDepth in the last block, Depth in the others
//									sum += f(In, n*InTile + at(r) + b*InBlock + y*InRow + x*InTap + 4*c) * W[(k*blocks+v)*16+j]
//									k++
//								}
//							}
//						}
//					}
//					f(Out, n*OutTile + to(r) + v*OutBlock + 4*j) = min(max(sum, Lo), Hi)
//				}
//			}
//		}
//	}
//
// Up to 8 rows, at(r) is At[r]. Of more rows At has pixels 0, 4, 7 and 11, and their neighbours up to the next of them
// follow InPixel apart; so a tile of 14 is two stretches of 7 pixels, wherever they lie. ResAt and To likewise. Res nil
// stands for zeros; Res may be Out. All counts are at least 1, Depth may be 0 where Blocks is 1. Weights are fetched Ahead
// bytes before they are needed, and the lines from Next on, NextStep bytes for every four elements of the depth, into the
// second-level cache: what the tiles that come after these will read. Of the input, the block or tile that comes next is
// fetched, Reach bytes further for every four elements of the depth: two lines, or four pixels of tiles of more than 8 rows.
// What is fetched for nothing may lie anywhere.
//
// One code serves every dense product: a convolution of any stride and dilation over maps in blocks of 16 channels
// (Blocks of input channels, 16 deep), one over a few plain maps (a block is a channel, its depth the window's width), the
// matrix product with rows of any length (one block), Winograd's products.
type Tile struct {
	In   *float32
	W    unsafe.Pointer // of float32; of float16 for the kernels with half weights
	Bias *float32
	Res  *float32
	Out  *float32

	At, ResAt, To               [8]int
	InPixel, ResPixel, OutPixel int
	ResBlock, OutBlock          int

	Blocks, InBlock  int
	KH, InRow        int
	KW, InTap        int
	Depth, LastDepth int

	Tiles, InTile, ResTile, OutTile int

	Ahead    int
	Next     unsafe.Pointer
	NextStep int
	Reach    int
	Lo, Hi   float32

	Off unsafe.Pointer // of int32: read by PickGo alone

	// SiLU, where it is not 0, has x / (1 + e^-x) of every sum stored; Lo and Hi must let all pass. Only some kernels know it
	// (TileSiLU).
	SiLU int
}

// The most rows of a tile: of 1, 2 and 3 blocks with AVX-512, and of the one block there is with AVX2.
var TileRows512 = [4]int{0, 14, 14, 8}

// TileSiLU reports whether the tile of an instruction set applies SiLU itself.
func TileSiLU(isa ISA) bool { return isa == AVX512 }

// TileRows256 is the most rows of an AVX2 tile.
const TileRows256 = 6

// TileRowsNEON is the most rows of a NEON tile.
const TileRowsNEON = 5

// tileGroup says where a tile of more than 8 rows finds a row: behind which of the places At has, and how many pixels.
func tileGroup(r int) (group, pixels int) {
	group, pixels = r/7*2, r%7
	if pixels >= 4 {
		return group + 1, pixels - 4
	}
	return group, pixels
}

// Spread fills the places of a tile's rows for pixels that lie a distance apart, in two stretches: `first` pixels from 0 on,
// the rest from second on. first is 7, or at least rows, where there are more than 8 rows.
func Spread(at *[8]int, rows, first, pixel, second int) {
	place := func(r int) int {
		if r >= first {
			return second + (r-first)*pixel
		}
		return r * pixel
	}
	if rows <= len(at) {
		for r := range rows {
			at[r] = place(r)
		}
		return
	}
	at[0], at[1], at[2], at[3] = place(0), place(4), place(7), place(11)
}

// TileGo is the loop of Tile in Go, for any number of rows up to 14 and any number of blocks.
func TileGo(t *Tile, rows, blocks int) { tileGo(t, rows, blocks, 4) }

// TileGoHalf is TileGo for weights of float16, as their bits.
func TileGoHalf(t *Tile, rows, blocks int) { tileGo(t, rows, blocks, 2) }

// tileGo goes over half blocks of 8 channels: as many sums as there are registers for. size is that of a weight.
func tileGo(t *Tile, rows, blocks, size int) {
	place := func(at *[8]int, pixel, r int) int {
		if rows <= len(at) {
			return at[r]
		}
		group, pixels := tileGroup(r)
		return at[group] + pixels*pixel
	}
	step := blocks * Block * size
	for n := range t.Tiles {
		for r := range rows {
			in := n*t.InTile + place(&t.At, t.InPixel, r)
			for v := range 2 * blocks {
				acc := *eight(t.Bias, 32*v)
				if t.Res != nil {
					for j, x := range eight(t.Res, n*t.ResTile+place(&t.ResAt, t.ResPixel, r)+v/2*t.ResBlock+v%2*32) {
						acc[j] += x
					}
				}
				off := v * 8 * size
				for b := range t.Blocks {
					depth := t.Depth
					if b == t.Blocks-1 {
						depth = t.LastDepth
					}
					for y := range t.KH {
						for x := range t.KW {
							from := (*float32)(unsafe.Add(unsafe.Pointer(t.In), in+b*t.InBlock+y*t.InRow+x*t.InTap))
							if size == 4 {
								dotFloats(&acc, unsafe.Slice(from, depth), t.W, off, step)
							} else {
								dotHalves(&acc, unsafe.Slice(from, depth), t.W, off, step)
							}
							off += depth * step
						}
					}
				}
				out := eight(t.Out, n*t.OutTile+place(&t.To, t.OutPixel, r)+v/2*t.OutBlock+v%2*32)
				for j, x := range acc {
					if x < t.Lo {
						x = t.Lo
					}
					if x > t.Hi {
						x = t.Hi
					}
					if t.SiLU != 0 {
						x = float32(float64(x) / (1 + math.Exp(-float64(x))))
					}
					out[j] = x
				}
			}
		}
	}
}

func eight(p *float32, bytes int) *[8]float32 {
	return (*[8]float32)(unsafe.Add(unsafe.Pointer(p), bytes))
}

// dotFloats adds the products of the inputs and their weights, which lie step bytes apart from off on.
func dotFloats(acc *[8]float32, in []float32, w unsafe.Pointer, off, step int) {
	a, b, c, d, e, f, g, h := acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
	for _, x := range in {
		u := (*[8]float32)(unsafe.Add(w, off))
		a += x * u[0]
		b += x * u[1]
		c += x * u[2]
		d += x * u[3]
		e += x * u[4]
		f += x * u[5]
		g += x * u[6]
		h += x * u[7]
		off += step
	}
	*acc = [8]float32{a, b, c, d, e, f, g, h}
}

func dotHalves(acc *[8]float32, in []float32, w unsafe.Pointer, off, step int) {
	for _, x := range in {
		for j, u := range (*[8]uint16)(unsafe.Add(w, off)) {
			acc[j] += x * FromHalf(u)
		}
		off += step
	}
}
