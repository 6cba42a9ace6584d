package front

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// unfinished parses the piece that text begins and that here is typed at the
// end of. It tries what could follow until the parser is content; failing that,
// it drops the statements before that are wrong.
func (q *query) unfinished(p piece, text string) *fragment {
	line := p
	line.kind = statements
	tries := []struct {
		piece
		text string
	}{{p, text}, {p, dropBroken(text)}, {line, text[strings.LastIndexByte(text, '\n')+1:]}}
	var best *fragment
	for i, t := range tries {
		if i == 2 && best != nil {
			break // it knows more of what is around
		}
		for _, end := range endings(t.text) {
			f, err := q.parse(t.piece, t.text+here+end)
			if f == nil || !f.holds(here) {
				continue
			}
			if err == nil {
				q.fragments = append(q.fragments, f)
				return f
			}
			if best == nil {
				best = f
			}
		}
	}
	if best == nil {
		best = &fragment{piece: p, file: q.fset.AddFile("query", -1, 0)}
	}
	q.fragments = append(q.fragments, best)
	return best
}

// endings lists what could finish text with one more name at its end. Most finish
// either the statement, or the brackets that it has open and then the statement.
func endings(text string) []string {
	closing := closers(text)
	n := strings.IndexByte(closing, '}')
	if n < 0 {
		n = len(closing)
	}
	inner, outer := closing[:n], closing[n:]
	out := []string{closing}
	for _, e := range []string{"()", "{}", ";{}", ";true{}", ";;{}", ":", "{case 0:}"} {
		out = append(out, inner+e+outer)
	}
	for _, e := range []string{":0", "=0", " int", ":=0", "()"} {
		out = append(out, e+closing)
	}
	if inner != "" {
		out = append(out, inner+"int"+outer, inner+" int"+outer+"{}")
	}
	for _, e := range out { // go and defer want a call
		out = append(out, e+"()")
	}
	return out
}

// holds tells whether the parser kept an identifier.
func (f *fragment) holds(name string) (found bool) {
	see := func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	}
	for _, d := range f.decls {
		ast.Inspect(d, see)
	}
	for _, s := range f.stmts {
		ast.Inspect(s, see)
	}
	return found
}

// closers returns what closes the brackets that src leaves open, innermost first.
func closers(src string) string {
	var open []byte
	for _, t := range scan(src) {
		switch t.tok {
		case token.LPAREN:
			open = append(open, ')')
		case token.LBRACE:
			open = append(open, '}')
		case token.LBRACK:
			open = append(open, ']')
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	slices.Reverse(open)
	return string(open)
}

// mend closes brackets that were forgotten: parentheses and square brackets in
// which a statement begins on a line of its own, or that a brace closes.
func mend(src string) string {
	toks := scan(src)
	var out strings.Builder
	var open []token.Token
	done, lineEnd := 0, 0 // lineEnd is behind the last token of the line before
	end := func(i int) int {
		if t := toks[i]; t.lit != "" && t.tok != token.SEMICOLON {
			return t.off + len(t.lit)
		}
		return toks[i].off + len(toks[i].tok.String())
	}
	pop := func() {
		for n := len(open) - 1; n >= 0 && (open[n] == token.LPAREN || open[n] == token.LBRACK); n-- {
			c := ")"
			if open[n] == token.LBRACK {
				c = "]"
			}
			out.WriteString(src[done:lineEnd] + c)
			done = lineEnd
			open = open[:n]
		}
	}
	line := 0 // index of the first token of the line
	for i, t := range toks {
		if i > 0 && (t.tok == token.EOF || strings.Contains(src[min(toks[i-1].off, t.off):t.off], "\n")) {
			line = i
			lineEnd = 0
			for j := i - 1; j >= 0; j-- {
				if toks[j].tok != token.SEMICOLON || toks[j].lit == ";" {
					lineEnd = end(j)
					break
				}
			}
		}
		top := token.ILLEGAL
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		inner := (top == token.LPAREN || top == token.LBRACK) && line > 0 && lineEnd >= done
		switch t.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			if i > 0 && t.tok == token.LPAREN && slices.Contains([]token.Token{token.VAR, token.CONST, token.TYPE, token.IMPORT}, toks[i-1].tok) {
				t.tok = token.CONST // statements of a kind do stand in these
			}
			open = append(open, t.tok)
		case token.RPAREN, token.RBRACK:
			if len(open) > 0 && top != token.LBRACE {
				open = open[:len(open)-1]
			}
		case token.RBRACE:
			if inner && slices.Contains(open, token.LBRACE) {
				pop()
			}
			if len(open) > 0 && open[len(open)-1] == token.LBRACE {
				open = open[:len(open)-1]
			}
		case token.DEFINE, token.ASSIGN:
			if inner && onlyNames(toks[line:i]) {
				pop()
			}
		case token.IF, token.FOR, token.RETURN, token.SWITCH, token.SELECT, token.VAR, token.DEFER, token.GO:
			if inner && i == line {
				pop()
			}
		}
	}
	out.WriteString(src[done:])
	return out.String()
}

// onlyNames tells whether toks are what stands before := or =.
func onlyNames(toks []tok) bool {
	return len(toks) > 0 && !slices.ContainsFunc(toks, func(t tok) bool { return t.tok != token.IDENT && t.tok != token.COMMA && t.tok != token.PERIOD })
}

// dropBroken replaces by spaces the statements that do not parse in the blocks
// that text leaves open.
func dropBroken(text string) string {
	toks := scan(text)
	var open []int
	for i, t := range toks {
		switch t.tok {
		case token.LBRACE, token.LPAREN, token.LBRACK:
			open = append(open, i)
		case token.RBRACE, token.RPAREN, token.RBRACK:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	b := []byte(text)
	for _, o := range open {
		if toks[o].tok != token.LBRACE || o == 0 || toks[o-1].tok == token.STRUCT || toks[o-1].tok == token.INTERFACE {
			continue
		}
		depth, start := 0, o+1
		for i := o + 1; i < len(toks); i++ {
			switch t := toks[i]; t.tok {
			case token.LBRACE, token.LPAREN, token.LBRACK:
				depth++
			case token.RBRACE, token.RPAREN, token.RBRACK:
				depth--
			case token.COLON:
				if depth == 0 && (toks[start].tok == token.CASE || toks[start].tok == token.DEFAULT) {
					start = i + 1
				}
			case token.SEMICOLON:
				if depth == 0 {
					from := toks[start].off
					if from < t.off && !parses(text[from:t.off]) {
						blank(b[from:t.off])
					}
					start = i + 1
				}
			}
		}
	}
	return string(b)
}

func parses(statement string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", beforeStatement+statement+"\n}", parser.SkipObjectResolution)
	return err == nil
}

func blank(b []byte) {
	for i, c := range b {
		if c != '\n' {
			b[i] = ' '
		}
	}
}
