package compiled

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// program is the text of what is built: one file, and for go test another with the tests.
type program struct {
	main, test string
	imports    []string // paths that it imports
}

// imported is a package that a program has under some name, and where a cell says so.
type imported struct {
	path string
	at   place
}

// world is what a program may take from besides the cell.
type world struct {
	memory memory
	// value writes a live variable of the interpreted cells as a declaration.
	value func(name string) (text string, ok bool, err error)
	// path is the import path that a package name stands for without an import; "" for none.
	path func(name string, members []string) string
}

// body is what main does; test leaves main out.
type body struct {
	statements []chunk
	main       string // the source of a whole func main, where the cell has one
	call       string // a function to call, of %exec
	test       bool
}

// compose writes the program of the memory's declarations that belong to every program and of body, with what these need:
// declarations of interpreted cells, copies of live variables, and imports. Each piece keeps its place in its cell.
func compose(w world, b body) (*program, error) {
	var in []*decl
	taken := map[*decl]bool{}
	byName := map[string][]*decl{}
	for _, d := range w.memory.decls {
		for _, n := range d.names {
			byName[d.key(n)] = append(byName[d.key(n)], d)
		}
		if d.receive != "" {
			byName["methods of "+d.receive] = append(byName["methods of "+d.receive], d)
		}
		if d.program && d.kind != token.IMPORT && (b.test || !d.isTest()) {
			in = append(in, d)
			taken[d] = true
		}
	}
	values := map[string]string{}
	imports := map[string]imported{}
	for _, d := range w.memory.decls {
		if d.kind == token.IMPORT && d.program && strings.ContainsAny(d.names[0], " ") {
			imports[d.names[0]] = imported{d.path, d.at}
		}
	}
	var unknown map[string][]string
	for {
		text, _ := write(in, values, nil, b, b.test)
		var err error
		if unknown, err = unresolved(text); err != nil {
			break // the compiler says it better
		}
		more := false
		for _, name := range slices.Sorted(maps.Keys(unknown)) {
			if _, ok := values[name]; ok {
				continue
			}
			add := func(ds []*decl) {
				for _, d := range ds {
					if !taken[d] {
						taken[d], more = true, true
						in = append(in, d)
					}
				}
			}
			if ds := byName[name]; len(ds) > 0 {
				if ds[0].kind == token.VAR && !ds[0].program {
					if text, ok, err := w.value(name); err != nil {
						return nil, err
					} else if ok {
						values[name], more = text, true
						continue
					}
				}
				add(ds)
				continue
			}
			if ds := byName["import "+name]; len(ds) > 0 && len(unknown[name]) > 0 {
				d := ds[len(ds)-1]
				imports[name] = imported{d.path, d.at}
				continue
			}
			text, ok, err := w.value(name)
			if err != nil {
				return nil, err
			}
			if ok {
				values[name], more = text, true
				continue
			}
			if members := unknown[name]; len(members) > 0 {
				if p := w.path(name, members); p != "" {
					imports[name] = imported{path: p}
				}
			}
		}
		for _, d := range slices.Clone(in) { // a type comes with its methods
			if d.kind != token.TYPE || d.program {
				continue
			}
			for _, n := range d.names {
				for _, m := range byName["methods of "+n] {
					if !taken[m] {
						taken[m], more = true, true
						in = append(in, m)
					}
				}
			}
		}
		if !more {
			break
		}
	}
	p := &program{}
	if !b.test && len(b.statements) > 0 && b.main == "" && imports["flag"].path == "" && usesFlags(in) {
		imports["flag"] = imported{path: "flag"}
	}
	for _, i := range imports {
		p.imports = append(p.imports, i.path)
	}
	slices.Sort(p.imports)
	p.imports = slices.Compact(p.imports)
	p.main, p.test = write(in, values, imports, b, b.test)
	return p, nil
}

// usesFlags reports whether declarations use the package flag.
func usesFlags(ds []*decl) bool {
	return slices.ContainsFunc(ds, func(d *decl) bool { return strings.Contains(d.text, "flag.") })
}

// write puts a program together. With tests there are two files; each imports what it uses.
func write(ds []*decl, values map[string]string, imports map[string]imported, b body, test bool) (text, tests string) {
	var main, other strings.Builder
	for _, n := range slices.Sorted(maps.Keys(values)) {
		main.WriteString(values[n] + "\n")
	}
	for _, d := range inits(ds) {
		to := &main
		if imports != nil && test && (d.isTest() || d.kind == token.FUNC && d.names[0] == "TestMain") {
			to = &other
		}
		if d.word {
			to.WriteString(d.kind.String() + "\n")
		}
		text := d.text
		if d.rename > 0 {
			name := len("init_") + len(strings.TrimPrefix(d.names[0], "init_"))
			at := d.at.after(text[:d.rename])
			text = text[:d.rename-name] + "init" + at.inline() + text[d.rename:]
		}
		to.WriteString(d.at.directive() + text + "\n")
	}
	switch {
	case test:
		if imports != nil {
			main.WriteString("func main() {}\n") // a package of tests alone needs a file that is none
		}
	case b.main != "":
		main.WriteString(b.main + "\n")
	default:
		main.WriteString("func main() {\n")
		if imports["flag"].path == "flag" {
			main.WriteString("flag.Parse()\n")
		}
		for _, s := range b.statements {
			main.WriteString(s.at.directive() + s.text + "\n")
		}
		if b.call != "" {
			main.WriteString(b.call + "()\n")
		}
		main.WriteString("}\n")
	}
	return file(main.String(), imports), file(other.String(), imports)
}

// inits moves init functions behind all else, in the order of their names, in which they run.
func inits(ds []*decl) []*decl {
	var out, last []*decl
	for _, d := range ds {
		if d.isInit() {
			last = append(last, d)
		} else {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(last, func(a, b *decl) int { return strings.Compare(a.names[0], b.names[0]) })
	return append(out, last...)
}

// file is the text of a file with the imports that it uses. With a nil map it has none.
func file(text string, imports map[string]imported) string {
	head := "package main\n"
	if len(imports) > 0 {
		unknown, err := unresolved(head + text)
		for _, n := range slices.Sorted(maps.Keys(imports)) {
			name, _, special := strings.Cut(n, " ")
			if _, used := unknown[n]; !used && !special && err == nil {
				continue
			}
			at := imports[n].at
			if at.cell == "" {
				head += fmt.Sprintf("import %s %q\n", name, imports[n].path)
				continue
			}
			// the go command reads directives in lines of their own alone
			head += fmt.Sprintf("import (\n%s%s %q\n)\n", at.directive(), name, imports[n].path)
		}
	}
	return head + text
}

// unresolved lists the names that a file uses and does not declare, each with the exported names that are selected from it.
func unresolved(text string) (map[string][]string, error) {
	if !strings.HasPrefix(text, "package") {
		text = "package main\n" + text
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", text, 0)
	if err != nil {
		return nil, err
	}
	missing := map[*ast.Ident]bool{}
	out := map[string][]string{}
	for _, id := range f.Unresolved {
		if types.Universe.Lookup(id.Name) == nil {
			missing[id] = true
			out[id.Name] = out[id.Name][:0:0]
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && missing[id] && ast.IsExported(sel.Sel.Name) && !slices.Contains(out[id.Name], sel.Sel.Name) {
				out[id.Name] = append(out[id.Name], sel.Sel.Name)
			}
		}
		return true
	})
	return out, nil
}
