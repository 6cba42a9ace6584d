package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteTile is asm.ByteTile.
var byteTile = []field{
	{"In", word},
	{"W", word},
	{"Bias", word},
	{"Scale", word},
	{"Out", word},
	{"Res", word},
	{"Table", word},
	{"Sums", word},
	{"Passes", word},
	{"Blocks", word},
	{"BlockStep", word},
	{"KH", word},
	{"RowStep", word},
	{"KW", word},
	{"TapStep", word},
	{"Pixel", word},
	{"In2", word},
	{"Out2", word},
	{"Res2", word},
	{"OutStep", word},
	{"ResStep", word},
	{"Off", word},
	{"Depth", word},
	{"Zero", float},
	{"Lo", float},
	{"Hi", float},
	{"Least", float},
	{"Most", float},
	{"Rounder", float},
	{"Unrounder", float},
	{"Own", float},
	{"Other", float},
	{"Fixed", float},
	{"ResFirst", float},
}

var _ = add("int8", int8Set,
	record{"ByteTile", byteTile, false}, record{"ByteWindow", byteWindow, false}, record{"ByteRun", byteRun, false}, record{"ByteFixed", byteFixed, false})

// weightsAhead is how far before their use weights are fetched, in bytes: a tile takes 10 cycles and more for 64 of them,
// and they come from beyond the second-level cache once a run.
const weightsAhead = 4096

// Pixels from half of a tile on lie In2 bytes (Out2, Res2) behind the first.
const (
	mostPixels = 14
	halfTile   = 7
)

func int8Set() {
	byteOrder()
	for _, groups := range []int{4, 1} {
		for _, vectors := range []int{2, 1} {
			for pixels := 1; pixels <= mostPixels; pixels++ {
				byteTile512(pixels, vectors, groups, halfTile)
			}
			for half := 1; half < halfTile; half++ {
				byteTile512(2*half, vectors, groups, half)
			}
		}
	}
	byteWindows()
	byteRuns()
	byteFixed512("byteFixed512", false)
	byteFixed512("byteFixedSum512", true)
}

// order4 gathers what two packs leave of four pixels: dword 4*lane+pixel goes to 4*pixel+lane.
var order4 Mem

// taps4 gathers the bytes of four pixels by channel: byte 16*pixel+channel goes to 4*channel+pixel.
var taps4 Mem

func byteOrder() {
	order4 = GLOBL("byteOrder", RODATA|NOPTR)
	for p := range 4 {
		for l := range 4 {
			DATA(4*(4*p+l), U32(uint32(4*l+p)))
		}
	}
	taps4 = GLOBL("byteTaps", RODATA|NOPTR)
	for c := range 16 {
		for p := range 4 {
			DATA(4*c+p, U8(uint8(16*p+c)))
		}
	}
}

// byteTile512 is the tile of that many pixels and vectors of 16 output channels; a position of the window holds groups
// of 4 input channels.
func byteTile512(pixels, vectors, groups, half int) {
	name := fmt.Sprintf("byteTile%dx%dx%d", pixels, vectors, groups)
	if half < halfTile {
		name = fmt.Sprintf("byteTile%dand%dx%dx%d", half, half, vectors, groups)
	}
	TEXT(name, NOSPLIT, "func(t *ByteTile)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of ByteTile for %d pixels, half %d, %d blocks of output channels, %d groups a tap.", name, pixels, half, vectors, groups))
	p := Load(Param("t"), GP64())
	at := func(name string) Mem { return mem(p, offset(byteTile, name)) }
	sets := 1
	if groups > 1 {
		sets = byteSets(pixels, vectors)
	}
	acc := byteSums(at, pixels, vectors, sets)
	step, step3 := GP64(), GP64()
	MOVQ(at("Pixel"), step)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	w, block, blocks := GP64(), GP64(), GP64()
	MOVQ(at("W"), w)
	passes := GP64()
	MOVQ(at("Passes"), passes)
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
	more := func(from reg.Register, scale uint8) {
		q := GP64()
		LEAQ(Mem{Base: from, Index: step, Scale: scale}, q)
		base = append(base, q)
	}
	if pixels > 4 {
		more(base[0], 4)
	}
	second := 0
	if pixels > half {
		second = len(base)
		q := GP64()
		MOVQ(row, q)
		ADDQ(at("In2"), q)
		base = append(base, q)
		if pixels > half+4 {
			more(q, 4)
		}
	}
	place := func(i, group int) Mem {
		n := 0
		if i >= half {
			n, i = second, i-half
		}
		if i >= 4 {
			n, i = n+1, i-4
		}
		m := mem(base[n], 4*group)
		switch i {
		case 1:
			m.Index, m.Scale = step, 1
		case 2:
			m.Index, m.Scale = step, 2
		case 3:
			m.Index, m.Scale = step3, 1
		}
		return m
	}
	Label("tap")
	for g := range groups {
		weights := make([]reg.VecVirtual, vectors)
		for j := range weights {
			weights[j] = ZMM()
			VMOVDQU32(mem(w, 64*(g*vectors+j)), weights[j])
			PREFETCHT0(mem(w, 64*(g*vectors+j)+weightsAhead))
		}
		for i := range pixels {
			x := ZMM()
			VPBROADCASTD(place(i, g), x)
			for j := range weights {
				VPDPBUSD(weights[j], x, acc[g%sets][i][j])
			}
		}
	}
	ADDQ(U32(uint32(64*groups*vectors)), w)
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
	byteJoin(acc)
	sums := GP64()
	MOVQ(at("Sums"), sums)
	TESTQ(sums, sums)
	JZ(LabelRef("finish"))
	for i := range pixels {
		for j := range vectors {
			VMOVDQU32(acc[0][i][j], mem(sums, 64*(j*pixels+i)))
		}
	}
	VZEROUPPER()
	RET()
	Label("finish")
	byteFinish(at, acc[0], vectors, half)
	VZEROUPPER()
	RET()
}

