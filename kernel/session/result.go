package session

import (
	"go/scanner"
	"go/token"
	"reflect"
	"strings"
)

var errorType = reflect.TypeFor[error]()

// worthShowing leaves out of the values of a cell's last expression what says nothing: a nil error, the count that printing
// and writing return, and all if the cell ends in a semicolon.
func worthShowing(values []reflect.Value, source string) []reflect.Value {
	callee, semicolon := lastStatement(source)
	if semicolon {
		return nil
	}
	n := len(values)
	if n == 0 || !isNilError(values[n-1]) {
		return values
	}
	values = values[:n-1]
	if len(values) == 1 && (values[0].Kind() == reflect.Int || values[0].Kind() == reflect.Int64) &&
		(strings.HasPrefix(callee, "Print") || strings.HasPrefix(callee, "Fprint") || strings.HasPrefix(callee, "Write") || callee == "Copy") {
		return nil
	}
	return values
}

func isNilError(v reflect.Value) bool {
	return v.IsValid() && v.Type() == errorType && v.IsNil()
}

// lastStatement reads the end of Go source: the name in front of the last statement's first call, as Println of
// fmt.Println(x), and whether the source ends in a semicolon.
func lastStatement(source string) (callee string, semicolon bool) {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(source)), []byte(source), func(token.Position, string) {}, 0)
	depth, name, fresh := 0, "", false
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return callee, semicolon
		}
		if tok == token.SEMICOLON && depth == 0 {
			semicolon, fresh = lit == ";", true
			continue
		}
		if fresh {
			callee, name, fresh = "", "", false
		}
		semicolon = false
		switch tok {
		case token.LPAREN:
			if depth == 0 {
				callee = name
			}
			depth++
		case token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.IDENT:
			if depth == 0 {
				name = lit
			}
		}
	}
}
