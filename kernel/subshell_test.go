package kernel

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// ask sends a request on the control channel and returns its reply's content.
func (c *client) ask(typ string, req obj) obj {
	c.t.Helper()
	if req == nil {
		req = obj{}
	}
	id := c.send(c.control, typ, req)
	m := c.next(c.fromControl)
	if parentID(m) != id || m.Header.MsgType != strings.Replace(typ, "request", "reply", 1) {
		c.t.Fatalf("%s to %s: %s", m.Header.MsgType, typ, m.Content)
	}
	return body(m)
}

func (c *client) subshell() string {
	c.t.Helper()
	r := c.ask("create_subshell_request", nil)
	id, _ := r["subshell_id"].(string)
	if r["status"] != "ok" || id == "" {
		c.t.Fatalf("%v", r)
	}
	return id
}

// drain takes messages off iopub until each of ids is idle, and returns the output of each in short.
func (c *client) drain(ids ...string) map[string]string {
	c.t.Helper()
	out, busy, idle := map[string]string{}, map[string]bool{}, map[string]bool{}
	for len(idle) < len(ids) {
		m := c.next(c.fromIOPub)
		id := parentID(m)
		if m.Header.MsgType != "status" {
			if !busy[id] || idle[id] {
				c.t.Fatalf("%s of %s is not between its busy and its idle", m.Header.MsgType, id)
			}
			b, _ := json.Marshal(body(m))
			out[id] += m.Header.MsgType + string(b) + "\n"
			continue
		}
		for _, want := range ids {
			if id == want {
				busy[id] = true
				if body(m)["execution_state"] == "idle" {
					idle[id] = true
				}
			}
		}
	}
	return out
}

func TestSubshells(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	info := c.ask("kernel_info_request", nil)
	if fmt.Sprint(info["supported_features"]) != "[kernel subshells]" || info["protocol_version"] != "5.5" {
		t.Errorf("%v", info)
	}
	a, b := c.subshell(), c.subshell()
	if got := fmt.Sprint(c.ask("list_subshell_request", nil)["subshell_id"]); got != fmt.Sprint([]string{a, b}) {
		t.Errorf("%s", got)
	}
	run := func(subshell, code string) string {
		return c.sendTo(subshell, c.shell, "execute_request", obj{"code": code})
	}
	// The main shell waits for both, and b for what comes second in a.
	first := run("", "print main\nawait x\nawait y\nprint end")
	second := run(b, "await x\nset y=1\nprint b")
	third := run(a, "print a")
	fourth := run(a, "set x=1\nnative a2")
	order := []string{}
	for range 4 {
		m := c.next(c.fromShell)
		order = append(order, parentID(m))
		if body(m)["status"] != "ok" {
			t.Errorf("%s", m.Content)
		}
		var parent struct {
			Subshell string `json:"subshell_id"`
		}
		if json.Unmarshal(m.Parent, &parent); parent.Subshell != map[string]string{second: b, third: a, fourth: a}[parentID(m)] {
			t.Errorf("parent %s", m.Parent)
		}
	}
	if order[0] != third {
		t.Errorf("order %v of %v", order, []string{first, second, third, fourth})
	}
	out := c.drain(first, second, third, fourth)
	for id, want := range map[string][]string{first: {`"text":"main\n`, "end\\n"}, second: {`"text":"b\n"`}, third: {`"text":"a\n"`}, fourth: {}} {
		for _, w := range want {
			if !strings.Contains(out[id], w) {
				t.Errorf("%s has not %s", out[id], w)
			}
		}
		if strings.Contains(out[id], "\\nb\\n") || strings.Contains(out[id], "error") {
			t.Errorf("%s", out[id])
		}
	}
	// The counts are of the kernel, not of a shell.
	if r, _ := c.finish(run(a, "print x")); r["execution_count"] != 5.0 {
		t.Errorf("%v", r)
	}
	if r := c.ask("delete_subshell_request", obj{"subshell_id": a}); r["status"] != "ok" {
		t.Errorf("%v", r)
	}
	for _, req := range []obj{{"subshell_id": a}, {"subshell_id": ""}, {}} {
		if r := c.ask("delete_subshell_request", req); r["status"] != "error" || r["ename"] != "UnknownSubshell" {
			t.Errorf("%v: %v", req, r)
		}
	}
	if r := c.ask("delete_subshell_request", obj{"subshell_id": 3}); r["ename"] != "BadRequest" {
		t.Errorf("%v", r)
	}
	if r, out := c.finish(run(a, "print x")); r["ename"] != "UnknownSubshell" || r["execution_count"] != 5.0 || len(out) != 0 {
		t.Errorf("%v %s", r, summary(out))
	}
	c.iopub(c.sendTo("nobody", c.shell, "comm_msg", obj{"comm_id": "x", "data": obj{}})) // busy and idle, no reply
	if r, _ := c.run("get x"); r["status"] != "ok" {
		t.Errorf("%v", r)
	}
}

