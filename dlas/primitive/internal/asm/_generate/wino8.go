package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The loops of Winograd's convolution in whole numbers. Their meaning is the doc comments of asm.Wino8In and its like.
var _ = add("wino8", func() {
	wino8Order = GLOBL("wino8Order", RODATA|NOPTR)
	for p := range 4 {
		for l := range 4 {
			DATA(4*(4*p+l), U32(uint32(4*l+p)))
		}
	}
	wino8In("wino8In", false)
	wino8In("wino8InSigned", true)
	wino8Weights()
	wino8Sums()
	for _, vectors := range []int{1, 2} {
		for rows := 1; rows <= 14; rows++ {
			wino8Mul(rows, vectors)
		}
	}
	wino8Out("wino8Out", false)
	wino8Out("wino8OutRes", true)
}, record{"Wino8In", wino8InArgs, false}, record{"Wino8Weights", wino8WeightsArgs, false}, record{"Wino8Mul", wino8MulArgs, false},
	record{"Wino8Out", wino8OutArgs, false}, record{"Wino8Post", wino8Post, false})

var wino8InArgs = []field{{"Map", word}, {"Mat", word}, {"Temp", word}, {"Row", word}, {"Plane", word}, {"Tiles", word}}

var wino8WeightsArgs = []field{{"W", word}, {"U", word}, {"Units", word}, {"Plane", word}}

var wino8MulArgs = []field{
	{"V", word},
	{"U", word},
	{"M", word},
	{"Ahead", word},
	{"Blocks", word},
	{"VBlock", word},
	{"MBlock", word},
	{"Count", word},
	{"VStep", word},
	{"UStep", word},
	{"MStep", word},
	{"AheadStep", word},
}

var wino8OutArgs = []field{
	{"Mat", word},
	{"Map", word},
	{"Res", word},
	{"Post", word},
	{"Temp", word},
	{"Row", word},
	{"ResRow", word},
	{"Plane", word},
	{"Tiles", word},
	{"Rows", word},
	{"Mask", float},
	{"ResFirst", float},
	{"Least", float},
	{"Most", float},
	{"Rounder", float},
	{"Unrounder", float},
	{"Own", float},
	{"Other", float},
	{"Fixed", float},
}

var wino8Post = []field{{"Bias", 5 * 64}, {"Scale", 5 * 64}, {"Zero", 64}, {"Lo", 64}, {"Hi", 64}}

// wino8Order is as order4.
var wino8Order Mem

// wino8Pitch is the bytes of a row of Temp: 28 tiles and the two pixels after them.
const wino8Pitch = 32 * (4*28 + 2)

// whole is arithmetic on vectors of numbers of 16 or 32 bits.
type whole struct {
	bytes int // of a vector
	long  bool
}

