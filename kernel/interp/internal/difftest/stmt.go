package difftest

import "fmt"

func (g *gen) declareVar(t *typ) {
	g.risked = false
	v := g.name()
	x := g.expr(t, 2)
	switch g.r.IntN(4) {
	case 0:
		g.line("var %s %s = %s", v, t.name, x)
	case 1:
		g.line("var %s %s", v, t.name)
		if t.kind == kindFunc {
			g.line("%s = %s", v, x)
		}
	default:
		g.line("%s := %s(%s)", v, paren(t), x)
	}
	g.scope = append(g.scope, variable{v, t, false})
}

func paren(t *typ) string {
	if t.kind == kindPointer || t.kind == kindFunc {
		return "(" + t.name + ")"
	}
	return t.name
}

// assignable picks a variable, or a part of one, that can be assigned to.
func (g *gen) assignable() (string, *typ) {
	v, ok := g.variable(func(v variable) bool { return !v.fixed || v.t.kind == kindPointer })
	if !ok {
		v.name, v.t = g.name(), intType
		g.line("var %s int", v.name)
		g.scope = append(g.scope, v)
		return v.name, v.t
	}
	if g.chance(40) && !v.fixed {
		return v.name, v.t
	}
	switch v.t.kind {
	case kindStruct:
		if len(v.t.fields) > 0 {
			f := pick(g, v.t.fields)
			return v.name + "." + f.name, f.t
		}
	case kindSlice:
		if g.risky() {
			return fmt.Sprintf("%s[%s]", v.name, g.index(1)), v.t.elem
		}
	case kindArray:
		return fmt.Sprintf("%s[%s]", v.name, g.arrayIndex(v.t.len)), v.t.elem
	case kindMap:
		if g.risky() { // it may be nil
			return fmt.Sprintf("%s[%s]", v.name, g.expr(v.t.key, 1)), v.t.elem
		}
	case kindPointer:
		if v.fixed || g.risky() { // the fixed ones are not nil
			return "*" + v.name, v.t.elem
		}
	}
	return v.name, v.t
}

func (g *gen) statement(depth int) {
	g.risked = false
	if depth <= 0 {
		g.simple()
		return
	}
	switch g.r.IntN(26) {
	case 0, 1:
		g.line("if %s {", g.expr(boolType, 2))
		g.body(depth)
		if g.chance(50) {
			g.line("} else {")
			g.body(depth)
		}
		g.line("}")
	case 2, 3, 4, 5, 6:
		g.loop(depth)
	case 7:
		g.switches(depth)
	case 8:
		g.typeSwitch(depth)
	case 9, 10:
		g.recovered(depth)
	case 11:
		g.closure(depth)
	case 12:
		g.channels(depth)
	case 13:
		g.methods()
	case 14:
		g.swap()
	case 15:
		g.jump()
	case 16:
		g.pointers()
	case 17:
		g.goes(depth)
	default:
		g.simple()
	}
}

func (g *gen) body(depth int) {
	do := func() {
		for range 1 + g.r.IntN(3) {
			g.statement(depth - 1)
		}
	}
	if g.chance(60) {
		g.block(do)
	} else {
		g.inner(do)
	}
}

func (g *gen) simple() {
	g.risked = false
	switch g.r.IntN(12) {
	case 0, 1:
		g.declareVar(g.anyType())
	case 2:
		if v, ok := g.variable(func(v variable) bool { return v.t.kind == kindMap }); ok {
			switch g.r.IntN(4) {
			case 0:
				g.line("clear(%s)", v.name)
			case 1:
				a, b := g.name(), g.name()
				g.line("%s, %s := %s[%s]", a, b, v.name, g.expr(v.t.key, 1))
				g.scope = append(g.scope, variable{a, v.t.elem, false}, variable{b, boolType, false})
			default:
				g.line("delete(%s, %s)", v.name, g.expr(v.t.key, 1))
			}
			return
		}
		fallthrough
	case 3:
		if v, ok := g.variable(func(v variable) bool { return v.t.integer() && !v.fixed }); ok {
			g.line("%s%s", v.name, pick(g, []string{"++", "--"}))
			return
		}
		fallthrough
	case 4, 5:
		if x, t := g.assignable(); t.number() && t.kind != kindFloat {
			op := pick(g, []string{"+", "-", "*", "|", "&", "^", "&^", "%", "/"})
			v := g.name() // which of two panics comes first is open
			g.line("%s := %s", v, g.expr(t, 2))
			g.line("%s %s= %s", x, op, v)
			return
		} else if t.kind == kindString {
			g.line("%s = lims(%s + %s)", x, x, g.expr(t, 1))
			return
		}
		fallthrough
	case 6:
		if v, ok := g.variable(func(v variable) bool { return v.t.kind == kindSlice }); ok {
			g.line("show(\"copied\", copy(%s, %s))", v.name, g.expr(v.t, 1))
			return
		}
		fallthrough
	case 7:
		if v, ok := g.variable(func(v variable) bool { return v.t.kind == kindFunc }); ok {
			g.line("show(\"called\", %s(%s))", v.name, g.expr(v.t.in[0], 1))
			return
		}
		fallthrough
	default:
		x, t := g.assignable()
		e := g.expr(t, 3)
		if t.kind == kindAny || t.kind == kindFunc { // nothing that holds itself
			e = g.literal(g.basic(), 1)
			if t.kind == kindFunc {
				e = g.literalFunc(t, 2)
			}
		}
		g.line("%s = %s", x, e)
	}
}

