package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// debugClient is a client of the debugger. What comes while it waits for something else is kept.
type debugClient struct {
	*client
	seq  int
	kept []pipe.Frame
}

type dapMessage struct {
	Type, Event, Command, Message string
	Success                       bool
	RequestSeq                    int `json:"request_seq"`
	Body                          map[string]any
}

func startDebug(t *testing.T) *debugClient {
	return &debugClient{client: start(t, Options{Libraries: []interp.Library{interp.Std()}})}
}

// wait returns the first frame that is wanted.
func (c *debugClient) wait(what string, wanted func(pipe.Frame) bool) pipe.Frame {
	c.t.Helper()
	for i, f := range c.kept {
		if wanted(f) {
			c.kept = slices.Delete(c.kept, i, i+1)
			return f
		}
	}
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		f := c.next()
		if wanted(f) {
			return f
		}
		c.kept = append(c.kept, f)
	}
	c.t.Fatalf("%s does not come", what)
	panic("unreachable")
}

// ask sends a request and returns its response.
func (c *debugClient) ask(command string, args any) dapMessage {
	c.t.Helper()
	c.seq++
	id := c.send(pipe.KindDebug, 0, map[string]any{"type": "request", "seq": c.seq, "command": command, "arguments": args})
	f := c.wait("the answer to "+command, func(f pipe.Frame) bool { return f.ID == id })
	var m dapMessage
	if err := json.Unmarshal(body[pipe.Done](c.t, f).Reply, &m); err != nil {
		c.t.Fatal(err)
	}
	if m.Type != "response" || m.Command != command || m.RequestSeq != c.seq {
		c.t.Fatalf("%s is answered by %+v", command, m)
	}
	return m
}

// get is ask for what must go well.
func (c *debugClient) get(command string, args any) map[string]any {
	c.t.Helper()
	m := c.ask(command, args)
	if !m.Success {
		c.t.Fatalf("%s %v: %s", command, args, m.Message)
	}
	return m.Body
}

type args = map[string]any

// event waits for an event.
func (c *debugClient) event(name string) map[string]any {
	c.t.Helper()
	var m dapMessage
	c.wait("the event "+name, func(f pipe.Frame) bool {
		m = dapMessage{}
		return f.Kind == pipe.KindDebugEvent && json.Unmarshal(f.Body, &m) == nil && m.Event == name
	})
	if m.Type != "event" {
		c.t.Errorf("%+v is no event", m)
	}
	return m.Body
}

// stop waits for a stop and returns the thread and the id of its innermost call, and where it is.
func (c *debugClient) stop(want string) (thread, frame int) {
	c.t.Helper()
	e := c.event("stopped")
	thread = int(e["threadId"].(float64))
	if e["allThreadsStopped"] != true {
		c.t.Errorf("stopped: %v", e)
	}
	where := fmt.Sprint(e["reason"])
	for i, f := range c.get("stackTrace", args{"threadId": thread})["stackFrames"].([]any) {
		f := f.(map[string]any)
		if i == 0 {
			frame = int(f["id"].(float64))
		}
		where += fmt.Sprintf(" %v:%v", f["name"], f["line"])
	}
	if where != want {
		c.t.Fatalf("stopped at %s, want %s", where, want)
	}
	return thread, frame
}

