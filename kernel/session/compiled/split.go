package compiled

import (
	"go/scanner"
	"go/token"
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// place is a position in a cell; line and column count from 1, the column in bytes.
type place struct {
	cell      string
	line, col int
}

// chunk is a piece of a cell's top level with the comments in front of it.
type chunk struct {
	text string
	at   place       // of text
	kind token.Token // IMPORT, FUNC, TYPE, VAR, CONST, PACKAGE, or ILLEGAL for a statement
}

// split is a cell cut into what stands at the top level of a program and what runs.
type split struct {
	chunks []chunk
	main   *chunk  // what follows a line %% or %main; nil where there is no such line
	args   *string // what stands on that line behind it; nil for nothing
}

// MainLine recognises the line of GoNB's after which statements begin, and returns the program's arguments on it.
func MainLine(line string) (args string, ok bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "//gonb:")
	for _, sign := range []string{"%%", "%main"} {
		rest, found := strings.CutPrefix(line, sign)
		if found && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// cut reads a cell whose text begins at a place.
func cut(text string, at place) (s split) {
	head := text
	pos := 0
	for l := range strings.Lines(text) {
		if args, ok := MainLine(l); ok && closed(text[:pos]) {
			after := pos + len(l)
			head = text[:pos]
			s.main = &chunk{text: text[after:], at: place{at.cell, at.line + strings.Count(text[:after], "\n"), 1}}
			if args != "" {
				s.args = &args
			}
			break
		}
		pos += len(l)
	}
	s.chunks = chunks(head, at)
	return s
}

// closed reports whether no string and no comment is open at the end of text.
func closed(text string) bool {
	if !strings.ContainsAny(text, "`*") {
		return true
	}
	open := false
	scan(text, func(_ int, _ token.Token, _ string) {}, func(msg string) {
		open = open || strings.Contains(msg, "not terminated") && !strings.Contains(msg, "rune") && !strings.HasPrefix(msg, "string")
	})
	return !open
}

func scan(text string, token_ func(off int, tok token.Token, lit string), failed func(msg string)) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(f, []byte(text), func(_ token.Position, msg string) { failed(msg) }, 0)
	for {
		p, tok, lit := s.Scan()
		if tok == token.EOF {
			return
		}
		token_(f.Offset(p), tok, lit)
	}
}

// chunks cuts a text where its statements and declarations end.
func chunks(text string, at place) (out []chunk) {
	type word struct {
		tok token.Token
		lit string
	}
	var words []word
	start, depth := 0, 0
	flush := func(end int) {
		if len(words) > 0 {
			c := chunk{kind: token.ILLEGAL}
			switch words[0].tok {
			case token.IMPORT, token.TYPE, token.VAR, token.CONST, token.PACKAGE:
				c.kind = words[0].tok
			case token.FUNC:
				// func (…) is a literal unless a name follows the receiver
				i := 1
				if len(words) > 1 && words[1].tok == token.LPAREN {
					for d := 0; i < len(words); i++ {
						switch words[i].tok {
						case token.LPAREN:
							d++
						case token.RPAREN:
							d--
						}
						if d == 0 {
							i++
							break
						}
					}
				}
				if i < len(words) && words[i].tok == token.IDENT && (i+1 >= len(words) || words[i+1].tok == token.LPAREN || words[i+1].tok == token.LBRACK) {
					c.kind = token.FUNC
				}
			}
			from := start + len(text[start:end]) - len(strings.TrimLeft(text[start:end], " \t\r\n"))
			c.text = text[from:end]
			c.at = at.after(text[:from])
			out = append(out, c)
		}
		start, words = end, words[:0]
	}
	scan(text, func(off int, tok token.Token, lit string) {
		switch tok {
		case token.SEMICOLON:
			if depth == 0 {
				if lit == ";" {
					off++
				}
				flush(off)
				return
			}
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth = max(0, depth-1)
		}
		words = append(words, word{tok, lit})
	}, func(string) {})
	flush(len(text))
	return out
}

// after is the place behind text that begins at p.
func (p place) after(text string) place {
	n := strings.Count(text, "\n")
	if n == 0 {
		return place{p.cell, p.line, p.col + len(text)}
	}
	return place{p.cell, p.line + n, len(text) - strings.LastIndexByte(text, '\n')}
}

// notGo is a line for the kernel or the shell in the text of a cell that is Go alone.
var notGo = lazy.Regexp(`(?m)^[ \t]*([%!][^\n]*)$`)
