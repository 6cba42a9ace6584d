package asm

// WinoPlaces are places of a row of F(4x4, 3x3)'s tiles that a loop multiplies together.
type WinoPlaces int

const (
	WinoAll  WinoPlaces = iota // 0 to 5, of few tiles
	WinoNear                   // 0, 1, 2, of more
	WinoFar                    // 3, 4, 5, of more
)

// WinoRow multiplies the places of one row of transformed tiles of F(4x4, 3x3) with 16 output channels' weights, which it
// transforms on the way: 9 numbers come from memory instead of 36.
//
//	for k := range 4*Quads {
//		w[y][x] = W[(9*k+3*y+x)*16 + lane]
//		for j := range places, t := range tiles {
//			M[(tiles*j+t)*16 + lane] += V[k/16*VBlock + (tiles*j+t)*16 + k%16] * (G w G')[Row][j]
//		}
//	}
//
// where M begins with zeros, unless Add is 1 and a call before had More for its 1: then the products of more input channels
// are added, and M holds the sum after the last of such calls. All distances count elements. Meanwhile weights are fetched
// from memory, for every two input channels the lines of W[Ahead+i*AheadGap] for i < 3 (2 where places are fewer), after
// which Ahead is AheadStep more.
type WinoRow struct {
	V, W, M                    []float32
	VBlock, Quads              int
	Row                        int
	Ahead, AheadStep, AheadGap int
	Add, More                  int
}

// WinoRowTiles is the most tiles of a WinoRow with all places; with half of them it takes from one more to twice as many.
func WinoRowTiles(l ISA) int {
	if l == AVX2 {
		return 2
	}
	return 4
}

// WinoRowProduct multiplies that many tiles.
//
//go:noinline
func WinoRowProduct(l ISA, tiles int, places WinoPlaces, a *WinoRow) {
	most := WinoRowTiles(l)
	switch {
	case a.Quads < 1 || a.Row < 0 || a.Row > 5 || tiles < 1 || a.VBlock < 0 || places < WinoAll || places > WinoFar:
		panic("asm: no product")
	case places == WinoAll && tiles > most, places != WinoAll && (tiles <= most || tiles > 2*most):
		panic("asm: no loop for as many tiles")
	case (4*a.Quads-1)/16*a.VBlock+6*16*tiles > len(a.V) || 4*a.Quads*9*16 > len(a.W) || 6*16*tiles > len(a.M):
		panic("asm: a product leaves its arrays")
	}
	if l == GoISA {
		winoRowGo(tiles, places, a)
		return
	}
	winoRowVector(l, a.Row, tiles, places, a)
}

func winoRowGo(tiles int, places WinoPlaces, a *WinoRow) {
	from, to := 0, 6
	switch places {
	case WinoNear:
		to = 3
	case WinoFar:
		from = 3
	}
	if a.Add == 0 {
		clear(a.M[16*tiles*from : 16*tiles*to])
	}
	for k := range 4 * a.Quads {
		w := a.W[144*k : 144*k+144]
		var u [6]lane16
		for lane := range 16 {
			var c [3]float32
			for x := range c {
				c[x] = winoWeights(w[16*x+lane], w[16*(3+x)+lane], w[16*(6+x)+lane])[a.Row]
			}
			for j, v := range winoWeights(c[0], c[1], c[2]) {
				u[j][lane] = v
			}
		}
		v := a.V[k/16*a.VBlock+k%16:]
		for j := from; j < to; j++ {
			for t := range tiles {
				x := v[16*(tiles*j+t)]
				m := lane16At(a.M, 16*(tiles*j+t))
				for lane, f := range u[j] {
					m[lane] += x * f
				}
			}
		}
	}
}

// winoWeights is G of F(4x4, 3x3) times a column of weights.
func winoWeights(x, y, z float32) [6]float32 {
	near, far := (x+z)*(-1./6), x*(1./24)+z*(1./6)
	return [6]float32{x * 0.25, near - y*(1./6), near + y*(1./6), far + y*(1./12), far - y*(1./12), z}
}
