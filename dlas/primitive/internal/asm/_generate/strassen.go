package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The seven products of Strassen's algorithm as Winograd cut their sums. Their meaning is the doc comments of asm.Seven and
// asm.SevenSums.
var _ = add("strassen", func() {
	for _, rows := range seven512 {
		sevenLoop(isa512, rows, 1)
		sevenLoop(isa512, rows, 2)
	}
	sevenSums(isa512)
}, record{"Seven", seven, false}, record{"SevenSums", sevenSum, false})

var _ = addGo("strassen", sevenEntries)

// seven512 are the rows of a tile that there are.
var seven512 = []int{7, 8, 10, 12, 14}

var seven = []field{
	{"W", word},
	{"In", 8 * word},
	{"Second", 7 * word},
	{"InBlock", 7 * word},
	{"Blocks", word},
	{"Bias", 2 * word},
	{"Out", 4 * word},
	{"Res", 4 * word},
	{"To", 14 * word},
	{"ResAt", 14 * word},
	{"OutBlock", word},
	{"ResBlock", word},
	{"Keep", word},
	{"Ahead", word},
	{"Next", word},
	{"NextStep", word},
	{"Far", 7 * word},
	{"FarBlock", word},
	{"FarHalf", word},
	{"FarOut", 7 * word},
	{"FarOutHalf", word},
	{"Lo", float},
	{"Hi", float},
}

var sevenSum = []field{
	{"In", 4 * word},
	{"Out", 4 * word},
	{"Pixels", word},
	{"Blocks", word},
	{"InBlock", word},
	{"OutBlock", word},
}

func sevenName(set isa, rows, blocks int) string {
	return fmt.Sprintf("seven%s_%dx%d", set.name, rows, 16*blocks)
}

