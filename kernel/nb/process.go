package nb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godlas/godlas/kernel"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// How long a cell that was interrupted, or a session that is to end, has to do so before it is killed.
const grace = 5 * time.Second

// patience is how long the end of what a process has written is waited for: what it has started may hold its descriptors.
const patience = 2 * time.Second

// Process is a Runner whose session is a process of its own: a cell that kills it does not kill the caller.
type Process struct {
	s              kernel.Session
	in             chan pipe.Frame // closed at the session's end
	stdout, stderr *pipe.Native    // what the process writes to file descriptors 1 and 2
	native         *natives        // of these, what was not passed on yet
	version        string
	id             uint64
	ended          bool
	argv           []string
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
	p := &Process{s: s, in: make(chan pipe.Frame), native: newNatives()}
	one := func() bool { return true } // cell runs
	p.stdout = pipe.NewNative(s.Stdout(), false, one, p.native.of("stdout"))
	p.stderr = pipe.NewNative(s.Stderr(), true, one, p.native.of("stderr"))
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
	f, ok := <-p.in
	if ready, err := pipe.Decode[pipe.Ready](f); ok && err == nil && f.Kind == pipe.KindReady {
		p.version = ready.GoVersion
		return p, nil
	}
	var said string // instead of being ready
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
}

// GoVersion is of Runner.
func (p *Process) GoVersion() string { return p.version }

// Execute is of Runner.
func (p *Process) Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (pipe.Done, error) {
	p.id++
	id := p.id
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
				p.drain(done.Marker)
				p.native.take(out)
				return done, err
			default:
				out(f)
			}
		case <-p.native.more:
			p.native.take(out)
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

// drain reads what a cell has written to the descriptors: to the marker, or if there is none as far as it was read already.
func (p *Process) drain(marker string) {
	for _, d := range []*pipe.Native{p.stdout, p.stderr} {
		if marker == "" {
			d.Sync()
		} else {
			d.Await(marker, patience)
		}
	}
}

// died waits for the end of a session that has closed its pipe, and says how it ended.
func (p *Process) died(out func(pipe.Frame)) error {
	p.end(out)
	e := p.s.Wait()
	text := p.stderr.CrashText()
	if text == "" && e.Signal == "" && e.Code != 0 {
		return fmt.Errorf("the session ended with exit code %d", e.Code)
	}
	return errors.New("the session ended: " + e.Cause(text))
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
	p.s.Wait()
	p.stdout.AwaitEnd(patience)
	p.stderr.AwaitEnd(patience)
	p.native.take(out)
}
