package kernel

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/wire"
)

func wantOutput(t *testing.T, out []*wire.Message, want string) {
	t.Helper()
	if got := summary(out); got != want {
		t.Errorf("output:\n got %s\nwant %s", got, want)
	}
}

func TestExecute(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, tc := range []struct{ code, status, want string }{
		{"", "ok", "input"},
		{"print hi", "ok", `input stdout:"hi\n"`},
		{"eprint hi", "ok", `input stderr:"hi\n"`},
		{"print a\neprint b\nprint c", "ok", `input stdout:"a\n" stderr:"b\n" stdout:"c\n"`},
		{"print a\nprint b\nresult 3", "ok", `input stdout:"a\nb\n" execute_result:3`},
		{"display x\nupdate y\nclear wait\nprint z", "ok", `input display_data:x update_display_data:y clear_output stdout:"z\n"`},
		{"error bad", "error", "input error:Oops"},
		{"native from fd 1", "ok", `input stdout:"from fd 1\n"`},
		{"nerr from fd 2", "ok", `input stderr:"from fd 2\n"`},
		{"nerr panic: not a crash", "ok", `input stderr:"panic: not a crash\n"`},
		{"slowrunes aé世🎉", "ok", ""},
	} {
		reply, out := c.run(tc.code)
		if reply["status"] != tc.status {
			t.Errorf("%s: %v", tc.code, reply)
		}
		if tc.want != "" {
			wantOutput(t, out, tc.want)
			continue
		}
		text := ""
		for _, m := range out[1:] {
			text += body(m)["text"].(string)
		}
		if text != "aé世🎉" {
			t.Errorf("%s: %q", tc.code, text)
		}
	}
}

func TestExecuteReplyFields(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	reply, out := c.run("payload help text\nexprs\nresult 1", obj{"user_expressions": obj{"a": "1+1"}})
	want := `{"execution_count":1,"payload":[{"data":{"text/plain":"help text"},"source":"page","start":0}],"status":"ok",` +
		`"user_expressions":{"a":{"data":{"text/plain":"1+1"},"metadata":{},"status":"ok"}}}`
	if b, _ := json.Marshal(reply); string(b) != want {
		t.Errorf("reply\n got %s\nwant %s", b, want)
	}
	if b := string(out[1].Content); b != `{"data":{"text/plain":"1"},"execution_count":1,"metadata":{}}` {
		t.Errorf("execute_result %s", b)
	}
	if b := string(out[0].Content); !strings.Contains(b, `"execution_count":1`) || !strings.Contains(b, `"code":"payload help`) {
		t.Errorf("execute_input %s", b)
	}
	reply, out = c.run("error why")
	want = `{"ename":"Oops","evalue":"why","execution_count":2,"payload":[],"status":"error","traceback":["line 1","line 2"],"user_expressions":{}}`
	if b, _ := json.Marshal(reply); string(b) != want {
		t.Errorf("reply\n got %s\nwant %s", b, want)
	}
	if b := string(out[1].Content); b != `{"ename":"Oops","evalue":"why","traceback":["line 1","line 2"]}` {
		t.Errorf("error %s", b)
	}
	_, out = c.run("display x")
	if b := string(out[1].Content); b != `{"data":{"text/plain":"x"},"metadata":{},"transient":{"display_id":"id1"}}` {
		t.Errorf("display_data %s", b)
	}
	if topic := string(out[1].Identities[0]); !strings.HasPrefix(topic, "kernel.") || !strings.HasSuffix(topic, ".display_data") {
		t.Errorf("topic %s", topic)
	}
}