// show writes variables as name=value, and how many they have in them.
func show(vs any) string {
	var out []string
	for _, v := range vs.([]any) {
		v := v.(map[string]any)
		s := fmt.Sprintf("%v=%v", v["name"], v["value"])
		if v["variablesReference"] != 0.0 {
			s += "+"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (c *debugClient) scope(frame int, name string) []any {
	c.t.Helper()
	for _, s := range c.get("scopes", args{"frameId": frame})["scopes"].([]any) {
		if s := s.(map[string]any); s["name"] == name {
			return c.get("variables", args{"variablesReference": s["variablesReference"]})["variables"].([]any)
		}
	}
	c.t.Fatalf("there is no scope %s", name)
	return nil
}

func find(t *testing.T, vs []any, name string) map[string]any {
	t.Helper()
	for _, v := range vs {
		if v := v.(map[string]any); v["name"] == name {
			return v
		}
	}
	t.Fatalf("no %s in %s", name, show(vs))
	return nil
}

// breakAt sets breakpoints in a cell and returns what became of them.
func (c *debugClient) breakAt(code string, points ...args) string {
	c.t.Helper()
	path := c.get("dumpCell", args{"code": code})["sourcePath"]
	var out []string
	for _, b := range c.get("setBreakpoints", args{"source": args{"path": path}, "breakpoints": points, "sourceModified": false})["breakpoints"].([]any) {
		b := b.(map[string]any)
		out = append(out, fmt.Sprintf("%v %v", b["verified"], b["line"]))
	}
	return strings.Join(out, ", ")
}

func (c *debugClient) finish(id uint64) pipe.Done {
	c.t.Helper()
	return body[pipe.Done](c.t, c.wait("the end of the cell", func(f pipe.Frame) bool { return f.ID == id }))
}

const debugged = `type point struct {
	X, Y int
	next *point
}

func length(p *point, seen map[string]int) (n int) {
	for ; p != nil; p = p.next {
		n++
		seen["x"] += p.X

	}
	return n
}

p := &point{1, 2, nil}
p.next = &point{X: 3}
list := make([]int, 250)
var any1 any = p
seen := map[string]int{"b": 1, "a": 2}
length(p, seen)`

func TestDebugConversation(t *testing.T) {
	c := startDebug(t)
	info := c.get("debugInfo", nil)
	if info["isStarted"] != false || info["hashMethod"] != "Murmur2" || len(info["stoppedThreads"].([]any)) != 0 || info["richRendering"] != true || info["copyToGlobals"] != true {
		t.Errorf("debugInfo %v", info)
	}
	if m := c.ask("setBreakpoints", args{"source": args{"path": "x"}}); m.Success || !strings.Contains(m.Message, "not started") {
		t.Errorf("before initialize: %+v", m)
	}
	if caps := c.get("initialize", args{"clientID": "test"}); caps["supportsConditionalBreakpoints"] != true || caps["exceptionBreakpointFilters"] == nil {
		t.Errorf("capabilities %v", caps)
	}
	c.get("attach", args{})
	c.event("initialized")
	if got := c.breakAt(debugged, args{"line": 10}, args{"line": 1}, args{"line": 99}); got != "true 12, true 7, false 99" {
		t.Errorf("breakpoints %s", got)
	}
	if got := c.breakAt(debugged, args{"line": 9, "condition": "p.X == 3"}); got != "true 9" {
		t.Errorf("breakpoints %s", got)
	}
	c.get("configurationDone", nil)
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: debugged, Count: 1})
	thread, frame := c.stop("breakpoint length:9 cell:20")
	if info := c.get("debugInfo", nil); info["isStarted"] != true || fmt.Sprint(info["stoppedThreads"]) != "[1]" || len(info["breakpoints"].([]any)) != 1 {
		t.Errorf("debugInfo %v", info)
	}
	locals := c.scope(frame, "Locals")
	if got := show(locals); got != `p=&point{X: 3, Y: 0, next: nil}+ seen=map[string]int{"a": 2, "b": 1, "x": 1}+ n=2` {
		t.Errorf("locals %s", got)
	}
	globals := c.scope(frame, "Globals")
	parts := func(v map[string]any, more args) []any {
		t.Helper()
		more["variablesReference"] = v["variablesReference"]
		return c.get("variables", more)["variables"].([]any)
	}
	p := find(t, globals, "p")
	if got := show(parts(p, args{})); got != `X=1 Y=2 next=&point{X: 3, Y: 0, next: nil}+` {
		t.Errorf("p has %s", got)
	}
	if got := show(parts(find(t, globals, "any1"), args{})); got != `X=1 Y=2 next=&point{X: 3, Y: 0, next: nil}+` {
		t.Errorf("any1 has %s", got)
	}
	if got := show(parts(find(t, globals, "seen"), args{})); got != `"a"=2 "b"=1 "x"=1` {
		t.Errorf("seen has %s", got)
	}
	list := find(t, globals, "list")
	groups := parts(list, args{})
	if got := show(groups); got != "[0…99]=+ [100…199]=+ [200…249]=+" {
		t.Errorf("list has %s", got)
	}
	if got := parts(groups[2].(map[string]any), args{}); len(got) != 50 || got[0].(map[string]any)["name"] != "200" {
		t.Errorf("its last part has %s", show(got))
	}
	if got := show(parts(list, args{"start": 120, "count": 2})); got != "120=0 121=0" || list["indexedVariables"] != 250.0 {
		t.Errorf("from 120, list has %s", got)
	}

	// evaluated and changed
	for _, e := range []struct{ src, want string }{
		{"p.X * 10", "30 int"}, {"n", "2 int"}, {"len(list) + n", "252 int"}, {"p.next == nil", "true bool"}, {"fmt.Sprint(p.X, n)", `"3 2" string`},
	} {
		b := c.get("evaluate", args{"expression": e.src, "frameId": frame, "context": "watch"})
		if got := fmt.Sprintf("%v %v", b["result"], b["type"]); got != e.want {
			t.Errorf("%s is %s, want %s", e.src, got, e.want)
		}
	}
	if m := c.ask("evaluate", args{"expression": "p.Z", "frameId": frame}); m.Success || !strings.Contains(m.Message, "p.Z undefined") {
		t.Errorf("a wrong expression: %+v", m)
	}
	if m := c.ask("evaluate", args{"expression": "seen", "frameId": frame}); m.Body["variablesReference"] == 0.0 {
		t.Errorf("what is evaluated cannot be opened: %+v", m)
	}
	scope := c.get("scopes", args{"frameId": frame})["scopes"].([]any)[0].(map[string]any)
	if b := c.get("setVariable", args{"variablesReference": scope["variablesReference"], "name": "n", "value": "n + 40"}); b["value"] != "42" {
		t.Errorf("n was set to %v", b)
	}
	if b := c.get("setVariable", args{"variablesReference": p["variablesReference"], "name": "Y", "value": "7"}); b["value"] != "7" {
		t.Errorf("p.Y was set to %v", b)
	}
	if b := c.get("richInspectVariables", args{"variableName": "n", "frameId": frame}); fmt.Sprint(b["data"]) != "map[text/plain:42]" {
		t.Errorf("n shows as %v", b)
	}
	c.get("copyToGlobals", args{"srcVariableName": "n", "dstVariableName": "kept", "srcFrameId": frame})

	// Other questions are answered.
	if _, f := c.answer(c.send(pipe.KindComplete, 0, pipe.Cursor{Code: "lengt", Pos: 5})); len(body[pipe.Completed](t, f).Matches) == 0 {
		t.Error("nothing completes while it is stopped")
	}
	c.get("next", args{"threadId": thread})
	c.event("continued")
	thread, frame = c.stop("step length:7 cell:20")
	if m := c.ask("variables", args{"variablesReference": list["variablesReference"]}); m.Success {
		t.Error("a value of before a step is still known")
	}
	if m := c.ask("scopes", args{"frameId": frame - 1000}); m.Success {
		t.Error("a call that is none has variables")
	}
	c.get("stepOut", args{"threadId": thread})
	c.stop("step cell:20")
	c.get("continue", args{"threadId": thread})
	if d := c.finish(id); d.Err != nil {
		t.Errorf("it ends with %+v", d.Err)
	}
	c.kept = nil
	if out, _ := c.run("kept, p.Y"); len(out) != 1 || !strings.Contains(out[0], "42, 7") {
		t.Errorf("afterwards %q", out)
	}
	c.get("disconnect", args{"restart": false})
	c.event("terminated")
	if info := c.get("debugInfo", nil); info["isStarted"] != false || len(info["breakpoints"].([]any)) != 0 {
		t.Errorf("debugInfo %v", info)
	}
	if got := show([]any{find(t, c.get("inspectVariables", args{})["variables"].([]any), "kept")}); got != "kept=42" {
		t.Errorf("without a debugger %s", got)
	}
	c.run(debugged) // stops nowhere
}

func TestDebugInterruptAndDisconnect(t *testing.T) {
	c := startDebug(t)
	c.get("initialize", args{})
	loop := "n := 0\nfor {\n\tn++\n}"
	c.breakAt(loop, args{"line": 3})
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: loop, Count: 1})
	_, frame := c.stop("breakpoint cell:3")
	if b := c.get("initialize", args{}); b["supportsSetVariable"] != true { // a page that was loaded anew
		t.Errorf("again: %v", b)
	}
	if m := c.ask("evaluate", args{"expression": `func() int { panic("no") }()`, "frameId": frame}); m.Success || !strings.Contains(m.Message, "no") {
		t.Errorf("a panic: %+v", m)
	}
	c.send(pipe.KindInterrupt, id, nil)
	c.event("continued")
	if d := c.finish(id); !d.Interrupted {
		t.Errorf("an interrupt while it is stopped gives %+v", d)
	}
	id = c.send(pipe.KindExecute, 0, pipe.Execute{Code: loop, Count: 2})
	c.stop("breakpoint cell:3")
	c.get("disconnect", args{})
	c.event("terminated")
	c.send(pipe.KindInterrupt, id, nil)
	if d := c.finish(id); !d.Interrupted {
		t.Errorf("it ends with %+v", d)
	}
	for _, bad := range []string{`{`, `{"command": "made up"}`, `{"command": "variables", "arguments": []}`, `[]`, `{"command":"dumpCell","arguments":{"code":7}}`} {
		c.id++
		if err := c.conn.Write(pipe.Frame{Kind: pipe.KindDebug, ID: c.id, Body: json.RawMessage(bad)}); err == nil {
			f := c.wait("an answer", func(f pipe.Frame) bool { return f.ID == c.id })
			var m dapMessage
			if json.Unmarshal(body[pipe.Done](t, f).Reply, &m) != nil || m.Success {
				t.Errorf("%s is answered by %s", bad, f.Body)
			}
		}
	}
}

// A cell with magics has its breakpoints at the lines that the reader sees.
func TestDebugCellWithMagics(t *testing.T) {
	c := startDebug(t)
	c.get("initialize", args{})
	code := "%env A=b\n\nx := 1\n%lsmagic\nx++\nx"
	if got := c.breakAt(code, args{"line": 4}, args{"line": 1}); got != "true 5, true 3" {
		t.Errorf("breakpoints %s", got)
	}
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, Count: 1})
	c.stop("breakpoint cell:3")
	c.get("continue", args{"threadId": 1})
	c.stop("breakpoint cell:5")
	c.get("continue", args{"threadId": 1})
	c.finish(id)

	// Text of a breakpoint goes to the cell, in order.
	c.breakAt(code, args{"line": 5, "logMessage": "x is {x}"})
	id = c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, Count: 2})
	c.kept = nil
	c.finish(id)
	said := ""
	for _, f := range c.kept {
		if f.Kind == pipe.KindStream && f.Parent == id {
			said += body[pipe.Stream](t, f).Text
		}
	}
	if !strings.HasSuffix(said, "x is 1\n") {
		t.Errorf("it says %q", said)
	}
}