func (w whole) reg() reg.VecVirtual {
	if w.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// add is x + y in a new register, or in to.
func (w whole) add(y Op, x reg.VecVirtual, to ...reg.VecVirtual) reg.VecVirtual {
	t := w.to(to)
	if w.long {
		VPADDD(y, x, t)
	} else {
		VPADDW(y, x, t)
	}
	return t
}

// sub is x - y.
func (w whole) sub(y Op, x reg.VecVirtual, to ...reg.VecVirtual) reg.VecVirtual {
	t := w.to(to)
	if w.long {
		VPSUBD(y, x, t)
	} else {
		VPSUBW(y, x, t)
	}
	return t
}

// four is 4*x.
func (w whole) four(x reg.VecVirtual, to ...reg.VecVirtual) reg.VecVirtual {
	t := w.to(to)
	if w.long {
		VPSLLD(U8(2), x, t)
	} else {
		VPSLLW(U8(2), x, t)
	}
	return t
}

func (w whole) to(to []reg.VecVirtual) reg.VecVirtual {
	if len(to) > 0 {
		return to[0]
	}
	return w.reg()
}

// forward is B' x, which overwrites x.
func (w whole) forward(x [6]reg.VecVirtual) [6]reg.VecVirtual {
	a := w.sub(w.four(x[2]), x[4])
	b := w.sub(w.four(x[1]), x[3])
	y1 := w.add(b, a)
	y2 := w.sub(b, a, a)
	c := w.sub(x[2], x[4], x[4])
	d := w.sub(x[1], x[3], b)
	w.add(d, d, d)
	y3 := w.add(d, c)
	y4 := w.sub(d, c)
	w.sub(x[2], x[0], x[0])
	y0 := w.add(c, w.four(x[0], x[0]), c)
	y5 := w.sub(x[3], x[5], x[5])
	w.sub(w.add(d, d, d), y5, y5)
	return [6]reg.VecVirtual{y0, y1, y2, y3, y4, y5}
}

// back is A' x, which overwrites x.
func (w whole) back(x [6]reg.VecVirtual) [4]reg.VecVirtual {
	s, d := w.add(x[2], x[1]), w.sub(x[1], x[2], x[2])
	t, e := w.add(x[4], x[3], x[1]), w.sub(x[4], x[3], x[3])
	y0 := w.add(t, x[0], x[0])
	w.sub(w.four(s, x[4]), y0, y0)
	y2 := w.sub(s, t, t)
	y1 := w.add(e, w.add(d, d, s), s)
	y3 := w.add(x[5], d, d)
	w.add(w.add(e, e, e), y3, y3)
	return [4]reg.VecVirtual{y0, y1, y2, y3}
}

func wino8In(name string, signed bool) {
	TEXT(name, NOSPLIT, "func(a *Wino8In)")
	Pragma("noescape")
	of := "bytes"
	if signed {
		of = "signed bytes"
	}
	Doc(name + " is the loop of Wino8In on " + of + ".")
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8InArgs, name) }
	in, temp, tiles := field("Map"), field("Temp"), field("Tiles")
	rows := newSix(in, field("Row"))
	pairs := GP64()
	LEAQ(Mem{Base: tiles, Index: tiles, Scale: 1, Disp: 1}, pairs)
	w := whole{bytes: 64}
	at := GP64()
	MOVQ(temp, at)
	Label("column") // two pixels
	var x [6]reg.VecVirtual
	for i := range x {
		x[i] = ZMM()
		if signed {
			VPMOVSXBW(rows.at(i, 0), x[i])
		} else {
			VPMOVZXBW(rows.at(i, 0), x[i])
		}
	}
	for i, y := range w.forward(x) {
		VMOVDQU32(y, mem(at, i*wino8Pitch))
	}
	ADDQ(U8(32), in)
	ADDQ(U8(32), rows.base1)
	ADDQ(U8(64), at)
	DECQ(pairs)
	JNZ(LabelRef("column"))

	out, q := field("Mat"), GP64()
	places := newSix(q, field("Plane"))
	line := GP64() // six planes
	LEAQ(Mem{Base: places.stride3, Index: places.stride3, Scale: 1}, line)
	across := func(w whole, tiles int) {
		MOVQ(out, q)
		for i := range 6 {
			var x [6]reg.VecVirtual
			for c := range x {
				d := i*wino8Pitch + 32*c
				y := YMM()
				VMOVDQU(mem(temp, d), y)
				if x[c] = y; tiles == 2 {
					x[c] = ZMM()
					VINSERTI64X4(U8(1), mem(temp, d+128), y.AsZ(), x[c])
				}
			}
			places.reset()
			for j, y := range w.forward(x) {
				if tiles == 2 {
					VMOVDQU32(y, places.at(j, 0))
				} else {
					VMOVDQU(y, places.at(j, 0))
				}
			}
			if i < 5 {
				ADDQ(line, q)
			}
		}
	}
	Label("two")
	SUBQ(U8(2), tiles)
	JL(LabelRef("one"))
	across(whole{bytes: 64}, 2)
	ADDQ(U32(256), temp)
	ADDQ(U8(64), out)
	JMP(LabelRef("two"))
	Label("one")
	CMPQ(tiles, I8(-1))
	JNE(LabelRef("end"))
	across(whole{bytes: 32}, 1)
	Label("end")
	VZEROUPPER()
	RET()
}

