package front

import (
	"go/scanner"
	"go/token"
)

// piece is a run of a cell's source that goes to one place of the program.
type piece struct {
	from, to int
	kind     pieceKind
}

type pieceKind uint8

const (
	statements   pieceKind = iota
	declarations           // type, const, func
	imports
	packageClause
)

type tok struct {
	off int
	tok token.Token
	lit string
}

// scan returns the tokens of src, automatic semicolons included.
func scan(src string) []tok {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(f, []byte(src), func(token.Position, string) {}, 0)
	var out []tok
	for {
		pos, t, lit := s.Scan()
		out = append(out, tok{f.Offset(pos), t, lit})
		if t == token.EOF {
			return out
		}
	}
}

// split cuts a cell at its top level. Neighbouring pieces of a kind are one.
func split(src string) []piece {
	var merged []piece
	for _, p := range cut(scan(src), len(src)) {
		if n := len(merged); n > 0 && merged[n-1].kind == p.kind && p.kind == statements {
			merged[n-1].to = p.to
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// cut finds the pieces of n bytes of source, each statement and declaration by
// itself.
func cut(toks []tok, n int) []piece {
	var out []piece
	depth, start := 0, true
	header := false // between if, for or switch and its brace
	for i, t := range toks {
		if t.tok == token.EOF {
			break
		}
		if start && depth == 0 && t.tok != token.SEMICOLON {
			p := piece{from: t.off, kind: kindAt(toks[i:])}
			if n := len(out); n > 0 {
				out[n-1].to = t.off
			}
			out = append(out, p)
			start = false
		}
		switch t.tok {
		case token.IF, token.FOR, token.SWITCH:
			header = header || depth == 0
		case token.LPAREN, token.LBRACE, token.LBRACK:
			header = header && (depth > 0 || t.tok != token.LBRACE)
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth = max(depth-1, 0)
		case token.SEMICOLON:
			if depth == 0 && (!header || t.lit != ";") {
				start, header = true, false
			}
		}
	}
	if last := len(out); last > 0 {
		out[last-1].to = n
	}
	return out
}

// kindAt tells what begins with the first of toks.
func kindAt(toks []tok) pieceKind {
	switch toks[0].tok {
	case token.IMPORT:
		return imports
	case token.PACKAGE:
		return packageClause
	case token.TYPE, token.CONST:
		return declarations
	case token.FUNC:
		if len(toks) < 2 {
			return statements
		}
		if toks[1].tok == token.IDENT {
			return declarations
		}
		if toks[1].tok != token.LPAREN {
			return statements
		}
		// a method has a name after its receiver, a func literal has not
		depth := 0
		for i, t := range toks[1:] {
			switch t.tok {
			case token.LPAREN:
				depth++
			case token.RPAREN:
				if depth--; depth == 0 {
					rest := toks[1+i+1:]
					if len(rest) >= 2 && rest[0].tok == token.IDENT && rest[1].tok == token.LPAREN {
						return declarations
					}
					return statements
				}
			}
		}
	}
	return statements
}
