package dap

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/godlas/godlas/kernel/interp"
)

// The values are those of ipykernel 7's murmur2_x86.
func TestMurmur2(t *testing.T) {
	for text, want := range map[string]uint32{
		"": 3990065800, "a": 2167009006, "ab": 2805137849, "abc": 3350977461, "abcd": 804720481, "println(1)\n": 904823692, `x := "äöü 世界"`: 3097488916,
	} {
		if got := murmur2([]byte(text), seed); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	spans := []interp.Span{{Line: 2, End: 2}, {Line: 3, End: 3}, {Line: 5, End: 8}, {Line: 10, End: 14}, {Line: 12, End: 12}}
	for _, c := range []struct{ line, want int }{
		{0, 2},   // before all
		{2, 2},   // a statement
		{4, 5},   // a blank line
		{6, 5},   // within one statement of several lines
		{8, 5},   // its end
		{9, 10},  // between
		{11, 12}, // within one that has another in it, which comes next
		{13, 10}, // after that
		{15, 0},  // after all
	} {
		got, ok := nearest(spans, c.line)
		if got != c.want || ok != (c.want > 0) {
			t.Errorf("line %d: %d %v, want %d", c.line, got, ok, c.want)
		}
	}
}

// host is a session of its own.
func host() (Host, *interp.Interp) {
	in := interp.New(interp.Options{Libraries: []interp.Library{interp.Std()}, Stdout: io.Discard, Stderr: io.Discard})
	return Host{
		Debuggee: func() (Debuggee, error) { return in, nil },
		Event:    func(json.RawMessage) {},
		Output:   func(context.Context, string) {},
		Go:       func(cell string) []string { return []string{cell} },
		Bundle: func(v reflect.Value) (data, metadata map[string]any) {
			return map[string]any{"text/plain": fmt.Sprint(v)}, nil
		},
	}, in
}

// TestHostileRequests sends each request with arguments of all kinds, before and after the start and while a cell is stopped:
// each has its response, and none is a fault.
func TestHostileRequests(t *testing.T) {
	h, in := host()
	var mu sync.Mutex
	stopped := make(chan bool, 1000)
	h.Event = func(e json.RawMessage) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(string(e), `"event":"stopped"`) {
			stopped <- true
		}
	}
	a := New(h)
	shapes := []string{
		``, `{}`, `null`, `[]`, `7`, `"x"`, `{"threadId":-1,"frameId":-1,"variablesReference":-1}`, `{"threadId":1,"frameId":1,"variablesReference":1,"start":-5,"count":-5}`,
		`{"variablesReference":2,"start":1e9,"count":2147483647,"name":"xs","value":"nil"}`, `{"code":"func ("}`, `{"code":null}`,
		`{"source":{"path":"../../etc/passwd"},"breakpoints":[{"line":-1},{"line":1e9,"condition":"]["}]}`, `{"source":{},"lines":[1,2]}`,
		`{"expression":"","variableName":"","srcVariableName":"","dstVariableName":"1"}`, `{"expression":"}{","frameId":1}`,
		`{"expression":"xs[10]","frameId":1,"variableName":"xs","srcVariableName":"xs","dstVariableName":"func","srcFrameId":1}`,
		`{"filters":["panic","other"]}`, `{"threadId":1,"startFrame":-3,"levels":-3}`, `{"expression":"panic(1)","value":"2"}`,
	}
	seq := 0
	all := func(state string, but ...string) {
		for name := range commands() {
			if len(but) > 0 && strings.Contains(but[0], name) {
				continue
			}
			for _, args := range shapes {
				seq++
				raw := fmt.Sprintf(`{"type":"request","seq":%d,"command":%q`, seq, name)
				if args != "" {
					raw += `,"arguments":` + args
				}
				var r response
				if err := json.Unmarshal(a.Handle(json.RawMessage(raw+"}")), &r); err != nil || r.Type != "response" || r.RequestSeq != seq || r.Command != name {
					t.Fatalf("%s: %s is answered by %+v, %v", state, raw, r, err)
				}
				if r.Success != (r.Message == "") || strings.Contains(r.Message, "fault") {
					t.Errorf("%s: %s: %s", state, raw, r.Message)
				}
			}
		}
	}
	get := func(command, args string) map[string]any {
		t.Helper()
		var r response
		json.Unmarshal(a.Handle(json.RawMessage(fmt.Sprintf(`{"seq":1,"command":%q,"arguments":%s}`, command, args))), &r)
		if !r.Success {
			t.Fatalf("%s: %s", command, r.Message)
		}
		b, _ := r.Body.(map[string]any)
		return b
	}
	const ends = "disconnect terminate"
	all("before the start")
	get("initialize", `{}`)
	all("idle", ends)

	// some of the requests change xs
	const cell = "xs := map[string][]int{\"a\": {1}}\nfor range 3 {\n\txs = map[string][]int{\"b\": nil}\n}"
	code, _ := json.Marshal(cell)
	path, _ := json.Marshal(get("dumpCell", `{"code":`+string(code)+`}`)["sourcePath"])
	get("setBreakpoints", `{"source":{"path":`+string(path)+`},"breakpoints":[{"line":3}]}`)
	done := make(chan error)
	go func() {
		_, err := in.Eval(context.Background(), interp.Cell{N: 1, Source: cell})
		done <- err
	}()
	<-stopped
	get("stackTrace", `{"threadId":1}`)
	all("stopped", ends+" continue next stepIn stepOut")
	all("going on", ends)
	get("disconnect", `{}`)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