func TestCountAndHistoryFlags(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	count := func(code string, o obj, want int) {
		t.Helper()
		reply, _ := c.run(code, o)
		if reply["execution_count"] != float64(want) {
			t.Errorf("%s %v: count %v, want %d", code, o, reply["execution_count"], want)
		}
	}
	count("result 1", nil, 1)
	count("print a", obj{"store_history": false}, 1)
	count("print b", obj{"silent": true}, 1)
	count("print b", obj{"silent": true, "store_history": true}, 1)
	count("print c", nil, 2)
	ask := func(req obj) string {
		t.Helper()
		id := c.send(c.shell, "history_request", req)
		m := c.next(c.fromShell)
		c.iopub(id)
		if body(m)["status"] != "ok" {
			return fmt.Sprint(body(m))
		}
		b, _ := json.Marshal(body(m)["history"])
		return string(b)
	}
	for _, tc := range []struct {
		req  obj
		want string
	}{
		{obj{"hist_access_type": "tail", "n": 10, "output": false, "raw": true}, `[[1,1,"result 1"],[1,2,"print c"]]`},
		{obj{"hist_access_type": "tail", "n": 1, "output": true}, `[[1,2,["print c",null]]]`},
		{obj{"hist_access_type": "range", "session": 0, "start": 1, "stop": 2, "output": true}, `[[1,1,["result 1","1"]]]`},
		{obj{"hist_access_type": "search", "pattern": "pri*", "n": nil}, `[[1,2,"print c"]]`},
		{obj{"hist_access_type": "what"}, ""},
	} {
		got := ask(tc.req)
		if tc.want == "" && !strings.Contains(got, "BadRequest") || tc.want != "" && got != tc.want {
			t.Errorf("%v:\n got %s\nwant %s", tc.req, got, tc.want)
		}
	}
}

func TestSilent(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	reply, out := c.run("print a\nnative b\ndisplay c\nresult d\nerror e", obj{"silent": true})
	if len(out) != 0 || reply["status"] != "error" || reply["ename"] != "Oops" {
		t.Errorf("%s, %v", summary(out), reply)
	}
	_, out = c.run("print back")
	wantOutput(t, out, `input stdout:"back\n"`)
}

func TestStopOnError(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	send := func(code string, stop bool) string {
		return c.send(c.shell, "execute_request", obj{"code": code, "stop_on_error": stop})
	}
	ids := []string{send("sleep 200\nerror e", true), send("print 1", true), send("print 2", true)}
	info := c.send(c.shell, "kernel_info_request", nil)
	if r, _ := c.finish(ids[0]); r["status"] != "error" {
		t.Errorf("%v", r)
	}
	for _, id := range ids[1:] {
		r, out := c.finish(id)
		if b, _ := json.Marshal(r); string(b) != `{"status":"aborted"}` || len(out) != 0 {
			t.Errorf("%s, %s", b, summary(out))
		}
	}
	if m := c.next(c.fromShell); m.Header.MsgType != "kernel_info_reply" || parentID(m) != info {
		t.Errorf("a request that runs nothing was answered with %s", m.Content)
	}
	c.iopub(info)
	if r, _ := c.run("print 3"); r["status"] != "ok" || r["execution_count"] != 2.0 {
		t.Errorf("after it: %v", r)
	}
	ids = []string{send("sleep 200\nerror e", false), send("print 1", false)}
	if r, _ := c.finish(ids[0]); r["status"] != "error" {
		t.Errorf("%v", r)
	}
	if r, _ := c.finish(ids[1]); r["status"] != "ok" {
		t.Errorf("stop_on_error false: %v", r)
	}
}

