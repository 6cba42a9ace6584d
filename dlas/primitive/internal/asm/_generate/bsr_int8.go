package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The quantised tiles whose inputs are picked from the depth. Their meaning is the doc comment of asm.BytePickGo.
var (
	_ = add("bsr_int8", func() {
		byteOrder()
		for vectors := 1; vectors <= 2; vectors++ {
			for pixels := 1; pixels <= mostPixels; pixels++ {
				bytePick512(pixels, vectors, halfTile)
			}
			for half := 1; half < halfTile; half++ {
				bytePick512(2*half, vectors, half)
			}
		}
	}, record{"ByteTile", byteTile, false})
	_ = addGo("bsr_int8", bytePickEntries)
	_ = add("bsr_int8_256", func() {
		byteOrder2()
		for pixels := 1; pixels <= pickVNNI; pixels++ {
			bytePick256(pixels, true)
		}
		for pixels := 1; pixels <= pickPairs; pixels++ {
			bytePick256(pixels, false)
		}
	})
)

// The most pixels of a tile of 16 output channels.
const (
	pickVNNI  = 6
	pickPairs = 4
)

// bytePicker is what the loops over picked inputs share.
type bytePicker struct {
	at           func(name string) Mem
	w, off       reg.GPVirtual
	in, in2      reg.GPVirtual
	step, step3  reg.GPVirtual
	pixels, half int
	size         int // bytes of the weights of an element
}

func newBytePicker(pixels, half, size int) *bytePicker {
	p := Load(Param("t"), GP64())
	k := &bytePicker{pixels: pixels, half: half, size: size}
	k.at = func(name string) Mem { return mem(p, offset(byteTile, name)) }
	return k
}

// begin loads what the loop reads.
func (k *bytePicker) begin() {
	k.step, k.step3, k.w, k.off, k.in = GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(k.at("Pixel"), k.step)
	LEAQ(Mem{Base: k.step, Index: k.step, Scale: 2}, k.step3)
	MOVQ(k.at("W"), k.w)
	MOVQ(k.at("Off"), k.off)
	MOVQ(k.at("In"), k.in)
	if k.pixels > k.half {
		k.in2 = GP64()
		MOVQ(k.at("In2"), k.in2)
		ADDQ(k.in, k.in2)
	}
}

// places are the addresses of the pixels of element c.
func (k *bytePicker) places(c int) []Mem {
	q := GP64()
	MOVLQSX(mem(k.off, 4*c), q)
	var list []Mem
	some := func(in reg.GPVirtual, n int) {
		var b reg.GPVirtual
		for i := range n {
			if i%4 == 0 {
				next := GP64()
				if i == 0 {
					LEAQ(Mem{Base: in, Index: q, Scale: 1}, next)
				} else {
					LEAQ(Mem{Base: b, Index: k.step, Scale: 4}, next)
				}
				b = next
			}
			m := mem(b, 0)
			switch i % 4 {
			case 1:
				m.Index, m.Scale = k.step, 1
			case 2:
				m.Index, m.Scale = k.step, 2
			case 3:
				m.Index, m.Scale = k.step3, 1
			}
			list = append(list, m)
		}
	}
	// The addresses of the first half are used up before those of the second are made.
	some(k.in, min(k.pixels, k.half))
	if k.pixels > k.half {
		some(k.in2, k.pixels-k.half)
	}
	return list
}

// loop multiplies all elements, four at a time; multiply adds the products of element c of those.
func (k *bytePicker) loop(multiply func(c int)) {
	n := GP64()
	MOVQ(k.at("Depth"), n)
	SHRQ(U8(2), n)
	JEQ(LabelRef("rest"))
	Label("four")
	for c := range 4 {
		multiply(c)
	}
	ADDQ(U8(16), k.off)
	ADDQ(U32(uint32(4*k.size)), k.w)
	DECQ(n)
	JNZ(LabelRef("four"))
	Label("rest")
	MOVQ(k.at("Depth"), n)
	ANDQ(U8(3), n)
	JEQ(LabelRef("end"))
	Label("one")
	multiply(0)
	ADDQ(U8(4), k.off)
	ADDQ(U32(uint32(k.size)), k.w)
	DECQ(n)
	JNZ(LabelRef("one"))
	Label("end")
}

