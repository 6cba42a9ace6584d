package nb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// How long a cell that was interrupted, or a session that is to end, has to do so before it is killed.
const grace = 5 * time.Second

// maxStderr is enough for what the Go runtime says before its stacks, behind some output of the cell.
const maxStderr = 64 << 10

// Process is a Runner whose session is a process of its own: a cell that kills it does not kill the caller.
type Process struct {
	s       kernel.Session
	in      chan pipe.Frame   // closed at the session's end
	native  chan native       // what the process wrote to file descriptors 1 and 2
	at      map[string]string // of these, those that are not at their end, with the last marker passed
	version string
	stderr  []byte // written by the process itself since its last cell began, up to maxStderr
	id      uint64
	ended   bool
	argv    []string
}

// Start starts argv, such as this program with the argument session, as a session. The caller must Close it. When ctx
// ends before the session is ready, it is killed.
func Start(ctx context.Context, argv ...string) (*Process, error) {
	s, err := kernel.StartProcess(argv)
	if err != nil {
		return nil, err
	}
	p, err := newProcess(ctx, s)
	if err != nil {
		return nil, err
	}
	p.argv = argv
	return p, nil
}

// Restart is of Restarter.
func (p *Process) Restart(ctx context.Context) error {
	p.Close()
	fresh, err := Start(ctx, p.argv...)
	if err != nil {
		return err
	}
	*p = *fresh
	return nil
}

// newProcess takes over a session that has just begun.
func newProcess(ctx context.Context, s kernel.Session) (*Process, error) {
	p := &Process{s: s, in: make(chan pipe.Frame), native: make(chan native), at: map[string]string{"stdout": "", "stderr": ""}}
	go readNative("stdout", s.Stdout(), p.native)
	go readNative("stderr", s.Stderr(), p.native)
	go func() {
		defer close(p.in)
		for {
			f, err := s.Receive()
			if err != nil {
				return
			}
			p.in <- f
		}
	}()
	stop := context.AfterFunc(ctx, s.Kill)
	defer stop()
	var said string // instead of being ready
	for {
		select {
		case f, ok := <-p.in:
			if ready, err := pipe.Decode[pipe.Ready](f); ok && err == nil && f.Kind == pipe.KindReady {
				p.version = ready.GoVersion
				return p, nil
			}
			err := p.died(func(f pipe.Frame) {
				if s, err := pipe.Decode[pipe.Stream](f); err == nil && said == "" {
					said = firstLine(s.Text)
				}
			})
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if said != "" {
				err = fmt.Errorf("%w: %s", err, said)
			}
			return nil, err
		case n := <-p.native:
			p.take(n, func(pipe.Frame) {})
			if said == "" {
				said = firstLine(n.text)
			}
		}
	}
}

// GoVersion is of Runner.
func (p *Process) GoVersion() string { return p.version }

// Execute is of Runner.
func (p *Process) Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (pipe.Done, error) {
	p.id++
	id := p.id
	p.stderr = p.stderr[:0]
	if err := p.send(pipe.KindExecute, id, 0, ex); err != nil {
		return pipe.Done{}, p.died(out)
	}
	interrupt := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case f, ok := <-p.in:
			switch {
			case !ok:
				return pipe.Done{}, p.died(out)
			case f.ID == id && f.Kind == pipe.KindDone:
				done, err := pipe.Decode[pipe.Done](f)
				if done.Marker != "" {
					p.drain(done.Marker, out)
				}
				return done, err
			default:
				out(f)
			}
		case n := <-p.native:
			p.take(n, out)
		case <-interrupt:
			interrupt = nil
			late = time.After(grace)
			p.send(pipe.KindInterrupt, 0, id, nil)
		case <-late:
			p.s.Kill()
		}
	}
}

func (p *Process) send(kind pipe.Kind, id, parent uint64, body any) error {
	f, err := frame(kind, body)
	if err != nil {
		return err
	}
	f.ID, f.Parent = id, parent
	return p.s.Send(f)
}

// take passes on what was read from a descriptor.
func (p *Process) take(n native, out func(pipe.Frame)) {
	if n.end {
		delete(p.at, n.name)
	}
	if n.marker != "" {
		p.at[n.name] = n.marker
	}
	if n.text == "" {
		return
	}
	if n.name == "stderr" {
		p.stderr = append(p.stderr, n.text[:min(len(n.text), maxStderr-len(p.stderr))]...)
	}
	if f, err := frame(pipe.KindStream, pipe.Stream{Name: n.name, Text: n.text}); err == nil {
		out(f)
	}
}

// drain reads the descriptors until each has given the marker or is at its end; with no marker, to their ends.
func (p *Process) drain(marker string, out func(pipe.Frame)) {
	for {
		waiting := false
		for _, last := range p.at {
			waiting = waiting || marker == "" || last != marker
		}
		if !waiting {
			return
		}
		p.take(<-p.native, out)
	}
}

// died waits for the end of a session that has closed its pipe, and says how it ended.
func (p *Process) died(out func(pipe.Frame)) error {
	p.end(out)
	e := p.s.Wait()
	for line := range strings.Lines(string(p.stderr)) { // the Go runtime's reason, if it has one
		if strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") {
			return fmt.Errorf("the session ended: %s", strings.TrimSpace(line))
		}
	}
	switch {
	case e.Signal != "":
		return fmt.Errorf("the session was ended by a signal: %s", e.Signal)
	case e.Code == 0:
		return errors.New("the session ended as if by os.Exit(0)")
	}
	return fmt.Errorf("the session ended with exit code %d", e.Code)
}

// Close ends the session and waits for its process. It may not be called while a cell runs.
func (p *Process) Close() error {
	p.end(func(pipe.Frame) {})
	return nil
}

func (p *Process) end(out func(pipe.Frame)) {
	if p.ended {
		return
	}
	p.ended = true
	p.s.Close()
	late := time.AfterFunc(grace, p.s.Kill)
	defer late.Stop()
	go func(in <-chan pipe.Frame) {
		for range in { // frames of goroutines that cells have left running
		}
	}(p.in)
	p.drain("", out)
	p.s.Wait()
}
