package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products that skip zeros over strips of a map, and what brings maps into strips. Their meaning is the doc comments of
// asm.Strip, asm.Turn and asm.Edges.
var _ = add("strip", func() {
	for _, stride := range []int{1, 2} {
		stripTiles(isa512, func(rows, cols int) { stripLoop(isa512, rows, cols, stride) })
		stripTiles(isa256, func(rows, cols int) { stripLoop(isa256, rows, cols, stride) })
	}
	turn512()
	turn256()
	edges512()
	edges256()
}, record{"Strip", strip, false}, record{"Turn", turn, false}, record{"Edge", edge, true}, record{"Edges", edges, false})

var _ = addGo("strip", stripEntries)

var strip = []field{
	{"In", word},
	{"InRow", word},
	{"Entries", word},
	{"Ptr", word},
	{"Bias", word},
	{"Res", word},
	{"ResRow", word},
	{"ResStep", word},
	{"Out", word},
	{"OutRow", word},
	{"OutStep", word},
	{"Rows", word},
	{"Last", word},
	{"Lo", float},
	{"Hi", float},
}

var turn = []field{
	{"Src", 16 * word},
	{"Dst", 16 * word},
	{"SrcStep", 16 * word},
	{"DstStep", 16 * word},
	{"Count", word},
}

var edge = []field{
	{"Dst", 4},
	{"Src", 4},
	{"Mask", 4},
	{"From", 64},
}

var edges = []field{
	{"Plane", word},
	{"List", word},
	{"Count", word},
	{"Planes", word},
	{"Step", word},
}

// stripTiles calls f for every size of a tile that has registers.
func stripTiles(set isa, f func(rows, cols int)) {
	most := 28
	if set.bytes == 32 {
		most = 7
	}
	for rows := 1; rows <= 4; rows++ {
		for cols := 1; cols <= 8 && rows*cols <= most; cols++ {
			f(rows, cols)
		}
	}
}

func stripName(set isa, rows, cols, stride int) string {
	return fmt.Sprintf("strip%s_%dx%ds%d", set.name, rows, cols, stride)
}

// stripLoop keeps as many sets of sums as it takes for products not to wait for those before.
func stripLoop(set isa, rows, cols, stride int) {
	name := stripName(set, rows, cols, stride)
	each := 64 / set.bytes // registers of a vector
	n := rows * cols * each
	sets := 1
	switch {
	case n <= 3:
		sets = 4
	case n <= 7:
		sets = 2
	}
	f := beginStrips(set, rows, cols, name, fmt.Sprintf("%s is the loop of Strip for tiles of %d x %d vectors and a stride of %d.", name, rows, cols, stride), func(at reg.GPVirtual) {
		SHLQ(U8(3), at)
	})
	ptr, out, at, end := f.ptr, f.out, f.at, f.end

	Label("row")
	acc := f.sums(sets)
	MOVLQSX(mem(ptr, 4), end)
	SHLQ(U8(3), end)
	ADDQ(f.entries, end)
	ADDQ(U8(4), ptr)
	f.fromBias(acc[:1])
	Label("goon")
	{
		last := GP64()
		MOVQ(at, last)
		SUBQ(end, last)
		ORQ(f.arg("Last"), last)
		JEQ(LabelRef("next"))
	}
	f.tile(out, "OutRow", acc[0], func(m Mem, a reg.VecVirtual) { VMOVUPS(m, a) })
	Label("begin")
	for _, s := range acc[1:] {
		for _, a := range s {
			if set.bytes == 64 {
				VPXORD(a, a, a)
			} else {
				VXORPS(a, a, a)
			}
		}
	}
	step := func(k int) {
		off, w := GP64(), set.reg()
		MOVLQSX(mem(at, 8*k), off)
		VBROADCASTSS(mem(at, 8*k+4), w)
		for r := range rows {
			for c := range cols {
				for u := range each {
					m := Mem{Base: f.base[r], Index: off, Scale: 1, Disp: 64*stride*c + set.bytes*u}
					VFMADD231PS(m, w, acc[k%sets][(r*cols+c)*each+u])
				}
			}
		}
	}
	if sets > 1 {
		ahead := GP64()
		Label("several")
		LEAQ(mem(at, 8*sets), ahead)
		CMPQ(ahead, end)
		JHI(LabelRef("single"))
		for k := range sets {
			step(k)
		}
		MOVQ(ahead, at)
		JMP(LabelRef("several"))
	}
	Label("single")
	CMPQ(at, end)
	JCC(LabelRef("sum"))
	Label("one")
	step(0)
	ADDQ(U8(8), at)
	CMPQ(at, end)
	JCS(LabelRef("one"))
	Label("sum")
	for u := sets / 2; u > 0; u /= 2 {
		for i := range u {
			for v := range n {
				VADDPS(acc[i+u][v], acc[i][v], acc[i][v])
			}
		}
	}
	f.finish(acc[:1])
}

