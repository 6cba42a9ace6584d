package difftest

import (
	"fmt"
	"strings"
)

type kind uint8

const (
	kindInt kind = iota
	kindUint
	kindFloat
	kindComplex
	kindString
	kindBool
	kindStruct
	kindSlice
	kindArray
	kindMap
	kindPointer
	kindFunc
	kindAny
	kindChan
)

type typ struct {
	name   string
	kind   kind
	bits   int
	len    int
	elem   *typ // of slices, arrays, maps and pointers, and what a func returns
	key    *typ
	in     []*typ
	fields []field
	named  bool
	param  bool // a type parameter
}

type field struct {
	name string
	t    *typ
}

var (
	ints = []*typ{
		{name: "int", kind: kindInt, bits: 64},
		{name: "int8", kind: kindInt, bits: 8},
		{name: "int16", kind: kindInt, bits: 16},
		{name: "int32", kind: kindInt, bits: 32},
		{name: "int64", kind: kindInt, bits: 64},
	}
	uints = []*typ{
		{name: "uint", kind: kindUint, bits: 64},
		{name: "uint8", kind: kindUint, bits: 8},
		{name: "uint16", kind: kindUint, bits: 16},
		{name: "uint32", kind: kindUint, bits: 32},
		{name: "uint64", kind: kindUint, bits: 64},
	}
	floats    = []*typ{{name: "float64", kind: kindFloat, bits: 64}, {name: "float32", kind: kindFloat, bits: 32}}
	complexes = []*typ{{name: "complex128", kind: kindComplex, bits: 128}, {name: "complex64", kind: kindComplex, bits: 64}}
	boolType  = &typ{name: "bool", kind: kindBool}
	strType   = &typ{name: "string", kind: kindString}
	intType   = ints[0]
	byteType  = uints[1]
	runeType  = ints[3]
	anyType   = &typ{name: "any", kind: kindAny}
	bytes     = slice(byteType)
	runes     = slice(runeType)
)

func slice(e *typ) *typ { return &typ{name: "[]" + e.name, kind: kindSlice, elem: e} }

func pointer(e *typ) *typ { return &typ{name: "*" + e.name, kind: kindPointer, elem: e} }

func function(out *typ, in ...*typ) *typ {
	var ns []string
	for _, t := range in {
		ns = append(ns, t.name)
	}
	return &typ{name: "func(" + strings.Join(ns, ", ") + ") " + out.name, kind: kindFunc, elem: out, in: in}
}

func (t *typ) integer() bool { return t.kind == kindInt || t.kind == kindUint }

func (t *typ) number() bool { return t.kind <= kindFloat }

func (t *typ) comparable() bool {
	switch t.kind {
	case kindSlice, kindMap, kindFunc, kindAny:
		return false
	case kindStruct:
		for _, f := range t.fields {
			if !f.t.comparable() {
				return false
			}
		}
	case kindArray:
		return t.elem.comparable()
	}
	return true
}

func (g *gen) basic() *typ {
	switch n := g.r.IntN(20); {
	case n < 4:
		return intType
	case n < 8:
		return pick(g, ints)
	case n < 11:
		return pick(g, uints)
	case n < 13:
		return pick(g, floats)
	case n < 16:
		return strType
	case n < 17:
		return pick(g, complexes)
	case n < 18:
		return boolType
	}
	if len(g.basics) > 0 {
		return pick(g, g.basics)
	}
	return strType
}

// value is a type whose values can be printed.
func (g *gen) value(depth int) *typ {
	if depth <= 0 || g.chance(45) {
		return g.basic()
	}
	switch g.r.IntN(7) {
	case 0, 1:
		return slice(g.value(depth - 1))
	case 2:
		e := g.value(depth - 1)
		n := 1 + g.r.IntN(4)
		return &typ{name: fmt.Sprintf("[%d]%s", n, e.name), kind: kindArray, len: n, elem: e}
	case 3:
		k := g.basic()
		for !k.integer() && k.kind != kindString {
			k = g.basic()
		}
		e := g.value(depth - 1)
		return &typ{name: "map[" + k.name + "]" + e.name, kind: kindMap, key: k, elem: e}
	case 4:
		return anyType
	}
	if len(g.types) > 0 {
		return pick(g, g.types)
	}
	return g.basic()
}

