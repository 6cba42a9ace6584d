package grammar

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/godlas/godlas/dlas/ir"
)

// Limits of a text: far above what anybody types, so that a hostile one costs nothing.
const (
	maxText  = 64 << 10
	maxDepth = 32
)

// Parse reads the text of one layer. An error is one line that quotes the place.
func Parse(layer ir.Layer, text string) (Line, error) {
	p := &parser{layer: layer, text: text}
	switch {
	case len(text) > maxText:
		return nil, ir.Errorf(layer, "the choice is %d bytes long, more than %d", len(text), maxText)
	case !utf8.ValidString(text):
		return nil, ir.Errorf(layer, "the choice is not UTF-8 text")
	}
	l, err := p.line(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.at < len(p.text) {
		return nil, p.errorf("unexpected %q", p.peek())
	}
	return l, nil
}

type parser struct {
	layer ir.Layer
	text  string
	at    int
}

func (p *parser) errorf(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if p.at >= len(p.text) {
		return &ir.Error{Layer: p.layer, What: what + " at the end of " + quoteText(p.text)}
	}
	return &ir.Error{Layer: p.layer, What: fmt.Sprintf("%s at column %d of %s", what, utf8.RuneCountInString(p.text[:p.at])+1, quoteText(p.text))}
}

// quoteText shows a text in an error, shortened so that the line stays one.
func quoteText(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return "`" + s + "`"
}

func (p *parser) skip() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

func (p *parser) peek() rune {
	if p.at >= len(p.text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return r
}

// eat takes s if it comes next, after space.
func (p *parser) eat(s string) bool {
	p.skip()
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) line(depth int) (Line, error) {
	if depth > maxDepth {
		return nil, p.errorf("brackets nest deeper than %d", maxDepth)
	}
	var l Line
	for {
		s, err := p.seq(depth)
		if err != nil {
			return nil, err
		}
		// A bracket that is a whole alternative is that many alternatives.
		if len(s) == 1 && s[0].Group != nil {
			l = append(l, s[0].Group...)
		} else {
			l = append(l, s)
		}
		if !p.eat("|") {
			return l, nil
		}
	}
}

func (p *parser) seq(depth int) (Seq, error) {
	var s Seq
	for {
		p.skip()
		switch r := p.peek(); {
		case r == '(':
			p.at++
			g, err := p.line(depth + 1)
			if err != nil {
				return nil, err
			}
			if !p.eat(")") {
				return nil, p.errorf("missing )")
			}
			if len(g) == 1 {
				s = append(s, g[0]...)
			} else {
				s = append(s, Term{Group: g})
			}
		case r == '"' || ir.WordRune(r):
			c, err := p.call()
			if err != nil {
				return nil, err
			}
			s = append(s, Term{Call: c})
		case len(s) == 0:
			if p.at >= len(p.text) {
				return nil, p.errorf("a choice is missing")
			}
			err := p.errorf("a choice is missing before %q", r)
			var e *ir.Error
			if r == '\'' && errors.As(err, &e) {
				e.Try = "single quotes are for a shell: leave them out"
			}
			return nil, err
		default:
			return s, nil
		}
	}
}

func (p *parser) call() (Call, error) {
	name, err := p.word()
	if err != nil {
		return Call{}, err
	}
	c := Call{Name: name}
	// `(` right after the name opens its arguments; after a space it is a product.
	if p.peek() != '(' {
		return c, nil
	}
	p.at++
	var numbers []string
	seen := map[string]bool{}
	for !p.eat(")") {
		if p.at >= len(p.text) {
			return Call{}, p.errorf("missing )")
		}
		start := p.at
		vs, err := p.values()
		if err != nil {
			return Call{}, err
		}
		if op := p.op(); op != "" {
			key := vs[0]
			if len(vs) != 1 || !isKey(key) {
				p.at = start
				return Call{}, p.errorf("%q is no name of an argument", strings.Join(vs, "|"))
			}
			if vs, err = p.values(); err != nil {
				return Call{}, err
			}
			if seen[key+op] {
				p.at = start
				return Call{}, p.errorf("%s%s stands twice", key, op)
			}
			seen[key+op] = true
			c.Args = append(c.Args, Arg{Key: key, Op: op, Values: vs})
		} else if allNumbers(vs) {
			numbers = append(numbers, vs...)
		} else {
			c.Values = append(c.Values, vs)
		}
		if p.eat(",") {
			if p.eat(")") {
				p.at--
				return Call{}, p.errorf("a value is missing")
			}
			continue
		}
		if p.skip(); p.peek() == '%' {
			return Call{}, p.errorf("shares are fractions, 0.9 for 90 %%, but there is a %%")
		}
		if p.peek() != ')' {
			return Call{}, p.errorf("missing , or )")
		}
	}
	if numbers != nil {
		c.Values = slices.Insert(c.Values, 0, unique(numbers))
	}
	slices.SortFunc(c.Args, func(a, b Arg) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Op, b.Op)) })
	return c, nil
}

func (p *parser) op() string {
	for _, op := range []string{">=", "<=", "="} {
		if p.eat(op) {
			return op
		}
	}
	return ""
}

// values reads one value, or several with | between.
func (p *parser) values() ([]string, error) {
	var vs []string
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
		if !p.eat("|") {
			return unique(vs), nil
		}
	}
}

func (p *parser) value() (string, error) {
	p.skip()
	if p.peek() != '[' {
		w, err := p.word()
		if err != nil {
			return "", err
		}
		return p.canonical(w)
	}
	p.at++
	var ws []string
	for !p.eat("]") {
		if p.at >= len(p.text) {
			return "", p.errorf("missing ]")
		}
		w, err := p.bare()
		if err != nil {
			return "", err
		}
		if w, err = p.canonical(w); err != nil {
			return "", err
		}
		ws = append(ws, w)
	}
	if ws == nil {
		return "", p.errorf("an empty vector")
	}
	return "[" + strings.Join(ws, " ") + "]", nil
}

// word reads a bare or quoted word.
func (p *parser) word() (string, error) {
	p.skip()
	if p.peek() == '"' {
		return p.quoted()
	}
	return p.bare()
}

func (p *parser) bare() (string, error) {
	p.skip()
	rest := p.text[p.at:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !ir.WordRune(r) })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		if rest == "" {
			return "", p.errorf("a value is missing")
		}
		return "", p.errorf("a value is missing before %q", p.peek())
	}
	p.at += n
	return rest[:n], nil
}

func (p *parser) quoted() (string, error) {
	start := p.at
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return "", p.errorf("a control character in quotes")
		}
		p.at += n
		switch r {
		case '"':
			if b.Len() == 0 {
				p.at = start
				return "", p.errorf("an empty name in quotes")
			}
			return b.String(), nil
		case '\\':
			// Only \" and \\ are escapes, so that a Windows path may be typed as it is.
			if q := p.peek(); q == '"' || q == '\\' {
				p.at++
				r = q
			}
		}
		b.WriteRune(r)
	}
	p.at = start
	return "", p.errorf(`missing closing "`)
}

func unique(vs []string) []string {
	var out []string
	seen := make(map[string]bool, len(vs))
	for _, v := range vs {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

func allNumbers(vs []string) bool {
	return !slices.ContainsFunc(vs, func(v string) bool { return !isNumber(v) })
}

func isKey(s string) bool {
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && r != '-') {
			return false
		}
	}
	return s != ""
}
