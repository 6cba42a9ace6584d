package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winoIn transforms input tiles: columns first, a few rows of the result at a time so that they stay in registers.
func winoIn(v vec, m int) {
	name := fmt.Sprintf("wino%din%s", m, v.name)
	TEXT(name, NOSPLIT, "func(a *WinoMap)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is the loop of WinoMap.In with tiles of %dx%d.", name, m+2, m+2))
	p := Load(Param("a"), GP64())
	in, out := pointer(p, winoMap, "Map"), pointer(p, winoMap, "Mat")
	step := bytesOf(p, winoMap, "Step")
	tiles := pointer(p, winoMap, "Tiles")
	rows := newSix(in, bytesOf(p, winoMap, "Row"))
	plane := bytesOf(p, winoMap, "Plane")
	matrixRow, q := GP64(), GP64() // bytes of a row of the tile's planes
	IMUL3Q(U8(m+2), plane, matrixRow)
	MOVQ(out, q)
	places := newSix(q, plane)
	to := func(i int) { // the planes of row i of the tile
		MOVQ(out, q)
		for range i {
			ADDQ(matrixRow, q)
		}
		places.reset()
	}
	var n numbers
	if m == 4 {
		n = v.numbers(2, 4, 5)
	}
	Label("tile")
	v.halves(func() {
		rows.reset()
		if m == 4 {
			v.in4(n, rows, places, to)
		} else {
			v.in2(rows, places, to)
		}
	}, in, out)
	ADDQ(step, in)
	ADDQ(U8(64), out)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// in4 multiplies with the rows of B' = [4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1]
// from both sides.
func (v vec) in4(n numbers, rows, places six, to func(int)) {
	row := func(i int, x []reg.VecVirtual) {
		to(i)
		store := func(j int, r reg.VecVirtual) { VMOVUPS(r, places.at(j, 0)) }
		a, b := v.copy(x[4]), v.copy(x[3])
		n.fma(-4, x[2], a)
		n.fma(-4, x[1], b)
		t := v.reg()
		VADDPS(a, b, t)
		store(1, t)
		VSUBPS(b, a, a)
		store(2, a)
		VSUBPS(x[2], x[4], a)
		VSUBPS(x[1], x[3], b)
		t = v.copy(a)
		n.fma(2, b, t)
		store(3, t)
		n.fma(-2, b, a)
		store(4, a)
		n.fma(-5, x[2], x[4])
		n.fma(4, x[0], x[4])
		store(0, x[4])
		n.fma(-5, x[3], x[5])
		n.fma(4, x[1], x[5])
		store(5, x[5])
	}
	var first, second [6]reg.VecVirtual
	for c := range 6 {
		a, b := v.load(rows.at(4, 64*c)), v.load(rows.at(3, 64*c))
		n.fma(-4, v.load(rows.at(2, 64*c)), a)
		n.fma(-4, v.load(rows.at(1, 64*c)), b)
		first[c], second[c] = v.reg(), a
		VADDPS(a, b, first[c])
		VSUBPS(b, a, a)
	}
	row(1, first[:])
	row(2, second[:])
	for c := range 6 {
		a, b := v.load(rows.at(4, 64*c)), v.load(rows.at(3, 64*c))
		VSUBPS(rows.at(2, 64*c), a, a)
		VSUBPS(rows.at(1, 64*c), b, b)
		first[c], second[c] = v.copy(a), a
		n.fma(2, b, first[c])
		n.fma(-2, b, a)
	}
	row(3, first[:])
	row(4, second[:])
	for c := range 6 {
		for k, t := range []*reg.VecVirtual{&first[c], &second[c]} {
			a := v.load(rows.at(4+k, 64*c))
			n.fma(-5, v.load(rows.at(2+k, 64*c)), a)
			n.fma(4, v.load(rows.at(k, 64*c)), a)
			*t = a
		}
	}
	row(0, first[:])
	row(5, second[:])
}

// in2 multiplies with the rows of B' = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1] from both sides.
func (v vec) in2(rows, places six, to func(int)) {
	difference := func(i, j, c int) reg.VecVirtual {
		r := v.load(rows.at(i, 64*c))
		VSUBPS(rows.at(j, 64*c), r, r)
		return r
	}
	for i := range 4 {
		var x [4]reg.VecVirtual
		for c := range x {
			switch i {
			case 0:
				x[c] = difference(0, 2, c)
			case 1:
				x[c] = v.load(rows.at(1, 64*c))
				VADDPS(rows.at(2, 64*c), x[c], x[c])
			case 2:
				x[c] = difference(2, 1, c)
			case 3:
				x[c] = difference(1, 3, c)
			}
		}
		to(i)
		t := v.reg()
		VSUBPS(x[2], x[0], x[0])
		VMOVUPS(x[0], places.at(0, 0))
		VADDPS(x[1], x[2], t)
		VMOVUPS(t, places.at(1, 0))
		VSUBPS(x[1], x[2], x[2])
		VMOVUPS(x[2], places.at(2, 0))
		VSUBPS(x[3], x[1], x[1])
		VMOVUPS(x[1], places.at(3, 0))
	}
}
