package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var _ = add("int8_256", func() {
	byteOrder2()
	for _, groups := range []int{4, 1} {
		for pixels := 1; pixels <= 6; pixels++ {
			byteTile256(pixels, groups, true)
		}
		for pixels := 1; pixels <= 4; pixels++ {
			byteTile256(pixels, groups, false)
		}
	}
	byteWindow256()
	byteMax256()
	bytePlanes256()
	byteFixed256("byteFixed2", false)
	byteFixed256("byteFixedSum2", true)
})

// order2 gathers what two packs leave of two pixels.
var order2 Mem

func byteOrder2() {
	order2 = GLOBL("byteOrder2", RODATA|NOPTR)
	for i, d := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(d))
	}
}

// byteTile256 is the tile of that many pixels and 16 output channels. With vnni it multiplies bytes (AVX-VNNI), else the
// even and the odd bytes as 16-bit numbers, which nothing can overflow; its weights are such numbers then, (0, 2) of the
// 16 channels of a group first, then (1, 3).
func byteTile256(pixels, groups int, vnni bool) {
	name := fmt.Sprintf("bytePair%dx%d", pixels, groups)
	if vnni {
		name = fmt.Sprintf("byteVNNI%dx%d", pixels, groups)
	}
	TEXT(name, NOSPLIT, "func(t *ByteTile)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of ByteTile for %d pixels, one block of output channels, %d groups a tap, without table.", name, pixels, groups))
	p := Load(Param("t"), GP64())
	at := func(name string) Mem { return mem(p, offset(byteTile, name)) }
	acc := byteSums256(at, pixels)
	step, step3 := GP64(), GP64()
	MOVQ(at("Pixel"), step)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	w, block, blocks, passes := GP64(), GP64(), GP64(), GP64()
	MOVQ(at("W"), w)
	MOVQ(at("Passes"), passes)
	var even reg.VecVirtual
	if !vnni {
		even = byteEven()
	}
	Label("pass")
	MOVQ(at("In"), block)
	MOVQ(at("Blocks"), blocks)
	Label("block")
	row, kh := GP64(), GP64()
	MOVQ(block, row)
	MOVQ(at("KH"), kh)
	Label("row")
	kw := GP64()
	MOVQ(at("KW"), kw)
	base := []reg.GPVirtual{GP64()}
	MOVQ(row, base[0])
	if pixels > 4 {
		base = append(base, GP64())
		LEAQ(Mem{Base: base[0], Index: step, Scale: 4}, base[1])
	}
	place := func(i, group int) Mem {
		m := mem(base[i/4], 4*group)
		switch i % 4 {
		case 1:
			m.Index, m.Scale = step, 1
		case 2:
			m.Index, m.Scale = step, 2
		case 3:
			m.Index, m.Scale = step3, 1
		}
		return m
	}
	size := 128
	if vnni {
		size = 64
	}
	Label("tap")
	for g := range groups {
		PREFETCHT0(mem(w, size*g+weightsAhead))
		if vnni {
			weights := []reg.VecVirtual{YMM(), YMM()}
			for j := range weights {
				VMOVDQU(mem(w, size*g+32*j), weights[j])
			}
			for i := range pixels {
				x := YMM()
				VPBROADCASTD(place(i, g), x)
				for j := range weights {
					VPDPBUSD(weights[j], x, acc[i][j])
				}
			}
			continue
		}
		PREFETCHT0(mem(w, size*g+weightsAhead+64))
		for i := range pixels {
			x, odd := YMM(), YMM()
			VPBROADCASTD(place(i, g), x)
			VPSRLW(U8(8), x, odd)
			VPAND(even, x, x)
			for j := range 2 {
				t := YMM()
				VPMADDWD(mem(w, size*g+32*j), x, t)
				VPADDD(t, acc[i][j], acc[i][j])
				u := YMM()
				VPMADDWD(mem(w, size*g+64+32*j), odd, u)
				VPADDD(u, acc[i][j], acc[i][j])
			}
		}
	}
	ADDQ(U32(uint32(size*groups)), w)
	for _, q := range base {
		ADDQ(at("TapStep"), q)
	}
	DECQ(kw)
	JNZ(LabelRef("tap"))
	ADDQ(at("RowStep"), row)
	DECQ(kh)
	JNZ(LabelRef("row"))
	ADDQ(at("BlockStep"), block)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	DECQ(passes)
	JNZ(LabelRef("pass"))
	sums := GP64()
	MOVQ(at("Sums"), sums)
	TESTQ(sums, sums)
	JZ(LabelRef("finish"))
	for i := range acc {
		for j := range 2 {
			VMOVDQU(acc[i][j], mem(sums, 64*i+32*j))
		}
	}
	VZEROUPPER()
	RET()
	Label("finish")
	byteFinish256(at, acc)
	VZEROUPPER()
	RET()
}

