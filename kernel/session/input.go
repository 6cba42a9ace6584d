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

	mu      sync.Mutex
	request uint64
	allowed bool
	answers chan string // of the open question

	reading sync.Mutex
	rest    []byte // of the line that Read has begun to hand out
}

func newAsker(out *output) *asker {
	a := &asker{out: out, turn: make(chan struct{}, 1)}
	a.turn <- struct{}{}
	return a
}

// begin says for which request questions are now asked, and whether its client takes any. An open question of the
// request before, which a goroutine may have left, has no answer.
func (a *asker) begin(request uint64, allowed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answers != nil {
		close(a.answers)
		a.answers = nil
	}
	a.request, a.allowed = request, allowed
}

// answer hands the user's line to the open question of a request; without one it is dropped.
func (a *asker) answer(request uint64, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answers == nil || request != a.request {
		return
	}
	a.answers <- line
	a.answers = nil
}

func (a *asker) ask(ctx context.Context, prompt string, password bool) (string, error) {
	select {
	case <-a.turn:
		defer func() { a.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	a.mu.Lock()
	if !a.allowed {
		a.mu.Unlock()
		return "", errNoInput
	}
	answers := make(chan string, 1)
	a.answers = answers
	w := owner{id: a.request}
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
		if a.answers == answers {
			a.answers = nil
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
