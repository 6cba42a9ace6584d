package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteSums begins the sums of a quantised tile with the bias, and other sets of them with zero: few accumulators would wait
// for each other, so they take turns.
func byteSums(at func(name string) Mem, pixels, vectors, sets int) [][][]reg.VecVirtual {
	acc := make([][][]reg.VecVirtual, sets)
	b := GP64()
	MOVQ(at("Bias"), b)
	for s := range acc {
		acc[s] = make([][]reg.VecVirtual, pixels)
		for i := range acc[s] {
			for j := range vectors {
				a := ZMM()
				acc[s][i] = append(acc[s][i], a)
				switch {
				case s > 0:
					VPXORD(a, a, a)
				case i == 0:
					VMOVDQU32(mem(b, 64*j), a)
				default:
					VMOVDQA32(acc[0][0][j], a)
				}
			}
		}
	}
	return acc
}

// byteSets is how many sets of sums a tile has.
func byteSets(pixels, vectors int) int {
	sets := 1
	for sets < 4 && pixels*vectors*sets < 10 {
		sets *= 2
	}
	return sets
}

// byteJoin adds all sets of sums to the first.
func byteJoin(acc [][][]reg.VecVirtual) {
	for _, set := range acc[1:] {
		for i := range set {
			for j := range set[i] {
				VPADDD(set[i][j], acc[0][i][j], acc[0][i][j])
			}
		}
	}
}

// byteSums256 is byteSums for one block of output channels in two registers.
func byteSums256(at func(name string) Mem, pixels int) [][]reg.VecVirtual {
	acc := make([][]reg.VecVirtual, pixels)
	b := GP64()
	MOVQ(at("Bias"), b)
	for i := range acc {
		for j := range 2 {
			a := YMM()
			acc[i] = append(acc[i], a)
			if i == 0 {
				VMOVDQU(mem(b, 32*j), a)
			} else {
				VMOVDQA(acc[0][j], a)
			}
		}
	}
	return acc
}

// byteEven is a mask of the even bytes.
func byteEven() reg.VecVirtual {
	even := YMM()
	VPCMPEQW(even, even, even)
	VPSRLW(U8(8), even, even)
	return even
}