// loop writes a loop of any kind; its body may leave it in any way.
func (g *gen) loop(depth int) {
	label := ""
	if g.chance(40) {
		label = "L" + g.name()
	}
	v, w := g.name(), g.name()
	head := ""
	vars := []variable{{v, intType, true}}
	switch g.r.IntN(8) {
	case 0:
		head = fmt.Sprintf("for %s := 0; %s < %d; %s++", v, v, 2+g.r.IntN(3), v)
	case 1:
		t := pick(g, append(ints, uints...))
		vars[0].t = t
		head = fmt.Sprintf("for %s := range %s(%d)", v, t.name, 1+g.r.IntN(4))
	case 2:
		s, ok := g.variable(func(v variable) bool { return v.t.kind == kindSlice || v.t.kind == kindArray })
		if !ok {
			s = variable{g.expr(bytes, 1), bytes, false}
		}
		head = fmt.Sprintf("for %s, %s := range %s", v, w, s.name)
		vars = append(vars, variable{w, s.t.elem, false})
	case 3:
		head = fmt.Sprintf("for %s, %s := range %s", v, w, g.expr(strType, 1))
		vars = append(vars, variable{w, runeType, false})
	case 4, 5:
		t := g.value(1)
		head = fmt.Sprintf("for %s, %s := range seq[%s](%s, %s, %s)", v, w, t.name, g.expr(t, 1), g.expr(t, 1), g.expr(t, 1))
		vars = append(vars, variable{w, t, false})
	case 6:
		t := pick(g, ints)
		vars[0].t = t
		head = fmt.Sprintf("for %s := range upTo(%s)", v, g.expr(t, 1))
	case 7:
		g.line("%s := 0", v)
		head = fmt.Sprintf("for %s", g.expr(boolType, 1))
		g.scope = append(g.scope, vars...)
		vars = nil
	}
	if label != "" {
		g.line("if true {") // so that a goto may jump over it
		g.tabs++
		g.line("%s:", label)
	}
	g.line("%s {", head)
	g.loops = append(g.loops, label)
	g.inner(func() {
		if vars == nil {
			g.line("if %s++; %s > 3 {", v, v)
			g.line("\tbreak")
			g.line("}")
		}
		g.scope = append(g.scope, vars...)
		for range 1 + g.r.IntN(3) {
			g.statement(depth - 1)
		}
		g.leave()
		if g.chance(40) {
			g.simple()
		}
	})
	if label != "" {
		g.line("\tif v1 := 1; v1 > 1 {")
		g.line("\t\tbreak %s", label)
		g.line("\t}")
	}
	g.loops = g.loops[:len(g.loops)-1]
	g.line("}")
	if label != "" {
		g.tabs--
		g.line("}")
	}
}

// leave writes a way out of the loops around.
func (g *gen) leave() {
	if !g.chance(60) {
		return
	}
	g.risked = false
	g.line("if %s {", g.expr(boolType, 2))
	g.risked = false
	how := pick(g, []string{"break", "continue"})
	switch label := pick(g, g.loops); {
	case g.ret != nil && g.chance(30):
		how = "return " + g.expr(g.ret, 1)
	case g.chance(10):
		how = fmt.Sprintf("panic(%s)", g.expr(pick(g, []*typ{strType, intType}), 1))
	case label != "":
		how += " " + label
	}
	g.line("\t%s", how)
	g.line("}")
}

func (g *gen) switches(depth int) {
	t := g.basic()
	for t.kind == kindBool || t.kind == kindComplex {
		t = g.basic()
	}
	if g.chance(30) {
		g.line("switch {")
		for range 1 + g.r.IntN(3) {
			g.line("case %s:", g.expr(boolType, 2))
			g.body(depth)
			if g.chance(25) {
				g.line("\tfallthrough")
			}
		}
	} else {
		g.line("switch %s {", g.expr(t, 2))
		for range 1 + g.r.IntN(3) {
			g.line("case %s, %s:", g.expr(t, 1), g.expr(t, 1))
			g.body(depth)
			if g.chance(25) {
				g.line("\tfallthrough")
			}
		}
	}
	g.line("default:")
	g.body(depth)
	g.line("}")
}

