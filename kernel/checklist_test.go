package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// TestWelcomes: each subscriber is welcomed, to each topic, also where another has subscribed to it before, and gets what is
// of its topics.
func TestWelcomes(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for i := range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		sub := zmq4.NewSub(ctx, zmq4.WithDialerMaxRetries(100))
		if err := sub.Dial(k.conn.endpoint(k.conn.IOPubPort)); err != nil {
			t.Fatal(err)
		}
		other := *c
		other.codec, _ = wire.NewCodec(k.conn.Key, k.conn.SignatureScheme) // its own: each message comes to both
		from := other.pump(ctx, sub)
		for _, topic := range []string{"stream.stdout", "kernel." + c.kernelID() + ".error"} {
			sub.SetOption(zmq4.OptionSubscribe, topic)
			m := c.next(from)
			if m.Header.MsgType != "iopub_welcome" || body(m)["subscription"] != topic || string(m.Parent) != "{}" {
				t.Errorf("subscriber %d, %s: %s %s %s", i, topic, m.Header.MsgType, m.Content, m.Parent)
			}
		}
		// zmq4 notes a subscription a little after the welcome: print until one comes through
		var first *wire.Message
		for first == nil {
			c.run("print x\neprint y\ndisplay z\nerror e")
			select {
			case first = <-from:
			case <-time.After(50 * time.Millisecond):
			}
		}
		if first.Header.MsgType != "stream" && first.Header.MsgType != "error" {
			t.Errorf("subscriber %d got %s", i, first.Header.MsgType)
		}
		seen := map[string]bool{}
		for !seen["stream stdout"] || !seen["error <nil>"] {
			if len(seen) == 0 {
				c.run("print x\neprint y\ndisplay z\nerror e")
			}
			m := c.next(from)
			kind := fmt.Sprint(m.Header.MsgType, " ", body(m)["name"])
			if seen[kind] = true; kind != "stream stdout" && kind != "error <nil>" {
				t.Errorf("subscriber %d got %s", i, kind)
			}
		}
	}
}

// kernelID is the id in the topics.
func (c *client) kernelID() string {
	c.t.Helper()
	id := c.send(c.control, "connect_request", obj{})
	for {
		if m := c.next(c.fromIOPub); parentID(m) == id {
			topic := strings.TrimPrefix(string(m.Identities[0]), "kernel.")
			return topic[:strings.LastIndex(topic, ".")]
		}
	}
}

// TestStarting: "starting" is sent once, before anything else. Who comes later does not see it.
func TestStarting(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("print x")
	for {
		select {
		case m := <-c.fromIOPub:
			if strings.Contains(string(m.Content), "starting") {
				t.Error("starting, though it has started")
			}
			continue
		default:
		}
		break
	}
}

// TestBuffers: they come with any message, and go with any.
func TestBuffers(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	id := c.send(c.shell, "execute_request", obj{"code": "buffers end"}, []byte("not for it"), nil)
	_, out := c.finish(id)
	if len(out) != 2 || len(out[1].Buffers) != 3 || string(out[1].Buffers[0]) != "\x00\x01" || len(out[1].Buffers[1]) != 0 || string(out[1].Buffers[2]) != "end" {
		t.Errorf("%s %v", summary(out), out[len(out)-1].Buffers)
	}
	c.send(c.control, "kernel_info_request", obj{}, []byte("x"))
	if m := c.next(c.fromControl); m.Header.MsgType != "kernel_info_reply" {
		t.Error(m.Header.MsgType)
	}
}