// turnAddress is the address of a vector of an argument: of block at/64.
func turnAddress(p reg.Register, array string, i int, at reg.GPVirtual) (reg.GPVirtual, reg.GPVirtual) {
	q, t := GP64(), GP64()
	MOVQ(mem(p, offset(turn, array+"Step")+8*i), t)
	ANDQ(at, t)
	MOVQ(mem(p, offset(turn, array)+8*i), q)
	return q, t
}

// turnLoop repeats body for all blocks.
func turnLoop(name, what string, body func(p reg.Register, at reg.GPVirtual)) {
	TEXT(name, NOSPLIT, "func(t *Turn)")
	Pragma("noescape")
	Doc(name + " is the loop of Turn in " + what + ".")
	p := Load(Param("t"), GP64())
	at, left := GP64(), GP64()
	XORQ(at, at)
	MOVQ(mem(p, offset(turn, "Count")), left)
	Label("block")
	body(p, at)
	ADDQ(U8(64), at)
	DECQ(left)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// turnHalves are the first two steps of a transposition: pairs of rows, then fours, within 128 bits.
func turnHalves(r []reg.VecVirtual, vec func() reg.VecVirtual) []reg.VecVirtual {
	n := len(r)
	t := make([]reg.VecVirtual, n)
	for i := 0; i < n; i += 2 {
		t[i], t[i+1] = vec(), vec()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	u := make([]reg.VecVirtual, n)
	for g := 0; g < n; g += 4 {
		for c := range 2 {
			u[g+2*c], u[g+2*c+1] = vec(), vec()
			VUNPCKLPD(t[g+2+c], t[g+c], u[g+2*c])
			VUNPCKHPD(t[g+2+c], t[g+c], u[g+2*c+1])
		}
	}
	return u
}

func turn512() {
	turnLoop("turn512", "AVX-512", func(p reg.Register, at reg.GPVirtual) {
		r := make([]reg.VecVirtual, 16)
		for i := range r {
			r[i] = ZMM()
			q, t := turnAddress(p, "Src", i, at)
			VMOVUPS(Mem{Base: q, Index: t, Scale: 1}, r[i])
		}
		u := turnHalves(r, ZMM)
		for c := range 4 {
			v := [4]reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
			VSHUFF32X4(U8(0x88), u[4+c], u[c], v[0])
			VSHUFF32X4(U8(0xdd), u[4+c], u[c], v[1])
			VSHUFF32X4(U8(0x88), u[12+c], u[8+c], v[2])
			VSHUFF32X4(U8(0xdd), u[12+c], u[8+c], v[3])
			for l := range 4 {
				o := ZMM()
				VSHUFF32X4(U8([]int{0x88, 0xdd}[l/2]), v[2+l%2], v[l%2], o)
				q, t := turnAddress(p, "Dst", 4*l+c, at)
				VMOVUPS(o, Mem{Base: q, Index: t, Scale: 1})
			}
		}
	})
}

func turn256() {
	turnLoop("turn256", "AVX2", func(p reg.Register, at reg.GPVirtual) {
		for k := 0; k < 16; k += 8 {
			for j := 0; j < 16; j += 8 {
				r := make([]reg.VecVirtual, 8)
				for i := range r {
					r[i] = YMM()
					q, t := turnAddress(p, "Src", k+i, at)
					VMOVUPS(Mem{Base: q, Index: t, Scale: 1, Disp: 4 * j}, r[i])
				}
				u := turnHalves(r, YMM)
				for c := range 4 {
					for l := range 2 {
						o := YMM()
						VPERM2F128(U8([]int{0x20, 0x31}[l]), u[4+c], u[c], o)
						q, t := turnAddress(p, "Dst", j+4*l+c, at)
						VMOVUPS(o, Mem{Base: q, Index: t, Scale: 1, Disp: 4 * k})
					}
				}
			}
		}
	})
}

// edgesLoop repeats body for all edges of all planes: its source and destination, from the plane on.
func edgesLoop(name, what string, body func(e reg.GPVirtual, src, dst Mem)) {
	TEXT(name, NOSPLIT, "func(t *Edges)")
	Pragma("noescape")
	Doc(name + " is the loop of Edges in " + what + ".")
	p := Load(Param("t"), GP64())
	plane, planes := GP64(), GP64()
	MOVQ(mem(p, offset(edges, "Plane")), plane)
	MOVQ(mem(p, offset(edges, "Planes")), planes)
	Label("plane")
	e, n := GP64(), GP64()
	MOVQ(mem(p, offset(edges, "List")), e)
	MOVQ(mem(p, offset(edges, "Count")), n)
	Label("edge")
	src, dst := GP64(), GP64()
	MOVLQSX(mem(e, offset(edge, "Src")), src)
	MOVLQSX(mem(e, offset(edge, "Dst")), dst)
	body(e, Mem{Base: plane, Index: src, Scale: 1}, Mem{Base: plane, Index: dst, Scale: 1})
	ADDQ(U8(76), e)
	DECQ(n)
	JNZ(LabelRef("edge"))
	ADDQ(mem(p, offset(edges, "Step")), plane)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

func edges512() {
	edgesLoop("edges512", "AVX-512", func(e reg.GPVirtual, src, dst Mem) {
		m, k, z, from := GP32(), K(), ZMM(), ZMM()
		MOVL(mem(e, offset(edge, "Mask")), m)
		KMOVW(m, k)
		VMOVUPS(mem(e, offset(edge, "From")), from)
		VPERMPS_Z(src, from, k, z)
		VMOVUPS(z, dst)
	})
}

// edges256 picks each number from both halves of the source, of which the index's fourth bit takes one.
func edges256() {
	bits := GLOBL("edgeBits", RODATA|NOPTR)
	for l := range 16 {
		DATA(4*l, U32(1<<l))
	}
	edgesLoop("edges256", "AVX2", func(e reg.GPVirtual, src, dst Mem) {
		half := func(m Mem, i int) Mem {
			m.Disp += 32 * i
			return m
		}
		low, high, mask := YMM(), YMM(), YMM()
		VMOVUPS(half(src, 0), low)
		VMOVUPS(half(src, 1), high)
		VPBROADCASTD(mem(e, offset(edge, "Mask")), mask)
		for i := range 2 {
			from, a, b, bit, there := YMM(), YMM(), YMM(), YMM(), YMM()
			VMOVUPS(mem(e, offset(edge, "From")+32*i), from)
			VPERMPS(low, from, a)
			VPERMPS(high, from, b)
			VPSLLD(U8(28), from, from)
			VBLENDVPS(from, b, a, a)
			VMOVDQU(bits.Offset(32*i), bit)
			VPAND(bit, mask, there)
			VPCMPEQD(bit, there, there)
			VPAND(there, a, a)
			VMOVUPS(a, half(dst, i))
		}
	})
}

// stripEntries is the choice of a kernel, a switch as for tiles.
func stripEntries() string { return stripChoice("Strip", stripTiles, stripName) }
