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

// spread is the 16 numbers of a constant, as their bits.
type spread [16]uint32

// all is a number in every lane.
func all(bits uint32) (l spread) {
	for i := range l {
		l[i] = bits
	}
	return l
}

// same are constants with one number each in every lane.
func same(list ...float64) (c []spread) {
	for _, x := range list {
		c = append(c, all(math.Float32bits(float32(x))))
	}
	return c
}

// constants is a table of numbers that instructions read as operands in memory.
type constants struct {
	name string
	at   map[spread]int
	list []spread
	kept map[spread]reg.VecVirtual
}

var table = constants{name: "laneConstants", at: map[spread]int{}}

func (c *constants) place(l spread) Mem {
	at, ok := c.at[l]
	if !ok {
		at = 64 * len(c.list)
		c.at[l] = at
		c.list = append(c.list, l)
	}
	return NewDataAddr(Symbol{Name: c.name, Static: true}, at)
}

func (c *constants) word(bits uint32) Mem { return c.place(all(bits)) }

// get is a constant as an operand: the register that keep loaded it into, or memory.
func (c *constants) get(l spread) Op {
	if r, ok := c.kept[l]; ok {
		return r
	}
	return c.place(l)
}

func (c *constants) float(x float64) Op { return c.get(all(math.Float32bits(float32(x)))) }

// keep loads constants into registers, for the loop that is written next.
func (c *constants) keep(v width, list ...spread) {
	c.kept = map[spread]reg.VecVirtual{}
	for _, l := range list {
		if c.kept[l] == nil {
			r := v.vec()
			VMOVUPS(c.place(l), r)
			c.kept[l] = r
		}
	}
}

func (c *constants) write() {
	GLOBL(c.name, attr.RODATA|attr.NOPTR)
	for i, l := range c.list {
		for j, bits := range l {
			DATA(64*i+4*j, U32(bits))
		}
	}
}

func arg(p reg.Register, fields []field, name string) reg.GPVirtual {
	r := GP64()
	MOVQ(mem(p, offset(fields, name)), r)
	return r
}
