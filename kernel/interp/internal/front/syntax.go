package front

import (
	"fmt"
	"go/scanner"
	"go/token"
	"strings"
)

// syntaxErrors says what is wrong with a cell that does not parse. The pieces are
// looked at one by one, so that no error speaks of the text around them that is
// ours.
func (b *builder) syntaxErrors(whole error) Errors {
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
			errs := b.s.diagnose(b.file, []error{err})
			if p.kind == statements {
				errs = b.withoutOurBrace(errs)
			}
			return errs
		}
	}
	return b.s.diagnose(b.file, []error{whole})
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
