package kernel

import (
	"fmt"
	"strings"
	"testing"
)

func withDebugger(_ *connection, o *Options) { o.Debugger = true }

func dapRequest(seq int, command string) obj {
	return obj{"type": "request", "seq": seq, "command": command, "arguments": obj{"a": 1}}
}

// debugEvent waits for an event of the debugger.
func (c *client) debugEvent(want string) {
	c.t.Helper()
	for {
		if m := c.next(c.fromIOPub); m.Header.MsgType == "debug_event" {
			if got := body(m)["event"]; got != want {
				c.t.Fatalf("event %v, want %s", got, want)
			}
			return
		}
	}
}

func TestDebugRequests(t *testing.T) {
	c := startKernel(t, withDebugger).connect(t)
	info := c.ask("kernel_info_request", nil)
	if fmt.Sprint(info["supported_features"]) != "[kernel subshells debugger]" || info["debugger"] != true {
		t.Errorf("%v", info)
	}
	r := c.ask("debug_request", dapRequest(7, "initialize"))
	if r["type"] != "response" || r["request_seq"] != 7.0 || r["success"] != true || !strings.Contains(fmt.Sprint(r["body"]), "command:initialize") {
		t.Errorf("%v", r)
	}
	c.debugEvent("initialized")

	// An interrupt overtakes what takes long, which only it ends here.
	cell := c.begin("loop")
	q := c.send(c.control, "debug_request", dapRequest(8, "evaluate"))
	c.debugEvent("output") // it has begun
	i := c.send(c.control, "interrupt_request", nil)
	answers := map[string]obj{}
	for range 2 {
		m := c.next(c.fromControl)
		answers[parentID(m)] = body(m)
	}
	if answers[i]["status"] != "ok" || answers[q]["success"] != true {
		t.Errorf("answers %v", answers)
	}
	c.reply(cell)

	// With the session, the debugger ends.
	if r := c.ask("debug_request", dapRequest(9, "die")); r["success"] != false || r["request_seq"] != 9.0 || r["command"] != "die" {
		t.Errorf("%v", r)
	}
	c.debugEvent("continued")
	c.debugEvent("terminated")
	if r := c.ask("debug_request", dapRequest(10, "debugInfo")); r["success"] != true {
		t.Errorf("%v", r)
	}
}

func TestNoDebugger(t *testing.T) {
	c := startKernel(t, nil).connect(t)
	if r := c.ask("debug_request", dapRequest(1, "initialize")); r["success"] != false || r["message"] != "this kernel has no debugger" {
		t.Errorf("%v", r)
	}
}
