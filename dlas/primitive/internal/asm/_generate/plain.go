package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The AVX2 loops over plain maps. Their meaning is the doc comment of asm.Sparse.
var _ = add("plain", func() {
	sparseLoop(2, 4)
	sparseLoop(8, 1)
}, record{"Sparse", sparse, false}, record{"Entry", entry, true})

var entry = []field{{"Off", 4}, {"W", float}}

var sparse = []field{
	{"In", slice},
	{"Entries", slice},
	{"Ptr", slice},
	{"Bias", slice},
	{"Out", slice},
	{"Res", slice},
	{"At", 8 * word},
	{"To", 8 * word},
	{"Pitch", word},
	{"Rows", word},
	{"Lo", float},
	{"Hi", float},
}

// lane is the address of a lane: the first is at ptr, the others at the distances.
func lane(ptr reg.Register, dist []reg.GPVirtual, v int) Mem {
	if v == 0 {
		return mem(ptr, 0)
	}
	return Mem{Base: ptr, Index: dist[v], Scale: 1}
}

// lanes loads the address of the first lane into a register, and the distances of the others in bytes.
func lanes(p reg.Register, fields []field, n int) (base reg.GPVirtual, dist []reg.GPVirtual) {
	base = GP64()
	first := GP64()
	MOVQ(mem(p, offset(fields, "In")), base)
	MOVQ(mem(p, offset(fields, "At")), first)
	LEAQ(Mem{Base: base, Index: first, Scale: 4}, base)
	dist = make([]reg.GPVirtual, n)
	for v := 1; v < n; v++ {
		dist[v] = GP64()
		MOVQ(mem(p, offset(fields, "At")+8*v), dist[v])
		SUBQ(first, dist[v])
		SHLQ(U8(2), dist[v])
	}
	return base, dist
}

// finish adds the residual where there is one, clamps and stores: acc[row][lane]. row is the position of the first row in
// elements; it moves on by the rows done.
func finish(name string, p reg.Register, fields []field, acc [][]reg.VecVirtual, row Mem) {
	out, at, pitch := GP64(), GP64(), GP64()
	MOVQ(mem(p, offset(fields, "Pitch")), pitch)
	store := func(array string, f func(m Mem, a reg.VecVirtual)) {
		MOVQ(mem(p, offset(fields, array)), out)
		MOVQ(row, at)
		LEAQ(Mem{Base: out, Index: at, Scale: 4}, out)
		for r := range acc {
			for v := range acc[r] {
				MOVQ(mem(p, offset(fields, "To")+8*v), at)
				f(Mem{Base: out, Index: at, Scale: 4}, acc[r][v])
			}
			LEAQ(Mem{Base: out, Index: pitch, Scale: 4}, out)
		}
	}
	CMPQ(mem(p, offset(fields, "Res")), U8(0))
	JEQ(LabelRef(name + "_clamp"))
	store("Res", func(m Mem, a reg.VecVirtual) { VADDPS(m, a, a) })
	Label(name + "_clamp")
	lo, hi := YMM(), YMM()
	VBROADCASTSS(mem(p, offset(fields, "Lo")), lo)
	VBROADCASTSS(mem(p, offset(fields, "Hi")), hi)
	store("Out", func(m Mem, a reg.VecVirtual) {
		// With this order of operands a NaN stays a NaN.
		VMAXPS(a, lo, a)
		VMINPS(a, hi, a)
		VMOVUPS(a, m)
	})
	MOVQ(row, at)
	for range acc {
		ADDQ(pitch, at)
	}
	MOVQ(at, row)
}

// sparseLoop keeps unroll sets of accumulators, so that entries of one row do not wait for each other.
func sparseLoop(n, unroll int) {
	name := fmt.Sprintf("sparse%d", n)
	TEXT(name, NOSPLIT, "func(s *Sparse)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of Sparse with %d lanes.", name, n))
	row := AllocLocal(24)
	left, done := row.Offset(8), row.Offset(16)
	p := Load(Param("s"), GP64())
	base, dist := lanes(p, sparse, n)
	entry := GP64()
	{
		t := GP64()
		XORQ(t, t)
		MOVQ(t, row)
		MOVQ(t, done)
		MOVQ(mem(p, offset(sparse, "Rows")), t)
		MOVQ(t, left)
		MOVQ(mem(p, offset(sparse, "Ptr")), t)
		MOVLQSX(mem(t, 0), t)
		MOVQ(mem(p, offset(sparse, "Entries")), entry)
		LEAQ(Mem{Base: entry, Index: t, Scale: 8}, entry)
	}
	Label("row")
	sets := make([][]reg.VecVirtual, unroll)
	end := GP64()
	{
		p, r, t := Load(Param("s"), GP64()), GP64(), GP64()
		MOVQ(done, r)
		MOVQ(mem(p, offset(sparse, "Bias")), t)
		for u := range sets {
			for v := range n {
				a := YMM()
				sets[u] = append(sets[u], a)
				switch {
				case u > 0:
					VXORPS(a, a, a)
				case v == 0:
					VBROADCASTSS(Mem{Base: t, Index: r, Scale: 4}, a)
				default:
					VMOVAPS(sets[0][0], a)
				}
			}
		}
		INCQ(r)
		MOVQ(r, done)
		MOVQ(mem(p, offset(sparse, "Ptr")), t)
		MOVLQSX(Mem{Base: t, Index: r, Scale: 4}, t)
		MOVQ(mem(p, offset(sparse, "Entries")), end)
		LEAQ(Mem{Base: end, Index: t, Scale: 8}, end)
	}
	step := func(u int) {
		ptr, w := GP64(), YMM()
		MOVLQSX(mem(entry, 8*u), ptr)
		LEAQ(Mem{Base: base, Index: ptr, Scale: 4}, ptr)
		VBROADCASTSS(mem(entry, 8*u+4), w)
		for v := range n {
			VFMADD231PS(lane(ptr, dist, v), w, sets[u][v])
		}
	}
	if unroll > 1 {
		Label("several")
		ahead := GP64()
		LEAQ(mem(entry, 8*unroll), ahead)
		CMPQ(ahead, end)
		JHI(LabelRef("single"))
		for u := range unroll {
			step(u)
		}
		MOVQ(ahead, entry)
		JMP(LabelRef("several"))
	}
	Label("single")
	CMPQ(entry, end)
	JCC(LabelRef("sum"))
	step(0)
	ADDQ(U8(8), entry)
	JMP(LabelRef("single"))
	Label("sum")
	for u := unroll / 2; u > 0; u /= 2 {
		for i := range u {
			for v := range n {
				VADDPS(sets[i+u][v], sets[i][v], sets[i][v])
			}
		}
	}
	{
		p := Load(Param("s"), GP64())
		finish("sparse", p, sparse, sets[:1], row)
	}
	DECQ(left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
