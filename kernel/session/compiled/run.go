package compiled

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/awaits"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/session/magic"
)

// launch is a program to run for a cell.
type launch struct {
	name     func(text []byte) []byte // puts the names of cells into what it writes
	title    string                   // names it in errors
	path     string
	args     []string
	source   func(cell string, line int) string // the text of a line of a cell, for the columns of a panic's calls
	shows    bool                               // it may want to show things
	stdout   io.Writer
	stderr   io.Writer
	question func(ctx context.Context, prompt string, password bool) (string, error)
	ask      bool // for input at once and again, where it is not seen that the program waits for it
}

// run runs a program until its end. Its standard input is asked of the user when it waits for it, its panics are errors at
// their places in the cells, and an interrupt reaches it and all that it has started.
func run(ctx context.Context, l launch) error {
	cmd := exec.CommandContext(ctx, l.path, l.args...)
	cmd.Env = os.Environ()
	inR, inW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer inW.Close()
	in := &input{w: inW, question: l.question}
	cmd.Stdin = inR
	outR, outW, err := os.Pipe()
	if err != nil {
		inR.Close()
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		closeAll(inR, outR, outW)
		return err
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	out, errs := &stream{r: outR, w: l.stdout, name: l.name}, &stream{r: errR, name: func(b []byte) []byte { return b }}
	trace := &trace{w: l.stderr, name: l.name}
	errs.w = trace
	in.before = func() {
		out.drain()
		errs.drain()
	}
	talk, err := newTalk(ctx, cmd, l.stderr, in)
	if err != nil {
		closeAll(inR, outR, outW, errR, errW)
		return err
	}
	if talk == nil && l.shows {
		fmt.Fprintf(l.stderr, "note: on %s what a program shows by gonbui does not reach the notebook; in a cell without %%%%go it does\n", runtime.GOOS)
	}
	var copies sync.WaitGroup
	for _, s := range []*stream{out, errs} {
		copies.Go(s.copy)
	}
	ended := make(chan struct{})
	var asks sync.WaitGroup
	started := func() {
		closeAll(inR, outW, errW)
		talk.started()
		asks.Go(func() { in.serve(ctx, cmd.Process.Pid, ended, l.ask) })
	}
	err = magic.RunCommand(cmd, started)
	close(ended)
	if cmd.Process == nil {
		closeAll(inR, outW, errW)
	}
	// What it has left running may hold its streams; what was written before the end is there.
	left := time.AfterFunc(2*time.Second, func() { closeAll(outR, errR) })
	copies.Wait()
	left.Stop()
	closeAll(outR, errR)
	talk.end()
	asks.Wait()
	panicked := trace.end(err != nil)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		trace.release()
		return context.Cause(ctx)
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		trace.release()
		return nil
	case errors.As(err, &exit):
		if panicked {
			if p := trace.panic(l.source); p != nil {
				return p
			}
		}
		trace.release()
		return fmt.Errorf("%s: %s", l.title, ending(exit))
	}
	trace.release()
	return fmt.Errorf("%s: %w", l.title, err)
}

func ending(exit *exec.ExitError) string {
	if s := exit.String(); strings.HasPrefix(s, "signal: killed") {
		return "the program was killed (signal: killed), which is what a system does that is out of memory"
	}
	return "the program ended with " + exit.String()
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// noteWriter writes what names cells by their aliases.
type noteWriter struct {
	w    io.Writer
	name func(text []byte) []byte
}

func (n noteWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	_, err := n.w.Write(n.name(b))
	return len(b), err
}

// stream passes on what a program writes.
type stream struct {
	r    *os.File
	w    io.Writer
	name func(text []byte) []byte
	mu   sync.Mutex
}

func (s *stream) copy() {
	b := make([]byte, 64<<10)
	for {
		n, err := s.read(b)
		if n == 0 && err != nil {
			return
		}
	}
}

func (s *stream) read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if n > 0 {
		s.mu.Lock()
		_, _ = s.w.Write(s.name(b[:n])) // fails when the session ends, and the program with it
		s.mu.Unlock()
	}
	return n, err
}

// drain waits until what the program has written so far has been passed on, for what comes after it by another way. It does
// not wait for ever: a program may write without end.
func (s *stream) drain() {
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		if pipe.UnreadOf(s.r) == 0 {
			break
		}
	}
	time.Sleep(200 * time.Microsecond) // between reading and passing on
	s.mu.Lock()
	defer s.mu.Unlock()
}

// input is the standard input of a program.
type input struct {
	mu     sync.Mutex // held while the user is asked
	w      *os.File
	closed bool
	before func() // passes on what the program has printed
	// question asks the user for a line
	question func(ctx context.Context, prompt string, password bool) (string, error)
}

// line asks for a line and hands it to the program; where the client takes no input, the program's ends.
func (in *input) line(ctx context.Context, prompt string, password bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lineLocked(ctx, prompt, password)
}

func (in *input) lineLocked(ctx context.Context, prompt string, password bool) {
	if in.closed {
		return
	}
	in.before()
	line, err := in.question(ctx, prompt, password)
	if err == nil {
		_ = in.w.SetWriteDeadline(time.Now().Add(5 * time.Second)) // it may read nothing
		_, err = io.WriteString(in.w, line+"\n")
	}
	if err != nil {
		in.closed = true
		in.w.Close()
	}
}

// serve asks for a line whenever the program waits for one, until it has ended.
func (in *input) serve(ctx context.Context, pid int, ended <-chan struct{}, always bool) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-ended:
			stop()
		case <-ctx.Done():
		}
	}()
	seen := 0
	for wait := 20 * time.Millisecond; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		reads := always || awaits.Input(pid)
		if !reads {
			seen = 0
			wait = min(wait*5/4, 200*time.Millisecond)
			continue
		}
		if seen++; seen < 2 { // not just on its way
			wait = 5 * time.Millisecond
			continue
		}
		if in.mu.TryLock() { // else it is being asked for
			if in.closed {
				in.mu.Unlock()
				return
			}
			if pipe.UnreadOf(in.w) == 0 && (always || awaits.Input(pid)) {
				in.lineLocked(ctx, "", false)
			}
			in.mu.Unlock()
		}
		seen, wait = 0, 10*time.Millisecond
	}
}
