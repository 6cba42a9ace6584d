package session

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

var errNoInput = errors.New("this client takes no input from the user here")

// asker asks the user, one question at a time. As an io.Reader it is the cell's os.Stdin, a line an answer.
type asker struct {
	out  *output
	turn chan struct{} // holds one token: whoever takes it may ask

	mu    sync.Mutex
	desks map[uint64]*desk // of the requests that run

	reading sync.Mutex
	rest    []byte // of the line that Read has begun to hand out
}

// desk is where the questions of one request are asked.
type desk struct {
	owner   owner
	allowed bool        // its client takes questions
	answers chan string // of the open question
}

func newAsker(out *output) *asker {
	a := &asker{out: out, turn: make(chan struct{}, 1), desks: map[uint64]*desk{}}
	a.turn <- struct{}{}
	return a
}

// begin says that a request runs, and whether its client takes questions.
func (a *asker) begin(w owner, allowed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.desks[w.id] = &desk{owner: w, allowed: allowed}
}

// end says that it does no longer: an open question, which a goroutine may have left, has no answer.
func (a *asker) end(w owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.desks[w.id]; d != nil && d.answers != nil {
		close(d.answers)
	}
	delete(a.desks, w.id)
}

// desk is where the code that calls asks: at that of its own request, or, if that has ended, of one that runs. a.mu is held.
func (a *asker) desk(w owner) *desk {
	if d := a.desks[w.id]; d != nil {
		return d
	}
	return a.desks[a.out.last().id]
}

// answer hands the user's line to the open question of a request; without one it is dropped.
func (a *asker) answer(request uint64, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.desks[request]
	if d == nil || d.answers == nil {
		return
	}
	d.answers <- line
	d.answers = nil
}

func (a *asker) ask(ctx context.Context, prompt string, password bool) (string, error) {
	select {
	case <-a.turn:
		defer func() { a.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if ctx.Err() != nil { // both were ready: nobody is to answer a question that nobody waits for
		return "", context.Cause(ctx)
	}
	w := a.out.owner()
	a.mu.Lock()
	d := a.desk(w)
	if d == nil || !d.allowed {
		a.mu.Unlock()
		return "", errNoInput
	}
	answers := make(chan string, 1)
	d.answers = answers
	w = owner{id: d.owner.id} // a question is asked in a silent cell too
	a.mu.Unlock()
	if err := a.out.sendAs(w, pipe.KindInputRequest, pipe.Input{Prompt: prompt, Password: password}); err != nil {
		return "", err
	}
	select {
	case line, ok := <-answers:
		if !ok {
			return "", errNoInput
		}
		return line, nil
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		if d.answers == answers {
			d.answers = nil
		}
		return "", context.Cause(ctx)
	}
}

// typed puts a line before what Read asks for.
func (a *asker) typed(line string) {
	a.reading.Lock()
	defer a.reading.Unlock()
	a.rest = append(a.rest, line+"\n"...)
}

// Read is os.Stdin of what is not a cell's code.
func (a *asker) Read(p []byte) (int, error) { return a.ReadContext(display.Context(), p) }

// ReadContext is os.Stdin of a cell.
func (a *asker) ReadContext(ctx context.Context, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	if len(a.rest) == 0 {
		line, err := a.ask(ctx, "", false)
		if errors.Is(err, errNoInput) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		a.rest = []byte(line + "\n")
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