func (g *gen) typeSwitch(depth int) {
	v := g.name()
	g.line("switch %s := %s.(type) {", v, g.expr(anyType, 1))
	seen := map[string]bool{}
	for range 1 + g.r.IntN(4) {
		t := g.value(1)
		if g.chance(50) {
			t = g.basic()
		}
		if seen[t.name] || t.kind == kindAny {
			continue
		}
		seen[t.name] = true
		g.line("case %s:", t.name)
		g.inner(func() {
			g.scope = append(g.scope, variable{v, t, false})
			g.statement(depth - 1)
		})
	}
	g.line("case nil:")
	g.line("\tshow(\"nil\", %s)", v)
	g.line("case fmt.Stringer:")
	g.line("\tshow(\"stringer\", %s.String())", v)
	g.line("default:")
	g.line("\tshow(\"default\", %s)", v)
	g.line("}")
}

// recovered writes a function that survives what its body does.
func (g *gen) recovered(depth int) {
	t := g.basic()
	v, res := g.name(), g.name()
	g.line("%s := func() (%s %s) {", v, res, t.name)
	loops, ret := g.loops, g.ret
	g.loops, g.ret = nil, t
	g.returning(t, func() {
		g.scope = append(g.scope, variable{res, t, false})
		g.line("defer func() {")
		g.line("\tr := recover()")
		g.line("\tshow(\"recovered\", r)")
		g.inner(g.simple)
		g.line("}()")
		if g.chance(40) {
			g.line("defer show(\"deferred\", %s)", g.expr(g.basic(), 1))
		}
		if g.chance(30) {
			g.line("for %s := range %s {", g.name(), pick(g, []string{"3", "upTo(3)", "upTo(int8(2))"}))
			g.line("\tdefer show(\"in a loop\", fmt.Sprint(%s, v%d))", g.expr(g.basic(), 1), g.n)
			g.line("}")
		}
		for range 1 + g.r.IntN(3) {
			g.statement(depth - 1)
		}
		if g.chance(20) {
			g.line("if %s {", g.expr(boolType, 1))
			g.line("\tpanic(fmt.Sprint(\"p\", %s))", g.expr(g.basic(), 1))
			g.line("}")
		}
	})
	g.loops, g.ret = loops, ret
	g.line("}()")
	g.scope = append(g.scope, variable{v, t, false})
}

func (g *gen) closure(depth int) {
	v, p := g.name(), g.name()
	in, out := g.basic(), g.basic()
	g.line("%s := func(%s %s) %s {", v, p, in.name, out.name)
	loops, ret := g.loops, g.ret
	g.loops, g.ret = nil, out
	g.returning(out, func() {
		g.scope = append(g.scope, variable{p, in, false})
		for range 1 + g.r.IntN(2) {
			g.statement(depth - 2)
		}
	})
	g.loops, g.ret = loops, ret
	g.line("}")
	for range 1 + g.r.IntN(2) {
		r := g.name()
		g.line("%s := %s(%s)", r, v, g.expr(in, 1))
		g.line("show(%q, %s)", r, r)
	}
}

func (g *gen) channels(depth int) {
	t := g.value(1)
	c, x := g.name(), g.name()
	switch g.r.IntN(3) {
	case 0:
		g.line("%s := make(chan %s, %d)", c, t.name, g.r.IntN(3))
		g.line("go func() {")
		g.line("\tdefer close(%s)", c)
		g.line("\tdefer func() { recover() }()")
		y := g.name()
		g.line("\tfor range 3 {")
		g.line("\t\tvar %s %s = %s", y, t.name, g.literal(t, 1))
		g.line("\t\t%s <- %s", c, y)
		g.line("\t}")
		g.line("}()")
		g.line("for %s := range %s {", x, c)
		g.inner(func() {
			g.scope = append(g.scope, variable{x, t, false})
			g.line("show(\"received\", %s)", g.shown(x, t))
		})
		g.line("}")
	case 1:
		g.line("%s := make(chan %s, 2)", c, t.name)
		g.line("%s <- %s", c, g.expr(t, 1))
		g.line("select {")
		g.line("case %s := <-%s:", x, c)
		g.line("\tshow(\"selected\", %s)", x)
		g.line("default:")
		g.line("\tshow(\"default\", 0)")
		g.line("}")
		g.line("close(%s)", c)
		g.line("select {")
		ok := g.name()
		g.line("case %s, %s := <-%s:", x, ok, c)
		g.line("\tshow(\"closed\", %s)", x)
		g.line("\tshow(\"ok\", %s)", ok)
		g.line("}")
	default:
		g.line("var %s chan %s", c, t.name)
		g.line("if %s {", g.expr(boolType, 1))
		g.line("\t%s = make(chan %s, 1)", c, t.name)
		g.line("}")
		g.line("select {")
		g.line("case %s <- %s:", c, g.expr(t, 1))
		g.body(depth - 1)
		g.line("case %s := <-%s:", x, c)
		g.line("\tshow(\"never\", %s)", x)
		g.line("default:")
		g.line("\tshow(\"nobody\", len(%s))", c)
		g.line("}")
	}
}

