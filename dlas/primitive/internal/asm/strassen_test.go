package asm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestSeven compares the seven products, their sums and their weights with the product that they stand for, on pixels in
// two stretches, with sentinels wherever nothing may be written.
func TestSeven(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	type loop struct {
		name  string
		seven func(*Seven, int, int)
		sums  func(*SevenSums)
	}
	loops := []loop{{"go", SevenGo, SevenSumsGo}}
	if HasAVX512() {
		loops = append(loops, loop{"avx512", Seven512, SevenSums512})
	}
	const line, blocks = 40 * Block, 3 // numbers of a row of the map; blocks of half the depth
	for _, l := range loops {
		for rows := range 15 {
			if !HasSeven(rows) {
				continue
			}
			for width := 1; width <= 2; width++ {
				for _, residual := range []bool{false, true} {
					sevenCase(t, r, l.name, l.seven, l.sums, rows, width, blocks, line, residual)
				}
			}
		}
	}
}

func sevenCase(t *testing.T, r *rand.Rand, name string, seven func(*Seven, int, int), sums func(*SevenSums), rows, width, blocks, line int, residual bool) {
	half, depth, m := (rows+1)/2, blocks*Block, width*Block
	plane := 4 * line
	in, w, bias := random(r, 2*blocks*plane), random(r, 4*depth*m), random(r, 2*m)
	out := slices.Repeat([]float32{99}, 2*width*plane)
	res := random(r, len(out))
	// Pixel p of half h: two stretches, on rows of the map of their own.
	pixel := func(h, p int) int { return (2*h+p/half)*line + p%half*Block + 3*Block }
	weight := func(k, j int) float32 { return w[j*2*depth+k] } // output channel by output channel
	packed := make([]float32, 7*depth*m)
	for j := range m {
		one, two := w[j*2*depth:], w[(m+j)*2*depth:]
		SevenWeights(packed[j:], depth*m, m, depth, one, one[depth:], two, two[depth:])
	}
	left := make([]float32, 4*blocks*rows*Block)
	const b = 4
	s := Seven{W: unsafe.Pointer(&packed[0]), Blocks: blocks, OutBlock: plane * b, ResBlock: plane * b, Lo: -9, Hi: 11, Next: unsafe.Pointer(&packed[0])}
	corner := func(v []float32, h, c, each int) *float32 { return &v[pixel(h, 0)+c*each*plane] }
	for k := range 2 {
		sum := SevenSums{Pixels: half, Blocks: blocks, InBlock: plane * b, OutBlock: rows * Block * b}
		if k == 1 {
			sum.Pixels = rows - half
		}
		for q := range 4 {
			sum.In[q] = &in[pixel(q/2, k*half)+q%2*blocks*plane]
			sum.Out[q] = &left[(q*blocks*rows+k*half)*Block]
		}
		sums(&sum)
	}
	for i := range 7 {
		s.Second[i], s.InBlock[i] = half*Block*b, rows*Block*b
	}
	for _, i := range []int{0, 1, 4} {
		s.Second[i], s.InBlock[i] = line*b, plane*b
	}
	sumAt := func(i int) *float32 { return &left[i*blocks*rows*Block] }
	s.In = [8]*float32{corner(in, 0, 0, blocks), corner(in, 0, 1, blocks), sumAt(0), sumAt(1), corner(in, 1, 1, blocks), sumAt(2), sumAt(3), &in[0]}
	keep, far := make([]float32, SevenKeep/4), &in[0]
	s.Keep = &keep[0]
	for i := range s.Far {
		s.Far[i], s.FarOut[i] = far, far
	}
	both := slices.Clone(bias)
	for j := range m {
		both[m+j] -= bias[j]
	}
	s.Bias = [2]*float32{&both[0], &both[m]}
	for q := range 4 {
		s.Out[q] = corner(out, q/2, q%2, width)
		if residual {
			s.Res[q] = corner(res, q/2, q%2, width)
		}
	}
	for p := range rows {
		s.To[p] = (pixel(0, p) - pixel(0, 0)) * b
		s.ResAt[p] = s.To[p]
	}
	want := make([]float64, len(out))
	for i := range want {
		want[i] = 99
	}
	for h := range 2 {
		for p := range rows {
			for j := range 2 * m {
				at := pixel(h, p) + j/Block*plane + j%Block
				sum := float64(bias[j])
				if residual {
					sum += float64(res[at])
				}
				for k := range 2 * depth {
					sum += float64(in[pixel(h, p)+k/Block*plane+k%Block]) * float64(weight(k, j))
				}
				want[at] = min(max(sum, -9), 11)
			}
		}
	}
	seven(&s, rows, width)
	for i, x := range out {
		if !(math.Abs(float64(x)-want[i]) <= 1e-4*11) || want[i] == 99 && x != 99 {
			t.Fatalf("%s, %d rows, %d blocks, residual %v: number %d is %g, want %g", name, rows, width, residual, i, x, want[i])
		}
	}
}
