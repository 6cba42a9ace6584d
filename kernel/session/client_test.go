package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

const deadline = 20 * time.Second

// client is the front's side of a session that runs in the test's process.
type client struct {
	t     *testing.T
	conn  *pipe.Conn
	w     io.Closer
	in    chan pipe.Frame
	ended chan error
	id    uint64
}

func start(t *testing.T, o Options) *client {
	t.Helper()
	toR, toW := io.Pipe()
	fromR, fromW := io.Pipe()
	c := &client{t: t, conn: pipe.NewConn(fromR, toW), w: toW, in: make(chan pipe.Frame, 1<<16), ended: make(chan error, 1)}
	go func() {
		c.ended <- Run(pipe.NewConn(toR, fromW), o)
		fromW.Close()
	}()
	go func() {
		defer close(c.in)
		for {
			f, err := c.conn.Receive()
			if err != nil {
				return
			}
			c.in <- f
		}
	}()
	t.Cleanup(func() {
		toW.Close()
		select {
		case <-c.ended:
		case <-awake.After(deadline):
			t.Error("the session does not end at the end of its pipe")
		}
	})
	if f := c.next(); f.Kind != pipe.KindReady {
		t.Fatalf("the first frame is %s", f.Kind)
	}
	return c
}

func (c *client) next() pipe.Frame {
	c.t.Helper()
	for tick := range awake.Ticks(deadline) {
		select {
		case f, ok := <-c.in:
			if !ok {
				c.t.Fatal("the session has ended")
			}
			return f
		case <-tick:
		}
	}
	c.t.Fatal("no frame comes")
	return pipe.Frame{}
}

func (c *client) send(kind pipe.Kind, parent uint64, body any) uint64 {
	c.t.Helper()
	c.id++
	if err := c.conn.Send(kind, c.id, parent, body); err != nil {
		c.t.Fatal(err)
	}
	return c.id
}

// answer returns the frames before the one that answers id, and that one.
func (c *client) answer(id uint64) (out []pipe.Frame, last pipe.Frame) {
	c.t.Helper()
	for {
		f := c.next()
		if f.ID == id {
			return out, f
		}
		out = append(out, f)
	}
}

func (c *client) run(code string) ([]string, pipe.Done) {
	c.t.Helper()
	return c.execute(pipe.Execute{Code: code, Count: 1})
}

// execute runs a cell and returns its output in short, a line a frame. Where a stream is cut into frames depends on
// time: short ones of one stream that follow each other are put together.
func (c *client) execute(ex pipe.Execute) ([]string, pipe.Done) {
	c.t.Helper()
	id := c.send(pipe.KindExecute, 0, ex)
	frames, last := c.answer(id)
	var out []string
	stream := "" // the last frame's, if it is a stream's
	for _, f := range frames {
		if f.Parent != id {
			c.t.Errorf("%s has parent %d, not %d", f.Kind, f.Parent, id)
		}
		line, name := brief(c.t, f), ""
		if f.Kind == pipe.KindStream {
			name = body[pipe.Stream](c.t, f).Name + ": "
		}
		if n := len(out); name != "" && name == stream && len(out[n-1])+len(line) <= maxChunk {
			out[n-1] += strings.TrimPrefix(line, name)
		} else {
			out = append(out, line)
		}
		stream = name
	}
	return out, body[pipe.Done](c.t, last)
}

func body[T any](t *testing.T, f pipe.Frame) T {
	t.Helper()
	v, err := pipe.Decode[T](f)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := any(&v).(*pipe.Stream); ok && len(f.Buffers) > 0 {
		s.Text = string(f.Buffers[0])
	}
	return v
}

// brief is an output frame as a line: "stdout: text", "result: 42", "error: name: value".
func brief(t *testing.T, f pipe.Frame) string {
	switch f.Kind {
	case pipe.KindStream:
		s := body[pipe.Stream](t, f)
		return s.Name + ": " + s.Text
	case pipe.KindResult, pipe.KindDisplay, pipe.KindUpdate:
		return fmt.Sprintf("%s: %v", f.Kind, body[pipe.Display](t, f).Data["text/plain"])
	case pipe.KindError:
		e := body[pipe.Error](t, f)
		return "error: " + e.Name + ": " + e.Value
	}
	return string(f.Kind) + ": " + string(f.Body)
}

// toy is a language of one command a line, to test a session without Go's interpreter.
type toy struct {
	o     interp.Options
	in    *bufio.Reader
	mu    sync.Mutex
	vars  map[string]reflect.Value
	evals atomic.Int32
}

