package interp

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// TestCorpusAgainstGo compiles the scripts that say so as one program, a package each, and compares what their cells print,
// their results, and the text of a panic in the last one with what the script says.
func TestCorpusAgainstGo(t *testing.T) {
	goTool := need.Program(t, "go", "go")
	dir := t.TempDir()
	known := front.NewPackages([]string{Std().Data})
	var scripts []script
	var imports, table strings.Builder
	for _, s := range corpus(t) {
		if !s.compiled() {
			continue
		}
		pkg := fmt.Sprintf("p%03d", len(scripts))
		scripts = append(scripts, s)
		src, err := s.program(pkg, known)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		write(t, filepath.Join(dir, pkg, "p.go"), src)
		fmt.Fprintf(&imports, "import %q\n", "cells/"+pkg)
		fmt.Fprintf(&table, "\t%q: %s.Run,\n", s.name, pkg)
	}
	if len(scripts) < 100 {
		t.Errorf("%d scripts are compared with the compiler; at least 100 are meant to be", len(scripts))
	}
	write(t, filepath.Join(dir, "go.mod"), "module cells\ngo 1.26\n")
	write(t, filepath.Join(dir, "show", "show.go"), "package show\n"+showSource)
	write(t, filepath.Join(dir, "main.go"), "package main\nimport \"os\"\n"+imports.String()+"var scripts = map[string]func(){\n"+table.String()+"}\nfunc main() { scripts[os.Args[1]]() }\n")
	prog := filepath.Join(dir, "cells.exe")
	cmd := exec.Command(goTool, "build", "-trimpath", "-o", prog, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(prog, s.name)
			var stdout, stderr strings.Builder
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("42 word\nnext line\nlast line\n"), &stdout, &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			pkg := fmt.Sprintf("p%03d", i)
			asMain := strings.NewReplacer("cells/"+pkg, "main", pkg+".", "main.")
			parts := strings.Split(asMain.Replace(stdout.String()), "\x00cell\n")[1:]
			if len(parts) != len(s.cells) {
				t.Fatalf("%d of %d cells ran\n%s", len(parts), len(s.cells), stderr.String())
			}
			for k, c := range s.cells {
				printed, results, _ := strings.Cut(parts[k], "\x00result\n")
				if lines(printed) != c.want["stdout"] {
					t.Errorf("cell %d\n%s\ncompiled, it prints\n%sthe script says\n%s", k+1, c.src, printed, c.want["stdout"])
				}
				if results != c.want["result"] {
					t.Errorf("cell %d\n%s\ncompiled, it is\n%sthe script says\n%s", k+1, c.src, results, c.want["result"])
				}
				got, _, _ := strings.Cut(asMain.Replace(stderr.String()), "\n\ngoroutine ")
				got, _, _ = strings.Cut(got, "\n[signal")
				want, _, _ := strings.Cut(c.want["error"], "\n\tin ")
				want, _, _ = strings.Cut(want, "\n[signal")
				if want != "" && got != want {
					t.Errorf("cell %d\n%s\ncompiled, it fails with\n%s\nthe script says\n%s", k+1, c.src, got, want)
				}
			}
		})
	}
}

// showSource prints results as resultText does.
const showSource = `
import ("fmt"; "reflect")

func Values(vs ...any) {
	fmt.Print("\x00result\n")
	for _, x := range vs {
		fmt.Println(text(x))
	}
}

func text(x any) string {
	v := reflect.ValueOf(x)
	if !v.IsValid() {
		return "nil"
	}
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return v.Type().String() + ": nil"
		}
		return v.Type().String()
	}
	return fmt.Sprintf("%T: %v", x, x)
}
`