func bytePick512(pixels, vectors, half int) {
	name := fmt.Sprintf("bytePick%dx%d", pixels, vectors)
	if half < halfTile {
		name = fmt.Sprintf("bytePick%dand%dx%d", half, half, vectors)
	}
	TEXT(name, NOSPLIT, "func(t *ByteTile)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of BytePickGo for %d pixels, half %d, %d blocks of output channels.", name, pixels, half, vectors))
	k := newBytePicker(pixels, half, 64*vectors)
	sets := byteSets(pixels, vectors)
	acc := byteSums(k.at, pixels, vectors, sets)
	k.begin()
	k.loop(func(c int) {
		weights := make([]reg.VecVirtual, vectors)
		for j := range weights {
			at := 64 * (c*vectors + j)
			weights[j] = ZMM()
			VMOVDQU32(mem(k.w, at), weights[j])
			PREFETCHT0(mem(k.w, at+pickAhead))
		}
		for i, m := range k.places(c) {
			x := ZMM()
			VPBROADCASTD(m, x)
			for j := range weights {
				VPDPBUSD(weights[j], x, acc[c%sets][i][j])
			}
		}
	})
	byteJoin(acc)
	byteFinish(k.at, acc[0], vectors, half)
	VZEROUPPER()
	RET()
}

// bytePick256 is the same for one block of output channels and the instructions of byteTile256.
func bytePick256(pixels int, vnni bool) {
	name, size := fmt.Sprintf("bytePickPair%d", pixels), 128
	if vnni {
		name, size = fmt.Sprintf("bytePickVNNI%d", pixels), 64
	}
	TEXT(name, NOSPLIT, "func(t *ByteTile)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of BytePickGo for %d pixels, one block of output channels, without table.", name, pixels))
	k := newBytePicker(pixels, pixels, size)
	acc := byteSums256(k.at, pixels)
	k.begin()
	var even reg.VecVirtual
	if !vnni {
		even = byteEven()
	}
	k.loop(func(c int) {
		at := size * c
		for i := 0; i < size; i += 64 {
			PREFETCHT0(mem(k.w, at+i+pickAhead))
		}
		if vnni {
			weights := []reg.VecVirtual{YMM(), YMM()}
			for j := range weights {
				VMOVDQU(mem(k.w, at+32*j), weights[j])
			}
			for i, m := range k.places(c) {
				x := YMM()
				VPBROADCASTD(m, x)
				for j := range weights {
					VPDPBUSD(weights[j], x, acc[i][j])
				}
			}
			return
		}
		for i, m := range k.places(c) {
			x, odd := YMM(), YMM()
			VPBROADCASTD(m, x)
			VPSRLW(U8(8), x, odd)
			VPAND(even, x, x)
			for j := range 2 {
				t := YMM()
				VPMADDWD(mem(k.w, at+32*j), x, t)
				VPADDD(t, acc[i][j], acc[i][j])
				u := YMM()
				VPMADDWD(mem(k.w, at+64+32*j), odd, u)
				VPADDD(u, acc[i][j], acc[i][j])
			}
		}
	})
	byteFinish256(k.at, acc)
	VZEROUPPER()
	RET()
}

// bytePickEntries is the choice of a kernel by pixels and blocks.
func bytePickEntries() string {
	var b strings.Builder
	b.WriteString("\n// callBytePick calls the kernel of pixels, of which half lie apart, and blocks; it reports whether there is one.\nfunc callBytePick(t *ByteTile, pixels, half, vectors int) bool {\n\tif half < HalfTile {\n\t\tpixels = half | 1<<4\n\t}\n\tswitch pixels | vectors<<8 {\n")
	for vectors := 1; vectors <= 2; vectors++ {
		for pixels := 1; pixels <= mostPixels; pixels++ {
			fmt.Fprintf(&b, "\tcase %d | %d<<8:\n\t\tbytePick%dx%d(t)\n", pixels, vectors, pixels, vectors)
		}
		for half := 1; half < halfTile; half++ {
			fmt.Fprintf(&b, "\tcase %d | 1<<4 | %d<<8:\n\t\tbytePick%dand%dx%d(t)\n", half, vectors, half, half, vectors)
		}
	}
	b.WriteString("\tdefault:\n\t\treturn false\n\t}\n\treturn true\n}\n")
	return b.String()
}
