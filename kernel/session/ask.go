package session

import (
	"cmp"
	"fmt"
	"go/doc/comment"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/cell"
	"github.com/godlas/godlas/kernel/session/magic"
)

// question answers what is asked about code that does not run.
func (s *session) question(f pipe.Frame) {
	c, err := pipe.Decode[pipe.Cursor](f)
	if err != nil {
		c = pipe.Cursor{}
	}
	// A fault in answering must not end the session with all its values; the answer is then the empty one.
	switch f.Kind {
	case pipe.KindComplete:
		var a pipe.Completed
		quietly(func() { a = s.complete(c) })
		s.conn.Send(pipe.KindCompleted, f.ID, 0, a)
	case pipe.KindInspect:
		var a pipe.Inspected
		quietly(func() { a = s.inspect(c) })
		s.conn.Send(pipe.KindInspected, f.ID, 0, a)
	case pipe.KindIsComplete:
		a := pipe.Judged{Status: "unknown"}
		quietly(func() { a = s.judge(c.Code) })
		s.conn.Send(pipe.KindJudged, f.ID, 0, a)
	}
}

func quietly(f func()) {
	defer func() { recover() }()
	f()
}

// byteOffset turns a position in code points into one in bytes.
func byteOffset(src string, points int) int {
	off := 0
	for ; points > 0 && off < len(src); points-- {
		_, n := utf8.DecodeRuneInString(src[off:])
		off += n
	}
	return off
}

// span is where a piece that is not Go stands, without the blank lines around it.
type span struct {
	from int // its first character
	args int // after the name of a magic
	head int // the end of its first line
	to   int // the end of its last
}

func spanOf(src string, p cell.Piece) span {
	text := src[p.Start:p.End]
	g := span{from: p.Start + len(text) - len(strings.TrimLeft(text, " \t\r\n"))}
	line := func(off int) int {
		if i := strings.IndexByte(src[off:p.End], '\n'); i >= 0 {
			return off + i
		}
		return p.End
	}
	g.head = line(g.from)
	g.to = line(p.Start + len(strings.TrimRight(text, " \t\r\n")))
	if p.Kind == cell.Whole {
		g.to = p.End
	}
	head := src[g.from:g.head]
	sign := len(head) - len(strings.TrimLeft(strings.TrimPrefix(head, "//gonb:"), "%"))
	g.args = min(g.from+sign+len(p.Name), g.head)
	return g
}

// at is the piece that is not Go in which an offset stands.
func at(pieces []cell.Piece, src string, off int) (cell.Piece, span, bool) {
	for _, p := range pieces {
		if p.Kind == cell.Go {
			continue
		}
		if g := spanOf(src, p); g.from < off && off <= g.to {
			return p, g, true
		}
	}
	return cell.Piece{}, span{}, false
}

// goRange is the part of a piece that its magic takes as Go.
func (s *session) goRange(src string, p cell.Piece, g span) (from, to int, ok bool) {
	if p.Kind != cell.Line && p.Kind != cell.Whole {
		return 0, 0, false
	}
	m, err := s.table.Find(p.Name, p.Kind == cell.Whole)
	if err != nil || !m.Go {
		return 0, 0, false
	}
	if p.Kind == cell.Whole {
		return g.head, g.to, true
	}
	return g.args + flags(src[g.args:g.head]), g.head, true
}

var flag = lazy.Regexp(`^[ \t]*(?:-q|-[nr][ \t]*=?[0-9]*|-o[ \t]+[\pL\pN_]*|-)(?:[ \t]|$)`)

// flags is how long the flags are that a magic takes before its Go: "-n 100 ".
func flags(args string) (n int) {
	for {
		m := flag().FindString(args[n:])
		if m == "" {
			return n
		}
		n += len(m)
	}
}

// goText is a cell with spaces in place of all that is not Go; the arguments or bodies of magics that take Go stay.
func (s *session) goText(src string, pieces []cell.Piece) string {
	b := []byte(cell.Blank(src))
	for _, p := range pieces {
		if p.Kind == cell.Go {
			continue
		}
		if from, to, ok := s.goRange(src, p, spanOf(src, p)); ok {
			copy(b[from:to], withoutMain(src[from:to]))
		}
	}
	return string(b)
}

// magicAt is the piece in which an offset stands, unless it is Go or in the Go that a magic takes.
func (s *session) magicAt(src string, pieces []cell.Piece, off int) (cell.Piece, span, bool) {
	p, g, ok := at(pieces, src, off)
	if ok {
		if from, to, isGo := s.goRange(src, p, g); isGo && from < off && off <= to {
			return p, g, false
		}
	}
	return p, g, ok
}