// byteFinish256 is byteFinish for acc[pixel] of two registers, without table.
func byteFinish256(at func(string) Mem, acc [][]reg.VecVirtual) {
	pixels := len(acc)
	scale := GP64()
	MOVQ(at("Scale"), scale)
	for i := range acc {
		for j := range 2 {
			VCVTDQ2PS(acc[i][j], acc[i][j])
			VMULPS(mem(scale, 32*j), acc[i][j], acc[i][j])
		}
	}
	res := GP64()
	MOVQ(at("Res"), res)
	TESTQ(res, res)
	JZ(LabelRef("pack"))
	residuals := func(f func(a, r, c reg.VecVirtual)) {
		for i := range acc {
			for j := range 2 {
				a, r, c := acc[i][j], YMM(), YMM()
				VBROADCASTSS(at("Least"), c)
				VMAXPS(c, a, a)
				VBROADCASTSS(at("Most"), c)
				VMINPS(c, a, a)
				VBROADCASTSS(at("Rounder"), c)
				VADDPS(c, a, a)
				VBROADCASTSS(at("Unrounder"), c)
				VSUBPS(c, a, a)
				VPMOVZXBD(mem(res, 16*i+8*j), r)
				VCVTDQ2PS(r, r)
				f(a, r, c)
			}
		}
	}
	fixed := YMM()
	VBROADCASTSS(at("Fixed"), fixed)
	CMPL(at("ResFirst"), U8(0))
	JNE(LabelRef("first"))
	residuals(func(a, r, c reg.VecVirtual) {
		VBROADCASTSS(at("Other"), c)
		VFMADD213PS(fixed, c, r)
		VBROADCASTSS(at("Own"), c)
		VFMADD132PS(c, r, a)
	})
	JMP(LabelRef("pack"))
	Label("first")
	residuals(func(a, r, c reg.VecVirtual) {
		VBROADCASTSS(at("Own"), c)
		VFMADD213PS(fixed, c, a)
		VBROADCASTSS(at("Other"), c)
		VFMADD231PS(c, r, a)
	})
	Label("pack")
	for i := range acc {
		for j := range 2 {
			VCVTPS2DQ(acc[i][j], acc[i][j])
		}
		VPACKSSDW(acc[i][1], acc[i][0], acc[i][0])
	}
	zero := YMM()
	VPBROADCASTW(at("Zero"), zero)
	for i := range acc {
		VPADDSW(zero, acc[i][0], acc[i][0])
	}
	lo, hi, order := YMM(), YMM(), YMM()
	VPBROADCASTB(at("Lo"), lo)
	VPBROADCASTB(at("Hi"), hi)
	VMOVDQU(order2, order)
	out := GP64()
	MOVQ(at("Out"), out)
	for i := 0; i < pixels; i += 2 {
		v := acc[i][0]
		VPACKUSWB(acc[min(i+1, pixels-1)][0], v, v)
		VPERMD(v, order, v)
		VPMAXUB(lo, v, v)
		VPMINUB(hi, v, v)
		if i+1 < pixels {
			VMOVDQU(v, mem(out, 16*i))
		} else {
			VMOVDQU(v.AsX(), mem(out, 16*i))
		}
	}
}

var dotLine = regexp.MustCompile(`(?m)^\tVPDP(BUSD|WSSD) +Y(\d+), Y(\d+), Y(\d+)$`)

// encodeDots writes the VPDPBUSD and VPDPWSSD of a file in their VEX form, byte by byte: the assembler knows the one with EVEX alone,
// which processors with AVX-VNNI and without AVX-512 lack.
func encodeDots(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text = dotLine.ReplaceAllFunc(text, func(line []byte) []byte {
		m := dotLine.FindSubmatch(line)
		var r [3]int
		for i := range r {
			r[i], err = strconv.Atoi(string(m[i+2]))
			if err != nil || r[i] > 15 {
				panic("a register that VEX cannot name: " + string(line))
			}
		}
		rm, second, dst := r[0], r[1], r[2]
		b := []int{0xc4, (^dst>>3&1)<<7 | 1<<6 | (^rm>>3&1)<<5 | 2, (^second&15)<<3 | 1<<2 | 1, map[string]int{"BUSD": 0x50, "WSSD": 0x52}[string(m[1])], 0xc0 | dst&7<<3 | rm&7}
		s := "\t// " + string(line[1:]) + "\n\t"
		for i, v := range b {
			if i > 0 {
				s += "; "
			}
			s += fmt.Sprintf("BYTE $0x%02x", v)
		}
		return []byte(s)
	})
	return os.WriteFile(file, text, 0o644)
}