func wino8Weights() {
	TEXT("wino8Weights", NOSPLIT, "func(a *Wino8Weights)")
	Pragma("noescape")
	Doc("wino8Weights is the loop of Wino8Weights.")
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8WeightsArgs, name) }
	in, out, units := field("W"), field("U"), field("Units")
	q := GP64()
	places := newSix(q, field("Plane"))
	line := GP64()
	LEAQ(Mem{Base: places.stride3, Index: places.stride3, Scale: 1}, line)
	six, k := ZMM(), GP32()
	MOVL(U32(6), k)
	VPBROADCASTW(k, six)
	w := whole{bytes: 64}
	transform := func(x [3]reg.VecVirtual) (y [6]reg.VecVirtual) {
		a, b, c := w.add(x[2], x[0]), w.add(w.four(x[2]), x[0]), w.add(x[1], x[1])
		y[0], y[5] = w.reg(), w.reg()
		VPMULLW(six, x[0], y[0])
		VPMULLW(six, x[2], y[5])
		y[1] = w.add(x[1], a)
		y[2] = w.sub(x[1], a, a)
		y[3] = w.add(c, b)
		y[4] = w.sub(c, b, b)
		return y
	}
	Label("unit")
	var half [6][3]reg.VecVirtual
	for c := range 3 {
		var x [3]reg.VecVirtual
		for y := range x {
			x[y] = ZMM()
			VPMOVSXBW(mem(in, 96*y+32*c), x[y])
		}
		for i, h := range transform(x) {
			half[i][c] = h
		}
	}
	MOVQ(out, q)
	for i := range half {
		places.reset()
		for j, u := range transform(half[i]) {
			VMOVDQU32(u, places.at(j, 0))
		}
		if i < 5 {
			ADDQ(line, q)
		}
	}
	ADDQ(U32(288), in)
	ADDQ(U8(64), out)
	DECQ(units)
	JNZ(LabelRef("unit"))
	VZEROUPPER()
	RET()
}

func wino8Sums() {
	TEXT("wino8Sums", NOSPLIT, "func(w *int8, n int) (sum, above int32)")
	Pragma("noescape")
	Doc("wino8Sums is the loop of Wino8Sums.")
	w, n := Load(Param("w"), GP64()), Load(Param("n"), GP64())
	sum, above, zero, ones, k := ZMM(), ZMM(), ZMM(), ZMM(), GP32()
	VPXORD(sum, sum, sum)
	VPXORD(above, above, above)
	VPXORD(zero, zero, zero)
	MOVL(U32(0x01010101), k)
	VPBROADCASTD(k, ones)
	add := func(x reg.VecVirtual) {
		p := ZMM()
		VPDPBUSD(x, ones, sum)
		VPMAXSB(zero, x, p)
		VPDPBUSD(ones, p, above)
	}
	Label("line")
	SUBQ(U8(64), n)
	JL(LabelRef("rest"))
	x := ZMM()
	VMOVDQU32(mem(w, 0), x)
	add(x)
	ADDQ(U8(64), w)
	JMP(LabelRef("line"))
	Label("rest")
	ADDQ(U8(64), n)
	JZ(LabelRef("end"))
	MOVQ(n, reg.RCX)
	mask := GP64()
	MOVQ(U32(1), mask)
	SHLQ(reg.CL, mask)
	DECQ(mask)
	KMOVQ(mask, reg.K1)
	y := ZMM()
	VMOVDQU8_Z(mem(w, 0), reg.K1, y)
	add(y)
	Label("end")
	for _, v := range []struct {
		name string
		sum  reg.VecVirtual
	}{{"sum", sum}, {"above", above}} {
		h, r := YMM(), GP32()
		VEXTRACTI64X4(U8(1), v.sum, h)
		VPADDD(h, v.sum.AsY(), h)
		q := XMM()
		VEXTRACTI128(U8(1), h, q)
		VPADDD(h.AsX(), q, q)
		t := XMM()
		VPSHUFD(U8(0x4e), q, t)
		VPADDD(t, q, q)
		VPSHUFD(U8(0xb1), q, t)
		VPADDD(t, q, q)
		VMOVD(q, r)
		Store(r, ReturnIndex(map[string]int{"sum": 0, "above": 1}[v.name]))
	}
	VZEROUPPER()
	RET()
}

