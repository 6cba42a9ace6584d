package interp

import (
	"go/token"
	"go/types"
	"regexp"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

// TestStdGenerics asks for every generic name of the standard library to be used by a program that is tested. These have no
// compiled form to call: each is either interpreted from source or written again.
func TestStdGenerics(t *testing.T) {
	a, err := archive.Open(Std().Data)
	if err != nil {
		t.Fatal(err)
	}
	var programs strings.Builder
	for _, s := range sections(t, "programs.txt") {
		programs.WriteString(s.src)
	}
	c := checker{fset: token.NewFileSet(), pkgs: map[string]*types.Package{}, archives: []*archive.Archive{a}}
	n := 0
	for _, path := range a.Packages() {
		p, err := c.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range p.Scope().Names() {
			o := p.Scope().Lookup(name)
			f, isFunc := o.(*types.Func)
			if !o.Exported() || !isGeneric(o.Type()) && !(isFunc && f.Signature().TypeParams().Len() > 0) {
				continue
			}
			n++
			wants := []string{`\b` + p.Name() + `\.` + name + `\b`}
			if named, ok := o.Type().(*types.Named); ok {
				for m := range named.Methods() {
					if m.Exported() {
						wants = append(wants, `\.`+m.Name()+`\(`)
					}
				}
			}
			for _, w := range wants {
				if !regexp.MustCompile(w).MatchString(programs.String()) {
					t.Errorf("no program uses %s of %s", w, o)
				}
			}
		}
	}
	if n < 70 {
		t.Errorf("%d generic names found in the standard library", n)
	}
}
