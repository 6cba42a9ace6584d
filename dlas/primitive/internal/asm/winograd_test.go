package asm

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// winoLevels are the levels that this build and processor have.
func winoLevels() []ISA {
	levels := []ISA{GoISA}
	if HasAVX2() {
		levels = append(levels, AVX2)
	}
	if HasAVX512() {
		levels = append(levels, AVX512)
	}
	return levels
}

// The matrices of F(2x2, 3x3) and F(4x4, 3x3) as published.
var winoMatrices = map[int]struct{ bt, at [][]float64 }{
	2: {
		[][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
		[][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}},
	},
	4: {
		[][]float64{{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}},
		[][]float64{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
	},
}

// sandwich is a x a'.
func sandwich(a [][]float64, x [6][6]float64) (y [6][6]float64) {
	for i := range a {
		for j := range a {
			for k := range a[i] {
				for l := range a[j] {
					y[i][j] += a[i][k] * x[k][l] * a[j][l]
				}
			}
		}
	}
	return y
}

func TestWinoIn(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for m, mat := range winoMatrices {
		n := m + 2
		for _, tiles := range []int{1, 5} {
			a := &WinoMap{Row: 16 * 30, Step: 16 * m, Plane: 16 * (tiles + 2), Tiles: tiles}
			a.Map = random(r, (n-1)*a.Row+(tiles-1)*a.Step+16*n)
			want := make([]float64, n*n*a.Plane)
			for i := range want {
				want[i] = 99
			}
			for tile := range tiles {
				for lane := range 16 {
					var x [6][6]float64
					for i := range n {
						for j := range n {
							x[i][j] = float64(a.Map[i*a.Row+tile*a.Step+16*j+lane])
						}
					}
					y := sandwich(mat.bt, x)
					for i := range n {
						for j := range n {
							want[(i*n+j)*a.Plane+16*tile+lane] = y[i][j]
						}
					}
				}
			}
			for _, l := range winoLevels() {
				a.Mat = make([]float32, len(want))
				for i := range a.Mat {
					a.Mat[i] = 99
				}
				WinoIn(l, m, a)
				compare(t, fmt.Sprintf("level %d m %d tiles %d", l, m, tiles), a.Mat, want)
			}
		}
	}
}

func TestWinoOut(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for m, mat := range winoMatrices {
		n := m + 2
		for _, c := range [][3]int{{1, m, m}, {4, m, m}, {1, 1, 1}, {1, m, 1}, {3, 1, m}, {2, m - 1, m}, {1, m, m - 1}} {
			for _, residual := range []bool{false, true} {
				a := &WinoMap{Row: 16 * 19, ResRow: 16 * 21, Step: 16 * m, Plane: 16 * (c[0] + 1), Tiles: c[0], Rows: c[1], Cols: c[2], Lo: -3, Hi: 4}
				a.Mat, a.Bias = random(r, n*n*a.Plane), random(r, 16)
				size := (a.Tiles-1)*a.Step + 16*a.Cols
				if residual {
					a.Res = random(r, (a.Rows-1)*a.ResRow+size)
				}
				want := make([]float64, (a.Rows-1)*a.Row+size)
				for i := range want {
					want[i] = 99
				}
				for tile := range a.Tiles {
					for lane := range 16 {
						var p [6][6]float64
						for i := range n {
							for j := range n {
								p[i][j] = float64(a.Mat[(i*n+j)*a.Plane+16*tile+lane])
							}
						}
						y := sandwich(mat.at, p)
						for i := range a.Rows {
							for j := range a.Cols {
								at := tile*a.Step + 16*j + lane
								z := y[i][j] + float64(a.Bias[lane])
								if residual {
									z += float64(a.Res[i*a.ResRow+at])
								}
								want[i*a.Row+at] = min(max(z, -3), 4)
							}
						}
					}
				}
				for _, l := range winoLevels() {
					a.Map = make([]float32, len(want))
					for i := range a.Map {
						a.Map[i] = 99
					}
					WinoOut(l, m, a)
					compare(t, fmt.Sprintf("level %d m %d %v residual %v", l, m, c, residual), a.Map, want)
				}
			}
		}
	}
}

func TestWinoProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, l := range winoLevels() {
		for rows := 1; rows <= WinoRows(l); rows++ {
			for width := 16; width <= WinoWidth(l); width += 16 {
				for _, quads := range []int{1, 3, 4, 6, 8} {
					a := &WinoMul{VBlock: 16 * (rows + 1), MBlock: 16 * (rows + 2), Quads: quads, Count: 3}
					blocks := (4*quads + 15) / 16
					a.VStep, a.UStep, a.MStep = blocks*a.VBlock, 4*quads*width+16, 2*a.MBlock
					a.V, a.U = random(r, 3*a.VStep), random(r, 3*a.UStep)
					a.M = make([]float32, 3*a.MStep)
					want := make([]float64, len(a.M))
					for i := range want {
						a.M[i], want[i] = 99, 99
					}
					for n := range 3 {
						for i := range rows {
							for o := range width {
								sum := 0.0
								for k := range 4 * quads {
									sum += float64(a.V[n*a.VStep+k/16*a.VBlock+16*i+k%16]) * float64(a.U[n*a.UStep+k*width+o])
								}
								want[n*a.MStep+o/16*a.MBlock+16*i+o%16] = sum
							}
						}
					}
					WinoProduct(l, rows, width, a)
					compare(t, fmt.Sprintf("level %d rows %d width %d quads %d", l, rows, width, quads), a.M, want)
				}
			}
		}
	}
}

