// Package session is the process in which cells run: it reads requests as frames from the front, runs cells one after the
// other, answers questions about Go and magics at any time, and sends back what cells print, show and fail with.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/display/gonbui"
	"github.com/godlas/godlas/kernel/display/widget"
	"github.com/godlas/godlas/kernel/internal/comms"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/compiled"
	"github.com/godlas/godlas/kernel/session/dap"
	"github.com/godlas/godlas/kernel/session/magic"
)

// Options says what a session has beyond Go and the built-in magics.
type Options struct {
	Libraries []interp.Library // compiled packages that cells can import
	Prelude   []string         // import paths of those that are there without an import
	Magics    []magic.Magic    // rows added to the built-in ones
	// Message says that an error, or a value a cell panicked with, is a message to the user and not a fault of the cell:
	// it is shown in one line under the given name, without a stack. May be nil.
	Message func(v any) (ename string, ok bool)
	// Language makes what runs Go; nil stands for the interpreter with Libraries and Prelude. It is called when first
	// needed: a session whose language is broken still runs magics.
	Language func(interp.Options) (Language, error)
	// Interpreter is a command that runs a Go file as a program, the file and the program's arguments behind it: tests of
	// cells (%%test) run so where there is no Go toolchain. It may be empty.
	Interpreter []string
	// Programs is the folder in which built programs of cells (%%go) are kept; "" is godlas/compiled of the user's cache.
	Programs string
	// Exit ends the process when a cell calls os.Exit; nil stands for os.Exit. Main sets it, and Native.
	Exit func(code int)
	// Native are the process's file descriptors 1 and 2: a marker is written to both at the end of a cell, for the front
	// to see that it has read all. Without them there is no marker.
	Native []io.Writer

	// Memory is how many bytes the process may use before cells are stopped; 0 is no limit.
	Memory int64

	own func(emit func(name string, text []byte)) // instead of Native: reads what the process itself has written there

	slate *pipe.Slate
}

// Errors that end a cell from outside.
var (
	errInterrupted = errors.New("interrupted")
	errClosed      = errors.New("the session has ended")
)