func (g *gen) anyType() *typ {
	switch g.r.IntN(12) {
	case 0:
		return pointer(g.value(1))
	case 1:
		return function(g.basic(), g.basic())
	}
	return g.value(2)
}

func (g *gen) declareTypes() {
	for i := range g.r.IntN(3) {
		base := g.basic()
		t := *base
		t.name, t.named = fmt.Sprintf("N%s_%d", g.id, i), true
		fmt.Fprintf(&g.decls, "type %s %s\n\n", t.name, base.name)
		g.basics = append(g.basics, &t)
		if g.chance(40) && t.integer() {
			fmt.Fprintf(&g.decls, "func (x %s) String() string { return fmt.Sprintf(\"<%%d>\", %s(x)) }\n\n", t.name, base.name)
		}
	}
	for i := range g.r.IntN(3) {
		t := &typ{name: fmt.Sprintf("S%s_%d", g.id, i), kind: kindStruct, named: true}
		fmt.Fprintf(&g.decls, "type %s struct {\n", t.name)
		seen := false
		for j := range 1 + g.r.IntN(4) {
			if len(g.types) > 0 && !seen && g.chance(25) {
				seen = true
				e := g.types[len(g.types)-1]
				if e.kind == kindStruct {
					t.fields = append(t.fields, field{e.name, e})
					fmt.Fprintf(&g.decls, "\t%s\n", e.name)
					continue
				}
			}
			f := field{fmt.Sprintf("%c%d", "aBcD"[j], i), g.value(1)}
			t.fields = append(t.fields, f)
			fmt.Fprintf(&g.decls, "\t%s %s\n", f.name, f.t.name)
		}
		g.decls.WriteString("}\n\n")
		g.types = append(g.types, t)
	}
	if g.chance(30) {
		e := g.basic()
		t := slice(e)
		under := t.name
		t.name, t.named = fmt.Sprintf("L%s", g.id), true
		fmt.Fprintf(&g.decls, "type %s %s\n\n", t.name, under)
		g.types = append(g.types, t)
	}
}

// pureFunction declares a function, a generic one or a method without effects.
func (g *gen) pureFunction() {
	name := fmt.Sprintf("p%s_%d", g.id, len(g.pures))
	var in []*typ
	out := g.basic()
	head := "func " + name
	p := pure{name: name, out: out}
	switch k := g.r.IntN(10); {
	case k < 3: // generic: the body only knows that T is an integer
		t := &typ{name: "T", kind: kindUint, bits: 8, param: true}
		in = []*typ{t, t}
		out = t
		head += "[T integer]"
		p.out = pick(g, ints)
		if g.chance(50) {
			p.out = pick(g, uints)
		}
		p.in = []*typ{p.out, p.out}
	case k < 6 && len(g.types)+len(g.basics) > 0:
		recv := pick(g, append(append([]*typ(nil), g.types...), g.basics...))
		in = []*typ{recv, g.basic()}
		p.in, p.method = in, true
	default:
		for range 1 + g.r.IntN(2) {
			in = append(in, g.value(1))
		}
		p.in = in
	}
	n := len(g.scope)
	saved, savedScope, savedRet := g.b, g.scope, g.ret
	g.b, g.scope = new(strings.Builder), nil
	var ps []string
	for i, t := range in {
		v := fmt.Sprintf("a%d", i)
		if p.method && i == 0 {
			head = "func (" + v + " " + t.name + ") " + name
		} else {
			ps = append(ps, v+" "+t.name)
		}
		g.scope = append(g.scope, variable{v, t, false})
	}
	g.ret, g.risked = nil, true
	g.line("%s(%s) %s {", head, strings.Join(ps, ", "), out.name)
	g.tabs++
	if g.chance(50) {
		g.line("if %s {", g.expr(boolType, 2))
		g.line("\treturn %s", g.expr(out, 2))
		g.line("}")
	}
	g.line("return %s", g.expr(out, 3))
	g.tabs--
	g.line("}\n")
	g.decls.WriteString(g.b.String())
	g.b, g.scope, g.ret = saved, savedScope[:n], savedRet
	g.pures = append(g.pures, p)
}
