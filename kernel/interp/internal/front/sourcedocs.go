package front

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// docsOf returns the documentation of a package by Name, Type.Method and Type.Field, and its own under "". That of a package
// that was loaded from source is read from there when first asked for.
func (s *Session) docsOf(path string) map[string]string {
	l := s.sources.loaded[path]
	if l == nil {
		return s.Packages.Doc(path)
	}
	if l.docs == nil {
		l.docs = map[string]string{}
		for _, name := range l.GoFiles {
			file := filepath.Join(l.Dir, name)
			if st, err := os.Stat(file); err != nil || st.Size() > mostSource {
				continue
			}
			f, _ := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if f != nil {
				docsIn(f, l.docs)
			}
		}
	}
	return l.docs
}

// mostSource is the size of the largest file that is read for its comments.
const mostSource = 1 << 20

// docsIn adds the documentation in a file.
func docsIn(f *ast.File, m map[string]string) {
	put := func(name string, docs ...*ast.CommentGroup) {
		for _, d := range docs {
			if t := strings.TrimSpace(d.Text()); t != "" && m[name] == "" {
				m[name] = t
			}
		}
	}
	put("", f.Doc)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil && len(d.Recv.List) > 0 {
				name = baseName(d.Recv.List[0].Type) + "." + name
			}
			put(name, d.Doc)
		case *ast.GenDecl:
			for _, sp := range d.Specs {
				switch sp := sp.(type) {
				case *ast.ValueSpec:
					for _, n := range sp.Names {
						put(n.Name, sp.Doc, sp.Comment, d.Doc)
					}
				case *ast.TypeSpec:
					put(sp.Name.Name, sp.Doc, d.Doc, sp.Comment)
					var fields *ast.FieldList
					switch t := sp.Type.(type) {
					case *ast.StructType:
						fields = t.Fields
					case *ast.InterfaceType:
						fields = t.Methods
					default:
						continue
					}
					for _, f := range fields.List {
						for _, n := range f.Names {
							put(sp.Name.Name+"."+n.Name, f.Doc, f.Comment)
						}
					}
				}
			}
		}
	}
}

// baseName is the name of a receiver's type.
func baseName(x ast.Expr) string {
	for {
		switch t := x.(type) {
		case *ast.StarExpr:
			x = t.X
		case *ast.ParenExpr:
			x = t.X
		case *ast.IndexExpr:
			x = t.X
		case *ast.IndexListExpr:
			x = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
