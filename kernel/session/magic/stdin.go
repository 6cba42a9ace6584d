package magic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/awaits"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

const inputsHelp = `let the next command of the shell ask for lines of input
Where it can be seen (on Linux) that a command waits for input it asks without this, too. The character Ctrl-D as the answer, or
a client that takes no input, ends the command's input.`

const passwordHelp = `ask for a password, and hand it to the next command of the shell as a line of its input
It is not shown while it is typed, and kept nowhere.`

// next says what input the next command gets.
var next struct {
	sync.Mutex
	always, password bool
}

func withInputs(_ context.Context, c *Call) error {
	return setNext(c, func() { next.always = true })
}

func withPassword(_ context.Context, c *Call) error {
	return setNext(c, func() { next.password = true })
}

func setNext(c *Call, set func()) error {
	if c.Args != "" {
		return fmt.Errorf("%%%s takes no argument; the next command of ! gets the input", c.Name)
	}
	if !c.CanAsk() {
		return errors.New("this client takes no input from the user here")
	}
	next.Lock()
	defer next.Unlock()
	set()
	return nil
}

func takeNext() (always, password bool) {
	next.Lock()
	defer next.Unlock()
	always, password = next.always, next.password
	next.always, next.password = false, false
	return always, password
}

// endOfInput is what a terminal takes for it.
const endOfInput = "\x04"

// ask makes the standard input of a command lines that the user is asked for whenever it waits for one; where nobody can be
// asked, or it cannot be seen that it waits, it has none. After the command has started, started must be called, and after its
// end ended.
func (c *Call) ask(ctx context.Context, cmd *exec.Cmd) (started, ended func(), err error) {
	always, password := takeNext()
	if !c.CanAsk() || !awaits.Known && !always && !password {
		return nil, func() {}, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdin = r
	ctx, stop := context.WithCancel(ctx)
	var asking sync.WaitGroup
	started = func() {
		r.Close()
		pid := cmd.Process.Pid
		asking.Go(func() {
			defer w.Close()
			c.feed(ctx, w, pid, always, password)
		})
	}
	return started, func() {
		stop()
		asking.Wait()
		r.Close()
		w.Close()
	}, nil
}

// feed hands lines to a command until it has ended or its input has.
func (c *Call) feed(ctx context.Context, w *os.File, pid int, always, password bool) {
	for password || always || c.waits(ctx, w, pid) {
		line, err := c.Ask(ctx, "", password)
		if err != nil || line == endOfInput {
			return
		}
		_ = w.SetWriteDeadline(time.Now().Add(5 * time.Second)) // it may read nothing
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return
		}
		password = false
	}
}

// waits returns true when a command has come to wait for its input, and false when ctx ends.
func (c *Call) waits(ctx context.Context, w *os.File, pid int) bool {
	seen := 0
	for pause := 20 * time.Millisecond; ; {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		switch {
		case pipe.UnreadOf(w) > 0 || !awaits.Input(pid):
			seen, pause = 0, min(pause*5/4, 200*time.Millisecond)
		case seen > 0: // and not just on its way
			return true
		default:
			seen, pause = 1, 5*time.Millisecond
		}
	}
}
