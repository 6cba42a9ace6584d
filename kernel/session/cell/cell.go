// Package cell cuts the text of a notebook cell into Go and magics.
//
// A line at the start of a statement outside all brackets is not Go if it begins with % (a magic) or ! (a
// command for the shell), or asks for help (name? or ?name). The sign
// may stand behind //gonb:, as in Go files of GoNB's. A bare %% or %main stands, as in GoNB, before the statements of
// a program. A cell whose first line begins with %% belongs to that
// magic as a whole. In strings, comments, brackets and unfinished statements these characters are Go's. A statement
// that is the expression !ok must be written (!ok).
package cell

import (
	"strings"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// Kind says what a piece is.
type Kind int

const (
	Go    Kind = iota // see Source
	Line              // %Name Args
	Whole             // %%Name Args, and Body is the rest of the cell
	Shell             // !Args
	Help              // Name?; Args is "?" or "??"
	Main              // a bare %% or %main, with Args: the statements of a program begin, as in GoNB
)

// Piece is a part of a cell. Pieces follow each other without a gap: the cell is the concatenation of src[Start:End].
type Piece struct {
	Kind       Kind
	Start, End int    // bytes of the cell
	Line       int    // number of its first line, from 1
	Name       string // of a magic, without %; of help, the name asked for, with its %
	Args       string // what follows the name, trimmed; lines that end in a backslash are joined with the next
	Col        int    // byte column of Args in its line, from 1
	Body       string // of Whole
}

// Source is the text of a piece of Go behind an empty line for each line of the cell before it, so that positions in it are
// those of the cell.
func (p Piece) Source(src string) string {
	return strings.Repeat("\n", p.Line-1) + src[p.Start:p.End]
}

// Split cuts a cell. A cell of white space has no pieces; a %% line that is not the first is a Whole piece without a
// body.
func Split(src string) []Piece {
	var out []Piece
	var s state
	goStart, goLine := 0, 1
	flush := func(end int) {
		if strings.TrimSpace(src[goStart:end]) != "" {
			out = append(out, Piece{Kind: Go, Start: goStart, End: end, Line: goLine})
		} else if n := len(out); n > 0 {
			out[n-1].End = end // blank lines belong to the magic above
		}
	}
	first := true
	for pos, line := 0, 1; pos < len(src); {
		end := lineEnd(src, pos)
		p, ok := Piece{}, false
		if s.fresh() {
			p, ok = magic(src[pos:end])
		}
		if !ok {
			if strings.TrimSpace(src[pos:end]) != "" {
				first = false
			}
			s.scan(src[pos:end])
			pos, line = end, line+1
			continue
		}
		flush(pos)
		p.Start, p.Line = pos, line
		if len(out) == 0 {
			p.Start = 0 // and blank lines at the top to the first
		}
		if p.Kind == Whole && first {
			p.Body, p.End = src[end:], len(src)
			return append(out, p)
		}
		first = false
		if p.Kind == Line || p.Kind == Shell || p.Kind == Main {
			args := []string{p.Args}
			for strings.HasSuffix(args[len(args)-1], `\`) && end < len(src) {
				args[len(args)-1] = strings.TrimSpace(strings.TrimSuffix(args[len(args)-1], `\`))
				next := lineEnd(src, end)
				args = append(args, strings.TrimSpace(src[end:next]))
				end, line = next, line+1
			}
			p.Args = strings.Join(args, " ")
		}
		p.End = end
		out = append(out, p)
		pos, line = end, line+1
		goStart, goLine = pos, line
	}
	flush(len(src))
	return out
}

// Blank replaces all but Go by spaces, so that offsets and lines stay; a cell of a %% magic is all spaces.
func Blank(src string) string {
	b := []byte(src)
	for _, p := range Split(src) {
		if p.Kind == Go {
			continue
		}
		for i := p.Start; i < p.End; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}

// lineEnd is the offset after the newline that ends the line at pos.
func lineEnd(src string, pos int) int {
	if i := strings.IndexByte(src[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(src)
}

const name = `%{0,2}[\pL_][\pL\pN_]*(?:\.[\pL_][\pL\pN_]*)*`

var (
	helpBefore = lazy.Regexp(`^(\?\??)[ \t]*(` + name + `)$`)
	helpAfter  = lazy.Regexp(`^(` + name + `)[ \t]*(\?\??)$`)
	magicName  = lazy.Regexp(`^[\pL\pN_.%-]*`)
)

// magic reads a line at the start of a statement as something else than Go.
func magic(line string) (Piece, bool) {
	text := strings.TrimSpace(line)
	if text == "" {
		return Piece{}, false
	}
	if m := helpBefore().FindStringSubmatch(text); m != nil {
		return Piece{Kind: Help, Name: m[2], Args: m[1]}, true
	}
	if m := helpAfter().FindStringSubmatch(text); m != nil {
		return Piece{Kind: Help, Name: m[1], Args: m[2]}, true
	}
	// GoNB's spelling of a magic in a file that other tools read as Go.
	if after, ok := strings.CutPrefix(text, "//gonb:"); ok && after != "" && (after[0] == '%' || after[0] == '!') {
		text = after
	}
	p := Piece{}
	rest := text
	switch {
	case strings.HasPrefix(text, "%%"):
		p.Kind, rest = Whole, text[2:]
	case text[0] == '%':
		p.Kind, rest = Line, text[1:]
	case text[0] == '!':
		p.Kind, rest = Shell, text[1:]
	default:
		return p, false
	}
	if p.Kind != Shell {
		p.Name = magicName().FindString(rest)
		rest = rest[len(p.Name):]
	}
	if p.Kind == Whole && p.Name == "" && (rest == "" || rest[0] == ' ' || rest[0] == '\t') || p.Kind == Line && p.Name == "main" {
		p.Kind, p.Name = Main, ""
	}
	p.Args = strings.TrimSpace(rest)
	p.Col = strings.LastIndex(strings.TrimRight(line, " \t\r\n"), p.Args) + 1
	return p, true
}
