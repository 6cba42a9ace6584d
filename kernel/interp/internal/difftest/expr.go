package difftest

import (
	"fmt"
	"strconv"
	"strings"
)

// expr returns an expression of type t that has no effect but perhaps a panic. It is never constant as a whole, so that the
// compiler does not compute what cannot be.
func (g *gen) expr(t *typ, depth int) string {
	if depth <= 0 {
		return g.leaf(t)
	}
	if g.chance(12) {
		if x := g.part(t, depth); x != "" {
			return x
		}
	}
	if g.chance(10) {
		if x := g.call(t, depth); x != "" {
			return x
		}
	}
	if g.chance(4) && !t.param {
		return fmt.Sprintf("func() %s { return %s }()", t.name, g.expr(t, depth-1))
	}
	if g.chance(3) && !t.param && t.kind != kindAny {
		return fmt.Sprintf("any(%s).(%s)", g.expr(t, depth-1), t.name)
	}
	switch t.kind {
	case kindInt, kindUint:
		return g.integer(t, depth)
	case kindFloat:
		x, y := g.expr(t, depth-1), g.expr(t, depth-1)
		switch g.r.IntN(8) {
		case 0:
			return fmt.Sprintf("%s(%s)", t.name, g.expr(pick(g, ints), depth-1))
		case 1:
			return fmt.Sprintf("%s(%s)", t.name, g.expr(pick(g, floats), depth-1))
		case 2:
			return fmt.Sprintf("%s(%s(%s))", pick(g, []string{"min", "max"}), t.name, strings.Join([]string{x, t.name + "(" + y}, "), "))
		case 3:
			return "(-" + x + ")"
		}
		// the conversion keeps the compiler from fusing operations
		return fmt.Sprintf("%s(%s %s %s)", t.name, x, pick(g, []string{"+", "-", "*", "/"}), y)
	case kindComplex:
		x, y := g.expr(t, depth-1), g.expr(t, depth-1)
		if g.chance(25) {
			f := floats[0]
			if t.bits == 64 {
				f = floats[1]
			}
			return fmt.Sprintf("%s(complex(%s, %s))", t.name, g.expr(f, depth-1), g.expr(f, depth-1))
		}
		return fmt.Sprintf("(%s %s %s)", x, pick(g, []string{"+", "-", "*", "/"}), y)
	case kindBool:
		return g.condition(t, depth)
	case kindString:
		return g.str(t, depth)
	case kindAny:
		e := g.value(1)
		if g.chance(70) {
			e = g.basic()
		}
		return fmt.Sprintf("any(%s)", g.expr(e, depth-1))
	case kindFunc:
		return g.literalFunc(t, depth)
	case kindPointer:
		switch g.r.IntN(5) {
		case 0:
			return fmt.Sprintf("new(%s)", t.elem.name)
		case 1:
			return fmt.Sprintf("(*%s)(nil)", t.elem.name)
		case 2:
			return fmt.Sprintf("new(%s(%s))", t.elem.name, g.expr(t.elem, depth-1))
		}
		return g.leaf(t)
	case kindSlice:
		return g.sliceExpr(t, depth)
	}
	return g.literal(t, depth)
}

func (g *gen) integer(t *typ, depth int) string {
	x := g.expr(t, depth-1)
	y := g.expr(t, depth-1)
	k := g.r.IntN(14)
	if (k == 2 || k == 4) && !g.risky() {
		k -= 1
	}
	switch k {
	case 0:
		if t.param {
			return "(^" + x + ")"
		}
		from := pick(g, ints)
		switch g.r.IntN(5) {
		case 0, 1:
			from = pick(g, uints)
		case 2:
			from = pick(g, floats)
		}
		return fmt.Sprintf("%s(%s)", t.name, g.expr(from, depth-1))
	case 1:
		return fmt.Sprintf("(%s %s (%s & 15))", x, pick(g, []string{"<<", ">>"}), g.expr(pick(g, uints), depth-1))
	case 2: // perhaps by too much, or negative
		return fmt.Sprintf("(%s %s %s)", x, pick(g, []string{"<<", ">>"}), g.expr(ints[g.r.IntN(2)], depth-1))
	case 3:
		return fmt.Sprintf("(%s %s (%s | 1))", x, pick(g, []string{"/", "%"}), y)
	case 4: // perhaps by zero
		return fmt.Sprintf("(%s %s %s)", x, pick(g, []string{"/", "%"}), y)
	case 5:
		return fmt.Sprintf("%s(%s, %s)", pick(g, []string{"min", "max"}), x, y)
	case 6:
		return fmt.Sprintf("(%s%s)", pick(g, []string{"-", "^"}), x)
	case 7:
		if v, ok := g.variable(func(v variable) bool {
			return v.t.kind == kindSlice || v.t.kind == kindString || v.t.kind == kindArray || v.t.kind == kindMap
		}); ok && !t.param {
			if v.t.kind == kindArray { // a constant
				return fmt.Sprintf("(%s + %s(len(%s)))", x, t.name, v.name)
			}
			return fmt.Sprintf("%s(len(%s))", t.name, v.name)
		}
	}
	return fmt.Sprintf("(%s %s %s)", x, pick(g, []string{"+", "-", "*", "&", "|", "^", "&^"}), y)
}