// TestHeaders: the kernel's messages have its own session, ids that are new, and the whole header of the request as parent.
func TestHeaders(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	m, _ := c.codec.New("execute_request", nil, obj{"code": "print x"})
	f, _ := c.codec.Encode(m)
	header := strings.Replace(string(f[2]), "{", `{"odd": [1, 2],  `, 1) // what a client adds comes back, byte by byte
	c.shell.Send(zmq4.NewMsgFrom(c.codec.Sign([]byte(header), f[3], f[4], f[5])...))
	reply := c.next(c.fromShell)
	all := append(c.iopub(m.Header.MsgID), reply)
	ids := map[string]bool{}
	for _, x := range all {
		if string(x.Parent) != header || x.Header.Session != reply.Header.Session || x.Header.Session == c.codec.Session() || ids[x.Header.MsgID] {
			t.Errorf("%s: header %+v, parent %s", x.Header.MsgType, x.Header, x.Parent)
		}
		ids[x.Header.MsgID] = true
	}
}

// TestUnknownFields: they are passed over, in contents, headers and metadata, and so is null where a field may be absent.
func TestUnknownFields(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, req := range []obj{
		{"code": "result 1", "more": obj{"a": []int{1}}, "silent": nil, "store_history": nil, "user_expressions": nil, "allow_stdin": nil, "stop_on_error": nil},
		{"code": "result 1", "user_expressions": obj{}},
		{"code": "result 1"},
	} {
		id := c.send(c.shell, "execute_request", req)
		if r, out := c.finish(id); r["status"] != "ok" || summary(out) != "input execute_result:1" {
			t.Errorf("%v: %v, %s", req, r, summary(out))
		}
	}
	for typ, req := range map[string]obj{
		"kernel_info_request": {"x": 1}, "comm_info_request": {"target_name": nil}, "inspect_request": {"code": "a", "cursor_pos": nil, "detail_level": 0, "y": 1},
		"history_request": {"hist_access_type": "tail", "output": false, "raw": true, "n": nil, "session": nil, "start": nil, "stop": nil, "pattern": nil, "unique": false},
	} {
		c.iopub(c.send(c.shell, typ, req))
		if m := c.next(c.fromShell); body(m)["status"] != "ok" {
			t.Errorf("%s: %s", typ, m.Content)
		}
	}
}

// TestCellMetadata: the notebook's id of a cell reaches the session; a list of deleted cells does no harm.
func TestCellMetadata(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, meta := range []string{`{"cellId":"abc","deletedCells":["x","y"],"trusted":true}`, `{"cellId":7}`, `{"deletedCells":null}`} {
		m, _ := c.codec.New("execute_request", nil, obj{"code": "cell"})
		m.Metadata = json.RawMessage(meta)
		f, _ := c.codec.Encode(m)
		c.shell.Send(zmq4.NewMsgFrom(f...))
		want := `input stdout:"\n"`
		if strings.Contains(meta, "abc") {
			want = `input stdout:"abc\n"`
		}
		_, out := c.finish(m.Header.MsgID)
		wantOutput(t, out, want)
	}
}

// TestPayloads of all kinds that a session sends, in their order.
func TestPayloads(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	r, _ := c.run("next x := 1\npayload help")
	want := `[{"replace":true,"source":"set_next_input","text":"x := 1"},{"data":{"text/plain":"help"},"source":"page","start":0}]`
	if b, _ := json.Marshal(r["payload"]); string(b) != want {
		t.Errorf("%s", b)
	}
	if r, _ := c.run("print x"); fmt.Sprint(r["payload"]) != "[]" {
		t.Errorf("they stay: %v", r)
	}
}

