package dap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"

	"github.com/godlas/godlas/kernel/interp"
)

// Debuggee is what runs the cells; *interp.Interp is one.
type Debuggee interface {
	Debug(interp.DebugOptions) (*interp.Debugger, error)
	Statements(src string) []interp.Span
	Globals() []interp.Variable
}

var _ Debuggee = (*interp.Interp)(nil)

// Host is what an adapter needs of its session.
type Host struct {
	// Debuggee returns what runs the cells.
	Debuggee func() (Debuggee, error)
	// Event sends an event.
	Event func(event json.RawMessage)
	// Output is text of the cell that has the context.
	Output func(ctx context.Context, text string)
	// Go returns the parts of a cell that are Go, each with as many lines before it as in the cell.
	Go func(cell string) []string
	// Bundle shows a value as a cell shows it.
	Bundle func(reflect.Value) (data, metadata map[string]any)
}

// Adapter is a debugger to its client. Its methods may be called by many goroutines; requests are answered one after the other.
type Adapter struct {
	host   Host
	prefix string

	one sync.Mutex // the request that is answered

	mu       sync.Mutex // of what events use, too
	seq      int
	sources  map[string]string // cells by path
	order    []string          // the paths, the oldest first
	debugger *interp.Debugger

	// Of the request that is answered.
	started bool
	points  map[string][]point
	refs    refs
	filters []string
	lab     bool        // the client is JupyterLab, see shown
	stop    interp.Stop // the last one
}

// New makes an adapter.
func New(h Host) *Adapter {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("dlas_%d", os.Getpid()))
	return &Adapter{host: h, prefix: dir + string(filepath.Separator), sources: map[string]string{}, points: map[string][]point{}}
}

// keptCells is how many cells are known by their paths.
const keptCells = 5000

// suffix ends the paths of cells.
const suffix = ".go"

// path names a cell, and remembers it.
func (a *Adapter) path(cell string) string {
	p := a.prefix + strconv.FormatUint(uint64(murmur2([]byte(cell), seed)), 10) + suffix
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.sources[p]; !ok {
		a.order = append(a.order, p)
	}
	a.sources[p] = cell
	if len(a.order) > keptCells { // a page sends a cell each time that it was edited
		delete(a.sources, a.order[0])
		a.order = append(a.order[:0], a.order[1:]...)
	}
	return p
}

type request struct {
	Seq       int             `json:"seq"`
	Command   string          `json:"command"`
	Arguments json.RawMessage `json:"arguments"`
}

type response struct {
	Type       string `json:"type"`
	Seq        int    `json:"seq"`
	RequestSeq int    `json:"request_seq"`
	Command    string `json:"command"`
	Success    bool   `json:"success"`
	Message    string `json:"message,omitempty"`
	Body       any    `json:"body"`
}

type body = map[string]any

// command answers one kind of request. started says that the debugger must have been.
type command struct {
	answer  func(a *Adapter, arguments json.RawMessage) (any, error)
	started bool
}

// commands are the requests that are known.
func commands() map[string]command {
	return map[string]command{
		"debugInfo":            {(*Adapter).debugInfo, false},
		"dumpCell":             {handler((*Adapter).dumpCell), false},
		"source":               {handler((*Adapter).source), false},
		"inspectVariables":     {(*Adapter).inspectVariables, false},
		"richInspectVariables": {handler((*Adapter).richInspect), false},
		"variables":            {handler((*Adapter).variables), false},
		"modules":              {(*Adapter).modules, false},
		"initialize":           {handler((*Adapter).initialize), false},
		"disconnect":           {(*Adapter).disconnect, false},
		"terminate":            {(*Adapter).disconnect, false},

		"attach":                  {(*Adapter).attach, true},
		"launch":                  {(*Adapter).attach, true},
		"configurationDone":       {nothing, true},
		"setBreakpoints":          {handler((*Adapter).setBreakpoints), true},
		"breakpointLocations":     {handler((*Adapter).locations), true},
		"setFunctionBreakpoints":  {nothingSet, true},
		"setExceptionBreakpoints": {handler((*Adapter).setExceptions), true},
		"exceptionInfo":           {handler((*Adapter).exceptionInfo), true},
		"threads":                 {(*Adapter).threads, true},
		"stackTrace":              {handler((*Adapter).stackTrace), true},
		"scopes":                  {handler((*Adapter).scopes), true},
		"evaluate":                {handler((*Adapter).evaluate), true},
		"setVariable":             {handler((*Adapter).setVariable), true},
		"setExpression":           {handler((*Adapter).setExpression), true},
		"copyToGlobals":           {handler((*Adapter).copyToGlobals), true},
		"continue":                {(*Adapter).goOn, true},
		"next":                    {step(interp.StepOver), true},
		"stepIn":                  {step(interp.StepIn), true},
		"stepOut":                 {step(interp.StepOut), true},
		"pause":                   {(*Adapter).pause, true},
	}
}

// handler makes the answer to requests with arguments.
func handler[T any](f func(*Adapter, T) (any, error)) func(*Adapter, json.RawMessage) (any, error) {
	return func(a *Adapter, raw json.RawMessage) (any, error) {
		var args T
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &args); err != nil {
				return nil, fmt.Errorf("its arguments are not as they should be: %w", err)
			}
		}
		return f(a, args)
	}
}

func nothing(*Adapter, json.RawMessage) (any, error) { return body{}, nil }

func nothingSet(*Adapter, json.RawMessage) (any, error) { return body{"breakpoints": []any{}}, nil }

