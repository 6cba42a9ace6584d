package display

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Sink is where shown things go. A session sets its own with [SetSink].
type Sink interface {
	// Display shows a MIME bundle as new output; id, unless empty, names it for Update.
	Display(data, metadata map[string]any, id string) error
	// Update replaces every output that was displayed under id.
	Update(data, metadata map[string]any, id string) error
	// Clear empties the output of the running cell, at once or (wait) when the next output arrives.
	Clear(wait bool) error
	// Input asks the user for a line, without its newline.
	Input(ctx context.Context, prompt string, password bool) (string, error)
}

var current struct {
	sync.RWMutex
	sink Sink
	ctx  context.Context
}

// SetSink makes s the place where shown things go; nil stands for standard output.
func SetSink(s Sink) {
	current.Lock()
	defer current.Unlock()
	current.sink = s
}

// SetContext publishes the context of the running cell, or context.Background() where none runs. Progress lines of the cell
// before are drawn for the last time.
func SetContext(ctx context.Context) {
	current.Lock()
	before := current.ctx
	current.ctx = ctx
	current.Unlock()
	if before != nil && before != ctx && before != context.Background() {
		bars.endOf(before)
	}
}

// Ended says that the cell with a context has come to its end: its progress lines are drawn for the last time. A session calls
// it.
func Ended(cell context.Context) { bars.endOf(cell) }

// Context is that of the running cell: it ends when the user interrupts the cell. Where no cell runs it never ends.
func Context() context.Context {
	current.RLock()
	defer current.RUnlock()
	// Where cells run beside each other, each has its own.
	if s, ok := current.sink.(interface{ Context() context.Context }); ok {
		if ctx := s.Context(); ctx != nil {
			return ctx
		}
	}
	if current.ctx == nil {
		return context.Background()
	}
	return current.ctx
}

func sink() Sink {
	current.RLock()
	defer current.RUnlock()
	if current.sink == nil {
		return &terminal
	}
	return current.sink
}

// Clear empties the output of the running cell: at once, or with wait when the next output arrives, which
// keeps an animation from flickering.
func Clear(wait bool) error { return sink().Clear(wait) }

// Input asks the user for a line of text. It fails where the client takes no input (a notebook run as a
// batch) and when the cell is interrupted.
func Input(prompt string) (string, error) { return sink().Input(Context(), prompt, false) }

// Password asks for a line of text that is not shown while it is typed. Outside a notebook it fails.
func Password(prompt string) (string, error) { return sink().Input(Context(), prompt, true) }

// console prints the text/plain form: the sink of a program that runs in no notebook.
type console struct {
	mu  sync.Mutex
	out func() io.Writer // looked up at each use: a test or a program may replace os.Stdout
	in  func() io.Reader
	buf *bufio.Reader // kept between questions: it may have read past the first answer
}

var terminal = console{
	out: func() io.Writer { return os.Stdout },
	in:  func() io.Reader { return os.Stdin },
}

func (c *console) Display(data, _ map[string]any, _ string) error {
	text, _ := data[plain].(string)
	_, err := fmt.Fprintln(c.out(), text)
	return err
}

func (c *console) Update(data, metadata map[string]any, id string) error {
	return c.Display(data, metadata, id)
}

func (c *console) Clear(bool) error { return nil }

func (c *console) Input(_ context.Context, prompt string, password bool) (string, error) {
	if password {
		return "", errors.New("display: a password is asked for in a notebook only")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buf == nil {
		c.buf = bufio.NewReader(c.in())
	}
	fmt.Fprint(c.out(), prompt)
	line, err := c.buf.ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("display: input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