func sevenLoop(set isa, rows, blocks int) {
	name := sevenName(set, rows, blocks)
	TEXT(name, NOSPLIT, "func(t *Seven)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of Seven with %d rows and %d blocks.", name, rows, blocks))
	vecs := blocks * 64 / set.bytes
	half := (rows + 1) / 2
	room := AllocLocal(3 * word)
	turn, blocksLeft := room, room.Offset(8)
	nextStep := room.Offset(16)
	p := Load(Param("t"), GP64())
	arg := func(field string, i int) Mem { return mem(p, offset(seven, field)+8*i) }

	w, ahead, next := GP64(), GP64(), GP64()
	MOVQ(arg("W", 0), w)
	MOVQ(arg("Ahead", 0), ahead)
	MOVQ(arg("Next", 0), next)
	move(arg("NextStep", 0), nextStep)
	zero := GP64()
	XORQ(zero, zero)
	MOVQ(zero, turn)
	MOVQ(arg("Bias", 0), zero)

	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		for v := range vecs {
			a := set.reg()
			acc[r] = append(acc[r], a)
			if r == 0 {
				VMOVUPS(mem(zero, v*set.bytes), a)
			} else {
				VMOVAPS(acc[0][v], a)
			}
		}
	}
	var free []reg.VecVirtual // of the products the weights and an input; of the ends whatever they need
	for range max(4, vecs+1) {
		free = append(free, set.reg())
	}

	Label("turn")
	a, b, reach, n := GP64(), GP64(), GP64(), GP64()
	far, farHalf, farOut := GP64(), GP64(), GP64()
	{
		i := GP64()
		MOVQ(turn, i)
		at := func(field string, more int) Mem {
			return Mem{Base: p, Index: i, Scale: 8, Disp: offset(seven, field) + 8*more}
		}
		MOVQ(at("Far", 0), far)
		MOVQ(at("FarOut", 0), farOut)
		MOVQ(at("In", 0), a)
		MOVQ(a, b)
		ADDQ(at("Second", 0), b)
		move(arg("Blocks", 0), blocksLeft)
		MOVQ(a, reach)
		ADDQ(at("InBlock", 0), reach)
	}
	Label("block")
	{
		// The next block; after the last, what the next product reads.
		t, i := GP64(), GP64()
		MOVQ(turn, i)
		MOVQ(Mem{Base: p, Index: i, Scale: 8, Disp: offset(seven, "In") + 8}, t)
		CMPQ(blocksLeft, U8(1))
		CMOVQEQ(t, reach)
	}
	XORQ(n, n)
	Label("four")
	for c := range 4 {
		for v := range vecs {
			at := (c*vecs + v) * set.bytes
			VMOVUPS(mem(w, at), free[v])
			if at%64 == 0 {
				PREFETCHT0(Mem{Base: w, Index: ahead, Scale: 1, Disp: at})
			}
		}
		for r := range rows {
			m := mem(a, 64*r+4*c)
			if r >= half {
				m = mem(b, 64*(r-half)+4*c)
			}
			if set.bytes == 64 && vecs == 1 {
				VFMADD231PS_BCST(m, free[0], acc[r][0])
				continue
			}
			VBROADCASTSS(m, free[vecs])
			for v := range vecs {
				VFMADD231PS(free[vecs], free[v], acc[r][v])
			}
		}
	}
	ADDQ(U32(uint32(4*vecs*set.bytes)), w)
	PREFETCHT1(mem(next, 0))
	PREFETCHT1(mem(next, 64))
	ADDQ(nextStep, next)
	for i := range 4 {
		PREFETCHT0(mem(reach, 64*i))
	}
	ADDQ(U32(256), reach)
	ADDQ(U8(16), a)
	ADDQ(U8(16), b)
	// What the next call will read and write.
	MOVQ(arg("FarHalf", 0), farHalf)
	PREFETCHT0(Mem{Base: far, Index: n, Scale: 1})
	ADDQ(n, farHalf)
	PREFETCHT0(Mem{Base: far, Index: farHalf, Scale: 1})
	MOVQ(arg("FarOutHalf", 0), farHalf)
	PREFETCHT0(Mem{Base: farOut, Index: n, Scale: 1})
	ADDQ(n, farHalf)
	PREFETCHT0(Mem{Base: farOut, Index: farHalf, Scale: 1})
	ADDQ(U8(64), n)
	CMPQ(n, U32(256))
	JNE(LabelRef("four"))
	ADDQ(arg("FarBlock", 0), far)
	ADDQ(arg("OutBlock", 0), farOut)
	{
		step, i := GP64(), GP64()
		MOVQ(turn, i)
		MOVQ(Mem{Base: p, Index: i, Scale: 8, Disp: offset(seven, "InBlock")}, step)
		SUBQ(U8(64), step)
		ADDQ(step, a)
		ADDQ(step, b)
		MOVQ(a, reach)
		ADDQ(step, reach)
		ADDQ(U8(64), reach)
	}
	DECQ(blocksLeft)
	JNZ(LabelRef("block"))

	i, keep := GP64(), GP64()
	MOVQ(turn, i)
	INCQ(turn)
	MOVQ(arg("Keep", 0), keep)
	place := func(which, r, v int) Mem { return mem(keep, which*14*128+(r*vecs+v)*set.bytes) }
	each := func(f func(r, v int)) {
		for r := range rows {
			for v := range vecs {
				f(r, v)
			}
		}
	}
	store := func(which int) { each(func(r, v int) { VMOVUPS(acc[r][v], place(which, r, v)) }) }
	// result adds the residual, clamps and stores; more is for what else is added, and the sums stay.
	result := func(label string, quarter int, more bool) {
		lo, hi, x := free[0], free[1], free[2]
		VBROADCASTSS(mem(p, offset(seven, "Lo")), lo)
		VBROADCASTSS(mem(p, offset(seven, "Hi")), hi)
		perBlock := 64 / set.bytes
		places := func(field, block string) (first, second reg.GPVirtual) {
			first, second = GP64(), GP64()
			MOVQ(arg(field, quarter), first)
			if vecs > perBlock {
				MOVQ(arg(block, 0), second)
				ADDQ(first, second)
			}
			return first, second
		}
		body := func(res bool) {
			out, out2 := places("Out", "OutBlock")
			var from, from2 reg.GPVirtual
			if res {
				from, from2 = places("Res", "ResBlock")
			}
			at, resAt := GP64(), GP64()
			for r := range rows {
				MOVQ(arg("To", r), at)
				if res {
					MOVQ(arg("ResAt", r), resAt)
				}
				for v := range vecs {
					s, o, f := acc[r][v], out, from
					if v >= perBlock {
						o, f = out2, from2
					}
					if more {
						VADDPS(place(1, r, v), s, x)
						s = x
					}
					if res {
						VADDPS(Mem{Base: f, Index: resAt, Scale: 1, Disp: v % perBlock * set.bytes}, s, s)
					}
					VMAXPS(s, lo, s)
					VMINPS(s, hi, s)
					VMOVUPS(s, Mem{Base: o, Index: at, Scale: 1, Disp: v % perBlock * set.bytes})
				}
			}
		}
		CMPQ(arg("Res", quarter), U8(0))
		JNE(LabelRef(label + "res"))
		body(false)
		JMP(LabelRef(label + "done"))
		Label(label + "res")
		body(true)
		Label(label + "done")
	}
	// begin begins sums with one of the two biases.
	begin := func(which int) {
		at := GP64()
		MOVQ(arg("Bias", which), at)
		each(func(r, v int) {
			if r == 0 {
				VMOVUPS(mem(at, v*set.bytes), acc[0][v])
			} else {
				VMOVAPS(acc[0][v], acc[r][v])
			}
		})
	}
	for k, to := range []string{"p1", "p2", "p6", "p7", "p4", "p5"} {
		CMPQ(i, U8(uint8(k)))
		JEQ(LabelRef(to))
	}
	// P3.
	result("last", 1, false)
	VZEROUPPER()
	RET()
	Label("p1")
	store(0)
	JMP(LabelRef("turn"))
	Label("p2")
	result("first", 0, false)
	each(func(r, v int) { VMOVUPS(place(0, r, v), acc[r][v]) })
	JMP(LabelRef("turn"))
	Label("p6")
	store(0)
	JMP(LabelRef("turn"))
	Label("p7")
	store(1)
	JMP(LabelRef("turn"))
	Label("p4")
	result("second", 2, false)
	begin(1)
	JMP(LabelRef("turn"))
	Label("p5")
	result("third", 3, true)
	each(func(r, v int) { VADDPS(place(0, r, v), acc[r][v], acc[r][v]) })
	JMP(LabelRef("turn"))
}