// inName tells whether a name ends here.
func inName(src string) bool {
	r, _ := utf8.DecodeLastRuneInString(src)
	return r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// asked is goText, but the name that help is asked for at off is Go too.
func (s *session) asked(src string, pieces []cell.Piece, off int) string {
	text := s.goText(src, pieces)
	line := strings.LastIndexByte(src[:off], '\n') + 1
	end := off + len(src[off:])
	if i := strings.IndexByte(src[off:], '\n'); i >= 0 {
		end = off + i
	}
	if t := strings.TrimSpace(src[line:end]); !strings.HasPrefix(t, "?") && !strings.HasSuffix(t, "?") || strings.Contains(t, "%") {
		return text
	}
	if p, _, ok := at(pieces, src, off); ok && p.Kind != cell.Help {
		return text
	}
	return text[:line] + strings.ReplaceAll(src[line:end], "?", " ") + text[end:]
}

func (s *session) complete(c pipe.Cursor) pipe.Completed {
	off := byteOffset(c.Code, c.Pos)
	pieces := cell.Split(c.Code)
	var matches []pipe.Match
	start, end := off, off
	p, g, ok := s.magicAt(c.Code, pieces, off)
	if help := ok && p.Kind == cell.Help; help && !inName(c.Code[:off]) {
		return pipe.Completed{Start: c.Pos, End: c.Pos}
	} else if ok && !help {
		found, replace := s.completeMagic(c.Code, p, g, off)
		for _, m := range found {
			matches = append(matches, pipe.Match{Text: m.Text, Type: cmp.Or(m.Type, "magic")})
		}
		start = off - replace
	} else if l, err := s.language(); err == nil {
		before := s.programsBefore(pieces)
		a := l.Complete(before+s.asked(c.Code, pieces, off), len(before)+off)
		a.Start, a.End = a.Start-len(before), a.End-len(before)
		for _, i := range a.Items {
			matches = append(matches, pipe.Match{Text: i.Text, Type: i.Type, Signature: i.Signature})
		}
		start, end = a.Start, a.End
	}
	if start < 0 || start > end || end > len(c.Code) {
		start, end = off, off
	}
	return pipe.Completed{Matches: matches, Start: utf8.RuneCountInString(c.Code[:start]), End: utf8.RuneCountInString(c.Code[:end])}
}

func (s *session) completeMagic(src string, p cell.Piece, g span, off int) ([]magic.Match, int) {
	whole := p.Kind == cell.Whole
	switch {
	case p.Kind == cell.Shell:
		return magic.Command(strings.TrimPrefix(strings.TrimPrefix(src[g.from:off], "//gonb:"), "!"))
	case off <= g.args:
		return s.completeName(strings.TrimPrefix(src[g.from:off], "//gonb:"))
	}
	m, err := s.table.Find(p.Name, whole)
	if err != nil {
		return nil, 0
	}
	c := magic.Completing{Text: strings.TrimLeft(src[g.args:min(off, g.head)], " \t"), Table: s.table, Folder: s.folder, Names: s.names}
	if whole && off > g.head {
		c.Text, c.Body = src[g.head+1:off], true
	} else if word := c.Text[strings.LastIndexAny(c.Text, " \t")+1:]; strings.HasPrefix(word, "-") {
		if found, n := magic.Words(c.Text, " \t", m.Flags()...); len(found) > 0 {
			return found, n
		}
	}
	if m.Complete == nil {
		return nil, 0
	}
	return m.Complete(c)
}

// names lists what cells have declared.
func (s *session) names() (names []string) {
	if l, err := s.language(); err == nil {
		for _, v := range l.Vars() {
			names = append(names, v.Name)
		}
	}
	return names
}

// completeName lists the magics that begin as typed, one or two percent signs in front.
func (s *session) completeName(typed string) (names []magic.Match, replace int) {
	whole := strings.HasPrefix(typed, "%%")
	for _, m := range s.table.Rows() {
		sign := "%"
		switch {
		case whole && m.Cell, typed == "%" && !m.Line:
			sign = "%%"
		case whole || !m.Line:
			continue
		}
		if strings.HasPrefix(sign+m.Name, typed) {
			names = append(names, magic.Match{Text: sign + m.Name, Type: "magic"})
		}
	}
	return names, len(typed)
}

func (s *session) inspect(c pipe.Cursor) pipe.Inspected {
	off := byteOffset(c.Code, c.Pos)
	pieces := cell.Split(c.Code)
	if p, g, ok := s.magicAt(c.Code, pieces, off); ok && (p.Kind != cell.Help || strings.HasPrefix(p.Name, "%")) {
		m, err := s.table.Find(strings.TrimLeft(p.Name, "%"), p.Kind == cell.Whole || strings.HasPrefix(p.Name, "%%"))
		if err != nil {
			return pipe.Inspected{}
		}
		text := m.Usage()
		if m.Explain != nil && off > g.args {
			if t, ok := m.Explain(wordAt(c.Code, g, off)); ok {
				text = t
			}
		}
		return pipe.Inspected{Found: true, Data: map[string]any{"text/plain": text, "text/markdown": fenced("text", text)}}
	}
	l, err := s.language()
	if err != nil {
		return pipe.Inspected{}
	}
	before := s.programsBefore(pieces)
	info, ok := l.Inspect(before+s.asked(c.Code, pieces, off), len(before)+off, c.Detail)
	if !ok {
		return pipe.Inspected{}
	}
	return pipe.Inspected{Found: true, Data: describeInfo(info, c.Detail)}
}

// wordAt is the word of a magic's arguments at an offset.
func wordAt(src string, g span, off int) string {
	isWord := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.'
	}
	from, to := off, off
	for from > g.args && from > 0 {
		r, n := utf8.DecodeLastRuneInString(src[:from])
		if !isWord(r) {
			break
		}
		from -= n
	}
	for to < g.to {
		r, n := utf8.DecodeRuneInString(src[to:])
		if !isWord(r) {
			break
		}
		to += n
	}
	return src[from:to]
}