// byteFinish scales, rounds, adds the residual where there is one, packs, clamps, looks up and stores acc[pixel][vector].
func byteFinish(at func(string) Mem, acc [][]reg.VecVirtual, vectors, half int) {
	pixels := len(acc)
	scale := GP64()
	MOVQ(at("Scale"), scale)
	for j := range vectors {
		for i := range acc {
			VCVTDQ2PS(acc[i][j], acc[i][j])
			VMULPS(mem(scale, 64*j), acc[i][j], acc[i][j])
		}
	}
	res := GP64()
	MOVQ(at("Res"), res)
	TESTQ(res, res)
	JZ(LabelRef("pack"))
	own, other := ZMM(), ZMM()
	VBROADCASTSS(at("Own"), own)
	VBROADCASTSS(at("Other"), other)
	// The residual's pixels in turn; after the last of a vector res is at the next one's.
	residuals := func(f func(a, r reg.VecVirtual)) {
		for j := range vectors {
			q := GP64()
			MOVQ(res, q)
			for i := range acc {
				if i == half {
					MOVQ(res, q)
					ADDQ(at("Res2"), q)
				}
				a, r := acc[i][j], ZMM()
				VMAXPS_BCST(at("Least"), a, a)
				VMINPS_BCST(at("Most"), a, a)
				VADDPS_BCST(at("Rounder"), a, a)
				VSUBPS_BCST(at("Unrounder"), a, a)
				VPMOVZXBD(mem(q, 16*(i%half)), r)
				VCVTDQ2PS(r, r)
				f(a, r)
			}
			if j != vectors-1 {
				ADDQ(at("ResStep"), res)
			}
		}
	}
	CMPL(at("ResFirst"), U8(0))
	JNE(LabelRef("first"))
	residuals(func(a, r reg.VecVirtual) {
		VFMADD213PS_BCST(at("Fixed"), other, r)
		VFMADD132PS(own, r, a)
	})
	JMP(LabelRef("pack"))
	Label("first")
	residuals(func(a, r reg.VecVirtual) {
		VFMADD213PS_BCST(at("Fixed"), own, a)
		VFMADD231PS(other, r, a)
	})
	Label("pack")
	zero, lo, hi, order := ZMM(), ZMM(), ZMM(), ZMM()
	type run struct {
		v           reg.VecVirtual
		first, many int
		vector      int
	}
	var runs []run
	for j := range vectors {
		for first := 0; first < pixels; {
			end := min(pixels, first+4)
			if first < half {
				end = min(end, half)
			}
			for i := first; i < end; i++ {
				VCVTPS2DQ(acc[i][j], acc[i][j])
			}
			runs = append(runs, run{acc[first][j], first, end - first, j})
			first = end
		}
	}
	VPBROADCASTW(at("Zero"), zero)
	VPBROADCASTB(at("Lo"), lo)
	VPBROADCASTB(at("Hi"), hi)
	VMOVDQU32(order4, order)
	for _, r := range runs {
		v := r.v
		other := func(i int) reg.VecVirtual { return acc[min(r.first+i, r.first+r.many-1)][r.vector] }
		if r.many > 2 {
			VPACKSSDW(other(3), other(2), other(2))
			VPADDSW(zero, other(2), other(2))
		}
		VPACKSSDW(other(1), v, v)
		VPADDSW(zero, v, v)
		if r.many > 2 {
			VPACKUSWB(other(2), v, v)
		} else {
			VPACKUSWB(v, v, v)
		}
		VPERMD(v, order, v)
		VPMAXUB(lo, v, v)
		VPMINUB(hi, v, v)
	}
	table := GP64()
	MOVQ(at("Table"), table)
	TESTQ(table, table)
	JZ(LabelRef("store"))
	t := byteTable(table)
	for _, r := range runs {
		lookUp(t, r.v)
	}
	Label("store")
	for _, r := range runs {
		if r.many == 3 {
			k := GP32()
			MOVL(U32(0xfff), k)
			KMOVW(k, reg.K1)
			break
		}
	}
	out := GP64()
	MOVQ(at("Out"), out)
	q := GP64()
	MOVQ(out, q)
	for n, r := range runs {
		if n > 0 && r.vector != runs[n-1].vector {
			ADDQ(at("OutStep"), out)
			MOVQ(out, q)
		}
		if r.first == half {
			MOVQ(out, q)
			ADDQ(at("Out2"), q)
		}
		storePixels(r.v, mem(q, 16*(r.first%half)), r.many)
	}
}

// storePixels stores the first pixels of four; K1 selects three.
func storePixels(v reg.VecVirtual, m Mem, many int) {
	switch many {
	case 1:
		VMOVDQU32(v.AsX(), m)
	case 2:
		VMOVDQU32(v.AsY(), m)
	case 3:
		VMOVDQU32(v, reg.K1, m)
	default:
		VMOVDQU32(v, m)
	}
}

// byteTable loads a table of 256 bytes.
func byteTable(p reg.Register) []reg.VecVirtual {
	t := make([]reg.VecVirtual, 4)
	for i := range t {
		t[i] = ZMM()
		VMOVDQU32(mem(p, 64*i), t[i])
	}
	return t
}

// lookUp replaces each byte of v by its entry in the table (AVX512_VBMI).
func lookUp(t []reg.VecVirtual, v reg.VecVirtual) {
	high := ZMM()
	VPMOVB2M(v, reg.K2)
	VMOVDQA32(v, high)
	VPERMI2B(t[1], t[0], v)
	VPERMI2B(t[3], t[2], high)
	VMOVDQU8(high, reg.K2, v)
}
