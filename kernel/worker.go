package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// request is a request that was given to a session: what its output is sent with, and what has come of it.
type request struct {
	id         uint64
	shell      string // the subshell that it came through
	parent     json.RawMessage
	identities [][]byte // of the client, for questions on the stdin channel
	silent     bool
	allowStdin bool
	count      int

	sent   chan struct{}   // closed when the session has it, or never will
	answer chan pipe.Frame // the frame that ends it; closed without one when the session has ended
	life   *life           // the session it was given to

	mu       sync.Mutex
	payload  []json.RawMessage
	result   string // text of its execute_result
	failed   bool   // an error was published
	warned   bool   // the user knows that the next interrupt ends the session
	answered bool
}

// life is a session from its start to its end.
type life struct {
	Session
	stdout, stderr *pipe.Native
	ready          pipe.Ready
	said           chan struct{} // closed when ready is known, or never will be
	saidOnce       sync.Once
	broken         error         // a frame that could not be read
	killed         atomic.Bool   // by the second interrupt
	exit           Exit          // once ended is closed
	ended          chan struct{} // closed when it is known how it ended
}

// worker keeps a session alive and connects requests with it.
type worker struct {
	start  func() (Session, error)
	output func(*request, pipe.Frame)              // a frame that is not an answer; the request is nil if there was none yet
	native func(r *request, name string, b []byte) // text of file descriptor 1 or 2
	lost   func(r *request, l *life, idle bool)    // a session has ended, with idle while nothing was asked of it; r is the last request
	kept   func(id uint64) *request                // one that is long past and may still have output, or nil
	grace  time.Duration
	warn   func(r *request) // the grace after an interrupt is over
	log    *slog.Logger

	mu      sync.Mutex
	life    *life
	failure error // why there is no life
	closing bool
	next    uint64
	open    map[uint64]*request
	recent  []*request // the last ones that can have output, also of goroutines that they have left behind
	pages   []*request // the last messages of comms: what is said in answer names them
	running []*request // what the shells wait for, one each
	restart int        // sessions that ended young, one after the other
	left    time.Time  // when an interrupted cell had left calls behind
}

// recentRequests is how many requests can still have output.
const recentRequests = 512

var errEnded = errors.New("the session has ended")

// run starts the first session and keeps one alive until close.
func (w *worker) run() {
	w.open = map[uint64]*request{}
	go w.live()
}

func (w *worker) live() {
	for {
		born := time.Now()
		s, err := w.start()
		w.mu.Lock()
		if w.closing {
			w.mu.Unlock()
			if err == nil {
				s.Close()
				s.Kill()
			}
			return
		}
		if err != nil {
			w.failure = err
			w.mu.Unlock()
			w.log.Error("session does not start", "err", err)
			if !w.pause(time.Second) {
				return
			}
			continue
		}
		l := &life{Session: s, ended: make(chan struct{}), said: make(chan struct{})}
		l.stdout = pipe.NewNative(s.Stdout(), false, w.alone, func(b []byte) { w.native(w.latest(), "stdout", b) })
		l.stderr = pipe.NewNative(s.Stderr(), true, w.alone, func(b []byte) { w.native(w.latest(), "stderr", b) })
		w.life, w.failure = l, nil
		w.mu.Unlock()
		w.receive(l)
		l.saidOnce.Do(func() { close(l.said) })
		if !w.bury(l, time.Since(born)) {
			return
		}
	}
}

// pause waits before another try; it reports false when the worker closes.
func (w *worker) pause(d time.Duration) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		closing := w.closing
		w.mu.Unlock()
		if closing {
			return false
		}
	}
	return true
}

// receive takes the frames of a session until there are no more.
func (w *worker) receive(l *life) {
	for {
		f, err := l.Receive()
		if err != nil {
			// A frame that is cut short is that of a process that has ended within it.
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) {
				l.broken = err
			}
			return
		}
		switch f.Kind {
		case pipe.KindReady:
			if r, err := pipe.Decode[pipe.Ready](f); err == nil {
				w.mu.Lock()
				l.ready = r
				w.mu.Unlock()
				l.saidOnce.Do(func() { close(l.said) })
			}
		case pipe.KindDone, pipe.KindCompleted, pipe.KindInspected, pipe.KindJudged:
			w.mu.Lock()
			r := w.open[f.ID]
			delete(w.open, f.ID)
			w.mu.Unlock()
			if r != nil {
				r.answer <- f // has room for one
			}
		default:
			w.output(w.find(f.Parent), f)
		}
	}
}