// TestSubshellIsDeletedWhileItWorks: what runs comes to its end, what waits is aborted.
func TestSubshellIsDeletedWhileItWorks(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	a := c.subshell()
	run := func(code string) string { return c.sendTo(a, c.shell, "execute_request", obj{"code": code}) }
	first, second := run("await x\nresult 1"), run("set y=1")
	third := c.sendTo(a, c.shell, "is_complete_request", obj{"code": "x"})
	c.finish(c.sendTo("", c.shell, "execute_request", obj{"code": "print here"})) // those before it are in their queue
	if r := c.ask("delete_subshell_request", obj{"subshell_id": a}); r["status"] != "ok" {
		t.Fatalf("%v", r)
	}
	if got := fmt.Sprint(c.ask("list_subshell_request", nil)["subshell_id"]); got != "[]" {
		t.Errorf("%s", got)
	}
	// Its reply and that of the cell which it lets end may overtake each other.
	set := c.send(c.shell, "execute_request", obj{"code": "set x=1"})
	seen := false
	next := func() *wire.Message {
		m := c.next(c.fromShell)
		if !seen && parentID(m) == set {
			seen = true
			m = c.next(c.fromShell)
		}
		return m
	}
	for _, want := range []struct{ id, status string }{{first, "ok"}, {second, "aborted"}, {third, "aborted"}} {
		if m := next(); parentID(m) != want.id || body(m)["status"] != want.status {
			t.Errorf("%s %s to %s, want %s to %s", m.Header.MsgType, m.Content, parentID(m), want.status, want.id)
		}
	}
	if !seen {
		c.next(c.fromShell)
	}
	if r, _ := c.run("get y"); r["ename"] != "Undefined" {
		t.Errorf("%v", r)
	}
}

// TestErrorInASubshell: it aborts what waits there, and nothing elsewhere.
func TestErrorInASubshell(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	a := c.subshell()
	first := c.sendTo(a, c.shell, "execute_request", obj{"code": "await x\nerror e"})
	second := c.sendTo(a, c.shell, "execute_request", obj{"code": "print no"})
	third := c.send(c.shell, "execute_request", obj{"code": "set x=1\nsleep 200\nprint yes"})
	fourth := c.send(c.shell, "execute_request", obj{"code": "print yes"})
	status := map[string]any{}
	for range 4 {
		m := c.next(c.fromShell)
		status[parentID(m)] = body(m)["status"]
	}
	if status[first] != "error" || status[second] != "aborted" || status[third] != "ok" || status[fourth] != "ok" {
		t.Errorf("%v %v %v %v", status[first], status[second], status[third], status[fourth])
	}
}

// TestInterruptReachesAllShells, and questions of both find their cells.
func TestInterruptAndQuestionsOfSubshells(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	a := c.subshell()
	main := c.begin("ask main?")
	sub := c.sendTo(a, c.shell, "execute_request", obj{"code": "ask sub?"})
	asked := map[string]string{}
	var subHeader []byte
	for range 2 {
		m := c.next(c.fromStdin)
		asked[parentID(m)] = body(m)["prompt"].(string)
		if parentID(m) == sub {
			subHeader = m.RawHeader
		}
	}
	if asked[main] != "main?" || asked[sub] != "sub?" {
		t.Fatalf("%v", asked)
	}
	c.answerTo(subHeader, "to sub") // names the question that it answers
	r := c.next(c.fromShell)
	if parentID(r) != sub || body(r)["status"] != "ok" {
		t.Fatalf("%s to %s", r.Content, parentID(r))
	}
	c.send(c.stdin, "input_reply", obj{"value": "to main"})
	if r := c.next(c.fromShell); parentID(r) != main || body(r)["status"] != "ok" {
		t.Fatalf("%s to %s", r.Content, parentID(r))
	}
	main, sub = c.begin("loop"), c.sendTo(a, c.shell, "execute_request", obj{"code": "print up\nloop"})
	for m := c.next(c.fromIOPub); m.Header.MsgType != "stream" || !strings.Contains(string(m.Content), "up"); m = c.next(c.fromIOPub) {
	}
	c.ask("interrupt_request", nil)
	for range 2 {
		if m := c.next(c.fromShell); body(m)["ename"] != "Interrupted" || parentID(m) != main && parentID(m) != sub {
			t.Errorf("%s", m.Content)
		}
	}
}

func (c *client) answerTo(question []byte, value string) {
	c.t.Helper()
	m, err := c.codec.New("input_reply", question, obj{"value": value})
	if err != nil {
		c.t.Fatal(err)
	}
	f, err := c.codec.Encode(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.stdin.Send(zmq4.NewMsgFrom(f...)); err != nil {
		c.t.Fatal(err)
	}
}

func TestSubshellsHaveALimit(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for range maxSubshells {
		c.subshell()
	}
	if r := c.ask("create_subshell_request", nil); r["ename"] != "SubshellLimit" {
		t.Errorf("%v", r)
	}
}
