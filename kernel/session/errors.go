package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/comms"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// Colours of a traceback.
const (
	red   = "\x1b[31m"
	bold  = "\x1b[1m"
	plain = "\x1b[0m"
)

// Limits of a traceback: an endless recursion has a long one.
const (
	maxFrames = 20
	maxDiags  = 10
)

// message is an error of one line.
func message(name, text string) *pipe.Error {
	text = clean(text)
	return &pipe.Error{Name: name, Value: text, Traceback: []string{red + text + plain}}
}

// describe is the error of a cell as the client shows it.
func (s *session) describe(ctx context.Context, err error) *pipe.Error {
	var memory memoryError
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &memory) {
		return message("MemoryLimit", memory.Error()+stillRuns(err))
	}
	if ctx.Err() != nil {
		return message("Interrupted", "the cell was interrupted; what it had declared is kept"+stillRuns(err))
	}
	var compile *interp.CompileError
	if errors.As(err, &compile) && len(compile.Diags) > 0 {
		return s.compileError(compile)
	}
	var panicked *interp.PanicError
	if errors.As(err, &panicked) {
		if name, ok := s.isMessage(panicked.Value); ok {
			return message(name, fmt.Sprint(panicked.Value))
		}
		return s.panicError(panicked)
	}
	if name, ok := s.isMessage(err); ok {
		return message(name, err.Error())
	}
	return message("Error", err.Error())
}

// stillRuns says what an interrupt has left behind, and the way out.
func stillRuns(err error) string {
	left := new(interp.Stopped)
	if !errors.As(err, &left) {
		return ""
	}
	var b strings.Builder
	what, it := "1 call still runs in compiled code, which cannot be stopped", "It ends when it comes back"
	if n := len(left.Calls); n > 1 {
		what, it = fmt.Sprintf("%d calls still run in compiled code, which cannot be stopped", n), "They end when they come back"
	}
	fmt.Fprintf(&b, "\n%s:", what)
	for i, c := range left.Calls {
		if i == maxFrames {
			fmt.Fprintf(&b, "\n    and %d more", len(left.Calls)-i)
			break
		}
		fmt.Fprintf(&b, "\n    %v", c)
	}
	fmt.Fprintf(&b, "\n%s. To be rid of it at once, interrupt again within %v or restart the kernel: variables are lost then.", it, pipe.SecondInterrupt)
	return b.String()
}

func (s *session) isMessage(v any) (string, bool) {
	if f, ok := v.(*comms.Fault); ok {
		return f.Name, true
	}
	if s.opts.Message == nil || v == nil {
		return "", false
	}
	return s.opts.Message(v)
}

func (s *session) compileError(e *interp.CompileError) *pipe.Error {
	out := &pipe.Error{Name: "CompileError"}
	var lines []string
	for i, d := range e.Diags {
		if i == maxDiags {
			out.Traceback = append(out.Traceback, fmt.Sprintf("and %d more", len(e.Diags)-i))
			break
		}
		msg := clean(d.Msg)
		at := fmt.Sprintf("%s:%d:%d:", d.Cell, d.Line, d.Col)
		lines = append(lines, at+" "+msg)
		out.Traceback = append(out.Traceback, bold+at+plain+" "+red+msg+plain)
		if l := s.sources.caret(d.Cell, d.Line, d.Col); l != "" {
			out.Traceback = append(out.Traceback, l)
		}
	}
	out.Value = strings.Join(lines, "\n")
	return out
}

func (s *session) panicError(e *interp.PanicError) *pipe.Error {
	text := strings.TrimPrefix(clean(e.Text), "panic: ") // the name says so
	out := &pipe.Error{Name: "panic", Value: text, Traceback: []string{red + "panic: " + text + plain}}
	shown := 0
	for i := 0; i < len(e.Stack); {
		if shown == maxFrames {
			out.Traceback = append(out.Traceback, fmt.Sprintf("… and %d more", len(e.Stack)-i))
			break
		}
		f, n := e.Stack[i], 1
		for i+n < len(e.Stack) && e.Stack[i+n] == f {
			n++
		}
		l := fmt.Sprintf("%s%s:%d:%d:%s in %s", bold, f.Cell, f.Line, f.Col, plain, f.Func)
		if n > 1 {
			l += fmt.Sprintf(" (%d times)", n)
		}
		out.Traceback = append(out.Traceback, l)
		if l := s.sources.caret(f.Cell, f.Line, f.Col); l != "" && i == 0 {
			out.Traceback = append(out.Traceback, l)
		}
		i, shown = i+n, shown+1
	}
	return out
}

// clean removes control characters, which could rewrite what a terminal shows, from a text that may come from a file.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || 0x7f <= r && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// sources keeps the text of cells, to show the line of an error.
type sources struct {
	mu    sync.Mutex
	text  map[string]string
	order []string
}

const keptSources = 1000

func newSources() *sources { return &sources{text: map[string]string{}} }

func (s *sources) put(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.text[name]; !ok {
		s.order = append(s.order, name)
	}
	s.text[name] = text
	if len(s.order) > keptSources {
		delete(s.text, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *sources) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.text)
	s.order = nil
}

// excerpt is how many characters of a line of a cell an error shows.
const excerpt = 80

// caret is a line of a cell with a mark under a column (in bytes, from 1), or "" if there is no such line.
func (s *sources) caret(name string, line, col int) string {
	s.mu.Lock()
	text := s.text[name]
	s.mu.Unlock()
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	l := strings.TrimRight(clean(lines[line-1]), " \t")
	if l == "" {
		return ""
	}
	at := min(max(col-1, 0), len(l))
	for at > 0 && at < len(l) && !utf8.RuneStart(l[at]) {
		at--
	}
	before, after := []rune(l[:at]), []rune(l[at:])
	// A line that a page would wrap is cut about the column: the mark is to stand below what it means.
	if len(before)+len(after) > excerpt {
		if cut := len(before) - excerpt/2; cut > 1 {
			before = append([]rune("…"), before[cut:]...)
		}
		if room := excerpt - len(before); len(after) > room {
			after = append(after[:room:room], '…')
		}
	}
	l = string(before) + string(after)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(before))
	return "    " + l + "\n    " + pad + "^"
}
