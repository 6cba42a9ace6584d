package pipe

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Native reads one of the session's file descriptors 1 and 2. It passes on whole characters, takes out the markers that
// end a cell, and holds back the text of a crash of the Go runtime until it is known to be one.
type Native struct {
	emit func(text []byte)
	wait Waiter // nil for a reader that blocks

	mu    sync.Mutex
	cond  *sync.Cond
	buf   []byte          // read and neither passed on nor known to be a marker
	cut   []byte          // first bytes of a character
	want  map[string]bool // markers that are waited for
	alone func() bool     // at most one cell runs: a marker that is not waited for is not a session's
	ended bool

	crashes bool   // look for crash texts
	line    []byte // the current line's beginning, where a crash text may begin
	crash   []byte // held back since a crash text began; nil for none
	told    int    // bytes of it that were passed on before it was known to be one
	lost    int    // bytes of it beyond maxCrash
	release *time.Timer
}

const (
	maxHeld  = 1 << 20  // of what looks like a marker and what follows
	maxCrash = 64 << 10 // of a crash text
	// crashTime is how long a process may take from the first line of its crash text to its end.
	crashTime = 2 * time.Second
)

// crashStarts are the first lines that the Go runtime writes when it ends the process.
var crashStarts = []string{
	"panic: ", "fatal error: ", "runtime: goroutine stack exceeds ", "unexpected fault address ", "SIGSEGV: ", "SIGBUS: ",
	"SIGILL: ", "SIGFPE: ", "SIGABRT: ", "SIGTRAP: ", "SIGQUIT: ", "runtime: out of memory", "runtime: program exceeds ",
	"runtime: failed to create new OS thread",
}

const longestStart = len("runtime: failed to create new OS thread")

// Waiter is a reader that other processes may read too: Wait returns when there is something that they leave, or the end,
// and Read does not block after that but may find nothing.
type Waiter interface {
	io.Reader
	Wait()
	// Hurry says whether Wait is to leave others no time.
	Hurry(bool)
}

// NewNative reads r, which may be a [Waiter], until its end in a goroutine of its own. With crashes it looks for texts of a
// crash; alone reports whether at most one cell runs. Emit is called in the order of the text, by one goroutine at a time.
func NewNative(r io.Reader, crashes bool, alone func() bool, emit func([]byte)) *Native {
	n := &Native{emit: emit, crashes: crashes, alone: alone, want: map[string]bool{}}
	n.cond = sync.NewCond(&n.mu)
	n.release = time.AfterFunc(time.Hour, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.freeCrash()
	})
	n.release.Stop()
	n.wait, _ = r.(Waiter)
	go n.read(r)
	return n
}

func (n *Native) read(r io.Reader) {
	b := make([]byte, 64<<10)
	for {
		var k int
		var err error
		if n.wait != nil {
			n.wait.Wait()
			n.mu.Lock() // what is read is passed on before Sync returns
			k, err = r.Read(b)
		} else {
			k, err = r.Read(b)
			n.mu.Lock()
		}
		n.buf = append(n.buf, b[:k]...)
		n.scan()
		if err != nil {
			n.pass(n.buf)
			n.buf = nil
			n.finishText()
			n.ended = true
			n.release.Stop()
			n.cond.Broadcast()
			n.mu.Unlock()
			if c, ok := r.(io.Closer); ok {
				c.Close()
			}
			return
		}
		n.mu.Unlock()
	}
}

// scan passes on what cannot be a marker; n.mu is held.
func (n *Native) scan() {
	for len(n.buf) > 0 {
		i := bytes.IndexByte(n.buf, MarkerPrefix[0])
		if i < 0 {
			i = len(n.buf)
		}
		n.pass(n.buf[:i])
		if n.buf = n.buf[i:]; len(n.buf) == 0 {
			break
		}
		switch like, whole := likeMarker(n.buf); {
		case !like:
			n.pass(n.buf[:1])
			n.buf = n.buf[1:]
		case !whole:
			return
		case n.want[string(n.buf[:MarkerLen])]:
			delete(n.want, string(n.buf[:MarkerLen]))
			n.buf = n.buf[MarkerLen:]
			n.finishText()
			n.freeCrash() // the process lives
			n.cond.Broadcast()
		case len(n.want) > 0 && n.alone() || len(n.buf) > maxHeld: // not the session's: a cell has printed it
			n.pass(n.buf[:1])
			n.buf = n.buf[1:]
		default:
			return // Done will say whether it is one
		}
	}
	n.buf = nil
}