// describeInfo is what is known of a name as text and as Markdown; with detail its source too.
func describeInfo(info interp.Info, detail int) map[string]any {
	var text, md []string
	code := func(s string) {
		text = append(text, s)
		md = append(md, fenced("go", s))
	}
	if info.Signature != "" {
		code(info.Signature)
	}
	if info.Argument > 0 {
		a := fmt.Sprintf("argument %d: ", info.Argument)
		text = append(text, a+info.Parameter)
		md = append(md, a+inline(info.Parameter))
	}
	if info.Value != "" {
		is := "value: "
		if info.Dynamic != "" {
			is = "value of type " + info.Dynamic + ": "
		}
		text = append(text, is+info.Value)
		md = append(md, is+inline(info.Value))
	}
	if info.Doc != "" {
		var p comment.Parser
		d := p.Parse(info.Doc)
		pr := comment.Printer{HeadingLevel: 4, HeadingID: func(*comment.Heading) string { return "" }}
		text = append(text, strings.TrimSpace(string(pr.Text(d))))
		md = append(md, strings.TrimSpace(string(pr.Markdown(d))))
	}
	if detail > 0 && info.Source != "" {
		code(info.Source)
	}
	return map[string]any{"text/plain": strings.Join(text, "\n\n"), "text/markdown": strings.Join(md, "\n\n")}
}

// fenced is code as a block of Markdown, which no line of the code can end.
func fenced(language, code string) string {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + language + "\n" + code + "\n" + fence
}

// inline is code within a line of Markdown.
func inline(code string) string {
	tick := "`"
	for strings.Contains(code, tick) {
		tick += "`"
	}
	if tick == "`" {
		return tick + code + tick
	}
	return tick + " " + code + " " + tick
}

func (s *session) judge(src string) pipe.Judged {
	pieces := cell.Split(src)
	if len(pieces) == 0 {
		return pipe.Judged{Status: "complete"}
	}
	last := pieces[len(pieces)-1]
	if last.Kind == cell.Whole {
		if m, err := s.table.Find(last.Name, true); err != nil || !m.Go {
			if !strings.HasSuffix(strings.TrimRight(src, " \t"), "\n") { // an empty line ends it
				return pipe.Judged{Status: "incomplete"}
			}
			return pipe.Judged{Status: "complete"}
		}
	}
	text := s.goText(src, pieces)
	if strings.TrimSpace(text) == "" {
		return pipe.Judged{Status: "complete"}
	}
	l, err := s.language()
	if err != nil {
		return pipe.Judged{Status: "unknown"}
	}
	status, indent := l.IsComplete(text)
	if status != "incomplete" {
		indent = ""
	}
	if !strings.Contains("\n"+src, "\n\t") { // consoles show a tab as ^I, so only who types tabs gets them
		indent = strings.ReplaceAll(indent, "\t", "    ")
	}
	return pipe.Judged{Status: status, Indent: indent}
}
