package asm

import "unsafe"

//go:generate go run -C _generate . -set wino -out ../wino_amd64.s -stubs ../wino_amd64.go -pkg asm -layout ../wino_layout_amd64.go

// WinoMap is a run of tiles of one block of 16 channels, side by side in a map, and their transforms. Winograd's minimal
// filtering F(m x m, 3x3) with m = 2 or 4, n = m+2 (Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, 2016):
//
//	for t := range Tiles {
//		// In: the tile's pixels x (n x n) become B' x B
//		for i, j := range n, n {
//			Mat[(i*n+j)*Plane + 16*t + lane] = (B' x B)[i][j], x[y][c] = Map[y*Row + t*Step + 16*c + lane]
//		}
//		// Out: the products p (n x n), the bias added to one of them, become A' p A
//		for y, c := range Rows, Cols {
//			Map[y*Row + t*Step + 16*c + lane] = min(max((A' p A)[y][c] + Bias[lane] + Res[y*ResRow + t*Step + 16*c + lane], Lo), Hi)
//		}
//	}
//
// Res may be nil, which stands for zeros. All distances count elements.
type WinoMap struct {
	Map        []float32
	Mat        []float32
	Res        []float32
	Bias       []float32
	Row, Step  int
	Plane      int
	ResRow     int
	Tiles      int
	Rows, Cols int // of a tile's outputs, that there are: 1 to m
	Lo, Hi     float32
}

// WinoMul multiplies transformed tiles with transformed weights, Count times:
//
//	for range Count {
//		for r := range rows {
//			for o := range width {
//				for k := range 4*Quads {
//					M[o/16*MBlock + 16*r + o%16] += V[k/16*VBlock + 16*r + k%16] * U[k*width+o]
//				}
//			}
//		}
//		V, U, M = V[VStep:], U[UStep:], M[MStep:]
//	}
//
// where M begins with zeros. All distances count elements. Meanwhile the weights from U[Ahead] on are fetched from
// memory, AheadStep of them for each four input channels of every product.
type WinoMul struct {
	V, U, M             []float32
	VBlock, Quads       int
	MBlock              int
	Count               int
	VStep, UStep, MStep int
	Ahead, AheadStep    int
}

// WinoRows and WinoWidth are the most tiles, and output channels, of one product.
func WinoRows(l ISA) int {
	if l == AVX2 {
		return 6
	}
	return 14
}

// WinoWidth is the number of output channels of a panel of weights; a last panel may have 16.
func WinoWidth(l ISA) int {
	if l == AVX512 {
		return 32
	}
	return 16
}

func (a *WinoMap) check(m, rows, cols int) {
	if a.Tiles < 1 || a.Row < 0 || a.Step < 0 || a.Plane < 0 || a.ResRow < 0 || rows < 1 || cols < 1 {
		panic("asm: no tiles")
	}
	last := (a.Tiles-1)*a.Step + 16*cols
	if (rows-1)*a.Row+last > len(a.Map) || ((m+2)*(m+2)-1)*a.Plane+16*a.Tiles > len(a.Mat) {
		panic("asm: tiles leave their arrays")
	}
	if a.Res != nil && (rows-1)*a.ResRow+last > len(a.Res) {
		panic("asm: tiles leave their residual")
	}
}

// WinoIn transforms input tiles for outputs of m x m.
//
//go:noinline
func WinoIn(l ISA, m int, a *WinoMap) {
	a.check(m, m+2, m+2)
	switch {
	case l == GoISA:
		winoInGo(m, a)
	default:
		winoInVector(l, m, a)
	}
}

// WinoOut transforms products into outputs of m x m.
//
//go:noinline
func WinoOut(l ISA, m int, a *WinoMap) {
	if a.Rows > m || a.Cols > m || len(a.Bias) < 16 {
		panic("asm: more rows than a tile has")
	}
	a.check(m, a.Rows, a.Cols)
	switch {
	case l == GoISA:
		winoOutGo(m, a)
	default:
		winoOutVector(l, m, a)
	}
}

