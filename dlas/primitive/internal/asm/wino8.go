package asm

import "unsafe"

//go:generate go run -C _generate . -set wino8 -out ../wino8_amd64.s -stubs ../wino8_amd64.go -pkg asm -layout ../wino8_layout_amd64.go
//go:generate go run -C _generate . -set wino8_256 -out ../wino8_256_amd64.s -stubs ../wino8_256_amd64.go -pkg asm
//go:generate go run -C _generate . -dots ../wino8_256_amd64.s

// Winograd's F(4x4, 3x3) in whole numbers (Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, 2016). Its
// matrices are scaled so that they hold none but integers:
//
//	B' = 4  0 -5  0  1  0    G = 6  0  0    A' = 1 -4 -4  1  1  0
//	     0 -4 -4  1  1  0        1  1  1         0 -2  2  1 -1  0
//	     0  4 -4 -1  1  0        1 -1  1         0 -1 -1  1  1  0
//	     0 -2 -1  2  1  0        1  2  4         0 -1  1  2 -2  1
//	     0  2 -1 -2  1  0        1 -2  4
//	     0  4  0 -5  0  1        0  0  6
//
// of which A' gives 24 times row 0 of the outputs, 12 times row 1, 6 times rows 2 and 3: element y, x of A' p A is 9 times
// 64 >> Wino8Shift(y, x) times the sum of products. All of it is computed modulo 2^32, where 9 has an inverse. Of bytes B' x B
// is at most 17340 in magnitude and of signed ones G w G' at most 6272: 16 bits hold them.

// Wino8Tiles is the most tiles of one Wino8In, Wino8Rows that of one Wino8Mul and Wino8Places what a tile has of places.
const (
	Wino8Tiles  = 28
	Wino8Rows   = 14
	Wino8Places = 36

	wino8Pitch = 32 * (4*Wino8Tiles + 2) // bytes of a row of Temp
)

// Wino8Temp is the bytes that Wino8In and Wino8Out want in Temp.
const Wino8Temp = 6 * wino8Pitch

// Wino8Rows256 is Wino8Rows of the loops with 16 registers.
const Wino8Rows256 = 6

// wino8Inverse is that of 9 modulo 2^32.
const wino8Inverse = 954437177

// Wino8Shift is how often 2 divides 64 more than it divides the factor of an output.
func Wino8Shift(y, x int) int { return int("\x00\x01\x02\x02"[y] + "\x00\x01\x02\x02"[x]) }

// Wino8In transforms a run of tiles of one block of 16 channels, side by side in a map of bytes, 4 pixels from one to the
// next:
//
//	for t := range Tiles {
//		for i, j := range 6, 6 {
//			Mat[(6*i+j)*Plane + 32*t + 2*lane] = (B' x B)[i][j], x[y][c] = Map[y*Row + 64*t + 16*c + lane]
//		}
//	}
//
// All distances are in bytes. Temp is for the loop alone.
type Wino8In struct {
	Map        *uint8
	Mat, Temp  *int16
	Row, Plane int
	Tiles      int
}

// Wino8Weights transforms weights: each unit is nine places of the window, of each 16 output channels by 2 input channels,
// which become 36 places of as many numbers.
//
//	for u := range Units {
//		for i, j := range 6, 6 {
//			U[(6*i+j)*Plane + 64*u + 2*lane] = (G w G')[i][j], w[y][x] = W[288*u + 96*y + 32*x + lane]
//		}
//	}
type Wino8Weights struct {
	W     *int8
	U     *int16
	Units int
	Plane int
}

