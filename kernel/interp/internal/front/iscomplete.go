package front

import (
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// IsComplete tells whether a cell can be run as it is: "complete", "incomplete"
// with the indent of the next line, or "invalid".
func IsComplete(src string) (status, indent string) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(src))
	var sc scanner.Scanner
	open := false // a literal or comment that does not end
	bad := false
	sc.Init(f, []byte(src), func(p token.Position, msg string) {
		if strings.Contains(msg, "not terminated") && (strings.Contains(msg, "raw") || strings.Contains(msg, "comment")) {
			open = true
		} else {
			bad = true
		}
	}, 0)
	var closing []token.Token // of the brackets that are open
	var opened []int          // their lines
	last := token.ILLEGAL
	for {
		p, t, lit := sc.Scan()
		if t == token.EOF {
			break
		}
		switch t {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			closing = append(closing, t+token.RPAREN-token.LPAREN)
			opened = append(opened, f.Line(p))
		case token.RPAREN, token.RBRACE, token.RBRACK:
			n := len(closing) - 1
			if bad = bad || n < 0 || closing[n] != t; n >= 0 {
				closing, opened = closing[:n], opened[:n]
			}
		}
		if t != token.SEMICOLON || lit != "\n" {
			last = t
		}
	}
	indent = strings.Repeat("\t", len(slices.Compact(opened))) // as gofmt: one for all brackets of a line
	switch {
	case bad:
		return "invalid", ""
	case open:
		return "incomplete", ""
	case len(closing) > 0:
		if continues(last) && last != token.COMMA && last != token.COLON {
			indent += "\t"
		}
		return "incomplete", indent
	case continues(last):
		return "incomplete", "\t"
	}
	b := &builder{s: &Session{fset: token.NewFileSet(), cells: map[string]*cellText{}}, file: "c", src: src}
	b.assemble()
	file, err := b.parse(b.text)
	if err != nil {
		_, err = b.parseSeveral(file, err)
	}
	if err != nil {
		return "invalid", ""
	}
	return "complete", ""
}

// continues tells whether a line cannot end with a token.
func continues(t token.Token) bool {
	switch t {
	case token.COMMA, token.PERIOD, token.ASSIGN, token.DEFINE, token.COLON, token.ARROW, token.NOT, token.TILDE:
		return true
	case token.FUNC, token.IF, token.FOR, token.SWITCH, token.SELECT, token.TYPE, token.VAR, token.CONST, token.IMPORT, token.GO,
		token.DEFER, token.ELSE, token.CASE, token.STRUCT, token.INTERFACE, token.MAP, token.CHAN, token.RANGE, token.PACKAGE:
		return true
	}
	return t.IsOperator() && t >= token.ADD && t <= token.GEQ && t != token.INC && t != token.DEC &&
		t != token.LPAREN && t != token.RPAREN && t != token.LBRACE && t != token.RBRACE && t != token.LBRACK && t != token.RBRACK && t != token.SEMICOLON && t != token.ELLIPSIS
}