func (g *gen) condition(t *typ, depth int) string {
	s := ""
	switch g.r.IntN(7) {
	case 0:
		s = fmt.Sprintf("(%s %s %s)", g.expr(boolType, depth-1), pick(g, []string{"&&", "||"}), g.expr(boolType, depth-1))
	case 1:
		s = fmt.Sprintf("(!%s)", g.expr(boolType, depth-1))
	case 2:
		e := g.value(1)
		if !e.comparable() {
			e = g.basic()
		}
		s = fmt.Sprintf("(%s %s %s)", g.expr(e, depth-1), pick(g, []string{"==", "!="}), g.expr(e, depth-1))
	case 3:
		if v, ok := g.variable(func(v variable) bool {
			return v.t.kind == kindSlice || v.t.kind == kindMap || v.t.kind == kindPointer || v.t.kind == kindAny
		}); ok {
			s = fmt.Sprintf("(%s %s nil)", v.name, pick(g, []string{"==", "!="}))
			break
		}
		fallthrough
	default:
		e := g.basic()
		for !e.number() && e.kind != kindString {
			e = g.basic()
		}
		s = fmt.Sprintf("(%s %s %s)", g.expr(e, depth-1), pick(g, []string{"<", "<=", ">", ">=", "==", "!="}), g.expr(e, depth-1))
	}
	if t.named {
		return fmt.Sprintf("%s(%s)", t.name, s)
	}
	return s
}

func (g *gen) str(t *typ, depth int) string {
	x := g.expr(t, depth-1)
	switch g.r.IntN(8) {
	case 0:
		return fmt.Sprintf("%s(fmt.Sprint(%s))", t.name, g.expr(g.value(1), depth-1))
	case 1:
		return fmt.Sprintf("%s(rune(%s))", t.name, g.expr(ints[g.r.IntN(4)], depth-1))
	case 2:
		return fmt.Sprintf("%s(%s)", t.name, g.expr(bytes, depth-1))
	case 3:
		return fmt.Sprintf("%s(%s)", t.name, g.expr(runes, depth-1))
	case 4:
		if v, ok := g.variable(func(v variable) bool { return v.t.kind == kindString }); ok {
			if g.risky() {
				return fmt.Sprintf("%s(%s[%s:])", t.name, v.name, g.index(depth-1))
			}
			return fmt.Sprintf("%s(%s[:len(%s)/2])", t.name, v.name, v.name)
		}
	case 5:
		return fmt.Sprintf("%s(fmt.Sprintf(\"%%T|%%v\", %s, %s))", t.name, g.expr(g.value(1), depth-1), g.expr(g.value(1), depth-1))
	}
	return fmt.Sprintf("lims(%s + %s)", x, g.expr(t, depth-1))
}

func (g *gen) sliceExpr(t *typ, depth int) string {
	x := g.expr(t, depth-1)
	switch g.r.IntN(6) {
	case 0:
		return fmt.Sprintf("lim(append(%s, %s))", g.limited(x, t), g.expr(t.elem, depth-1))
	case 1:
		return fmt.Sprintf("lim(append(%s, %s...))", g.limited(x, t), g.expr(t, depth-1))
	case 2:
		if v, ok := g.variable(func(v variable) bool { return v.t == t }); ok {
			if g.risky() {
				return fmt.Sprintf("%s[%s:]", v.name, g.index(depth-1))
			}
			return fmt.Sprintf("%s[:len(%s)/2]", v.name, v.name)
		}
	case 3:
		return fmt.Sprintf("make(%s, %s&7)", t.name, g.expr(intType, depth-1))
	case 4:
		if !t.named && t.elem.number() && len(g.scope) > 0 {
			e := g.basic()
			if e.number() && e.kind != kindFloat {
				return fmt.Sprintf("apply(%s, func(x %s) %s { return %s(x) })", g.expr(slice(e), depth-1), e.name, t.elem.name, t.elem.name)
			}
		}
	}
	return g.literal(t, depth)
}