func newToy(o interp.Options) (Language, error) {
	return &toy{o: o, in: bufio.NewReader(o.Stdin), vars: map[string]reflect.Value{}}, nil
}

type oneLiner struct{ error }

func (l *toy) Eval(ctx context.Context, c interp.Cell) (res interp.Result, err error) {
	l.evals.Add(1)
	for i, line := range strings.Split(c.Source, "\n") {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		res.Values = nil
		switch word {
		case "", "//":
		case "print":
			fmt.Fprintln(l.o.Stdout, arg)
		case "err":
			fmt.Fprintln(l.o.Stderr, arg)
		case "bytes":
			s, _ := strconv.Unquote(arg)
			io.WriteString(l.o.Stdout, s)
		case "value":
			if n, err := strconv.Atoi(arg); err == nil {
				res.Values = []reflect.Value{reflect.ValueOf(n)}
			} else {
				res.Values = []reflect.Value{reflect.ValueOf(arg)}
			}
		case "pair":
			var none error
			res.Values = []reflect.Value{reflect.ValueOf(7), reflect.ValueOf(&none).Elem()}
		case "slow":
			res.Values = []reflect.Value{reflect.ValueOf(slow{})}
		case "set":
			l.Set(arg, i)
		case "get":
			v, ok := l.Get(arg)
			fmt.Fprintln(l.o.Stdout, v, ok)
		case "html":
			display.HTML(arg)
		case "clear":
			display.Clear(true)
		case "input":
			s, err := display.Input(arg)
			fmt.Fprintln(l.o.Stdout, s, err)
		case "read":
			s, err := l.in.ReadString('\n')
			fmt.Fprintf(l.o.Stdout, "%q %v\n", s, err)
		case "spin":
			fmt.Fprintln(l.o.Stdout, "spinning")
			<-ctx.Done()
			return res, context.Cause(ctx)
		case "later": // goroutines that print and ask after the cell
			for i := range 4 {
				go func() {
					time.Sleep(20 * time.Millisecond)
					fmt.Fprintf(l.o.Stdout, "%s %d\n", arg, i)
				}()
			}
		case "asklater":
			go func() {
				_, err := display.Input("left behind")
				fmt.Fprintln(l.o.Stdout, "left behind:", err)
			}()
			time.Sleep(50 * time.Millisecond)
		case "bad":
			at := strings.Index(line, "bad") + 1
			return res, &interp.CompileError{Diags: []interp.Diagnostic{{Cell: c.Name, Line: i + 1, Col: at, Msg: "undefined: bad"}}}
		case "panic":
			return res, &interp.PanicError{Value: arg, Text: arg, Stack: slices.Repeat([]interp.Frame{{Func: "main.f", Cell: c.Name, Line: i + 1, Col: 1}, {Func: "main.g", Cell: "cell[0]", Line: 1, Col: 1}, {Func: "main.g", Cell: "cell[0]", Line: 1, Col: 1}}, len(arg))}
		case "must":
			return res, &interp.PanicError{Value: oneLiner{errors.New(arg)}, Text: "not for the reader", Stack: make([]interp.Frame, 3)}
		case "exit":
			l.o.Exit(3)
		}
	}
	return res, nil
}

// slow is a value whose look is never done.
type slow struct{}

func (slow) MimeBundle() map[string]any { select {} }

func (l *toy) Complete(src string, cursor int) interp.Completion {
	word := src[strings.LastIndexAny(src[:cursor], " \n")+1 : cursor]
	c := interp.Completion{Start: cursor - len(word), End: cursor}
	for _, w := range []string{"print", "panic", "value"} {
		if strings.HasPrefix(w, word) {
			c.Items = append(c.Items, interp.Item{Text: w, Type: "function", Signature: "func"})
		}
	}
	return c
}

func (l *toy) Inspect(src string, cursor, detail int) (interp.Info, bool) {
	if !strings.Contains(src, "print") {
		return interp.Info{}, false
	}
	return interp.Info{Signature: "func print()", Doc: "Print prints.\n\n\tindented", Source: "func print() {}"}, true
}

func (l *toy) IsComplete(src string) (status, indent string) {
	if strings.HasSuffix(src, "{") {
		return "incomplete", "\t"
	}
	return "complete", "ignored"
}

func (l *toy) Vars() []interp.Var {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []interp.Var
	for n, v := range l.vars {
		out = append(out, interp.Var{Name: n, Kind: "var", Type: "int", Value: v})
	}
	return out
}

func (l *toy) Get(name string) (reflect.Value, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.vars[name]
	return v, ok
}

func (l *toy) Set(name string, v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vars[name] = reflect.ValueOf(v)
	return nil
}

func (l *toy) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.vars)
}
