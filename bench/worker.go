package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/godlas/godlas/kernel/interp"
)

// request and answer are what a process that runs programs reads and writes, a line of JSON each; bench/_yaegi is the
// other one.
type request struct {
	Setup []string
	Run   string
	Times int
}

type answer struct {
	Nanoseconds []int64
	Value, Err  string
}

// work answers requests with our interpreter.
func work(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		text, err := json.Marshal(answerTo(q))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, string(text)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func newInterp() *interp.Interp {
	return interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Stdout: io.Discard, Stderr: io.Discard})
}

func answerTo(q request) (a answer) {
	in, n := newInterp(), 0
	eval := func(src string) (interp.Result, error) {
		n++
		return in.Eval(context.Background(), interp.Cell{N: n, Source: src})
	}
	for _, s := range q.Setup {
		if _, err := eval(s); err != nil {
			return answer{Err: err.Error()}
		}
	}
	for range q.Times {
		began := time.Now()
		r, err := eval(q.Run)
		a.Nanoseconds = append(a.Nanoseconds, time.Since(began).Nanoseconds())
		if err != nil {
			return answer{Err: err.Error()}
		}
		if len(r.Values) > 0 {
			a.Value = fmt.Sprint(r.Values[0])
		}
	}
	return a
}

// worker is a process that answers requests.
type worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startWorker(ctx context.Context, argv ...string) (*worker, error) {
	w := &worker{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	w.cmd.Stderr = os.Stderr
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewScanner(out)
	w.out.Buffer(nil, 1<<20)
	return w, w.cmd.Start()
}

func (w *worker) ask(q request) (a answer, err error) {
	text, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err := fmt.Fprintln(w.in, string(text)); err != nil {
		return a, err
	}
	if !w.out.Scan() {
		return a, fmt.Errorf("the worker ended: %v", w.out.Err())
	}
	return a, json.Unmarshal(w.out.Bytes(), &a)
}

func (w *worker) close() {
	w.in.Close()
	_ = w.cmd.Wait()
}