// Handle answers a request.
func (a *Adapter) Handle(raw json.RawMessage) json.RawMessage {
	a.one.Lock()
	defer a.one.Unlock()
	var r request
	out := response{Type: "response"}
	if err := json.Unmarshal(raw, &r); err != nil {
		out.Message = "not a request: " + err.Error()
		return a.encode(out)
	}
	out.RequestSeq, out.Command = r.Seq, r.Command
	c, ok := commands()[r.Command]
	var err error
	switch {
	case !ok:
		err = fmt.Errorf("there is no request %q", r.Command)
	case c.started && !a.started:
		err = errors.New("the debugger is not started")
	default:
		out.Body, err = guarded(func() (any, error) { return c.answer(a, r.Arguments) })
	}
	out.Success = err == nil
	if err != nil {
		out.Message = err.Error()
		b := body{"error": body{"id": 1, "format": "{text}", "variables": body{"text": err.Error()}, "showUser": true}}
		if list := lists(r.Command); list != "" {
			b[list] = []any{}
		}
		out.Body = b
	}
	return a.encode(out)
}

// lists names the list in the answer to a request. JupyterLab asks for it after what was stopped has gone on, and takes for
// granted that it is there.
func lists(command string) string {
	switch command {
	case "stackTrace":
		return "stackFrames"
	case "scopes", "variables", "threads", "modules", "breakpoints":
		return command
	case "setBreakpoints":
		return "breakpoints"
	case "inspectVariables":
		return "variables"
	}
	return ""
}

// guarded makes an error of a fault: it must not end the session with all its values.
func guarded(f func() (any, error)) (b any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a fault of the debugger: %v", p)
		}
	}()
	return f()
}

func (a *Adapter) encode(r response) json.RawMessage {
	a.mu.Lock()
	a.seq++
	r.Seq = a.seq
	a.mu.Unlock()
	b, err := json.Marshal(r)
	if err != nil {
		r.Success, r.Message, r.Body = false, err.Error(), body{}
		b, _ = json.Marshal(r)
	}
	return b
}

// event sends one. It may be called while the debugger holds its lock.
func (a *Adapter) event(name string, b body) {
	a.mu.Lock()
	a.seq++
	raw, err := json.Marshal(body{"type": "event", "seq": a.seq, "event": name, "body": b})
	a.mu.Unlock()
	if err == nil {
		a.host.Event(raw)
	}
}

// end ends debugging: what is stopped goes on.
func (a *Adapter) end() {
	if d := a.swap(nil); d != nil {
		d.Detach()
	}
	a.started, a.filters = false, nil
	a.points = map[string][]point{}
	a.refs.clear()
}

func (a *Adapter) swap(d *interp.Debugger) (old *interp.Debugger) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, a.debugger = a.debugger, d
	return old
}

func (a *Adapter) now() *interp.Debugger {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.debugger
}

func (a *Adapter) debugInfo(json.RawMessage) (any, error) {
	points := []body{}
	for path, ps := range a.points {
		var list []body
		for _, p := range ps {
			list = append(list, body{"line": p.line})
		}
		points = append(points, body{"source": path, "breakpoints": list})
	}
	stopped := []int{}
	if d := a.now(); d != nil {
		stopped = append(stopped, d.Stopped()...)
	}
	return body{
		"isStarted": a.started, "hashMethod": "Murmur2", "hashSeed": uint32(seed), "tmpFilePrefix": a.prefix, "tmpFileSuffix": suffix,
		"breakpoints": points, "stoppedThreads": stopped, "richRendering": true, "exceptionPaths": []string{}, "copyToGlobals": true,
	}, nil
}

// initialize starts the debugger; again, it leaves it as it is.
func (a *Adapter) initialize(args struct{ ClientID string }) (any, error) {
	a.lab = args.ClientID == "jupyterlab"
	if !a.started {
		g, err := a.host.Debuggee()
		if err != nil {
			return nil, err
		}
		d, err := g.Debug(interp.DebugOptions{
			Path: a.path, Stopped: a.stopped, Continued: a.continued, Thread: a.thread, Output: a.host.Output,
		})
		if err != nil {
			return nil, err
		}
		a.swap(d)
		a.started = true
	}
	return body{
		"supportsConfigurationDoneRequest": true, "supportsConditionalBreakpoints": true, "supportsHitConditionalBreakpoints": true,
		"supportsLogPoints": true, "supportsEvaluateForHovers": true, "supportsSetVariable": true, "supportsSetExpression": true,
		"supportsExceptionInfoRequest": true, "supportsDelayedStackTraceLoading": true, "supportsModulesRequest": true,
		"supportsBreakpointLocationsRequest": true, "supportsTerminateRequest": true, "supportTerminateDebuggee": false,
		"exceptionBreakpointFilters": []body{{"filter": "panic", "label": "Panics", "default": false, "description": "Stop where code panics, recovered later or not"}},
	}, nil
}

func (a *Adapter) attach(json.RawMessage) (any, error) {
	a.event("initialized", body{})
	return body{}, nil
}

// disconnect ends debugging: the breakpoints are forgotten, and what is stopped goes on.
func (a *Adapter) disconnect(json.RawMessage) (any, error) {
	started := a.started
	a.end()
	if started {
		a.event("terminated", body{})
	}
	return body{}, nil
}

// modules lists none: there is no source but that of the cells.
func (a *Adapter) modules(json.RawMessage) (any, error) {
	return body{"modules": []any{}, "totalModules": 0}, nil
}