func TestRequestsThatRunNothing(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, tc := range []struct {
		typ     string
		req     obj
		control bool
		want    string
	}{
		{
			"complete_request",
			obj{"code": "世界 fmt.P", "cursor_pos": 8},
			false,
			`{"cursor_end":8,"cursor_start":7,"matches":["Println"],"metadata":{"_jupyter_types_experimental":[{"end":8,"signature":"(a ...any)","start":7,"text":"Println","type":"function"}]},"status":"ok"}`,
		},
		{
			"inspect_request",
			obj{"code": "abc", "cursor_pos": 99, "detail_level": 1},
			false,
			`{"data":{"text/plain":"abc 3 1"},"found":true,"metadata":{},"status":"ok"}`,
		},
		{"inspect_request", obj{"code": "", "cursor_pos": -5}, false, `{"data":{"text/plain":" 0 0"},"found":false,"metadata":{},"status":"ok"}`},
		{"is_complete_request", obj{"code": "x"}, false, `{"indent":"\t","status":"incomplete"}`},
		{"comm_info_request", obj{}, false, `{"comms":{},"status":"ok"}`},
		{"connect_request", obj{}, true, ""},
		{"kernel_info_request", obj{}, false, ""},
		{"kernel_info_request", obj{}, true, ""},
		{"usage_request", obj{}, true, ""},
		{"interrupt_request", obj{}, true, `{"status":"ok"}`},
		{"complete_request", obj{"code": 3}, false, ""},
	} {
		sock, ch := c.shell, c.fromShell
		if tc.control {
			sock, ch = c.control, c.fromControl
		}
		id := c.send(sock, tc.typ, tc.req)
		m := c.next(ch)
		out := c.iopub(id)
		if len(out) != 0 || parentID(m) != id || m.Header.MsgType != strings.Replace(tc.typ, "request", "reply", 1) {
			t.Errorf("%s: %s to %s, output %s", tc.typ, m.Header.MsgType, parentID(m), summary(out))
		}
		b := body(m)
		s, _ := json.Marshal(b)
		switch {
		case tc.want != "":
			if string(s) != tc.want {
				t.Errorf("%s:\n got %s\nwant %s", tc.typ, s, tc.want)
			}
		case tc.typ == "kernel_info_request":
			li := b["language_info"].(map[string]any)
			if b["protocol_version"] != wire.Version || b["banner"] != "hello" || li["name"] != "go" || li["file_extension"] != ".go" ||
				li["version"] != strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go") || b["help_links"] == nil || b["supported_features"] == nil {
				t.Errorf("kernel_info: %s", s)
			}
		case tc.typ == "usage_request":
			if b["kernel_memory"] == nil || b["hostname"] == nil || b["pid"] != float64(os.Getpid()) {
				t.Errorf("usage: %s", s)
			}
		case tc.typ == "connect_request":
			if b["shell_port"] != float64(k.conn.ShellPort) {
				t.Errorf("connect: %s", s)
			}
		case b["status"] != "error":
			t.Errorf("%s: %s", tc.typ, s)
		}
	}
	// Types that are not known have a busy and an idle, and no reply.
	for _, typ := range []string{"made_up", "no_request_at_all", "execute_request"} {
		c.iopub(c.send(c.control, typ, obj{"code": "print x"}))
	}
	if r, _ := c.run("result 1"); r["status"] != "ok" {
		t.Error(r)
	}
	select {
	case m := <-c.fromControl:
		t.Errorf("a reply to a type that is not known: %s", m.Header.MsgType)
	default:
	}
}

func TestStdin(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	other := connect(t, k.conn, "other")
	id := c.send(c.shell, "execute_request", obj{"code": "print first\nask name?\npassword secret?", "allow_stdin": true})
	for i, prompt := range []string{"name?", "secret?"} {
		m := c.next(c.fromStdin)
		b := body(m)
		if m.Header.MsgType != "input_request" || parentID(m) != id || b["prompt"] != prompt || b["password"] != (i == 1) {
			t.Fatalf("%s %s", m.Header.MsgType, m.Content)
		}
		c.send(c.stdin, "input_reply", obj{"value": fmt.Sprint("answer ", i)})
	}
	_, out := c.finish(id)
	text := ""
	for _, m := range out[1:] {
		text += body(m)["text"].(string)
	}
	if text != "first\ngot answer 0\ngot answer 1\n" {
		t.Errorf("%q", text)
	}
	c.send(c.stdin, "input_reply", obj{"value": "nobody has asked"})
	if r, _ := c.run("ask x", obj{"allow_stdin": false}); r["ename"] != "NoInput" {
		t.Errorf("%v", r)
	}
	id = c.send(c.shell, "execute_request", obj{"code": "ask again?"})
	c.next(c.fromStdin)
	c.send(c.control, "interrupt_request", nil)
	if r, _ := c.finish(id); r["ename"] != "Interrupted" {
		t.Errorf("%v", r)
	}
	select {
	case m := <-other.fromStdin:
		t.Errorf("another client was asked: %s", m.Content)
	default:
	}
}

