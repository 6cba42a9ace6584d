package dap

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/godlas/godlas/kernel/interp"
)

// errRunning is the answer to what can only be asked of code that is stopped.
var errRunning = errors.New("nothing is stopped")

func (a *Adapter) stopped(s interp.Stop) {
	b := body{"reason": s.Reason, "threadId": s.Thread, "allThreadsStopped": true, "preserveFocusHint": false}
	if s.Text != "" {
		b["text"] = s.Text
	}
	if s.Reason == "exception" {
		b["description"] = "Stopped at a panic"
	}
	a.mu.Lock()
	a.stop = s
	a.mu.Unlock()
	a.event("stopped", b)
}

func (a *Adapter) continued() {
	a.mu.Lock()
	id := max(a.stop.Thread, 1)
	a.mu.Unlock()
	a.event("continued", body{"threadId": id, "allThreadsContinued": true})
}

func (a *Adapter) thread(id int, begins bool) {
	reason := "exited"
	if begins {
		reason = "started"
	}
	a.event("thread", body{"reason": reason, "threadId": id})
}

// threads lists at least one: clients take none for a fault.
func (a *Adapter) threads(json.RawMessage) (any, error) {
	list := []body{}
	for _, t := range a.now().Threads() {
		list = append(list, body{"id": t.ID, "name": t.Name})
	}
	if len(list) == 0 {
		list = append(list, body{"id": 1, "name": "no cell runs"})
	}
	return body{"threads": list}, nil
}

func (a *Adapter) stackTrace(args struct{ ThreadID, StartFrame, Levels int }) (any, error) {
	fs, err := a.now().Stack(args.ThreadID)
	if err != nil {
		return nil, err
	}
	total := len(fs)
	fs = fs[min(max(args.StartFrame, 0), len(fs)):]
	if args.Levels > 0 {
		fs = fs[:min(args.Levels, len(fs))]
	}
	list := []body{}
	for _, f := range fs {
		b := body{"id": f.ID, "name": f.Func, "line": f.Line, "column": max(f.Col, 1)}
		if f.Path != "" {
			b["source"] = source{Name: f.Cell, Path: f.Path}
		} else {
			b["presentationHint"] = "subtle"
		}
		list = append(list, b)
	}
	return body{"stackFrames": list, "totalFrames": total}, nil
}

// goOn lets all go on. A client that is late, as what was stopped has ended, is told so by the events; it is no error.
func (a *Adapter) goOn(json.RawMessage) (any, error) {
	a.refs.clear()
	a.now().Continue()
	return body{"allThreadsContinued": true}, nil
}

func step(how interp.Step) func(*Adapter, json.RawMessage) (any, error) {
	return handler(func(a *Adapter, args struct{ ThreadID int }) (any, error) {
		a.refs.clear()
		if !a.now().Step(args.ThreadID, how) {
			return nil, fmt.Errorf("thread %d is not stopped", args.ThreadID)
		}
		return body{}, nil
	})
}

func (a *Adapter) pause(json.RawMessage) (any, error) {
	a.now().Pause()
	return body{}, nil
}

func (a *Adapter) exceptionInfo(args struct{ ThreadID int }) (any, error) {
	a.mu.Lock()
	s := a.stop
	a.mu.Unlock()
	if len(a.now().Stopped()) == 0 || s.Reason != "exception" || s.Thread != args.ThreadID {
		return nil, errRunning
	}
	return body{"exceptionId": "panic", "description": s.Text, "breakMode": "always"}, nil
}
