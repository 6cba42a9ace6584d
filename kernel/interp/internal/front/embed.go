package front

import (
	"embed"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/tools/go/ssa"
)

// embed gives the variables of a package that have a go:embed directive their files.
func (s *Session) embed(o *offer, sp *ssa.Package) error {
	if len(o.EmbedFiles) == 0 {
		return nil
	}
	for _, f := range o.files {
		for _, d := range f.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			for _, sp0 := range gd.Specs {
				vs := sp0.(*ast.ValueSpec)
				doc := vs.Doc
				if doc == nil && !gd.Lparen.IsValid() {
					doc = gd.Doc
				}
				patterns := embedPatterns(doc)
				if len(patterns) == 0 || len(vs.Names) != 1 {
					continue
				}
				if err := s.embedVariable(o, sp.Var(vs.Names[0].Name), patterns); err != nil {
					return fmt.Errorf("package %s: go:embed of %s: %w", o.ImportPath, vs.Names[0].Name, err)
				}
			}
		}
	}
	return nil
}

// embedPatterns reads the directives of a comment.
func embedPatterns(doc *ast.CommentGroup) (out []string) {
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		rest, ok := strings.CutPrefix(c.Text, "//go:embed")
		if !ok {
			continue
		}
		for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
			if q, err := strconv.QuotedPrefix(rest); err == nil {
				p, _ := strconv.Unquote(q)
				out = append(out, p)
				rest = rest[len(q):]
				continue
			}
			word, after, _ := strings.Cut(rest, " ")
			out = append(out, word)
			rest = after
		}
	}
	return out
}

// embedded selects those of a package's files that patterns match. The go command has left out what no pattern may match;
// files whose names begin with . or _ are only for a pattern that names them, or says all: before a folder.
func embedded(files, patterns []string) (out []string) {
	for _, f := range files {
		if slices.ContainsFunc(patterns, func(p string) bool { return embeds(p, f) }) {
			out = append(out, f)
		}
	}
	return out
}

func embeds(pattern, file string) bool {
	pattern, all := strings.CutPrefix(pattern, "all:")
	for dir, rest := file, ""; ; {
		if ok, _ := path.Match(pattern, dir); ok || pattern == "." && dir == "." {
			return all || !slices.ContainsFunc(strings.Split(rest, "/"), func(e string) bool {
				return strings.HasPrefix(e, ".") || strings.HasPrefix(e, "_")
			})
		}
		if dir == "." {
			return false
		}
		rest = path.Join(path.Base(dir), rest)
		dir = path.Dir(dir)
	}
}

func (s *Session) embedVariable(o *offer, g *ssa.Global, patterns []string) error {
	names := embedded(o.EmbedFiles, patterns)
	read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(o.Dir, filepath.FromSlash(name))) }
	p := s.M.Global(g)
	switch u := g.Type().Underlying().(*types.Pointer).Elem().Underlying().(type) {
	case *types.Basic, *types.Slice:
		if len(names) != 1 {
			return fmt.Errorf("%d files match where one must", len(names))
		}
		b, err := read(names[0])
		if err != nil {
			return err
		}
		if _, ok := u.(*types.Slice); ok {
			*(*[]byte)(p) = b
		} else {
			*(*string)(p) = string(b)
		}
		return nil
	}
	var files []embedFile
	dirs := map[string]bool{}
	for _, name := range names {
		b, err := read(name)
		if err != nil {
			return err
		}
		files = append(files, embedFile{name: name, data: string(b)})
		for d := path.Dir(name); d != "." && !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
			files = append(files, embedFile{name: d + "/"})
		}
	}
	slices.SortFunc(files, func(a, b embedFile) int {
		if c := strings.Compare(path.Dir(strings.TrimSuffix(a.name, "/")), path.Dir(strings.TrimSuffix(b.name, "/"))); c != 0 {
			return c
		}
		return strings.Compare(path.Base(a.name), path.Base(b.name))
	})
	if !embedLayout() {
		return fmt.Errorf("embed.FS is not as it was when this kernel was written")
	}
	(*embedFS)(p).files = &files
	return nil
}

// embedFS and embedFile are embed.FS and its files.
type embedFS struct{ files *[]embedFile }

type embedFile struct {
	name string
	data string
	_    [16]byte // a hash that nothing here needs
}

// embedLayout reports whether embed.FS is laid out as we write it.
func embedLayout() bool {
	fs := reflect.TypeFor[embed.FS]()
	if fs.NumField() != 1 || fs.Field(0).Type.Kind() != reflect.Pointer || fs.Field(0).Type.Elem().Kind() != reflect.Slice {
		return false
	}
	f, ours := fs.Field(0).Type.Elem().Elem(), reflect.TypeFor[embedFile]()
	if f.Kind() != reflect.Struct || f.NumField() != ours.NumField() || f.Size() != unsafe.Sizeof(embedFile{}) {
		return false
	}
	for i := range f.NumField() {
		if n := ours.Field(i).Name; n != "_" && n != f.Field(i).Name || f.Field(i).Type != ours.Field(i).Type {
			return false
		}
	}
	return true
}
