package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-zeromq/zmq4"

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
	ids := []string{send("sleep 50\nerror e", true), send("print 1", true), send("print 2", true)}
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
	ids = []string{send("sleep 50\nerror e", false), send("print 1", false)}
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
			if b["kernel_memory"] != 123.0 || b["hostname"] == nil || b["pid"] != float64(os.Getpid()) {
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
	for _, typ := range []string{"debug_request", "create_subshell_request", "made_up", "execute_request"} {
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

func TestControlDoesNotWaitForShell(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	id := c.send(c.shell, "execute_request", obj{"code": "loop"})
	time.Sleep(50 * time.Millisecond)
	c.send(c.control, "kernel_info_request", nil)
	if m := c.next(c.fromControl); m.Header.MsgType != "kernel_info_reply" {
		t.Fatalf("%s", m.Header.MsgType)
	}
	c.send(c.control, "interrupt_request", nil)
	c.next(c.fromControl)
	if r, _ := c.finish(id); r["ename"] != "Interrupted" {
		t.Errorf("%v", r)
	}
}

func TestInterruptKeepsState(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("set x=41")
	first := c.send(c.shell, "execute_request", obj{"code": "loop"})
	second := c.send(c.shell, "execute_request", obj{"code": "print not run"})
	time.Sleep(50 * time.Millisecond)
	c.send(c.control, "interrupt_request", nil)
	if r, out := c.finish(first); r["ename"] != "Interrupted" || r["status"] != "error" {
		t.Errorf("%v %s", r, summary(out))
	}
	if r, _ := c.finish(second); r["status"] != "aborted" {
		t.Errorf("the cell after it: %v", r)
	}
	_, out := c.run("get x")
	wantOutput(t, out, "input execute_result:41")
}

func TestInterruptOfACellThatDoesNotStop(t *testing.T) {
	k := startKernel(t, func(_ *connection, o *Options) { o.Grace = 100 * time.Millisecond })
	c := k.connect(t)
	c.run("set x=41")
	id := c.send(c.shell, "execute_request", obj{"code": "stubborn"})
	time.Sleep(20 * time.Millisecond)
	c.send(c.control, "interrupt_request", nil)
	for {
		m := c.next(c.fromIOPub)
		if m.Header.MsgType == "stream" {
			if b := body(m); parentID(m) != id || b["name"] != "stderr" || !strings.Contains(b["text"].(string), "Interrupt again") {
				t.Errorf("%s", m.Content)
			}
			break
		}
	}
	c.send(c.control, "interrupt_request", nil)
	m := c.next(c.fromShell)
	if b := body(m); b["ename"] != "Interrupted" || !strings.Contains(b["evalue"].(string), "gone") {
		t.Errorf("%s", m.Content)
	}
	if r, _ := c.run("get x"); r["ename"] != "Undefined" {
		t.Errorf("%v", r)
	}
}

func TestSessionThatDies(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, tc := range []struct{ code, says, trace string }{
		{"print before\nexit 3", "os.Exit(3)", ""},
		{"exit 0", "os.Exit(0)", ""},
		{"overflow", "stack overflow", "goroutine stack exceeds"},
		{"gopanic it broke", `panic: it broke`, ""},
		{"kill", "killed", ""},
		{"garbage", "could not read", ""},
	} {
		c.run("set x=1")
		reply, out := c.run(tc.code)
		ev := fmt.Sprint(reply["evalue"])
		if reply["status"] != "error" || reply["ename"] != "SessionEnded" || !strings.Contains(ev, tc.says) || !strings.Contains(ev, "gone") {
			t.Errorf("%s: %v", tc.code, reply)
		}
		tb := fmt.Sprint(reply["traceback"])
		if !strings.Contains(tb, tc.trace) || strings.Contains(tb, ".go:") || len(reply["traceback"].([]any)) > 10 {
			t.Errorf("%s: traceback %s", tc.code, tb)
		}
		want := "input error:SessionEnded"
		if strings.HasPrefix(tc.code, "print") {
			want = `input stdout:"before\n" error:SessionEnded`
		}
		wantOutput(t, out, want)
		reply, out = c.run("get x")
		if reply["ename"] != "Undefined" {
			t.Errorf("after %s: %v %s", tc.code, reply, summary(out))
		}
	}
}

func TestSessionThatDiesBetweenCells(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("open")
	id := c.send(c.shell, "execute_request", obj{"code": "later 7"})
	c.finish(id)
	text, closed := "", false
	for text == "" || !closed {
		switch m := c.next(c.fromIOPub); m.Header.MsgType {
		case "stream":
			text += body(m)["text"].(string)
			if parentID(m) != id {
				t.Errorf("it belongs to %s", parentID(m))
			}
		case "comm_close":
			closed = true
		}
	}
	if !strings.Contains(text, "exit code 7") || !strings.Contains(text, "gone") {
		t.Errorf("%q", text)
	}
	_, out := c.run("print on")
	wantOutput(t, out, `input stdout:"on\n"`)
}

func TestSessionThatDoesNotStart(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no such file": func(o *Options) { o.Argv = []string{filepath.Join(t.TempDir(), "nothing")} },
		"dies at once": func(*Options) { os.Setenv(fakeEnv, "broken") }, // startKernel restores it
	} {
		t.Run(name, func(t *testing.T) {
			k := startKernel(t, func(_ *connection, o *Options) { change(o) })
			c := k.connect(t)
			var reply obj
			for range 5 {
				reply, _ = c.run("print x")
				if reply["status"] != "error" {
					t.Fatalf("%v", reply)
				}
			}
			if !strings.Contains(fmt.Sprint(reply["evalue"]), "session") {
				t.Errorf("%v", reply)
			}
			c.iopub(c.send(c.shell, "kernel_info_request", nil))
		})
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
	c.iopub(c.send(c.shell, "comm_close", obj{"comm_id": "c2", "data": obj{}}))
	if got := info("echo"); got != `{}` {
		t.Error(got)
	}
}

func TestShutdown(t *testing.T) {
	for _, restart := range []bool{false, true} {
		k := startKernel(t, nil)
		c := k.connect(t)
		c.send(c.shell, "execute_request", obj{"code": "stubborn"})
		time.Sleep(20 * time.Millisecond)
		begun := time.Now()
		id := c.send(c.control, "shutdown_request", obj{"restart": restart})
		m := c.next(c.fromControl)
		if m.Header.MsgType != "shutdown_reply" || body(m)["restart"] != restart || body(m)["status"] != "ok" {
			t.Errorf("%s %s", m.Header.MsgType, m.Content)
		}
		if out := summary(c.iopub(id)); out != "shutdown_reply" {
			t.Errorf("iopub: %s", out)
		}
		select {
		case err := <-k.done:
			k.done <- err
			if err != nil {
				t.Error(err)
			}
			if d := time.Since(begun); d > patience {
				t.Errorf("it took %v", d)
			}
		case <-time.After(patience):
			t.Fatal("it does not end")
		}
	}
}

func TestBadMessagesAreIgnored(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	m, _ := c.codec.New("execute_request", nil, obj{"code": "print evil"})
	good, _ := c.codec.Encode(m)
	forger, _ := wire.NewCodec("another key", "")
	forged, _ := forger.Encode(m)
	c.shell.Send(zmq4.NewMsgFrom(good...)) // once is right
	c.finish(m.Header.MsgID)
	for _, s := range []zmq4.Socket{c.shell, c.control, c.stdin} {
		for _, f := range [][][]byte{
			good, // replayed
			forged,
			good[:4],
			{[]byte("x")},
			{{}},
			{[]byte("<IDS|MSG>")},
			{[]byte("<IDS|MSG>"), {}, {}, {}, {}, {}},
			slices.Concat([][]byte{[]byte("<IDS|MSG>"), good[1]}, good[2:5], [][]byte{[]byte("not JSON")}),
		} {
			s.Send(zmq4.NewMsgFrom(f...))
		}
	}
	_, out := c.run("print alive")
	wantOutput(t, out, `input stdout:"alive\n"`)
	if strings.Contains(k.log.String(), k.conn.Key) {
		t.Error("the key is in the log")
	}
	if n := strings.Count(k.log.String(), "message ignored"); n < 16 {
		t.Errorf("%d messages are logged as ignored", n)
	}
}

func TestSilentPeersOnEveryChannel(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, port := range []int{k.conn.ShellPort, k.conn.ControlPort, k.conn.StdinPort, k.conn.IOPubPort, k.conn.HeartbeatPort} {
		mute, err := net.Dial("tcp", k.conn.address(port))
		if err != nil {
			t.Fatal(err)
		}
		defer mute.Close()
	}
	other := connect(t, k.conn, "other")
	_, out := other.run("print hi")
	wantOutput(t, out, `input stdout:"hi\n"`)
	c.run("print hi")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	beat := zmq4.NewReq(ctx)
	if err := beat.Dial(k.conn.endpoint(k.conn.HeartbeatPort)); err != nil {
		t.Fatal(err)
	}
	beat.Send(zmq4.NewMsgString("ping"))
	if m, err := beat.Recv(); err != nil || string(m.Bytes()) != "ping" {
		t.Errorf("%v %v", m, err)
	}
}

func TestStreamsAreGathered(t *testing.T) {
	k := startKernel(t, nil)
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

func TestOutputAfterItsCell(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	id := c.send(c.shell, "execute_request", obj{"code": "late hello"})
	c.finish(id)
	c.run("result 1")
	for {
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

func TestIPCAndNoKey(t *testing.T) {
	dir, err := os.MkdirTemp("", "k") // short: a socket's path has at most 104 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	k := startKernel(t, func(c *connection, _ *Options) {
		c.Transport, c.IP, c.Key = "ipc", filepath.Join(dir, "s"), ""
		c.ShellPort, c.IOPubPort, c.StdinPort, c.ControlPort, c.HeartbeatPort = 1, 2, 3, 4, 5
	})
	_, out := k.connect(t).run("print hi")
	wantOutput(t, out, `input stdout:"hi\n"`)
}

func TestConnectionFileIsChecked(t *testing.T) {
	for says, change := range map[string]func(*connection){
		"unknown transport": func(c *connection) { c.Transport = "udp" },
		"shell_port is 0":   func(c *connection) { c.ShellPort = 0 },
		"hb_port is 70000":  func(c *connection) { c.HeartbeatPort = 70000 },
		"without a key":     func(c *connection) { c.Key, c.IP = "", "0.0.0.0" },
		"CURVE":             func(c *connection) { c.CurvePublicKey = "x" },
		"signature scheme":  func(c *connection) { c.SignatureScheme = "hmac-what" },
		"in use":            func(c *connection) { c.IOPubPort = c.ShellPort },
	} {
		_, path := connectionFile(t, change)
		err := Run(context.Background(), Options{ConnectionFile: path, Argv: []string{"x"}, History: filepath.Join(t.TempDir(), "h")})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "a-secret-key") {
			t.Errorf("%s: %v", says, err)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	os.WriteFile(bad, []byte("{"), 0o600)
	for _, path := range []string{"", filepath.Join(t.TempDir(), "nothing"), bad} {
		if err := Run(context.Background(), Options{ConnectionFile: path}); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

// A kernel whose launcher is gone ends, and its session with it.
func TestOrphan(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix processes")
	}
	conn, path := connectionFile(t, nil)
	// The launcher is a shell that starts the kernel, tells its process id and waits to be killed.
	launcher := exec.Command("/bin/sh", "-c", `JPY_PARENT_PID=$$ "$0" & echo $!; wait`, os.Args[0])
	launcher.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"))
	stdout, err := launcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := launcher.Start(); err != nil {
		t.Skipf("no shell: %v", err)
	}
	var pid int
	fmt.Fscan(stdout, &pid)
	c := connect(t, conn, "c")
	r, _ := c.run("print hi")
	if r["status"] != "ok" {
		t.Fatal(r)
	}
	launcher.Process.Kill()
	launcher.Wait()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		l, err := net.Listen("tcp", conn.address(conn.ShellPort)) // free again: the kernel has ended
		if err == nil {
			l.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the kernel outlives its launcher")
		}
	}
}

func TestRestartsLeaveNothingBehind(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("open files cannot be counted here: %v", err)
		}
		return len(files)
	}
	die := func(n int) {
		for range n {
			if r, _ := c.run("exit 1"); r["status"] != "error" {
				t.Fatal(r)
			}
		}
		c.run("print up again")
	}
	die(2)
	files, routines := open(), runtime.NumGoroutine()
	die(20)
	if n := open(); n > files+5 {
		t.Errorf("%d open files became %d", files, n)
	}
	if n := runtime.NumGoroutine(); n > routines+10 {
		t.Errorf("%d goroutines became %d", routines, n)
	}
}

// The terminal's interrupt is not for the kernel; a request to terminate is.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix signals")
	}
	conn, path := connectionFile(t, nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fakeEnv+"=kernel", "GODLAS_FAKE_CONNECTION="+path, "GODLAS_FAKE_HISTORY="+filepath.Join(t.TempDir(), "h"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	c := connect(t, conn, "c")
	cmd.Process.Signal(os.Interrupt)
	time.Sleep(20 * time.Millisecond)
	if r, _ := c.run("print hi"); r["status"] != "ok" {
		t.Error(r)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}