func TestComms(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	out := c.iopub(c.send(c.shell, "comm_open", obj{"comm_id": "c1", "target_name": "unknown", "data": obj{}}))
	if len(out) != 1 || string(out[0].Content) != `{"comm_id":"c1","data":{}}` || out[0].Header.MsgType != "comm_close" {
		t.Fatalf("%s", summary(out))
	}
	id := c.send(c.shell, "comm_open", obj{"comm_id": "c2", "target_name": "echo", "data": obj{"a": 1}}, []byte{0, 1, 2}, nil)
	for {
		m := c.next(c.fromIOPub)
		if m.Header.MsgType == "comm_msg" {
			if string(m.Content) != `{"comm_id":"c2","data":{"a":1}}` || len(m.Buffers) != 2 || string(m.Buffers[0]) != "\x00\x01\x02" || parentID(m) != id {
				t.Fatalf("%s, %d buffers", m.Content, len(m.Buffers))
			}
			break
		}
	}
	_, out = c.run("open")
	if len(out) != 2 || out[1].Header.MsgType != "comm_open" || string(out[1].Metadata) != `{"version":"2"}` || string(out[1].Buffers[0]) != "buf" {
		t.Fatalf("%s", summary(out))
	}
	info := func(target string) string {
		id := c.send(c.control, "comm_info_request", obj{"target_name": target})
		m := c.next(c.fromControl)
		c.iopub(id)
		b, _ := json.Marshal(body(m)["comms"])
		return string(b)
	}
	if got := info(""); got != `{"c2":{"target_name":"echo"},"c9":{"target_name":"front"}}` {
		t.Error(got)
	}
	if got := info("front"); got != `{"c9":{"target_name":"front"}}` {
		t.Error(got)
	}
	// What is open is not opened again, by whomever.
	if out := c.iopub(c.send(c.shell, "comm_open", obj{"comm_id": "c9", "target_name": "echo", "data": obj{}})); len(out) != 0 {
		t.Errorf("%s", summary(out))
	}
	if got := info("front"); got != `{"c9":{"target_name":"front"}}` {
		t.Error(got)
	}
	c.iopub(c.send(c.shell, "comm_close", obj{"comm_id": "c2", "data": obj{}}))
	if got := info("echo"); got != `{}` {
		t.Error(got)
	}
}

func TestStreamsAreGathered(t *testing.T) {
	k := startKernel(t, func(_ *connection, o *Options) { o.Output = -1 })
	c := k.connect(t)
	begun := time.Now()
	_, out := c.run("flood 20000")
	took := time.Since(begun)
	text := ""
	for _, m := range out[1:] {
		text += body(m)["text"].(string)
	}
	if n := strings.Count(text, "\n"); n != 20000 || !strings.HasSuffix(text, "line 19999\n") {
		t.Errorf("%d lines", n)
	}
	if most := int(took/streamPause) + 2; len(out)-1 > most {
		t.Errorf("%d messages in %v, want at most %d", len(out)-1, took, most)
	}
	_, out = c.run("nativeflood 2000")
	text = ""
	for _, m := range out[1:] {
		s := body(m)["text"].(string)
		if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
			t.Fatal("a character is cut")
		}
		text += s
	}
	if text != strings.Repeat("aé世", 2_000_000) {
		t.Errorf("%d bytes", len(text))
	}
}

// TestCarriageReturnsAndColours: what a terminal would obey is the page's to obey, from prints and from file descriptors.
func TestCarriageReturnsAndColours(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	const bar = "10 %\r\x1b[32m20 %\x1b[0m\b!\t."
	for _, word := range []string{"print", "native"} {
		_, out := c.run(word + " " + bar)
		wantOutput(t, out, fmt.Sprintf("input stdout:%q", bar+"\n"))
	}
}

func TestOutputAfterItsCell(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	id := c.send(c.shell, "execute_request", obj{"code": "late hello"})
	c.reply(id)
	c.reply(c.send(c.shell, "execute_request", obj{"code": "result 1"}))
	for { // nothing on iopub was passed over so far
		if m := c.next(c.fromIOPub); m.Header.MsgType == "stream" {
			if parentID(m) != id || body(m)["text"] != "hello\n" {
				t.Errorf("%s of %s, want %s", m.Content, parentID(m), id)
			}
			break
		}
	}
}

func TestMarkersAreNeverSeen(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for i := range 200 {
		_, out := c.run("native a\nnerr b")
		if s := summary(out); s != `input stdout:"a\n" stderr:"b\n"` && s != `input stderr:"b\n" stdout:"a\n"` {
			t.Fatalf("run %d: %s", i, s)
		}
	}
	// What looks like a marker and is none is text.
	fake := "\x1b_godlas:0123456789abcdef0123456789abcdef\x1b\\"
	_, out := c.run("native " + fake + "tail\nnative \x1b[31mred")
	wantOutput(t, out, fmt.Sprintf("input stdout:%q", fake+"tail\n\x1b[31mred\n"))
}
