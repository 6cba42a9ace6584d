package front

import (
	"fmt"
	"go/scanner"
	"go/token"
	"iter"
	"slices"
	"strings"
)

// syntaxErrors says what is wrong with a cell that does not parse. The pieces are
// looked at one by one, so that no error speaks of the text around them that is
// ours.
func (b *builder) syntaxErrors(whole error) Errors {
	if errs := b.lexicalErrors(); errs != nil {
		return errs
	}
	return onePerLine(b.misspeltKeywords(b.parseErrors(whole)))
}

// lexicalErrors reports what is not made of tokens, such as a string without its end. What a parser says of the rest then
// follows from that.
func (b *builder) lexicalErrors() (errs Errors) {
	fset := token.NewFileSet()
	var s scanner.Scanner
	cell := b.s.cells[b.file].name
	s.Init(fset.AddFile("", -1, len(b.src)), []byte(b.src), func(p token.Position, msg string) {
		if !strings.HasPrefix(msg, "invalid line") && !strings.HasPrefix(msg, "invalid column") { // of a line directive
			errs = append(errs, Diagnostic{cell, p.Line, p.Column, msg})
		}
	}, scanner.ScanComments)
	for {
		if _, t, _ := s.Scan(); t == token.EOF {
			return onePerLine(errs)
		}
	}
}

// onePerLine keeps the first error of each line; the others mostly follow from it.
func onePerLine(errs Errors) Errors {
	return slices.CompactFunc(errs, func(a, b Diagnostic) bool { return a.Line == b.Line })
}

// misspeltKeywords adds to an unexpected name that the word before it looks like a keyword.
func (b *builder) misspeltKeywords(errs Errors) Errors {
	toks := scan(b.src)
	for i, t := range toks {
		if i == 0 || toks[i-1].tok != token.IDENT {
			continue
		}
		line, col := lineCol(b.src, t.off)
		for k := range errs {
			if errs[k].Line == line && errs[k].Col == col && strings.HasPrefix(errs[k].Msg, "expected ") {
				near := nearest(toks[i-1].lit, keywords())
				if toks[i-1].lit == "while" {
					near = "for"
				}
				if near != "" {
					errs[k].Msg += "; did you mean " + near + " instead of " + toks[i-1].lit + "?"
				}
			}
		}
	}
	return errs
}

func keywords() iter.Seq[string] {
	return func(yield func(string) bool) {
		for t := token.BREAK; t <= token.VAR; t++ {
			if !yield(t.String()) {
				return
			}
		}
	}
}

// lineCol is the line and column of an offset, from 1.
func lineCol(src string, off int) (line, col int) {
	return strings.Count(src[:off], "\n") + 1, off - strings.LastIndexByte(src[:off], '\n')
}

func (b *builder) parseErrors(whole error) Errors {
	if d, ok := b.brackets(); !ok {
		return Errors{d}
	}
	for _, p := range split(b.src) {
		text := "\n" + b.line(p.from) + b.src[p.from:p.to] + "\n"
		switch p.kind {
		case packageClause:
			continue
		case statements:
			// what is missing is missed behind the last token, not at our brace
			end := p.from + len(strings.TrimRight(b.src[p.from:p.to], " \t\r\n"))
			text = "package main\nfunc _() {" + text + b.line(end) + "}\n"
		default:
			text = "package main\n" + text
		}
		if _, err := b.parse(text); err != nil {
			errs := b.s.diagnose(b.file, []error{err}, nil)
			if p.kind == statements {
				errs = b.withoutOurBrace(errs)
			}
			return errs
		}
	}
	return b.s.diagnose(b.file, []error{whole}, nil)
}

// withoutOurBrace says "end of cell" for the brace that we put there, and drops what follows from it.
func (b *builder) withoutOurBrace(errs Errors) Errors {
	text := strings.TrimRight(b.src, " \t\r\n")
	line, col := strings.Count(text, "\n")+1, len(text)-strings.LastIndexByte(text, '\n')
	var kept Errors
	for _, d := range errs {
		if msg, ok := strings.CutSuffix(d.Msg, "found '}'"); ok && d.Line == line && d.Col == col {
			d.Msg = msg + "found end of cell"
		}
		if word, ok := strings.CutPrefix(d.Msg, "expected '}', found "); ok && (word == "'case'" || word == "'default'") {
			d.Msg = "unexpected " + word + " outside of switch and select"
		}
		if len(kept) == 0 || !strings.HasSuffix(d.Msg, "found 'EOF'") {
			kept = append(kept, d)
		}
	}
	return kept
}

// brackets reports the first bracket that does not match, unless the source is
// not even made of tokens.
func (b *builder) brackets() (Diagnostic, bool) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(b.src))
	var s scanner.Scanner
	broken := false
	s.Init(f, []byte(b.src), func(token.Position, string) { broken = true }, 0)
	type bracket struct {
		tok token.Token
		pos token.Position
	}
	closes := map[token.Token]token.Token{token.RPAREN: token.LPAREN, token.RBRACE: token.LBRACE, token.RBRACK: token.LBRACK}
	opens := map[token.Token]token.Token{token.LPAREN: token.RPAREN, token.LBRACE: token.RBRACE, token.LBRACK: token.RBRACK}
	var open []bracket
	cell := b.s.cells[b.file]
	for {
		p, t, _ := s.Scan()
		if broken {
			return Diagnostic{}, true
		}
		pos := f.PositionFor(p, false)
		if opens[t] != 0 {
			open = append(open, bracket{t, pos})
		}
		if closes[t] != 0 {
			n := len(open) - 1
			switch {
			case n < 0:
				return Diagnostic{cell.name, pos.Line, pos.Column, fmt.Sprintf("syntax error: unexpected %v", t)}, false
			case open[n].tok != closes[t]:
				return Diagnostic{
					cell.name, pos.Line, pos.Column,
					fmt.Sprintf("syntax error: unexpected %v, expected %v for the %v in line %d", t, opens[open[n].tok], open[n].tok, open[n].pos.Line),
				}, false
			}
			open = open[:n]
		}
		if t == token.EOF {
			break
		}
	}
	if n := len(open) - 1; n >= 0 {
		last := strings.TrimRight(b.src, " \t\r\n")
		end := f.PositionFor(f.Pos(len(last)), false)
		return Diagnostic{
			cell.name, end.Line, end.Column,
			fmt.Sprintf("syntax error: unexpected end of cell, expected %v for the %v in line %d", opens[open[n].tok], open[n].tok, open[n].pos.Line),
		}, false
	}
	return Diagnostic{}, true
}