// methods uses the generic types of the prelude.
func (g *gen) methods() {
	a, b := g.value(1), g.basic()
	v := g.name()
	switch g.r.IntN(3) {
	case 0:
		g.line("%s := pair[%s, %s]{%s, %s}", v, a.name, b.name, g.expr(a, 1), g.expr(b, 1))
		g.line("show(%q, %s.swap())", v, v)
		g.line("%s.set(%s, %s)", v, g.expr(a, 1), g.expr(b, 1))
		f := g.name()
		g.line("%s := %s.swap", f, v)
		g.line("%s.B = %s", v, g.expr(b, 1))
		g.line("show(%q, %s())", v, f)
		g.line("show(%q, pair[%s, %s].swap(%s))", v, a.name, b.name, v)
	case 1:
		g.line("var %s stack[%s]", v, a.name)
		g.line("%s.push(%s)", v, g.expr(a, 1))
		g.line("%s.push(%s)", v, g.expr(a, 1))
		g.line("for range 3 {")
		g.line("\tx, ok := %s.pop()", v)
		g.line("\tshow(%q, fmt.Sprint(x, ok))", v)
		g.line("}")
		g.line("show(%q, %s)", v, v)
	case 2:
		p, q := g.name(), g.name()
		g.line("%s := fold(%s, %s, func(%s %s, %s %s) %s {", v, g.expr(slice(a), 2), g.expr(b, 1), p, b.name, q, a.name, b.name)
		g.returning(b, func() { g.scope = append(g.scope, variable{p, b, false}, variable{q, a, false}) })
		g.line("})")
		g.scope = append(g.scope, variable{v, b, false})
	}
}

// swap assigns several at once.
func (g *gen) swap() {
	v, ok := g.variable(func(v variable) bool { return !v.fixed && v.t.kind != kindFunc && v.t.kind != kindAny })
	if !ok {
		return
	}
	w, _ := g.variable(func(w variable) bool { return w.t.name == v.t.name && !w.fixed })
	if v.t.kind == kindSlice && g.chance(60) {
		g.line("if len(%s) > 1 {", v.name)
		g.line("\t%s[0], %s[1] = %s[1], %s[0]", v.name, v.name, v.name, v.name)
		g.line("}")
		return
	}
	if v.name == w.name {
		x := g.name()
		g.line("%s := %s", x, v.name)
		g.scope = append(g.scope, variable{x, v.t, false})
		w.name = x
	}
	g.line("%s, %s = %s, %s", v.name, w.name, w.name, g.expr(v.t, 2))
}

func (g *gen) jump() {
	l, n := "G"+g.name(), g.name()
	g.line("var %s int", n)
	g.line("%s:", l)
	g.line("if %s < 3 {", n)
	g.tabs++
	g.line("%s++", n)
	g.inner(g.simple)
	g.line("goto %s", l)
	g.tabs--
	g.line("}")
}

func (g *gen) pointers() {
	v, ok := g.variable(func(v variable) bool { return !v.fixed && v.t.kind != kindFunc && v.t.kind != kindPointer })
	if !ok {
		return
	}
	p := g.name()
	g.line("%s := &%s", p, v.name)
	g.line("*%s = %s", p, g.expr(v.t, 2))
	g.scope = append(g.scope, variable{p, pointer(v.t), true})
}

// goes runs closures over the variables of loops on goroutines.
func (g *gen) goes(depth int) {
	t := g.basic()
	v, c := g.name(), g.name()
	g.line("%s := make([]%s, 3)", v, t.name)
	g.line("%s := make(chan bool)", c)
	i := g.name()
	g.line("for %s := %s {", i, pick(g, []string{"range 3", "range upTo(3)", "0; " + i + " < 3; " + i + "++"}))
	g.line("\tgo func() {")
	g.line("\t\tdefer func() { recover(); %s <- true }()", c)
	x := g.literal(t, 1)
	g.line("\t\t%s[%s] = %s", v, i, x)
	g.line("\t}()")
	g.line("}")
	g.line("for range 3 {")
	g.line("\t<-%s", c)
	g.line("}")
	g.scope = append(g.scope, variable{v, slice(t), false})
	_ = depth
}