func sevenSums(set isa) {
	name := "sevenSums" + set.name
	TEXT(name, NOSPLIT, "func(t *SevenSums)")
	Pragma("noescape")
	Doc(name + " is the loop of SevenSums.")
	p := Load(Param("t"), GP64())
	arg := func(field string, i int) Mem { return mem(p, offset(sevenSum, field)+8*i) }
	var in, out [4]reg.GPVirtual
	for i := range in {
		in[i], out[i] = GP64(), GP64()
		MOVQ(arg("In", i), in[i])
		MOVQ(arg("Out", i), out[i])
	}
	at, to, n := GP64(), GP64(), GP64()
	room := AllocLocal(word)
	move(arg("Blocks", 0), room)
	Label("block")
	XORQ(at, at)
	MOVQ(arg("Pixels", 0), n)
	Label("pixel")
	load := func(i int) Mem { return Mem{Base: in[i], Index: at, Scale: 1} }
	for u := 0; u < 64; u += set.bytes {
		a11, a21, s1, s2, s3, s4 := set.reg(), set.reg(), set.reg(), set.reg(), set.reg(), set.reg()
		part := func(m Mem) Mem { m.Disp = u; return m }
		VMOVUPS(part(load(0)), a11)
		VMOVUPS(part(load(2)), a21)
		VADDPS(part(load(3)), a21, s1)
		VSUBPS(a11, s1, s2)
		VSUBPS(a21, a11, s3)
		VMOVUPS(part(load(1)), s4)
		VSUBPS(s2, s4, s4)
		for i, s := range []reg.VecVirtual{s2, s3, s1, s4} {
			VMOVUPS(s, Mem{Base: out[i], Index: at, Scale: 1, Disp: u})
		}
	}
	ADDQ(U8(64), at)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	MOVQ(arg("InBlock", 0), at)
	MOVQ(arg("OutBlock", 0), to)
	for i := range in {
		ADDQ(at, in[i])
		ADDQ(to, out[i])
	}
	DECQ(room)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// sevenEntries is the choice of a kernel by rows and blocks.
func sevenEntries() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n// callSeven512 calls the kernel of rows and blocks; it reports whether there is one.\nfunc callSeven512(t *Seven, rows, blocks int) bool {\n\tswitch rows | blocks<<8 {\n")
	for _, blocks := range []int{1, 2} {
		for _, rows := range seven512 {
			fmt.Fprintf(&b, "\tcase %d | %d<<8:\n\t\t%s(t)\n", rows, blocks, sevenName(isa512, rows, blocks))
		}
	}
	b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	return b.String()
}