// TestHistory asks for it in all ways, with all fields, also across kernels.
func TestHistory(t *testing.T) {
	var path string
	first := startKernel(t, func(_ *connection, o *Options) { path = o.History })
	c := first.connect(t)
	for _, code := range []string{"result 1", "print a", "result 1", "print 世界"} {
		c.run(code)
	}
	second := startKernel(t, func(_ *connection, o *Options) { o.History = path })
	c = second.connect(t)
	c.run("result 2")
	c.run("print not kept", obj{"store_history": false})
	c.run("print secret", obj{"silent": true})
	for i := range 12 {
		c.run(fmt.Sprintf("print %d", i))
	}
	for _, tc := range []struct{ req, want string }{
		{`{"hist_access_type":"tail","n":2,"output":false,"raw":true}`, `[[2,12,"print 10"],[2,13,"print 11"]]`},
		{`{"hist_access_type":"tail","output":false,"raw":true}`, "10 from print 2"},
		{`{"hist_access_type":"tail","n":0,"output":false,"raw":true}`, `[]`},
		{`{"hist_access_type":"tail","n":-1,"output":false,"raw":false}`, "17 from result 1"},
		{`{"hist_access_type":"range","session":0,"start":1,"stop":3,"output":true,"raw":true}`, `[[2,1,["result 2","2"]],[2,2,["print 0",null]]]`},
		{`{"hist_access_type":"range","session":2,"start":13,"stop":null,"output":false,"raw":true}`, `[[2,13,"print 11"]]`},
		{`{"hist_access_type":"range","session":-1,"start":3,"stop":99,"output":true,"raw":true}`, `[[1,3,["result 1","1"]],[1,4,["print 世界",null]]]`},
		{`{"hist_access_type":"range","session":1,"start":0,"stop":2,"output":false,"raw":true}`, `[[1,1,"result 1"]]`},
		{`{"hist_access_type":"range","session":-7,"start":0,"output":false,"raw":true}`, `[]`},
		{`{"hist_access_type":"search","pattern":"result*","output":false,"raw":true}`, `[[1,1,"result 1"],[1,3,"result 1"],[2,1,"result 2"]]`},
		{`{"hist_access_type":"search","pattern":"result*","unique":true,"output":false,"raw":true}`, `[[1,3,"result 1"],[2,1,"result 2"]]`},
		{`{"hist_access_type":"search","pattern":"result ?","n":1,"output":true,"raw":true}`, `[[2,1,["result 2","2"]]]`},
		{`{"hist_access_type":"search","pattern":"*世*","output":false,"raw":true}`, `[[1,4,"print 世界"]]`},
		{`{"hist_access_type":"search","pattern":"*secret*","output":false,"raw":true}`, `[]`},
		{`{"hist_access_type":"search","pattern":"*not kept*","output":false,"raw":true}`, `[]`},
	} {
		id := c.send(c.shell, "history_request", json.RawMessage(tc.req))
		b := body(c.next(c.fromShell))
		c.iopub(id)
		list, _ := b["history"].([]any)
		got, _ := json.Marshal(list)
		text := string(got)
		if n, from, ok := strings.Cut(tc.want, " from "); ok {
			entry, _ := list[0].([]any)
			text, tc.want = fmt.Sprintf("%d from %v", len(list), entry[2]), n+" from "+from
		}
		if b["status"] != "ok" || text != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.req, text, tc.want)
		}
	}
}

// TestUsage: the fields are ipykernel's, the memory is that of both processes and grows with what is in it.
func TestUsage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	k := startKernel(t, nil)
	c := k.connect(t)
	c.run("print up")
	before := c.ask("usage_request", nil)
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = byte(i)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); { // some processor time of ours
	}
	after := c.ask("usage_request", nil)
	runtime.KeepAlive(ballast)
	debug.FreeOSMemory()
	number := func(m obj, field string) float64 {
		v, ok := m[field].(float64)
		if !ok {
			t.Fatalf("%s: %v", field, m[field])
		}
		return v
	}
	if grown := number(after, "kernel_memory") - number(before, "kernel_memory"); grown < 32<<20 {
		t.Errorf("64 MiB more are %.0f bytes more", grown)
	}
	if number(after, "kernel_cpu") <= 0 || number(after, "pid") != float64(os.Getpid()) || number(after, "cpu_count") != float64(runtime.NumCPU()) {
		t.Errorf("%v", after)
	}
	v, _ := after["host_virtual_memory"].(map[string]any)
	if number(v, "total") < number(v, "available") || number(v, "percent") <= 0 || number(v, "percent") >= 100 || number(v, "total") < number(after, "kernel_memory") {
		t.Errorf("%v", v)
	}
}