func wino8Mul(rows, vectors int) {
	name := fmt.Sprintf("wino8Mul%dx%d", rows, vectors)
	TEXT(name, NOSPLIT, "func(a *Wino8Mul)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of Wino8Mul for %d rows and %d vectors.", name, rows, vectors))
	p := Load(Param("a"), GP64())
	field := func(name string) reg.GPVirtual { return pointer(p, wino8MulArgs, name) }
	in, w, out, ahead, aheadStep := field("V"), field("U"), field("M"), field("Ahead"), field("AheadStep")
	count, block := field("Count"), field("VBlock")
	Label("product")
	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		for range vectors {
			x := ZMM()
			VPXORD(x, x, x)
			acc[r] = append(acc[r], x)
		}
	}
	at, u, blocks := GP64(), GP64(), GP64()
	MOVQ(in, at)
	MOVQ(w, u)
	MOVQ(mem(p, offset(wino8MulArgs, "Blocks")), blocks)
	Label("block")
	PREFETCHT1(mem(ahead, 0))
	PREFETCHT1(mem(ahead, 64))
	for k := range 8 {
		b := make([]reg.VecVirtual, vectors)
		for v := range b {
			b[v] = ZMM()
			d := 64 * (k*vectors + v)
			VMOVDQU32(mem(u, d), b[v])
			PREFETCHT0(mem(u, d+wino8Ahead))
		}
		for r := range acc {
			m := mem(at, 32*r+4*k)
			if vectors == 1 {
				VPDPWSSD_BCST(m, b[0], acc[r][0])
				continue
			}
			x := ZMM()
			VPBROADCASTD(m, x)
			for v := range b {
				VPDPWSSD(b[v], x, acc[r][v])
			}
		}
	}
	ADDQ(U32(uint32(512*vectors)), u)
	ADDQ(aheadStep, ahead)
	ADDQ(block, at)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	MOVQ(out, at)
	for v := range vectors {
		for r := range acc {
			VMOVDQU32(acc[r][v], mem(at, 64*r))
		}
		if v < vectors-1 {
			ADDQ(mem(p, offset(wino8MulArgs, "MBlock")), at)
		}
	}
	ADDQ(mem(p, offset(wino8MulArgs, "VStep")), in)
	ADDQ(mem(p, offset(wino8MulArgs, "UStep")), w)
	ADDQ(mem(p, offset(wino8MulArgs, "MStep")), out)
	DECQ(count)
	JNZ(LabelRef("product"))
	VZEROUPPER()
	RET()
}

// wino8Ahead is how far before their use transformed weights are fetched from the second-level cache, in bytes.
const wino8Ahead = 2048

