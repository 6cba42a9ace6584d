package cell

import (
	"go/token"
	"strings"
	"unicode/utf8"
)

// state is how far Go's text has been read at the start of a line. It is not go/scanner, which cannot be fed line
// by line and would run through the text of a magic in search of the end of a string.
type state struct {
	raw     bool // in a raw string
	comment bool // in a /* comment
	depth   int  // brackets open
	pending bool // a statement has begun and not ended
	ends    bool // the last token lets a newline end the statement
}

// fresh says that a statement may begin here.
func (s *state) fresh() bool {
	return !s.raw && !s.comment && s.depth == 0 && !s.pending
}

// scan reads one line, its newline included.
func (s *state) scan(line string) {
	for i := 0; i < len(line); {
		switch {
		case s.raw:
			j := strings.IndexByte(line[i:], '`')
			if j < 0 {
				return // the newline is the string's
			}
			s.raw, s.ends = false, true
			i += j + 1
			continue
		case s.comment:
			j := strings.Index(line[i:], "*/")
			if j < 0 {
				s.newline()
				return
			}
			s.comment = false
			i += j + 2
			continue
		}
		c := line[i]
		switch {
		case c == '\n':
			s.newline()
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(line[i:], "//"):
			s.newline()
			return
		case strings.HasPrefix(line[i:], "/*"):
			s.comment = true
			i += 2
		case c == '`':
			s.raw, s.pending = true, true
			i++
		case c == '"' || c == '\'':
			i += quoted(line[i:])
			s.token(true)
		case c == ';':
			s.pending, s.ends = false, false
			i++
		case isWord(c):
			n := word(line[i:])
			s.token(endsStatement(line[i : i+n]))
			i += n
		case strings.HasPrefix(line[i:], "++") || strings.HasPrefix(line[i:], "--"):
			s.token(true)
			i += 2
		case c == '(' || c == '[' || c == '{':
			s.token(false)
			s.depth++
			i++
		case c == ')' || c == ']' || c == '}':
			s.token(true)
			s.depth = max(0, s.depth-1)
			i++
		default:
			s.token(false)
			i++
		}
	}
}

func (s *state) token(ends bool) { s.pending, s.ends = true, ends }

func (s *state) newline() {
	if s.ends {
		s.pending, s.ends = false, false
	}
}

// quoted is the length of the string or rune literal that s begins with; an unfinished one ends before its newline.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i < len(s) && s[i] == '\n' {
				return i
			}
		case '\n':
			return i
		case s[0]:
			return i + 1
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c >= utf8.RuneSelf
}

// word is the length of the name or number that s begins with; "1." is a number.
func word(s string) int {
	n := 1
	for n < len(s) && (isWord(s[n]) || s[n] == '.' && isDigit(s[0])) {
		n++
	}
	return n
}

func endsStatement(w string) bool {
	switch w {
	case "break", "continue", "fallthrough", "return":
		return true
	}
	return !token.IsKeyword(w)
}
