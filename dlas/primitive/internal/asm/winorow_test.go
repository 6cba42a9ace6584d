package asm

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// winoG is F(4x4, 3x3)'s matrix of the weights as published.
var winoG = [6][3]float64{{1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}}

func TestWinoRow(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, l := range winoLevels() {
		for tiles := 1; tiles <= 2*WinoRowTiles(l); tiles++ {
			halves := []WinoPlaces{WinoAll}
			if tiles > WinoRowTiles(l) {
				halves = []WinoPlaces{WinoNear, WinoFar}
			}
			for _, quads := range []int{1, 3, 4, 6} {
				for row := range 6 {
					a := &WinoRow{VBlock: 6*16*tiles + 32, WStep: 144, Quads: quads, Row: row}
					a.V, a.M = random(r, (4*quads+15)/16*a.VBlock), random(r, 6*16*tiles)
					w := random(r, 4*quads*144)
					switch {
					case tiles <= WinoRowTiles(l):
						a.W = w
					case row == 0:
						a.W = w
					case row == 5:
						a.W = w[96:]
					default:
						c := &WinoColumns{W: w, To: make([]float32, 4*quads*48), Quads: quads, Mid: [4]float32{1, -1, 2, -2}[row-1], Far: [4]float32{1, 1, 4, 4}[row-1]}
						WinoRowColumns(l, c)
						a.W, a.WStep = c.To, 48
					}
					want := make([]float64, len(a.M))
					for k := range 4 * quads {
						for lane := range 16 {
							for j := range 6 {
								u := 0.0
								for y := range 3 {
									for x := range 3 {
										u += winoG[row][y] * winoG[j][x] * float64(w[(9*k+3*y+x)*16+lane])
									}
								}
								for tile := range tiles {
									want[(tiles*j+tile)*16+lane] += u * float64(a.V[k/16*a.VBlock+(tiles*j+tile)*16+k%16])
								}
							}
						}
					}
					for _, places := range halves {
						WinoRowProduct(l, tiles, places, a)
					}
					compare(t, fmt.Sprintf("level %d tiles %d quads %d row %d", l, tiles, quads, row), a.M, want)
					if quads <= 4 {
						continue
					}
					// The same in two calls.
					v, w := a.V, a.W
					for _, places := range halves {
						a.V, a.W, a.Quads, a.Add, a.More = v, w, 4, 0, 1
						WinoRowProduct(l, tiles, places, a)
						a.V, a.W, a.Quads, a.Add, a.More = v[a.VBlock:], w[16*a.WStep:], quads-4, 1, 0
						WinoRowProduct(l, tiles, places, a)
					}
					compare(t, "in two calls: "+fmt.Sprintf("level %d tiles %d quads %d row %d", l, tiles, quads, row), a.M, want)
				}
			}
		}
	}
}

// TestWinoRowOutside shows that no distance leads outside the arrays.
func TestWinoRowOutside(t *testing.T) {
	for i, spoil := range []func(a *WinoRow){
		func(a *WinoRow) {},
		func(a *WinoRow) { a.V = a.V[:len(a.V)-1] },
		func(a *WinoRow) { a.W = a.W[:len(a.W)-1] },
		func(a *WinoRow) { a.M = a.M[:len(a.M)-1] },
		func(a *WinoRow) { a.Row = 6 },
		func(a *WinoRow) { a.Quads = 0 },
		func(a *WinoRow) { a.VBlock = -1 },
		func(a *WinoRow) { a.WStep = -1 },
		func(a *WinoRow) { a.Quads = 5 },
	} {
		for _, l := range winoLevels() {
			a := &WinoRow{V: make([]float32, 96), W: make([]float32, 8*144), M: make([]float32, 96), WStep: 144, Quads: 2}
			spoil(a)
			func() {
				defer func() {
					if (recover() != nil) != (i > 0) {
						t.Errorf("case %d, level %d: panics %v", i, l, i == 0)
					}
				}()
				WinoRowProduct(l, 1, WinoAll, a)
			}()
		}
	}
}

// TestWinoColumnsOutside shows that no number leads outside the arrays.
func TestWinoColumnsOutside(t *testing.T) {
	for _, l := range winoLevels() {
		for i, a := range []*WinoColumns{
			{W: make([]float32, 4*144), To: make([]float32, 4*48), Quads: 1},
			{W: make([]float32, 4*144-1), To: make([]float32, 4*48), Quads: 1},
			{W: make([]float32, 4*144), To: make([]float32, 4*48-1), Quads: 1},
			{W: make([]float32, 4*144), To: make([]float32, 4*48)},
		} {
			func() {
				defer func() {
					if (recover() != nil) != (i > 0) {
						t.Errorf("case %d, level %d: panics %v", i, l, i == 0)
					}
				}()
				WinoRowColumns(l, a)
			}()
		}
	}
}