func (g *gen) limited(x string, t *typ) string { return "lim(" + t.name + "(" + x + "))" }

// index is an expression that is mostly a small number.
func (g *gen) index(depth int) string {
	n := g.r.IntN(10)
	if n < 5 && !g.risky() {
		return "0"
	}
	switch n {
	case 0:
		return g.expr(intType, depth)
	case 1:
		return g.expr(byteType, depth)
	case 2, 3, 4:
		return fmt.Sprintf("(%s & 3)", g.expr(intType, depth))
	}
	return strconv.Itoa(g.r.IntN(2))
}

// risky tells whether to write what may panic.
func (g *gen) risky() bool {
	if g.risked {
		return false
	}
	g.risked = g.chance(10) || g.ret != nil && g.chance(20)
	return g.risked
}

func (g *gen) arrayIndex(n int) string {
	if g.risky() {
		return fmt.Sprintf("(%s & 3)", g.nonConst(intType))
	}
	return fmt.Sprintf("(uint(%s) %% %d)", g.nonConst(intType), n)
}

// part reads a part of a variable that is of type t.
func (g *gen) part(t *typ, depth int) string {
	var found []string
	for _, v := range g.scope {
		switch v.t.kind {
		case kindSlice, kindArray:
			if v.t.elem == t || v.t.elem.name == t.name {
				i := g.index(depth - 1)
				if v.t.kind == kindArray { // a constant index is checked
					i = g.arrayIndex(v.t.len)
				}
				if v.t.kind == kindArray || g.risky() {
					found = append(found, fmt.Sprintf("%s[%s]", v.name, i))
				} else {
					found = append(found, fmt.Sprintf("elem(%s, int(%s))", v.name, i))
				}
			}
		case kindMap:
			if v.t.elem.name == t.name {
				found = append(found, fmt.Sprintf("%s[%s]", v.name, g.expr(v.t.key, depth-1)))
			}
		case kindPointer:
			if !g.risky() {
				continue
			}
			if v.t.elem.name == t.name {
				found = append(found, "(*"+v.name+")")
			}
			if v.t.elem.kind == kindStruct {
				for _, f := range v.t.elem.fields {
					if f.t.name == t.name {
						found = append(found, v.name+"."+f.name)
					}
				}
			}
		case kindStruct:
			for _, f := range v.t.fields {
				if f.t.name == t.name {
					found = append(found, v.name+"."+f.name)
				}
			}
		case kindAny:
			if !t.param && t.kind != kindAny && g.risky() {
				found = append(found, fmt.Sprintf("%s.(%s)", v.name, t.name))
			}
		case kindString:
			if t == byteType && g.risky() {
				found = append(found, fmt.Sprintf("%s[%s]", v.name, g.index(depth-1)))
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return pick(g, found)
}

func (g *gen) call(t *typ, depth int) string {
	var ps []pure
	for _, p := range g.pures {
		if p.out.name == t.name {
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 {
		if t.number() && !t.param {
			return fmt.Sprintf("sum(%s, %s)", g.expr(t, depth-1), g.expr(t, depth-1))
		}
		return ""
	}
	p := pick(g, ps)
	var args []string
	for _, a := range p.in {
		args = append(args, g.expr(a, depth-1))
	}
	if p.method {
		switch g.r.IntN(3) {
		case 0:
			return fmt.Sprintf("%s.%s(%s)", p.in[0].name, p.name, strings.Join(args, ", "))
		case 1:
			return fmt.Sprintf("interface{ %s(%s) %s }(%s(%s)).%s(%s)", p.name, p.in[1].name, p.out.name, p.in[0].name, args[0], p.name, args[1])
		}
		return fmt.Sprintf("%s(%s).%s(%s)", p.in[0].name, args[0], p.name, args[1])
	}
	return p.name + "(" + strings.Join(args, ", ") + ")"
}

// variable picks one.
func (g *gen) variable(ok func(variable) bool) (variable, bool) {
	var vs []variable
	for _, v := range g.scope {
		if ok(v) {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return variable{}, false
	}
	return pick(g, vs), true
}

// leaf is a variable or a literal.
func (g *gen) leaf(t *typ) string {
	if g.chance(80) {
		if v, ok := g.variable(func(v variable) bool { return v.t.name == t.name }); ok {
			return v.name
		}
	}
	return g.literal(t, 1)
}

// nonConst is a leaf that the compiler does not compute with.
func (g *gen) nonConst(t *typ) string {
	if v, ok := g.variable(func(v variable) bool { return v.t.name == t.name }); ok {
		return v.name
	}
	return fmt.Sprintf("func() %s { return %s }()", t.name, g.literal(t, 1))
}

// literal makes a value that is not a constant to the compiler.
func (g *gen) literal(t *typ, depth int) string {
	switch t.kind {
	case kindInt, kindUint:
		if t.param {
			return fmt.Sprintf("sum(T(%d))", g.r.IntN(100))
		}
		n := g.r.IntN(10)
		switch g.r.IntN(6) {
		case 0:
			n = g.r.IntN(128)
		case 1:
			if t.bits > 8 {
				n = g.r.IntN(1 << 15)
			}
		case 2:
			if t.bits == 64 {
				n = int(g.r.Int64N(1 << 62))
			}
		case 3:
			if t.kind == kindInt {
				n = -g.r.IntN(128)
			}
		}
		return fmt.Sprintf("sum(%s(%d))", t.name, n)
	case kindFloat:
		return fmt.Sprintf("sum(%s(%s))", t.name, pick(g, []string{"0", "1", "-2.5", "0.1", "1e10", "3", "1e-7", "-0.0"}))
	case kindComplex:
		return fmt.Sprintf("same(%s(complex(%s, %d)))", t.name, pick(g, []string{"0", "1", "-2.5"}), g.r.IntN(4))
	case kindString:
		return fmt.Sprintf("lims(%s(%s))", t.name, pick(g, []string{`""`, `"a"`, `"héllo"`, `"xyz"`, `"日本"`, `"\xff\x00"`}))
	case kindBool:
		return fmt.Sprintf("%s(%v)", t.name, g.chance(50))
	case kindAny:
		if g.chance(30) {
			return "any(nil)"
		}
		return fmt.Sprintf("any(%s)", g.literal(g.basic(), 1))
	case kindStruct:
		var fs []string
		for _, f := range t.fields {
			if g.chance(70) {
				fs = append(fs, f.name+": "+g.expr(f.t, depth-1))
			}
		}
		return fmt.Sprintf("%s{%s}", t.name, strings.Join(fs, ", "))
	case kindSlice, kindArray:
		n := g.r.IntN(4)
		if t.kind == kindArray {
			n = g.r.IntN(t.len + 1)
		} else if g.chance(10) {
			return t.name + "(nil)"
		}
		var es []string
		for range n {
			es = append(es, g.expr(t.elem, depth-1))
		}
		if t.kind == kindSlice && n > 0 && g.chance(10) {
			es[n-1] = "3: " + es[n-1]
		}
		return fmt.Sprintf("%s{%s}", t.name, strings.Join(es, ", "))
	case kindMap:
		var es []string
		for i := range g.r.IntN(4) {
			k := fmt.Sprintf("%s(%d)", t.key.name, i*3)
			if t.key.kind == kindString {
				k = fmt.Sprintf("%s(\"k%d\")", t.key.name, i)
			}
			es = append(es, k+": "+g.expr(t.elem, depth-1))
		}
		return fmt.Sprintf("%s{%s}", t.name, strings.Join(es, ", "))
	case kindPointer:
		return fmt.Sprintf("new(%s)", t.elem.name)
	case kindFunc:
		return g.literalFunc(t, depth)
	}
	panic("no literal of " + t.name)
}

func (g *gen) literalFunc(t *typ, depth int) string {
	n := len(g.scope)
	var ps []string
	for _, p := range t.in {
		v := g.name()
		ps = append(ps, v+" "+p.name)
		g.scope = append(g.scope, variable{v, p, false})
	}
	body := g.expr(t.elem, depth-1)
	g.scope = g.scope[:n]
	return fmt.Sprintf("func(%s) %s { return %s }", strings.Join(ps, ", "), t.elem.name, body)
}
