package asm

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestByteFixed holds the loops of ByteFixed to integers: (sum*m + c) >> s, of sums that lie on the edges of the results too.
func TestByteFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	loops := map[string][2]func(*ByteFixed){"go": {ByteFixedGo, ByteFixedSumGo}}
	if HasAVX2() {
		loops["avx2"] = [2]func(*ByteFixed){ByteFixed2, ByteFixedSum2}
	}
	if HasByteTile512() {
		loops["avx512"] = [2]func(*ByteFixed){ByteFixed512, ByteFixedSum512}
	}
	for range 300 {
		pixels := 1 + r.IntN(9)
		var m, c, s [16]int64
		point := make([]float64, 48)
		for o := range m {
			s[o] = int64(1 + r.IntN(24))
			m[o] = 1<<30 + int64(r.Uint32()>>2)
			if r.IntN(3) == 0 {
				m[o] = 1 << 30
			}
			point[o] = math.Ldexp(float64(m[o]), int(-31-s[o]))
			point[16+o], point[32+o] = 0.5+math.Ldexp(1, int(-1-s[o])), 0.5-math.Ldexp(1, int(-1-s[o]))
			c[o] = 1 << (30 + s[o])
		}
		f := ByteFixed{Point: &point[0], Pixels: pixels, Zero: int32(r.IntN(256)), Lo: int32(r.IntN(20)), Hi: int32(200 + r.IntN(56))}
		sums := make([]int32, 16*pixels)
		a, b := randomBytes(r, 16*pixels), randomBytes(r, 16*pixels)
		f.Sums, f.A, f.B, f.TableA, f.TableB = &sums[0], &a[0], &b[0], new([256]int32), new([256]int32)
		for i := range 256 {
			f.TableA[i], f.TableB[i] = int32(r.IntN(1<<22)-1<<21), int32(r.IntN(1<<22)-1<<21)
		}
		wants := [2][]uint8{make([]uint8, len(sums)), make([]uint8, len(sums))}
		for i := range sums {
			o := i % 16
			// A sum next to where the result changes, whose product has all its bits.
			sums[i] = int32((int64(r.IntN(600)-300)<<(31+s[o])+1<<(30+s[o]))/m[o]) + int32(r.IntN(3)-1)
			for k, sum := range []int64{int64(sums[i]), int64(f.TableA[a[i]] + f.TableB[b[i]])} {
				extra := int64(1 << 30)
				if sum < 0 {
					extra = -extra
				}
				y := (sum*m[o]+c[o]+extra)>>(31+s[o]) + int64(f.Zero)
				wants[k][i] = uint8(min(max(y, int64(f.Lo)), int64(f.Hi)))
			}
		}
		for name, l := range loops {
			for k := range 2 {
				out := randomBytes(r, len(sums)+32)
				whole := bytes.Clone(out)
				f.Out = &out[16]
				l[k](&f)
				copy(whole[16:], wants[k])
				if !bytes.Equal(out, whole) {
					t.Fatalf("%s, loop %d: %v\nwant %v", name, k, out, whole)
				}
			}
		}
	}
}