// Run serves conn until its end. There can be one session in a process at a time: it owns what package display shows.
func Run(conn *pipe.Conn, o Options) error {
	s := &session{conn: conn, opts: o, open: map[uint64]request{}, sources: newSources()}
	s.handlers = map[*context.CancelCauseFunc]bool{}
	s.folder, _ = os.Getwd()
	s.programs = compiled.New(s.folder, o.Programs, o.Libraries)
	s.programs.Interpreter = o.Interpreter
	s.table = magic.NewTable(magic.Builtin(), s.programs.Magics(), o.Magics)
	if s.opts.Exit == nil {
		s.opts.Exit = os.Exit
	}
	s.out = newOutput(conn)
	s.out.native, s.out.slate = o.own, o.slate
	s.asker = newAsker(s.out)
	s.language = sync.OnceValues(s.newLanguage)
	s.debugger = s.newDebugger()
	display.SetSink(sink{s})
	gonbui.IsNotebook = true
	defer display.SetSink(nil)
	widget.Serve()
	comms.SetHost(commHost{s})
	defer comms.SetHost(nil)

	version, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	s.ready = pipe.Ready{PID: os.Getpid(), GoVersion: version}
	if err := s.sayReady(); err != nil {
		return err
	}
	if o.Memory > 0 {
		stop := make(chan struct{})
		defer close(stop)
		go s.watchMemory(o.Memory, usedMemory, stop)
	}
	shells := newShells(s.serve)
	pages := newShells(s.comm)
	debugs := newShells(s.debug)
	err := s.receive(shells, pages, debugs)
	pages.close()
	debugs.close()
	ran := shells.close()
	s.interrupt(0, errClosed)
	select {
	case <-ran:
	case <-time.After(200 * time.Millisecond): // a cell that does not stop ends with the process
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type session struct {
	conn     *pipe.Conn
	opts     Options
	table    *magic.Table
	language func() (Language, error)
	out      *output
	asker    *asker
	sources  *sources
	programs *compiled.Cells
	inputs   inputs
	folder   string // of the notebook: where the session was started, and where the go.mod is looked for
	ready    pipe.Ready
	debugger *dap.Adapter
	calling  atomic.Int32 // handlers that run

	mu       sync.Mutex
	open     map[uint64]request                // execute requests that are not done
	handlers map[*context.CancelCauseFunc]bool // what stops the handlers that run
}

type request struct {
	ctx  context.Context
	stop context.CancelCauseFunc
}

// receive reads frames until the end: what runs cells is queued, and apart from it what the page tells comms; all else is
// answered beside it.
func (s *session) receive(shells, pages, debugs *shells) error {
	for {
		f, err := s.conn.Receive()
		if err != nil {
			return err
		}
		switch f.Kind {
		case pipe.KindExecute:
			s.begin(f.ID)
			shells.push(f)
		case pipe.KindReset:
			shells.push(f)
		case pipe.KindCommOpen, pipe.KindCommMsg, pipe.KindCommClose:
			f.Shell = "" // they are kept in one order
			pages.push(f)
		case pipe.KindInterrupt:
			s.interrupt(f.Parent, errInterrupted)
		case pipe.KindInputReply:
			if in, err := pipe.Decode[pipe.Input](f); err == nil {
				s.asker.answer(f.Parent, in.Value)
			}
		case pipe.KindComplete, pipe.KindInspect, pipe.KindIsComplete:
			go s.question(f)
		case pipe.KindUsage:
			go s.conn.Send(pipe.KindDone, f.ID, 0, pipe.Done{Usage: usage()})
		case pipe.KindDebug:
			f.Shell = ""
			debugs.push(f)
		}
	}
}

// begin makes a request one that an interrupt can reach, also while it waits.
func (s *session) begin(id uint64) {
	// The context is not ended with the cell: goroutines that the cell has left running live on it.
	ctx, stop := context.WithCancelCause(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[id] = request{ctx, stop}
}

func (s *session) end(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// own puts the owner of a request into its context.
func (s *session) own(w owner) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.open[w.id]
	r.ctx = context.WithValue(r.ctx, ownerKey{}, w)
	s.open[w.id] = r
	return r.ctx
}

// context is that of the cell whose code calls; where it is nobody's, that of the one that runs, or nil.
func (s *session) context() context.Context {
	if ctx := s.handling(); ctx != nil {
		return ctx
	}
	w, known := s.out.known()
	if !known {
		if w, known = s.out.runs(); !known {
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, runs := s.open[w.id]; runs {
		return r.ctx
	}
	return interp.Marked()
}

// interrupt stops a request, or with id 0 all; and handlers, which are of no request.
func (s *session) interrupt(id uint64, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopHandlers(why)
	for i, r := range s.open {
		if id == 0 || id == i {
			r.stop(why)
		}
	}
}

// serve runs one queued request.
func (s *session) serve(f pipe.Frame) {
	if f.Kind == pipe.KindReset {
		done := pipe.Done{}
		if err := s.reset(); err != nil {
			done.Err = message("Error", err.Error())
		}
		s.conn.Send(pipe.KindDone, f.ID, 0, done)
		return
	}
	defer s.end(f.ID)
	ex, err := pipe.Decode[pipe.Execute](f)
	if err != nil {
		s.conn.Send(pipe.KindDone, f.ID, 0, pipe.Done{Err: message("Error", err.Error())})
		return
	}
	w := owner{id: f.ID, silent: ex.Silent}
	ctx := s.own(w)
	interp.Mark(ctx)
	s.out.begin(w)
	s.asker.begin(w, ex.AllowStdin)
	done := s.execute(ctx, ex)
	display.Ended(ctx)
	s.asker.end(w)
	comms.Flush()
	s.out.end(w)
	if len(s.opts.Native) > 0 {
		done.Marker = pipe.NewMarker()
		for _, w := range s.opts.Native {
			io.WriteString(w, done.Marker) // a cell may have closed it: then the front sees its end
		}
	}
	s.done(f.ID, done)
}

// done answers a request. What it would say may be too much: the front waits for an answer all the same.
func (s *session) done(id uint64, d pipe.Done) {
	if err := s.conn.Send(pipe.KindDone, id, 0, d); errors.Is(err, pipe.ErrTooLarge) {
		s.conn.Send(pipe.KindDone, id, 0, pipe.Done{Err: message("TooLarge", err.Error()), Marker: d.Marker})
	}
}

// ownerKey is the key under which the context of a cell has its owner.
type ownerKey struct{}

// caller is the owner of the code that calls, as the language knows it.
func (s *session) caller(l Language) (owner, bool) {
	x, ok := l.(interface{ Caller() context.Context })
	if !ok {
		return owner{}, false
	}
	return ownerOf(x.Caller())
}

// ownerOf is the owner that a context of a cell has.
func ownerOf(ctx context.Context) (owner, bool) {
	if ctx == nil {
		return owner{}, false
	}
	w, ok := ctx.Value(ownerKey{}).(owner)
	return w, ok
}

func (s *session) reset() error {
	l, err := s.language()
	if err != nil {
		return err
	}
	comms.CloseAll()
	l.Reset()
	s.programs.Reset()
	s.sources.clear()
	return nil
}

func (s *session) newLanguage() (l Language, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Go interpreter does not start: %v", p)
		}
	}()
	o := interp.Options{
		Libraries: s.opts.Libraries,
		Prelude:   s.opts.Prelude,
		Source:    interp.Modules(s.folder),
		Stdout:    s.out.stream("stdout"),
		Stderr:    s.out.stream("stderr"),
		Stdin:     s.asker,
		Exit: func(code int) {
			s.out.flush(true)
			s.opts.Exit(code)
		},
	}
	if s.opts.Language != nil {
		if l, err = s.opts.Language(o); err != nil {
			return nil, err
		}
	} else {
		l = interp.New(o)
	}
	s.out.know(func() (owner, bool) { return s.caller(l) })
	return l, nil
}

// usage is what the process uses, under ipykernel's names where it has one.
func usage() map[string]any {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return map[string]any{"pid": os.Getpid(), "kernel_memory": m.Sys - m.HeapReleased, "goroutines": runtime.NumGoroutine()}
}