// TestWinoOutside shows that no distance leads outside the arrays.
func TestWinoOutside(t *testing.T) {
	fresh := func() *WinoMap {
		return &WinoMap{
			Map: make([]float32, 5*160+16*10), Mat: make([]float32, 35*32+32), Res: make([]float32, 5*160+160), Bias: make([]float32, 16),
			Row: 160, Step: 64, Plane: 32, ResRow: 160, Tiles: 2, Rows: 4, Cols: 4,
		}
	}
	mul := func() *WinoMul {
		return &WinoMul{V: make([]float32, 64), U: make([]float32, 8*16), M: make([]float32, 32), VBlock: 32, Quads: 2, MBlock: 32, Count: 1}
	}
	expect := func(what string, fails bool, f func()) {
		defer func() {
			if (recover() != nil) != fails {
				t.Errorf("%s: panics %v, want %v", what, !fails, fails)
			}
		}()
		f()
	}
	for _, l := range winoLevels() {
		expect("in", false, func() { WinoIn(l, 4, fresh()) })
		expect("out", false, func() { WinoOut(l, 4, fresh()) })
		expect("product", false, func() { WinoProduct(l, 2, 16, mul()) })
		for i, spoil := range []func(a *WinoMap){
			func(a *WinoMap) { a.Map = a.Map[:len(a.Map)-1] },
			func(a *WinoMap) { a.Mat = a.Mat[:len(a.Mat)-1] },
			func(a *WinoMap) { a.Tiles = 3 },
			func(a *WinoMap) { a.Tiles = 0 },
			func(a *WinoMap) { a.Row = -1 },
		} {
			a := fresh()
			spoil(a)
			expect(fmt.Sprintf("in %d", i), true, func() { WinoIn(l, 4, a) })
		}
		for i, spoil := range []func(a *WinoMap){
			func(a *WinoMap) { a.Map = a.Map[:3*160+63] },
			func(a *WinoMap) { a.Res = a.Res[:3*160+63] },
			func(a *WinoMap) { a.Rows = 5 },
			func(a *WinoMap) { a.Cols = 0 },
			func(a *WinoMap) { a.Bias = a.Bias[:15] },
		} {
			a := fresh()
			spoil(a)
			expect(fmt.Sprintf("out %d", i), true, func() { WinoOut(l, 4, a) })
		}
		for i, spoil := range []func(a *WinoMul){
			func(a *WinoMul) { a.V = a.V[:31] },
			func(a *WinoMul) { a.U = a.U[:127] },
			func(a *WinoMul) { a.M = a.M[:31] },
			func(a *WinoMul) { a.Count = 0 },
			func(a *WinoMul) { a.Count, a.UStep = 2, 1 },
			func(a *WinoMul) { a.Quads = 0 },
		} {
			a := mul()
			spoil(a)
			expect(fmt.Sprintf("product %d", i), true, func() { WinoProduct(l, 2, 16, a) })
		}
	}
}