// WinoProduct multiplies that many tiles with a panel of that width.
//
//go:noinline
func WinoProduct(l ISA, rows, width int, a *WinoMul) {
	n := a.Count - 1
	if n < 0 || a.Quads < 1 || rows < 1 || rows > WinoRows(l) || width%16 != 0 || width > WinoWidth(l) || min(a.VBlock, a.MBlock, a.VStep, a.UStep, a.MStep) < 0 {
		panic("asm: no product")
	}
	if n*a.VStep+(4*a.Quads-1)/16*a.VBlock+16*rows > len(a.V) || n*a.UStep+4*a.Quads*width > len(a.U) || n*a.MStep+(width/16-1)*a.MBlock+16*rows > len(a.M) {
		panic("asm: a product leaves its arrays")
	}
	switch {
	case l == GoISA:
		winoMulGo(rows, width, a)
	default:
		winoMulVector(l, rows, width, a)
	}
}

type lane16 = [16]float32

func lane16At(s []float32, i int) *lane16 { return (*lane16)(unsafe.Pointer(&s[i])) }

func winoInGo(m int, a *WinoMap) {
	n := m + 2
	var x, y [6][6]float32
	for t := range a.Tiles {
		for lane := range 16 {
			for r := range n {
				for c := range n {
					x[r][c] = a.Map[r*a.Row+t*a.Step+16*c+lane]
				}
			}
			for c := range n {
				var v [6]float32
				for r := range n {
					v[r] = x[r][c]
				}
				v = winoForward(m, v)
				for r := range n {
					y[r][c] = v[r]
				}
			}
			for r := range n {
				for c, v := range winoForward(m, y[r]) {
					if c < n {
						a.Mat[(r*n+c)*a.Plane+16*t+lane] = v
					}
				}
			}
		}
	}
}

// winoForward is B' x.
func winoForward(m int, x [6]float32) [6]float32 {
	if m == 2 {
		return [6]float32{x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]}
	}
	a, b, c, d := x[4]-4*x[2], x[3]-4*x[1], x[4]-x[2], 2*(x[3]-x[1])
	return [6]float32{4*x[0] - 5*x[2] + x[4], a + b, a - b, c + d, c - d, 4*x[1] - 5*x[3] + x[5]}
}

// winoBack is A' x.
func winoBack(m int, x [6]float32) [4]float32 {
	if m == 2 {
		return [4]float32{x[0] + x[1] + x[2], x[1] - x[2] - x[3]}
	}
	s, d, t, e := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
	return [4]float32{x[0] + s + t, d + 2*e, s + 4*t, d + 8*e + x[5]}
}

func winoOutGo(m int, a *WinoMap) {
	n := m + 2
	var y [4][6]float32
	for t := range a.Tiles {
		for lane := range 16 {
			for c := range n {
				var v [6]float32
				for r := range n {
					v[r] = a.Mat[(r*n+c)*a.Plane+16*t+lane]
				}
				if c == 1 {
					v[1] += a.Bias[lane]
				}
				for r, z := range winoBack(m, v) {
					y[r][c] = z
				}
			}
			for r := range a.Rows {
				v := winoBack(m, y[r])
				for c := range a.Cols {
					i := t*a.Step + 16*c + lane
					z := v[c]
					if a.Res != nil {
						z += a.Res[r*a.ResRow+i]
					}
					if z < a.Lo {
						z = a.Lo
					}
					if z > a.Hi {
						z = a.Hi
					}
					a.Map[r*a.Row+i] = z
				}
			}
		}
	}
}

func winoMulGo(rows, width int, a *WinoMul) {
	for n := range a.Count {
		v, u, m := a.V[n*a.VStep:], a.U[n*a.UStep:], a.M[n*a.MStep:]
		for r := range rows {
			for o := 0; o < width; o += 16 {
				var sum lane16
				for k := range 4 * a.Quads {
					x := v[k/16*a.VBlock+16*r+k%16]
					for j, w := range lane16At(u, k*width+o) {
						sum[j] += x * w
					}
				}
				*lane16At(m, o/16*a.MBlock+16*r) = sum
			}
		}
	}
}
