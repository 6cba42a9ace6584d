// Package participle parses a language of its own.
package participle

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

type expr struct {
	Left  *term     `parser:"@@"`
	Right []*opTerm `parser:"@@*"`
}

type opTerm struct {
	Op   string `parser:"@('+' | '-')"`
	Term *term  `parser:"@@"`
}

type term struct {
	Left  *factor     `parser:"@@"`
	Right []*opFactor `parser:"@@*"`
}

type opFactor struct {
	Op     string  `parser:"@('*' | '/')"`
	Factor *factor `parser:"@@"`
}

type factor struct {
	Number *float64 `parser:"  @(Float|Int)"`
	Sub    *expr    `parser:"| '(' @@ ')'"`
}

func (e *expr) eval() float64 {
	x := e.Left.eval()
	for _, r := range e.Right {
		if y := r.Term.eval(); r.Op == "+" {
			x += y
		} else {
			x -= y
		}
	}
	return x
}

func (t *term) eval() float64 {
	x := t.Left.eval()
	for _, r := range t.Right {
		if y := r.Factor.eval(); r.Op == "*" {
			x *= y
		} else {
			x /= y
		}
	}
	return x
}

func (f *factor) eval() float64 {
	if f.Number != nil {
		return *f.Number
	}
	return f.Sub.eval()
}

type ini struct {
	Properties []*property `parser:"@@*"`
	Sections   []*section  `parser:"@@*"`
}

type section struct {
	Pos        lexer.Position
	Name       string      `parser:"'[' @Ident ']'"`
	Properties []*property `parser:"@@*"`
}

type property struct {
	Key   string `parser:"@Ident '='"`
	Value value  `parser:"@@"`
}

type value interface{ show() string }

type str struct {
	S string `parser:"@String"`
}
type num struct {
	N float64 `parser:"@Number"`
}
type flag struct {
	B boolean `parser:"@('true' | 'false')"`
}
type boolean bool

func (b *boolean) Capture(s []string) error { *b = s[0] == "true"; return nil }
func (s str) show() string                  { return "s:" + s.S }
func (n num) show() string                  { return fmt.Sprint("n:", n.N) }
func (f flag) show() string                 { return fmt.Sprint("b:", f.B) }

// Main prints what the package says.
func Main() {
	p := participle.MustBuild[expr]()
	for _, src := range []string{"1 + 2 * 3", "(1+2)*3 - 4/8", "2 * (3 - 1", ""} {
		e, err := p.ParseString("calc", src)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(src, "=", e.eval())
	}
	fmt.Println(p.String())

	lex := lexer.MustSimple([]lexer.SimpleRule{
		{Name: "Comment", Pattern: `#[^\n]*`},
		{Name: "Ident", Pattern: `[a-zA-Z_]\w*`},
		{Name: "String", Pattern: `"(?:\\.|[^"])*"`},
		{Name: "Number", Pattern: `-?\d+(?:\.\d+)?`},
		{Name: "Punct", Pattern: `[][=]`},
		{Name: "space", Pattern: `\s+`},
	})
	q, err := participle.Build[ini](participle.Lexer(lex), participle.Unquote("String"), participle.Elide("Comment"), participle.Union[value](flag{}, str{}, num{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := q.ParseString("f.ini", "a = \"one\\n\" # c\n[sec]\nb = -2.5\nok = true\n[two]\nz=1")
	fmt.Println(err, len(f.Properties), f.Properties[0].Value.show())
	for _, s := range f.Sections {
		fmt.Print(s.Pos, " ", s.Name)
		for _, p := range s.Properties {
			fmt.Print(" ", p.Key, "=", p.Value.show())
		}
		fmt.Println()
	}
	_, err = q.ParseString("bad.ini", "[sec\nx=1")
	var pe participle.Error
	if errors.As(err, &pe) {
		fmt.Println(pe.Position().Line, strings.TrimSpace(pe.Message()))
	}
}