// find returns the request that a frame's output belongs to: its own, or else the last.
func (w *worker) find(id uint64) *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range [][]*request{w.recent, w.pages} {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].id == id {
				return list[i]
			}
		}
	}
	if w.kept != nil {
		if r := w.kept(id); r != nil {
			return r
		}
	}
	return w.latestLocked()
}

// latest returns the request that native output belongs to.
func (w *worker) latest() *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latestLocked()
}

// latestLocked is the last that runs, or else the last of all.
func (w *worker) latestLocked() *request {
	for i := len(w.recent) - 1; i >= 0; i-- {
		if r := w.recent[i]; w.open[r.id] == r {
			return r
		}
	}
	if n := len(w.recent); n > 0 {
		return w.recent[n-1]
	}
	return nil
}

// bury learns how a session ended and fails what was asked of it. It reports false when no other is to follow.
func (w *worker) bury(l *life, age time.Duration) bool {
	gone := make(chan Exit, 1)
	go func() { gone <- l.Wait() }()
	l.Close()
	select {
	case l.exit = <-gone:
	case <-time.After(time.Second): // its pipe is closed or spoilt, but it lives
		l.Kill()
		l.exit = <-gone
	}
	// What it has started may hold the pipes open.
	l.stdout.AwaitEnd(500 * time.Millisecond)
	l.stderr.AwaitEnd(500 * time.Millisecond)
	close(l.ended)

	w.mu.Lock()
	w.life, w.failure, w.left = nil, errEnded, time.Time{}
	open := w.open
	w.open = map[uint64]*request{}
	closing := w.closing
	if age > 5*time.Second || len(w.running) > 0 {
		w.restart = 0
	} else {
		w.restart++
	}
	young := w.restart
	idle := len(w.running) == 0
	last := w.latestLocked()
	w.mu.Unlock()
	if !closing {
		w.log.Info("session ended", "code", l.exit.Code, "signal", l.exit.Signal, "crash", l.stderr.CrashText())
		w.lost(last, l, idle)
	}
	for _, r := range open {
		close(r.answer)
	}
	if closing {
		return false
	}
	if young > 2 { // it dies by itself at once: do not burn the machine
		w.mu.Lock()
		w.failure = fmt.Errorf("the session ends as soon as it is started: %s", cause(l, false))
		w.mu.Unlock()
		return w.pause(min(time.Duration(young)*time.Second, 30*time.Second))
	}
	return true
}

func (w *worker) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}

// targets are the comm targets of the session, which it has said when it is ready.
func (w *worker) targets() []string {
	l, err := w.session()
	if err != nil {
		return nil
	}
	select {
	case <-l.said:
	case <-time.After(10 * time.Second):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return l.ready.CommTargets
}

func (w *worker) alive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.life != nil
}

// send gives a request to the session. It waits for a session that is being started.
func (w *worker) send(kind pipe.Kind, r *request, body any, buffers ...[]byte) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	l, err := w.session()
	if err != nil {
		return err
	}
	w.mu.Lock()
	if w.life != l {
		w.mu.Unlock()
		return errEnded
	}
	w.next++
	r.id, r.life = w.next, l
	r.answer = make(chan pipe.Frame, 1)
	w.open[r.id] = r
	switch kind {
	case pipe.KindExecute:
		w.recent = w.keep(w.recent, r)
	case pipe.KindCommOpen, pipe.KindCommMsg, pipe.KindCommClose:
		w.pages = w.keep(w.pages, r)
	}
	w.mu.Unlock()
	if err := l.Send(pipe.Frame{Kind: kind, ID: r.id, Shell: r.shell, Body: b, Buffers: buffers}); errors.Is(err, pipe.ErrTooLarge) {
		w.mu.Lock() // the session lives and does not know of it: nothing else would end the wait for the answer
		delete(w.open, r.id)
		w.mu.Unlock()
		return err
	} else if err != nil {
		w.log.Debug("frame not sent", "kind", string(kind), "err", err) // the end of the session closes the answer
	}
	return nil
}

// keep adds a request to the last ones, which are those that run and some before them; w.mu is held.
func (w *worker) keep(list []*request, r *request) []*request {
	if list = append(list, r); len(list) > recentRequests {
		old := max(slices.IndexFunc(list, func(r *request) bool { return w.open[r.id] != r }), 0)
		list = slices.Delete(list, old, old+1)
	}
	return list
}

