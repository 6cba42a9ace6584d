package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The loops that work in lanes of channels or of neighbours: element-wise maps, sums and maxima, depthwise windows. Their
// meaning is the doc comments of asm.Map, asm.Reduce and asm.Window.
var _ = add("lane", func() {
	for _, v := range []width{{"AVX2", 32}, {"AVX512", 64}} {
		v.maps()
		v.reduces()
		v.windows()
		v.depthwises()
	}
	table.write()
}, record{"Map", mapFields, false}, record{"Reduce", reduceFields, false}, record{"Window", windowFields, false})

// width is a vector register's: every loop is written once and emitted for both.
type width struct {
	isa   string
	bytes int
}

func (v width) wide() bool { return v.bytes == 64 }

func (v width) vec() reg.VecVirtual {
	if v.wide() {
		return ZMM()
	}
	return YMM()
}

// halves is the number of registers that 16 floats take.
func (v width) halves() int { return 64 / v.bytes }

// zero makes a register of zeros. (avo takes the usual exclusive or for a use of what was in the register.)
func (v width) zero() reg.VecVirtual {
	z := v.vec()
	VMOVUPS(table.float(0), z)
	return z
}

func (v width) copy(x reg.VecVirtual) reg.VecVirtual {
	y := v.vec()
	VMOVAPS(x, y)
	return y
}

// load reads an argument that every lane gets.
func (v width) load(p reg.Register, fields []field, name string) reg.VecVirtual {
	x := v.vec()
	VBROADCASTSS(mem(p, offset(fields, name)), x)
	return x
}

// constants is a table of numbers, each 16 times, that instructions read as operands in memory.
type constants struct {
	name string
	at   map[uint32]int
	list []uint32
	kept map[uint32]reg.VecVirtual
}

var table = constants{name: "laneConstants", at: map[uint32]int{}}

func (c *constants) word(bits uint32) Mem {
	at, ok := c.at[bits]
	if !ok {
		at = 64 * len(c.list)
		c.at[bits] = at
		c.list = append(c.list, bits)
	}
	return NewDataAddr(Symbol{Name: c.name, Static: true}, at)
}

// float is a number as an operand: the register that keep loaded it into, or memory.
func (c *constants) float(x float64) Op {
	bits := math.Float32bits(float32(x))
	if r, ok := c.kept[bits]; ok {
		return r
	}
	return c.word(bits)
}

// keep loads numbers into registers, for the loop that is written next.
func (c *constants) keep(v width, numbers ...float64) {
	c.kept = map[uint32]reg.VecVirtual{}
	for _, x := range numbers {
		bits := math.Float32bits(float32(x))
		if c.kept[bits] == nil {
			r := v.vec()
			VMOVUPS(c.word(bits), r)
			c.kept[bits] = r
		}
	}
}

func (c *constants) write() {
	GLOBL(c.name, attr.RODATA|attr.NOPTR)
	for i, bits := range c.list {
		for j := range 16 {
			DATA(64*i+4*j, U32(bits))
		}
	}
}

func arg(p reg.Register, fields []field, name string) reg.GPVirtual {
	r := GP64()
	MOVQ(mem(p, offset(fields, name)), r)
	return r
}