// likeMarker reports whether b begins with what is, or may become, a marker, and whether it is all there.
func likeMarker(b []byte) (like, whole bool) {
	const digits = 32
	k := min(len(b), MarkerLen)
	for i, c := range b[:k] {
		switch j := i - len(MarkerPrefix); {
		case j < 0:
			if c != MarkerPrefix[i] {
				return false, false
			}
		case j < digits:
			if !strings.ContainsRune("0123456789abcdef", rune(c)) {
				return false, false
			}
		case c != MarkerSuffix[j-digits]:
			return false, false
		}
	}
	return true, k == MarkerLen
}

// pass hands text on, less a character that is cut at its end; n.mu is held.
func (n *Native) pass(b []byte) {
	if len(b) == 0 {
		return
	}
	if n.crashes {
		if b = n.watch(b); len(b) == 0 {
			return
		}
	}
	n.out(b)
}

func (n *Native) out(b []byte) {
	if len(n.cut) > 0 {
		b = append(n.cut, b...)
		n.cut = nil
	}
	end := len(b)
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				end = i
			}
			break
		}
	}
	n.cut = append([]byte(nil), b[end:]...)
	if end > 0 {
		n.emit(bytes.ToValidUTF8(b[:end], []byte("\uFFFD")))
	}
}

// finishText passes on what is left of a character that never came; n.mu is held.
func (n *Native) finishText() {
	if len(n.cut) > 0 {
		n.emit([]byte("\uFFFD"))
		n.cut = nil
	}
}

// watch returns the part of b before a crash text, which it keeps; n.mu is held.
func (n *Native) watch(b []byte) []byte {
	if n.crash != nil {
		n.keep(b)
		return nil
	}
	for at := 0; at < len(b); {
		eol := bytes.IndexByte(b[at:], '\n')
		line := b[at:]
		if eol >= 0 {
			line = b[at : at+eol]
		}
		before := len(n.line)
		if before < longestStart {
			n.line = append(n.line, line[:min(len(line), longestStart-before)]...)
			for _, s := range crashStarts {
				if before < len(s) && len(n.line) >= len(s) && strings.HasPrefix(string(n.line), s) {
					n.crash, n.told = append(make([]byte, 0, 512), n.line[:before]...), before
					n.keep(b[at:])
					n.release.Reset(crashTime)
					n.line = nil
					return b[:at]
				}
			}
		}
		if eol < 0 {
			break
		}
		n.line = n.line[:0]
		at += eol + 1
	}
	return b
}

func (n *Native) keep(b []byte) {
	k := min(len(b), maxCrash-len(n.crash))
	n.crash = append(n.crash, b[:k]...)
	n.lost += len(b) - k
}

// freeCrash passes on what looked like a crash of a process that lives; n.mu is held.
func (n *Native) freeCrash() {
	if n.crash == nil || n.ended {
		return
	}
	text := n.crash[n.told:]
	if n.lost > 0 {
		text = append(text, "\n[...]\n"...)
	}
	n.crash, n.told, n.lost = nil, 0, 0
	n.out(text)
}

// alarm wakes those who wait for n after a time; late, which n.mu guards, is true then.
func (n *Native) alarm(after time.Duration) (late *bool, stop func() bool) {
	late = new(bool)
	return late, time.AfterFunc(after, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		*late = true
		n.cond.Broadcast()
	}).Stop
}

// Await returns when the marker was read, the stream has ended, or the time is over; it reports whether it was not.
func (n *Native) Await(marker string, patience time.Duration) bool {
	late, stop := n.alarm(patience)
	defer stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hurry(true)
	defer n.hurry(false)
	n.want[marker] = true
	n.scan()
	for n.want[marker] && !n.ended && !*late {
		n.cond.Wait()
	}
	delete(n.want, marker)
	return !*late
}

// AwaitEnd returns when the stream has ended or the time is over.
func (n *Native) AwaitEnd(patience time.Duration) {
	late, stop := n.alarm(patience)
	defer stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hurry(true)
	for !n.ended && !*late {
		n.cond.Wait()
	}
}

func (n *Native) hurry(on bool) {
	if n.wait != nil {
		n.wait.Hurry(on)
	}
}

// Sync returns when all that was read is passed on, and says that the process lives: a cell of it has just ended.
func (n *Native) Sync() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.freeCrash()
}

// CrashText returns what the runtime wrote when it ended the process; "" for nothing.
func (n *Native) CrashText() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return string(bytes.ToValidUTF8(n.crash, []byte("\uFFFD")))
}