func wino8Out(name string, residual bool) {
	TEXT(name, NOSPLIT, "func(a *Wino8Out)")
	Pragma("noescape")
	with := "without"
	if residual {
		with = "with"
	}
	Doc(name + " is the loop of Wino8Out " + with + " a residual.")
	p := Load(Param("a"), GP64())
	at := func(name string) Mem { return mem(p, offset(wino8OutArgs, name)) }
	field := func(name string) reg.GPVirtual { return pointer(p, wino8OutArgs, name) }
	in, out, post, plane := field("Mat"), field("Map"), field("Post"), field("Plane")
	ends := func(name string, i int) Mem { return mem(post, offset(wino8Post, name)+64*i) }
	line, pc := GP64(), GP64()
	IMUL3Q(U8(6), plane, line)
	MOVQ(in, pc)
	column := newSix(pc, line)
	k := GP32()
	MOVL(at("Mask"), k)
	KMOVW(k, reg.K1)
	var res reg.GPVirtual
	if residual {
		res = field("Res")
		for i, to := range []reg.Register{reg.K2, reg.K3, reg.K4, reg.K5} {
			pixel := GP32()
			MOVL(k, pixel)
			if i > 0 {
				SHRL(U8(4*i), pixel)
			}
			ANDL(U8(1), pixel)
			NEGL(pixel)
			KMOVW(pixel, to)
		}
	}
	inverse := ZMM()
	MOVL(U32(954437177), k)
	VPBROADCASTD(k, inverse)
	order := ZMM()
	VMOVDQU32(wino8Order, order)
	tiles := AllocLocal(8)
	t := GP64()
	MOVQ(at("Tiles"), t)
	MOVQ(t, tiles)
	w := whole{bytes: 64, long: true}
	Label("tile")
	var half [4][6]reg.VecVirtual
	MOVQ(in, pc)
	for c := range 6 {
		column.reset()
		var x [6]reg.VecVirtual
		for i := range x {
			x[i] = ZMM()
			VMOVDQU32(column.at(i, 0), x[i])
		}
		for y, h := range w.back(x) {
			half[y][c] = h
		}
		if c < 5 {
			ADDQ(plane, pc)
		}
	}
	to, from, left := GP64(), GP64(), GP64()
	MOVQ(out, to)
	if residual {
		MOVQ(res, from)
	}
	MOVQ(at("Rows"), left)
	shift := []int{0, 1, 2, 2}
	for y := range half {
		v := w.back(half[y])
		for x, r := range v {
			s := shift[y] + shift[x]
			VPMULLD(inverse, r, r)
			VPADDD(ends("Bias", s), r, r)
			VCVTDQ2PS(r, r)
			VMULPS(ends("Scale", s), r, r)
		}
		if residual {
			first, pack := fmt.Sprintf("first%d", y), fmt.Sprintf("pack%d", y)
			each := func(f func(a, r reg.VecVirtual)) {
				for x, a := range v {
					r := ZMM()
					VMAXPS_BCST(at("Least"), a, a)
					VMINPS_BCST(at("Most"), a, a)
					VADDPS_BCST(at("Rounder"), a, a)
					VSUBPS_BCST(at("Unrounder"), a, a)
					VPMOVZXBD_Z(mem(from, 16*x), []reg.Register{reg.K2, reg.K3, reg.K4, reg.K5}[x], r)
					VCVTDQ2PS(r, r)
					f(a, r)
				}
			}
			CMPL(at("ResFirst"), U8(0))
			JNE(LabelRef(first))
			each(func(a, r reg.VecVirtual) {
				other := ZMM()
				VBROADCASTSS(at("Other"), other)
				VFMADD213PS_BCST(at("Fixed"), other, r)
				VFMADD132PS_BCST(at("Own"), r, a)
			})
			JMP(LabelRef(pack))
			Label(first)
			each(func(a, r reg.VecVirtual) {
				own := ZMM()
				VBROADCASTSS(at("Own"), own)
				VFMADD213PS_BCST(at("Fixed"), own, a)
				VFMADD231PS_BCST(at("Other"), r, a)
			})
			Label(pack)
		}
		for _, r := range v {
			VCVTPS2DQ(r, r)
		}
		VPACKSSDW(v[3], v[2], v[2])
		VPADDSW(ends("Zero", 0), v[2], v[2])
		VPACKSSDW(v[1], v[0], v[0])
		VPADDSW(ends("Zero", 0), v[0], v[0])
		VPACKUSWB(v[2], v[0], v[0])
		VPERMD(v[0], order, v[0])
		VPMAXUB(ends("Lo", 0), v[0], v[0])
		VPMINUB(ends("Hi", 0), v[0], v[0])
		VMOVDQU32(v[0], reg.K1, mem(to, 0))
		if y < 3 {
			DECQ(left)
			JZ(LabelRef("next"))
			ADDQ(at("Row"), to)
			if residual {
				ADDQ(at("ResRow"), from)
			}
		}
	}
	Label("next")
	ADDQ(U8(64), in)
	ADDQ(U8(64), out)
	if residual {
		ADDQ(U8(64), res)
	}
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
