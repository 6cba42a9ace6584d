package asm

import "unsafe"

//go:generate go run -C _generate . -set strassen -out ../strassen_amd64.s -stubs ../strassen_amd64.go -pkg asm -layout ../strassen_layout_amd64.go

// Seven is a product of matrices cut into quarters, pixels A times weights B, by seven products of quarters instead of
// eight: `rows` pixels of each half of the pixels times `blocks` blocks of 16 channels of each half of the output
// channels. The quarters of a matrix are 11, 12, 21 and 22; with S and T, which SevenSums and SevenWeights make of A and B,
//
//	P1 = A11 B11   P2 = A12 B21   P6 = S2 T2   P7 = S3 T3   P4 = A22 T4   P5 = S1 T1   P3 = S4 B22
//	C11 = P1 + P2
//	C12 = P1 + P6 + P5 + P3
//	C21 = P1 + P6 + P7 - P4
//	C22 = P1 + P6 + P7 + P5
//
// which are made in this order, so that of the sums only P1, then P1 + P6, and P1 + P6 + P7 leave the registers, for Keep.
// In is where the first pixel of each product's left side lies, InBlock the bytes from one of its Blocks of 16 channels to
// the next, and Second the bytes from its first pixel to the first of the second stretch: the first (rows+1)/2 pixels are
// neighbours, and so are the others. In[7] is what the call that follows reads first. W has the right sides one after
// the other, with -T4 for T4, each in the order of Tile. To and ResAt are the bytes from the first pixel of a quarter of the
// output, or of the residual, to each of its pixels; OutBlock and ResBlock those from block to block. Then
//
//	C = min(max(C + Bias + Res, Lo), Hi)
//
// where Bias is Bias[0] for the quarters 11 and 21, and the sum of both for 12 and 22. Res is nil throughout where there is none. Keep is room
// for SevenKeep bytes. Ahead, Next and NextStep are those of Tile.
//
// Source: Strassen, Gaussian elimination is not optimal, 1969; the sums are Winograd's (Knuth, The Art of Computer
// Programming, vol. 2, 4.6.4).
type Seven struct {
	W               unsafe.Pointer
	In              [8]*float32
	Second, InBlock [7]int
	Blocks          int
	Bias            [2]*float32
	Out, Res        [4]*float32
	To, ResAt       [14]int

	OutBlock, ResBlock int

	Keep     *float32
	Ahead    int
	Next     unsafe.Pointer
	NextStep int

	// What the call that follows reads and writes first, to be fetched during this one: four pixels for each product, from
	// FarBlock to FarBlock and FarHalf behind that, and from OutBlock to OutBlock and FarOutHalf behind that.
	Far        [7]*float32
	FarBlock   int
	FarHalf    int
	FarOut     [7]*float32
	FarOutHalf int

	Lo, Hi float32
}

// SevenKeep is the bytes that Seven keeps sums in.
const SevenKeep = 2 * 14 * 2 * Block * 4

// SevenSums makes the left sides S2, S3, S1 and S4 (Out, in this order) of the quarters 11, 12, 21 and 22 (In) of a number
// of pixels that are neighbours:
//
//	S1 = A21 + A22   S2 = S1 - A11   S3 = A11 - A21   S4 = A12 - S2
//
// InBlock and OutBlock are the bytes from a block of 16 channels to the next.
type SevenSums struct {
	In, Out           [4]*float32
	Pixels, Blocks    int
	InBlock, OutBlock int
}

// SevenWeights makes the right sides of n numbers of each quarter of B, step apart, in the order of Seven, plane apart:
//
//	B11   B21   T2 = B22 - T1   T3 = B22 - B12   -T4 = B21 - T2   T1 = B12 - B11   B22
func SevenWeights(to []float32, plane, step, n int, b11, b21, b12, b22 []float32) {
	b11, b21, b12, b22 = b11[:n], b21[:n], b12[:n], b22[:n]
	p1, p2, p3, p4, p5, p6 := to[plane:], to[2*plane:], to[3*plane:], to[4*plane:], to[5*plane:], to[6*plane:]
	for k := range n {
		t1 := float64(b12[k]) - float64(b11[k])
		t2 := float64(b22[k]) - t1
		i := k * step
		to[i], p1[i], p2[i] = b11[k], b21[k], float32(t2)
		p3[i], p4[i], p5[i], p6[i] = b22[k]-b12[k], float32(float64(b21[k])-t2), float32(t1), b22[k]
	}
}

// SevenGo is the loop of Seven in Go.
func SevenGo(t *Seven, rows, blocks int) {
	half := (rows + 1) / 2
	for r := range rows {
		for v := range 2 * blocks {
			var p [7][8]float32
			off := v * 32
			for i := range p {
				at := r * Block * 4
				if r >= half {
					at = t.Second[i] + (r-half)*Block*4
				}
				for b := range t.Blocks {
					in := (*[Block]float32)(unsafe.Add(unsafe.Pointer(t.In[i]), at+b*t.InBlock[i]))
					dotFloats(&p[i], in[:], t.W, off, blocks*Block*4)
					off += Block * blocks * Block * 4
				}
			}
			for j := range 8 {
				u2 := p[0][j] + p[2][j]
				u3 := u2 + p[3][j]
				for q, c := range [4]float32{p[0][j] + p[1][j], u2 + p[5][j] + p[6][j], u3 + p[4][j], u3 + p[5][j]} {
					c += *number(t.Bias[0], v*32+j*4)
					if q%2 == 1 {
						c += *number(t.Bias[1], v*32+j*4)
					}
					if t.Res[q] != nil {
						c += *number(t.Res[q], t.ResAt[r]+v/2*t.ResBlock+v%2*32+j*4)
					}
					if c < t.Lo {
						c = t.Lo
					}
					if c > t.Hi {
						c = t.Hi
					}
					*number(t.Out[q], t.To[r]+v/2*t.OutBlock+v%2*32+j*4) = c
				}
			}
		}
	}
}

func number(p *float32, bytes int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// SevenSumsGo is the loop of SevenSums in Go.
func SevenSumsGo(t *SevenSums) {
	for b := range t.Blocks {
		for i := range t.Pixels * Block {
			in := func(k int) float32 { return *number(t.In[k], b*t.InBlock+4*i) }
			s1 := in(2) + in(3)
			s2 := s1 - in(0)
			for k, s := range [4]float32{s2, in(0) - in(2), s1, in(1) - s2} {
				*number(t.Out[k], b*t.OutBlock+4*i) = s
			}
		}
	}
}

// HasSeven reports whether there are loops for tiles of that many rows.
func HasSeven(rows int) bool {
	switch rows {
	case 7, 8, 10, 12, 14:
		return true
	}
	return false
}
