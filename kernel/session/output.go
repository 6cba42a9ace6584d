package session

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/comms"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

const (
	// gather is how long prints wait for more to go with them. Where there is no slate, a process that is killed takes them
	// with it: so not for long.
	gather   = 5 * time.Millisecond
	maxChunk = 64 << 10 // bytes of one stream frame
)

// owner is the request that output is of; silent drops it.
type owner struct {
	id     uint64
	silent bool
	into   comms.Sink // where it goes instead, or nil
	tee    *tee       // what sees it first, or nil
}

// output sends what cells print and show, in the order in which they do so. It belongs to the cell whose code calls, which
// may be a goroutine that an earlier one has started, or else to the one that runs, and between cells to the last one.
type output struct {
	conn   *pipe.Conn
	caller atomic.Pointer[func() (owner, bool)] // the owner of the code that calls, if that is known

	mu      sync.Mutex
	running []owner           // in the order in which they have begun
	current owner             // the last of running, or else the last that was one
	of      owner             // of pending
	name    string            // the stream of pending
	pending []byte            // printed and not sent
	cut     map[string][]byte // by stream, the first bytes of a character whose others are not printed yet
	timer   *time.Timer
	sent    time.Time   // when prints were last sent
	texts   uint64      // frames with text that were sent
	slate   *pipe.Slate // where what is pending stands too, for the front to find if the process is killed

	native func(emit func(name string, text []byte)) // reads what was written to file descriptors 1 and 2; nil where only the front does
}

func newOutput(conn *pipe.Conn) *output {
	o := &output{conn: conn, cut: map[string][]byte{}}
	o.timer = time.AfterFunc(time.Hour, func() { o.flush(false) })
	o.timer.Stop()
	return o
}

// begin makes what follows output of a request.
func (o *output) begin(w owner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.natives()
	o.flushLocked(true)
	o.running = append(o.running, w)
	o.current = w
}

// end sends what is left of a request's output.
func (o *output) end(w owner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.natives()
	o.flushLocked(true)
	o.running = slices.DeleteFunc(o.running, func(x owner) bool { return x == w })
	if n := len(o.running); n > 0 {
		o.current = o.running[n-1]
	}
}

// know says how to find the owner of the code that calls.
func (o *output) know(caller func() (owner, bool)) { o.caller.Store(&caller) }

// known is the owner of the code that calls, if it has one.
func (o *output) known() (owner, bool) {
	if f := o.caller.Load(); f != nil {
		if w, ok := (*f)(); ok {
			return w, true
		}
	}
	return ownerOf(interp.Marked())
}

// owner is whom output of the calling code belongs to.
func (o *output) owner() owner {
	if w, ok := o.known(); ok {
		return w
	}
	return o.last()
}

// runs is the request that has begun last of those that run.
func (o *output) runs() (w owner, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.running); n > 0 {
		return o.running[n-1], true
	}
	return owner{}, false
}

// all are the requests that run.
func (o *output) all() []owner {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.running)
}

// last is the request that has begun last of those that run, or else of all.
func (o *output) last() owner {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current
}

// send sends a frame after what was printed before it.
func (o *output) send(kind pipe.Kind, body any) error { return o.sendAs(o.owner(), kind, body) }

func (o *output) sendAs(w owner, kind pipe.Kind, body any) error {
	if w.tee != nil && !w.silent && w.tee.frame(kind, body) {
		return nil
	}
	if w.into != nil && redirect(w.into, kind, body) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.silent {
		return nil
	}
	o.natives()
	if err := o.flushLocked(o.of != w); err != nil {
		return err
	}
	if kind == pipe.KindStream {
		o.texts++
	}
	return o.conn.Send(kind, 0, w.id, body)
}

// post sends a message of a comm after what was printed before it.
func (o *output) post(w owner, kind pipe.Kind, body any, buffers [][]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.flushLocked(false); err != nil {
		return err
	}
	return o.conn.Send(kind, 0, w.id, body, buffers...)
}

// natives takes what was written to the file descriptors since: it belongs after what was printed before, and to the cell
// that runs, since nothing is known of its writer.
func (o *output) natives() {
	if o.native != nil {
		o.native(func(name string, text []byte) { o.print(o.current, name, text) })
	}
}

// flush sends what was printed; with end, the beginnings of characters too.
func (o *output) flush(end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.natives()
	o.flushLocked(end)
}

func (o *output) flushLocked(end bool) error {
	o.timer.Stop()
	text, name := o.pending, o.name
	o.pending = nil
	if end {
		text = append(text, o.cut[name]...)
		delete(o.cut, name)
	} else if n := whole(text); n < len(text) {
		o.cut[name] = append([]byte(nil), text[n:]...)
		text = text[:n]
	}
	if len(text) > 0 {
		o.sent = time.Now()
	}
	err := o.chunks(name, text)
	if end {
		for other, rest := range o.cut {
			delete(o.cut, other)
			err = o.chunks(other, rest)
		}
	}
	o.slate.Wipe()
	return err
}

func (o *output) chunks(name string, text []byte) error {
	for len(text) > 0 {
		n := len(text)
		if n > maxChunk {
			if n = whole(text[:maxChunk]); n == 0 {
				n = maxChunk
			}
		}
		if err := o.conn.SendStream(o.of.id, name, text[:n]); err != nil {
			return err
		}
		o.texts++
		text = text[n:]
	}
	return nil
}

// whole is the length of b without the beginning of a character at its end.
func whole(b []byte) int {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				break
			}
			return i
		}
	}
	return len(b)
}

// stream is the writer of a stream, for any goroutine.
func (o *output) stream(name string) io.Writer { return stream{o, name} }

type stream struct {
	o    *output
	name string
}

func (s stream) Write(p []byte) (int, error) {
	o := s.o
	w := o.owner()
	if w.tee != nil && !w.silent && w.tee.text(s.name, p) {
		return len(p), nil
	}
	if w.into != nil {
		w.into.Stream(s.name, string(p))
		return len(p), nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.natives()
	if err := o.print(w, s.name, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// print adds text of a stream to what is to be sent. What comes after a pause is sent at once, so that it is not lost if the
// next statement ends the process; what follows waits for more.
func (o *output) print(w owner, name string, p []byte) error {
	if w.silent || len(p) == 0 {
		return nil
	}
	if o.name != name || o.of != w {
		if err := o.flushLocked(o.of != w); err != nil {
			return err
		}
		o.name, o.of = name, w
	}
	first := len(o.pending) == 0
	if first {
		o.pending = append(o.pending, o.cut[name]...)
		delete(o.cut, name)
	}
	o.pending = append(o.pending, p...)
	switch {
	case len(o.pending) >= maxChunk:
		return o.flushLocked(false)
	case first:
		if time.Since(o.sent) > gather {
			return o.flushLocked(false)
		}
		o.timer.Reset(gather)
		o.slate.Begin(o.texts, w.id, name)
		o.slate.Add(o.pending)
	default:
		o.slate.Add(p)
	}
	return nil
}
