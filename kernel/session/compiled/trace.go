package compiled

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/interp"
)

const (
	maxTrace  = 1 << 20         // bytes of a trace that are kept for the error
	holdTrace = 3 * time.Second // a program that is silent for so long behind a line that looks like a panic's has not ended by one
)

// trace passes on what a program writes to its standard error and holds back what looks like the report of a panic: that is
// the cell's error if the program ends with it.
type trace struct {
	mu    sync.Mutex
	w     io.Writer
	name  func(text []byte) []byte
	begun bool   // what is written now is not at the beginning of a line
	held  []byte // the report
	timer *time.Timer
}

var (
	panicLine  = [][]byte{[]byte("panic: "), []byte("fatal error: "), []byte("runtime: goroutine stack exceeds")}
	frameLine  = lazy.Regexp(`^\t(?:.*[/\\])?(cell\[[^\]]*\]):(\d+)(?: \+0x[0-9a-f]+)?(?: fp=.*)?$`)
	callSuffix = lazy.Regexp(`\([^()]*\)$`)
)

func (t *trace) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil {
		t.hold(b)
		return len(b), nil
	}
	rest := b
	for len(rest) > 0 {
		if !t.begun && startsPanic(rest) {
			if len(b) > len(rest) {
				_, _ = t.w.Write(t.name(b[:len(b)-len(rest)]))
			}
			t.hold(rest)
			return len(b), nil
		}
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			t.begun = true
			break
		}
		rest, t.begun = rest[i+1:], false
	}
	_, _ = t.w.Write(t.name(b))
	return len(b), nil
}

func startsPanic(b []byte) bool {
	for _, p := range panicLine {
		if bytes.HasPrefix(b, p) {
			return true
		}
	}
	return false
}

func (t *trace) hold(b []byte) {
	t.held = append(t.held, b...)
	if len(t.held) > maxTrace {
		t.flush()
		return
	}
	wait := holdTrace
	if !bytes.HasPrefix(t.held, panicLine[0]) {
		wait *= 10 // the run time itself ends the program, and may have much to say
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(wait, t.release)
	} else {
		t.timer.Reset(wait)
	}
}

// release passes on what is held back.
func (t *trace) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
}

func (t *trace) flush() {
	if len(t.held) > 0 {
		_, _ = t.w.Write(t.name(t.held))
		t.begun = t.held[len(t.held)-1] != '\n'
	}
	t.held = nil
}

// end stops the clock; it reports whether there is a report of a panic.
func (t *trace) end(failed bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
	return failed && len(t.held) > 0
}

// panic makes an error of the report: its text, and the calls of the goroutine it names first that are at lines of cells.
func (t *trace) panic(source func(cell string, line int) string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	head, stack, ok := strings.Cut(string(t.held), "\n\ngoroutine ")
	if !ok {
		head, stack, ok = strings.Cut(string(t.held), "\ngoroutine ")
	}
	if !ok {
		return nil
	}
	stack, _, _ = strings.Cut(stack, "\n\n") // of the first goroutine
	head, _, _ = strings.Cut(head, "\n[signal ")
	head, _, _ = strings.Cut(head, "\n\nruntime stack:")
	e := &interp.PanicError{Text: strings.TrimSpace(head)}
	if strings.HasPrefix(e.Text, "runtime: goroutine stack exceeds") {
		if _, why, ok := strings.Cut(e.Text, "fatal error: "); ok {
			e.Text = "fatal error: " + strings.SplitN(why, "\n", 2)[0]
		}
	}
	name := ""
	for l := range strings.Lines(stack) {
		l = strings.TrimRight(l, "\n")
		m := frameLine().FindStringSubmatch(l)
		if m == nil {
			name = l
			continue
		}
		created := strings.HasPrefix(name, "created by ")
		f := strings.TrimPrefix(strings.TrimPrefix(name, "created by "), "main.")
		if created {
			f, _, _ = strings.Cut(f, " in goroutine")
		} else {
			f = callSuffix().ReplaceAllString(f, "")
		}
		if _, short, ok := strings.Cut(f, folder+"."); ok { // a test's package has its path for a name
			f = short
		}
		n, _ := strconv.Atoi(m[2])
		text := source(m[1], n)
		col := len(text) - len(strings.TrimLeft(text, " \t")) + 1
		e.Stack = append(e.Stack, interp.Frame{Func: f, Cell: m[1], Line: n, Col: col, Created: created})
	}
	t.held = nil
	return e
}
