package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// StartProcess starts argv as a session. The process finds the pipe from the front at file descriptor 3 and the one to
// the front at 4 (on Windows: two handles, whose numbers DLAS_PIPE holds as "r,w"). It is in a process group of its own,
// so that an interrupt typed in the terminal does not reach it. At 5 and 6 it finds the other ends of its own descriptors 1
// and 2, and may read there what it has itself written, to know where that belongs; not so on Windows. On Linux it finds at 7 memory
// for what it has not sent yet.
func StartProcess(argv []string) (Session, error) {
	if len(argv) == 0 {
		return nil, errors.New("kernel: no command for the session")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	p := &process{cmd: cmd, ended: make(chan struct{})}
	kills := outOfMemory()
	var child, ours []*os.File
	closeAll := func(fs []*os.File) {
		for _, f := range fs {
			f.Close()
		}
	}
	for range 4 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(child)
			closeAll(ours)
			return nil, fmt.Errorf("kernel: %w", err)
		}
		if len(ours) == 0 { // the first is the only one that the child reads
			child, ours = append(child, r), append(ours, w)
		} else {
			child, ours = append(child, w), append(ours, r)
		}
	}
	cmd.Stdout, cmd.Stderr = child[2], child[3]
	readers, release := []io.ReadCloser{ours[2], ours[3]}, func() {}
	err := inherit(cmd, child[0], child[1])
	if err == nil {
		readers, release, err = share(cmd, ours[2:])
	}
	if err == nil {
		if slate, f, none := pipe.NewSlate(); none == nil {
			p.slate = slate
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
			child = append(child, f)
		}
	}
	if err == nil {
		err = startOwn(func() (int, error) {
			if err := cmd.Start(); err != nil {
				return 0, err
			}
			return cmd.Process.Pid, nil
		})
	}
	release()
	closeAll(child)
	if err != nil {
		closeAll(ours)
		return nil, fmt.Errorf("kernel: session does not start: %w", err)
	}
	p.in, p.fromPipe, p.stdout, p.stderr = ours[0], ours[1], readers[0], readers[1]
	p.conn = pipe.NewConn(p.fromPipe, p.in)
	go func() {
		defer p.endRead()
		defer close(p.ended)
		err := cmd.Wait()
		forgetOwn(cmd.Process.Pid)
		endAdopted()
		p.exit.Code = cmd.ProcessState.ExitCode()
		p.exit.Signal, p.exit.Peak = endSignal(cmd.ProcessState), peakMemory(cmd.ProcessState)
		p.exit.NoRoom = p.exit.Signal != "" && outOfMemory() > kills
		var bad *exec.ExitError
		if err != nil && !errors.As(err, &bad) {
			p.exit.Code = -1
		}
	}()
	return p, nil
}

// process is a Session in a child process.
type process struct {
	cmd            *exec.Cmd
	conn           *pipe.Conn
	slate          *pipe.Slate
	texts          uint64 // frames with text that have arrived
	in, fromPipe   *os.File
	stdout, stderr io.ReadCloser
	ended          chan struct{}
	exit           Exit // once ended is closed
	closing        sync.Once
}

func (p *process) Send(f pipe.Frame) error { return p.conn.Write(f) }
func (p *process) Stdout() io.Reader       { return p.stdout }
func (p *process) Stderr() io.Reader       { return p.stderr }
func (p *process) Close()                  { p.closing.Do(func() { p.in.Close() }) }

func (p *process) Receive() (pipe.Frame, error) {
	select {
	case <-p.ended:
		p.endRead()
	default:
	}
	f, err := p.conn.Receive()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	switch {
	case err != nil:
		p.fromPipe.Close()
		return p.unsent(err)
	case f.Kind == pipe.KindStream:
		p.texts++
	}
	return f, nil
}

// unsent is what cells have printed before the process was killed and it had not sent, or else err.
func (p *process) unsent(err error) (pipe.Frame, error) {
	parent, name, text := p.slate.Take(p.texts)
	if text == "" {
		return pipe.Frame{}, err
	}
	body, bad := json.Marshal(pipe.Stream{Name: name, Text: text})
	if bad != nil {
		return pipe.Frame{}, err
	}
	return pipe.Frame{Kind: pipe.KindStream, Parent: parent, Body: body}, nil
}

// endRead gives what the process has left in its pipe some time to be read. The pipe may have no end: what it has started
// may have inherited it.
func (p *process) endRead() { p.fromPipe.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) }

func (p *process) Kill() {
	select {
	case <-p.ended: // its number may be another's by now
	default:
		killTree(p.cmd)
	}
}

func (p *process) Wait() Exit {
	<-p.ended
	return p.exit
}