// session returns the living session.
func (w *worker) session() (*life, error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		w.mu.Lock()
		l, err, closing, young := w.life, w.failure, w.closing, w.restart
		w.mu.Unlock()
		switch {
		case closing:
			return nil, errEnded
		case l != nil:
			return l, nil
		case err != nil && !errors.Is(err, errEnded), young > 2, time.Now().After(end):
			if err == nil {
				err = errors.New("the session does not start")
			}
			return nil, err
		}
	}
}

// begin makes r one that an interrupt stops, also while it is on its way to the session. The function it returns ends that.
func (w *worker) begin(r *request) (end func()) {
	r.sent = make(chan struct{})
	w.mu.Lock()
	w.running = append(w.running, r)
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		w.running = slices.DeleteFunc(w.running, func(x *request) bool { return x == r })
		w.mu.Unlock()
		r.mu.Lock()
		r.answered = true
		r.mu.Unlock()
	}
}

// call gives a request that has begun to the session and waits for its answer, of which ok is false if the session ended.
func (w *worker) call(kind pipe.Kind, r *request, body any) (f pipe.Frame, ok bool, err error) {
	err = w.send(kind, r, body)
	close(r.sent)
	if err != nil {
		return pipe.Frame{}, false, err
	}
	f, ok = <-r.answer
	if ok && f.Kind == pipe.KindDone {
		w.drain(r.life, f)
		if d, err := pipe.Decode[pipe.Done](f); err == nil {
			w.leaves(d.Left, r.life)
		}
	}
	return f, ok, nil
}

// alone reports whether at most one cell runs.
func (w *worker) alone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running) < 2
}

// leaves notes what an interrupted cell has left behind; a cell that ends as others do shows that all is well.
func (w *worker) leaves(calls int, l *life) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = time.Time{}
	if calls > 0 && w.life == l {
		w.left = time.Now()
	}
}

// drain waits until all native output of a request has been read.
func (w *worker) drain(l *life, f pipe.Frame) {
	d, err := pipe.Decode[pipe.Done](f)
	if err != nil {
		return
	}
	if d.Marker == "" { // the session has read all that it has written
		l.stdout.Sync()
		l.stderr.Sync()
		return
	}
	const patience = 2 * time.Second // both markers were written before the frame was
	if !l.stdout.Await(d.Marker, patience) || !l.stderr.Await(d.Marker, patience) {
		w.log.Warn("a cell has ended without its marker on both file descriptors")
	}
}

// tell sends a frame that is not answered, without waiting for the session to take it.
func (w *worker) tell(f pipe.Frame, buffers ...[]byte) {
	w.mu.Lock()
	l := w.life
	w.mu.Unlock()
	if l == nil {
		return
	}
	f.Buffers = buffers
	go l.Send(f)
}

// doubleHit is within which a second interrupt is one with the first.
const doubleHit = 500 * time.Millisecond

// interrupt stops what runs, in all shells: it asks the session to; once the user was told that this does not work, it ends it.
func (w *worker) interrupt() {
	w.mu.Lock()
	running, l := slices.Clone(w.running), w.life
	if len(running) == 0 {
		// a key that was hit twice does not mean it
		if since := time.Since(w.left); l != nil && doubleHit < since && since < pipe.SecondInterrupt {
			l.killed.Store(true)
			l.Kill()
		}
		w.mu.Unlock()
		w.tell(pipe.Frame{Kind: pipe.KindInterrupt, Parent: pipe.Handlers})
		return
	}
	w.mu.Unlock()
	for _, r := range running {
		r.mu.Lock()
		hard := r.warned && l != nil // without it, r waits for a session that is being started
		r.mu.Unlock()
		if hard {
			l.killed.Store(true)
			l.Kill()
			return
		}
	}
	for _, r := range running {
		w.stop(r)
	}
}

// stop asks the session to stop a request.
func (w *worker) stop(r *request) {
	go func() {
		<-r.sent // an interrupt that overtakes its cell would stop nothing
		w.tell(pipe.Frame{Kind: pipe.KindInterrupt, Parent: r.id})
	}()
	time.AfterFunc(w.grace, func() {
		r.mu.Lock()
		late := !r.answered && !r.warned
		r.warned = r.warned || late
		r.mu.Unlock()
		if late {
			w.warn(r)
		}
	})
}

// close ends the session and starts no other.
func (w *worker) close(patience time.Duration) {
	w.mu.Lock()
	w.closing = true
	l := w.life
	w.mu.Unlock()
	if l == nil {
		return
	}
	l.Close()
	select {
	case <-l.ended:
	case <-time.After(patience):
		l.Kill()
		select {
		case <-l.ended:
		case <-time.After(time.Second):
		}
	}
}
