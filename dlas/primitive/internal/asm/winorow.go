package asm

// WinoPlaces are places of a row of F(4x4, 3x3)'s tiles that a loop multiplies together.
type WinoPlaces int

const (
	WinoAll  WinoPlaces = iota // 0 to 5, of few tiles
	WinoNear                   // 0, 1, 2, of more
	WinoFar                    // 3, 4, 5, of more
)

// WinoColumns makes a row of G w for 16 output channels, the first half of the transform G w G' of F(4x4, 3x3)'s weights,
// without the row's factor. Rows 0 and 5 are rows of w themselves; with Mid and Far 1 and 1, -1 and 1, 2 and 4, -2 and 4
// these are rows 1 to 4.
//
//	for k := range 4*Quads, x := range 3 {
//		w[y] = W[(9*k+3*y+x)*16 + lane]
//		To[(3*k+x)*16 + lane] = w[0] + Mid*w[1] + Far*w[2]
//	}
type WinoColumns struct {
	W, To    []float32
	Quads    int
	Mid, Far float32
}

// WinoRow multiplies the places of row Row of transformed tiles of F(4x4, 3x3) with that row of 16 output channels' weights,
// which it transforms on the way: 9 numbers of them come from memory instead of 36. g is G without its factors.
//
//	for k := range 4*Quads {
//		if places are WinoAll {
//			w[y][x] = W[(9*k+3*y+x)*16 + lane]
//			c = (g w)[Row]
//		} else { // of more tiles, which share the columns that WinoColumns has made
//			c[x] = W[k*WStep + 16*x + lane]
//		}
//		for j := range places, t := range tiles {
//			M[(tiles*j+t)*16 + lane] += V[k/16*VBlock + (tiles*j+t)*16 + k%16] * (g c)[j]
//		}
//	}
//	M *= the factors of row Row and of row j of G
//
// where M begins with zeros, unless Add is 1 and a call before had More for its 1, which left the factors out: then the
// products of more input channels are added. All distances count elements. Meanwhile weights are fetched from memory, for
// every two input channels the lines of Next[i*NextGap] for i < 3 (2 where places are fewer), after which Next is NextStep
// further.
type WinoRow struct {
	V, W, M, Next        []float32
	VBlock, WStep, Quads int
	Row                  int
	NextStep, NextGap    int
	Add, More            int
}

// WinoRowTiles is the most tiles of a WinoRow with all places; with half of them it takes from one more to twice as many.
func WinoRowTiles(l ISA) int {
	if l == AVX2 {
		return 2
	}
	return 4
}

// WinoRowColumns makes a row of G w.
//
//go:noinline
func WinoRowColumns(l ISA, a *WinoColumns) {
	if a.Quads < 1 || 4*a.Quads*9*16 > len(a.W) || 4*a.Quads*3*16 > len(a.To) {
		panic("asm: columns leave their arrays")
	}
	if l == GoISA {
		winoColumnsGo(a)
		return
	}
	winoColumnsVector(l, a)
}

// WinoRowProduct multiplies that many tiles.
//
//go:noinline
func WinoRowProduct(l ISA, tiles int, places WinoPlaces, a *WinoRow) {
	most := WinoRowTiles(l)
	switch {
	case a.Quads < 1 || a.Row < 0 || a.Row > 5 || tiles < 1 || min(a.VBlock, a.WStep) < 0 || places < WinoAll || places > WinoFar:
		panic("asm: no product")
	case places == WinoAll && tiles > most, places != WinoAll && (tiles <= most || tiles > 2*most):
		panic("asm: no loop for as many tiles")
	case (4*a.Quads-1)/16*a.VBlock+6*16*tiles > len(a.V) || 6*16*tiles > len(a.M):
		panic("asm: a product leaves its arrays")
	case places == WinoAll && 4*a.Quads*9*16 > len(a.W), places != WinoAll && (4*a.Quads-1)*a.WStep+3*16 > len(a.W):
		panic("asm: a product leaves its arrays")
	}
	if l == GoISA {
		winoRowGo(tiles, places, a)
		return
	}
	winoRowVector(l, tiles, places, a)
}

func winoColumnsGo(a *WinoColumns) {
	for i := range 4 * a.Quads * 3 {
		w, to := a.W[(i/3*9+i%3)*16:], lane16At(a.To, 16*i)
		for lane := range to {
			to[lane] = w[lane] + a.Mid*w[48+lane] + a.Far*w[96+lane]
		}
	}
}

// winoFactors are those of the rows of G.
var winoFactors = [6]float32{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}

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
	var u [6]lane16
	for k := range 4 * a.Quads {
		for lane := range 16 {
			var x, y, z float32
			if places == WinoAll {
				w := a.W[144*k+lane:]
				x, y, z = winoWeights(w[0], w[48], w[96])[a.Row], winoWeights(w[16], w[64], w[112])[a.Row], winoWeights(w[32], w[80], w[128])[a.Row]
			} else {
				w := a.W[k*a.WStep+lane:]
				x, y, z = w[0], w[16], w[32]
			}
			for j, v := range winoWeights(x, y, z) {
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
	if a.More != 0 {
		return
	}
	for i := 16 * tiles * from; i < 16*tiles*to; i++ {
		a.M[i] *= winoFactors[a.Row] * winoFactors[i/(16*tiles)]
	}
}

// winoWeights is g times a column of weights.
func winoWeights(x, y, z float32) [6]float32 {
	return [6]float32{x, x + z + y, x + z - y, x + 4*z + 2*y, x + 4*z - 2*y, z}
}