// program makes a package of a script: the declarations of all cells, and a function in which each cell is a block within
// that of the one before.
func (s script) program(pkg string, known *front.Packages) (string, error) {
	imports := map[string]bool{strconv.Quote("fmt"): true, strconv.Quote("cells/show"): true}
	var decls, body strings.Builder
	for _, c := range s.cells {
		var own strings.Builder
		ls := strings.SplitAfter(c.src+"\n", "\n")
		for i := 0; i < len(ls); i++ {
			l := ls[i]
			dst := &own
			switch {
			case strings.HasPrefix(l, "import ("):
				for i++; !strings.HasPrefix(ls[i], ")"); i++ {
					imports[strings.TrimSpace(ls[i])] = true
				}
				continue
			case strings.HasPrefix(l, "import "):
				imports[strings.TrimSpace(strings.TrimPrefix(l, "import "))] = true
				continue
			case strings.HasPrefix(l, "func "), strings.HasPrefix(l, "type "), strings.HasPrefix(l, "const "):
				dst = &decls
			}
			dst.WriteString(l)
			if dst == &own || !strings.HasSuffix(l, "{\n") && !strings.HasSuffix(l, "(\n") {
				continue
			}
			for i++; i < len(ls); i++ {
				dst.WriteString(ls[i])
				if strings.HasPrefix(ls[i], "}") || strings.HasPrefix(ls[i], ")") {
					break
				}
			}
		}
		text, err := block(own.String(), c.want["result"] != "")
		if err != nil {
			return "", err
		}
		body.WriteString("{\nfmt.Print(\"\\x00cell\\n\")\n" + text)
	}
	body.WriteString(strings.Repeat("}\n", len(s.cells)))
	rest := decls.String() + "var _ = fmt.Sprint\nvar _ = show.Values\nfunc Run() {\n" + body.String() + "}\n"
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+rest, 0)
	if err != nil {
		return "", err
	}
	for _, id := range f.Unresolved {
		if ps := known.Preferred(id.Name); len(ps) > 0 && !has(imports, id.Name) && strings.Contains(rest, id.Name+".") {
			imports[strconv.Quote(ps[0])] = true
		}
	}
	out := "package " + pkg + "\n"
	for _, im := range slices.Sorted(keys(imports)) {
		out += "import " + im + "\n"
	}
	return out + rest, nil
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// has tells whether imports have a package of that name.
func has(imports map[string]bool, name string) bool {
	for im := range imports {
		alias, path, ok := strings.Cut(im, " ")
		if ok && alias == name {
			return true
		}
		if path == "" {
			path = im
		}
		p, _ := strconv.Unquote(path)
		if base := filepath.Base(p); !ok && (base == name || strings.HasPrefix(base, "v") && filepath.Base(filepath.Dir(p)) == name) {
			return true
		}
	}
	return false
}

// block makes a cell's statements those of a function, which has to use its variables.
func block(src string, result bool) (string, error) {
	const head = "package p\nfunc _() {\n"
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", head+src+"\n}\n", parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	list := f.Decls[0].(*ast.FuncDecl).Body.List
	var used strings.Builder
	for _, st := range list {
		var names []*ast.Ident
		switch st := st.(type) {
		case *ast.AssignStmt:
			for _, l := range st.Lhs {
				if id, ok := l.(*ast.Ident); ok && st.Tok == token.DEFINE {
					names = append(names, id)
				}
			}
		case *ast.DeclStmt:
			for _, sp := range st.Decl.(*ast.GenDecl).Specs {
				if vs, ok := sp.(*ast.ValueSpec); ok {
					names = append(names, vs.Names...)
				}
			}
		}
		for _, n := range names {
			if n.Name != "_" {
				used.WriteString("_ = " + n.Name + "\n")
			}
		}
	}
	if result && len(list) > 0 {
		last := list[len(list)-1]
		from, to := fset.Position(last.Pos()).Offset-len(head), fset.Position(last.End()).Offset-len(head)
		src = src[:from] + "show.Values(" + src[from:to] + ")" + src[to:]
	}
	return src + "\n" + used.String(), nil
}