// Wino8Mul multiplies transformed tiles with transformed weights, Count times; a vector is 16 output channels.
//
//	for range Count {
//		for v, r, o := range vectors, rows, 16 {
//			for b, k := range Blocks, 16 {
//				M[v*MBlock + 64*r + 4*o] += V[b*VBlock + 32*r + 2*k] * U[(8*b+k/2)*vectors*64 + 64*v + 4*o + 2*(k%2)]
//			}
//		}
//		V, U, M = V[VStep:], U[UStep:], M[MStep:]
//	}
//
// where M begins with zeros. All distances are in bytes. Meanwhile two lines of Ahead are fetched for each block, AheadStep
// bytes on from one to the next.
type Wino8Mul struct {
	V, U                *int16
	M                   *int32
	Ahead               *int8
	Blocks              int
	VBlock, MBlock      int
	Count               int
	VStep, UStep, MStep int
	AheadStep           int
}

// Wino8Out transforms products into tiles of 4x4 outputs, and those into bytes as ByteTile does it:
//
//	for t := range Tiles {
//		for y, c := range Rows, Cols {
//			s := Wino8Shift(y, c)
//			y := float32((A' p A)[y][c]*inverse + Bias[s][lane]) * Scale[s][lane], p[i][j] = Mat[(6*i+j)*Plane + 64*t + 4*lane]
//			... with the residual at Res[y*ResRow + 64*t + 16*c + lane], rounded and clamped to
//			Map[y*Row + 64*t + 16*c + lane]
//		}
//	}
//
// Mask is 4*Cols ones. All distances are in bytes. Temp is for loops with 16 registers alone.
type Wino8Out struct {
	Mat         *int32
	Map, Res    *uint8
	Post        *Wino8Post
	Temp        *int32
	Row, ResRow int
	Plane       int
	Tiles, Rows int
	Mask        uint32
	ResFirst    uint32
	Least, Most float32
	Rounder     float32
	Unrounder   float32
	Own, Other  float32
	Fixed       float32
	_           uint32
}

// Wino8Post is what ends the sums of a block of 16 channels: for each Wino8Shift s their bias times 64 >> s, and their scale
// divided by that.
type Wino8Post struct {
	Bias   [5][16]int32
	Scale  [5][16]float32
	Zero   [32]int16
	Lo, Hi [64]uint8
}

// Set fills in one channel.
func (p *Wino8Post) Set(lane int, bias int32, scale float32) {
	for s := range p.Bias {
		p.Bias[s][lane] = bias << (6 - s)
		p.Scale[s][lane] = scale / float32(int(64)>>s)
	}
}

// Ends fills in what all channels share.
func (p *Wino8Post) Ends(zero int32, lo, hi uint32) {
	for i := range p.Zero {
		p.Zero[i] = int16(zero)
	}
	for i := range p.Lo {
		p.Lo[i], p.Hi[i] = uint8(lo), uint8(hi)
	}
}

// wino8Forward is B' x.
func wino8Forward(x [6]int16) [6]int16 {
	a, b, c, d := x[4]-4*x[2], x[3]-4*x[1], x[4]-x[2], 2*(x[3]-x[1])
	return [6]int16{4*(x[0]-x[2]) + c, a + b, a - b, c + d, c - d, x[5] - x[3] - 2*d}
}

// wino8Back is A' x.
func wino8Back(x [6]int32) [4]int32 {
	s, d, t, e := x[1]+x[2], x[2]-x[1], x[3]+x[4], x[3]-x[4]
	return [4]int32{x[0] + t - 4*s, 2*d + e, t - s, d + 2*e + x[5]}
}

// wino8Weight is G x.
func wino8Weight(x [3]int16) [6]int16 {
	a, b, c := x[0]+x[2], x[0]+4*x[2], 2*x[1]
	return [6]int16{6 * x[0], a + x[1], a - x[1], b + c, b - c, 6 * x[2]}
}

// Wino8InGo is the loop of Wino8In; signed says that the map is of signed bytes.
func Wino8InGo(a *Wino8In, signed bool) {
	for t := range a.Tiles {
		for lane := range 16 {
			var x [6][6]int16
			for c := range 6 {
				var v [6]int16
				for y := range v {
					b := *Plus(a.Map, y*a.Row+64*t+16*c+lane)
					if v[y] = int16(b); signed {
						v[y] = int16(int8(b))
					}
				}
				for i, u := range wino8Forward(v) {
					x[i][c] = u
				}
			}
			for i := range x {
				for j, u := range wino8Forward(x[i]) {
					*Plus(a.Mat, (6*i+j)*a.Plane+32*t+2*lane) = u
				}
			}
		}
	}
}

// Wino8WeightsGo is the loop of Wino8Weights.
func Wino8WeightsGo(a *Wino8Weights) {
	for u := range a.Units {
		for lane := range 32 {
			var w [6][3]int16
			for c := range 3 {
				at := 288*u + 32*c + lane
				column := [3]int16{int16(*Plus(a.W, at)), int16(*Plus(a.W, at+96)), int16(*Plus(a.W, at+192))}
				for i, v := range wino8Weight(column) {
					w[i][c] = v
				}
			}
			for i := range w {
				for j, v := range wino8Weight(w[i]) {
					*Plus(a.U, (6*i+j)*a.Plane+64*u+2*lane) = v
				}
			}
		}
	}
}

// Wino8SumsGo is the sum of numbers, and of those above zero.
func Wino8SumsGo(w []int8) (sum, above int32) {
	for _, v := range w {
		sum, above = sum+int32(v), above+max(int32(v), 0)
	}
	return sum, above
}

// Wino8MulGo is the loop of Wino8Mul.
func Wino8MulGo(a *Wino8Mul, rows, vectors int) {
	for n := range a.Count {
		for v := range vectors {
			for r := range rows {
				var sum [16]int32
				w := Plus(a.U, n*a.UStep+64*v)
				for b := range a.Blocks {
					for _, x := range unsafe.Slice((*[2]int16)(unsafe.Pointer(Plus(a.V, n*a.VStep+b*a.VBlock+32*r))), 8) {
						for o, y := range (*[16][2]int16)(unsafe.Pointer(w)) {
							sum[o] += int32(x[0])*int32(y[0]) + int32(x[1])*int32(y[1])
						}
						w = Plus(w, 64*vectors)
					}
				}
				*(*[16]int32)(unsafe.Pointer(Plus(a.M, n*a.MStep+v*a.MBlock+64*r))) = sum
			}
		}
	}
}

// Wino8OutGo is the loop of Wino8Out.
func Wino8OutGo(a *Wino8Out) {
	p := a.Post
	end := ByteTile{Least: a.Least, Most: a.Most, Rounder: a.Rounder, Unrounder: a.Unrounder, Own: a.Own, Other: a.Other, Fixed: a.Fixed, ResFirst: a.ResFirst, Zero: int32(p.Zero[0]), Lo: uint32(p.Lo[0]), Hi: uint32(p.Hi[0])}
	for t := range a.Tiles {
		var sums [4][4][16]int32
		for lane := range 16 {
			var half [4][6]int32
			for j := range 6 {
				var x [6]int32
				for i := range x {
					x[i] = *Plus(a.Mat, (6*i+j)*a.Plane+64*t+4*lane)
				}
				for y, v := range wino8Back(x) {
					half[y][j] = v
				}
			}
			for y := range half {
				for x, v := range wino8Back(half[y]) {
					sums[y][x][lane] = v*wino8Inverse + p.Bias[Wino8Shift(y, x)][lane]
				}
			}
		}
		for y := range a.Rows {
			for x := range 4 {
				if a.Mask>>(4*x)&1 == 0 {
					continue
				}
				end.Scale, end.Out = &p.Scale[Wino8Shift(y, x)][0], Plus(a.Map, y*a.Row+64*t+16*x)
				if a.Res != nil {
					end.Res = Plus(a.Res, y*a.ResRow+64*t+16*x)
				}
				end.finish(sums[y][x][:], 0, 0)
			}
		}
	}
}
