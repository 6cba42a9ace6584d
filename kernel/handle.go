package kernel

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/godlas/godlas/kernel/internal/history"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/schema"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// content is the content of a message that is sent.
type content map[string]any

// decode reads the content of a request; fields that are absent keep their value.
func decode(m *wire.Message, into any) error { return json.Unmarshal(m.Content, into) }

// runShell handles the requests of a shell one after the other.
func (f *front) runShell(q *queue) {
	for {
		it, ok := q.pop()
		if !ok {
			return
		}
		if it.aborted {
			f.pub.status("busy", it.msg.RawHeader)
			if f.answers(f.shell, it.msg.Header.MsgType) {
				f.reply(f.shell, it.msg, content{"status": "aborted"})
			}
			f.pub.status("idle", it.msg.RawHeader)
			continue
		}
		f.handle(f.shell, it.msg)
	}
}

// handler is how requests of a type are handled, and whether they are taken on the control channel too.
type handler struct {
	handle  func(*zmtp.Socket, *wire.Message)
	control bool
}

func (f *front) handlers() map[string]handler {
	return map[string]handler{
		"execute_request":         {f.execute, false},
		"complete_request":        {f.complete, false},
		"inspect_request":         {f.inspect, false},
		"is_complete_request":     {f.isComplete, false},
		"comm_open":               {f.commOpen, false},
		"comm_msg":                {f.commMsg, false},
		"comm_close":              {f.commClose, false},
		"comm_info_request":       {f.commInfo, true},
		"history_request":         {f.history, true},
		"kernel_info_request":     {f.kernelInfo, true},
		"connect_request":         {f.connect, true},
		"interrupt_request":       {f.interrupt, true},
		"list_subshell_request":   {f.listSubshells, true},
		"create_subshell_request": {f.createSubshell, true},
		"delete_subshell_request": {f.deleteSubshell, true},
		"shutdown_request":        {f.shutdownRequest, true},
		"usage_request":           {f.usage, true},
		"debug_request":           {f.debug, true},
	}
}

// handler is how requests of a type are handled on a channel, if they are.
func (f *front) handler(sock *zmtp.Socket, msgType string) (handler, bool) {
	h, ok := f.known[msgType]
	return h, ok && (sock != f.control || h.control)
}

// answers reports whether there is a reply to messages of a type on a channel.
func (f *front) answers(sock *zmtp.Socket, msgType string) bool {
	_, ok := f.handler(sock, msgType)
	return ok && strings.HasSuffix(msgType, "_request")
}

// handle answers one request, between its busy and its idle.
func (f *front) handle(sock *zmtp.Socket, m *wire.Message) {
	f.pub.status("busy", m.RawHeader)
	if h, ok := f.handler(sock, m.Header.MsgType); ok {
		h.handle(sock, m)
	} else {
		f.Log.Info("request of a type that is not known here", "type", m.Header.MsgType)
	}
	f.pub.status("idle", m.RawHeader)
	if f.leaving.Load() {
		f.quitOnce.Do(func() { close(f.quit) })
	}
}

// reply answers a request under its own name: x_request with x_reply.
func (f *front) reply(sock *zmtp.Socket, m *wire.Message, c content) {
	f.replyWith(sock, m, c, nil)
}

func (f *front) replyWith(sock *zmtp.Socket, m *wire.Message, c content, metadata content) {
	typ := strings.TrimSuffix(m.Header.MsgType, "_request") + "_reply"
	out, err := f.codec.New(typ, m.RawHeader, c)
	if err == nil && metadata != nil {
		out.Metadata, err = json.Marshal(metadata)
	}
	if err != nil {
		f.Log.Error("reply not sent", "err", err)
		return
	}
	out.Identities = m.Identities
	f.send(sock, out)
}

func (f *front) send(sock *zmtp.Socket, m *wire.Message) {
	frames, err := f.codec.Encode(m)
	if err == nil {
		checkSent(schema.FromKernel, len(m.Identities), frames)
		err = sock.Send(frames...)
	}
	if err != nil {
		f.Log.Debug("message not sent", "type", m.Header.MsgType, "err", err)
	}
}

// bad answers a request that makes no sense.
func (f *front) bad(sock *zmtp.Socket, m *wire.Message, err error) {
	f.fail(sock, m, "BadRequest", err.Error())
}

// fail answers a request with an error.
func (f *front) fail(sock *zmtp.Socket, m *wire.Message, name, text string) {
	c := content{"status": "error", "ename": name, "evalue": text, "traceback": []string{text}}
	if m.Header.MsgType == "execute_request" {
		c["execution_count"] = f.counted(false)
	}
	f.reply(sock, m, c)
}

// request makes what is given to the session for a message.
func newRequest(m *wire.Message) *request {
	return &request{parent: m.RawHeader, identities: m.Identities, shell: m.Header.SubshellID}
}

// position reads code and cursor of a request.
func position(m *wire.Message) (pipe.Cursor, error) {
	c := struct {
		Code   string `json:"code"`
		Pos    *int   `json:"cursor_pos"`
		Detail int    `json:"detail_level"`
	}{}
	if err := decode(m, &c); err != nil {
		return pipe.Cursor{}, err
	}
	n := len([]rune(c.Code))
	cur := pipe.Cursor{Code: c.Code, Pos: n, Detail: c.Detail}
	if c.Pos != nil {
		cur.Pos = min(max(*c.Pos, 0), n)
	}
	return cur, nil
}

// ask gives a question to the session; the answer is the zero T where it has none.
func ask[T any](f *front, kind pipe.Kind, m *wire.Message) (T, pipe.Cursor, error) {
	var none T
	cur, err := position(m)
	if err != nil {
		return none, cur, err
	}
	r := newRequest(m)
	defer f.work.begin(r)()
	frame, ok, err := f.work.call(kind, r, cur)
	if err != nil {
		return none, cur, err
	}
	if !ok {
		return none, cur, fmt.Errorf("%s. %s", cause(r.life, false), gone)
	}
	v, err := pipe.Decode[T](frame)
	return v, cur, err
}

func (f *front) complete(sock *zmtp.Socket, m *wire.Message) {
	v, cur, err := ask[pipe.Completed](f, pipe.KindComplete, m)
	if err != nil {
		f.bad(sock, m, err)
		return
	}
	if len(v.Matches) == 0 && v.Start == 0 && v.End == 0 {
		v.Start, v.End = cur.Pos, cur.Pos
	}
	matches, types := []string{}, []content{}
	for _, x := range v.Matches {
		matches = append(matches, x.Text)
		t := content{"text": x.Text, "start": v.Start, "end": v.End, "type": x.Type}
		if x.Signature != "" {
			t["signature"] = x.Signature
		}
		types = append(types, t)
	}
	f.reply(sock, m, content{
		"status": "ok", "matches": matches, "cursor_start": v.Start, "cursor_end": v.End,
		"metadata": content{"_jupyter_types_experimental": types},
	})
}

func (f *front) inspect(sock *zmtp.Socket, m *wire.Message) {
	v, _, err := ask[pipe.Inspected](f, pipe.KindInspect, m)
	if err != nil {
		f.bad(sock, m, err)
		return
	}
	f.reply(sock, m, content{"status": "ok", "found": v.Found, "data": orEmpty(v.Data), "metadata": content{}})
}

func (f *front) isComplete(sock *zmtp.Socket, m *wire.Message) {
	v, _, err := ask[pipe.Judged](f, pipe.KindIsComplete, m)
	if err != nil || v.Status == "" {
		v = pipe.Judged{Status: "unknown"}
	}
	c := content{"status": v.Status}
	if v.Status == "incomplete" {
		c["indent"] = v.Indent
	}
	f.reply(sock, m, c)
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func (f *front) kernelInfo(sock *zmtp.Socket, m *wire.Message) {
	version, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	links := f.Links
	if links == nil {
		links = []Link{}
	}
	features := []string{"kernel subshells"}
	if f.Debugger {
		features = append(features, "debugger")
	}
	f.reply(sock, m, content{
		"status": "ok", "protocol_version": wire.Version, "implementation": f.Name, "implementation_version": f.Version,
		"language_info": content{
			"name": "go", "version": version, "mimetype": "text/x-go", "file_extension": ".go",
			"pygments_lexer": "go", "codemirror_mode": "go", "nbconvert_exporter": "script",
		},
		"banner": f.Banner, "help_links": links, "supported_features": features,
		"debugger": f.Debugger, // what clients of protocols before 5.5 look for
	})
}

func (f *front) connect(sock *zmtp.Socket, m *wire.Message) {
	f.reply(sock, m, content{
		"status": "ok", "shell_port": f.conn.ShellPort, "iopub_port": f.conn.IOPubPort, "stdin_port": f.conn.StdinPort,
		"control_port": f.conn.ControlPort, "hb_port": f.conn.HeartbeatPort,
	})
}

func (f *front) interrupt(sock *zmtp.Socket, m *wire.Message) {
	f.work.interrupt()
	f.reply(sock, m, content{"status": "ok"})
}

func (f *front) shutdownRequest(sock *zmtp.Socket, m *wire.Message) {
	var c struct {
		Restart bool `json:"restart"`
	}
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	reply := content{"status": "ok", "restart": c.Restart}
	f.reply(sock, m, reply)
	f.pub.publish("shutdown_reply", m.RawHeader, reply) // tells the other clients
	f.leaving.Store(true)
}

// tailEntries is how many entries a tail has that does not say how many, as ipykernel's.
const tailEntries = 10

func (f *front) history(sock *zmtp.Socket, m *wire.Message) {
	c := struct {
		Output  bool   `json:"output"`
		Access  string `json:"hist_access_type"`
		Session int    `json:"session"`
		Start   int    `json:"start"`
		Stop    *int   `json:"stop"`
		N       *int   `json:"n"`
		Pattern string `json:"pattern"`
		Unique  bool   `json:"unique"`
	}{Pattern: "*"}
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	n, stop := 0, 0
	switch {
	case c.N != nil && *c.N > 0:
		n = *c.N
	case c.N != nil || c.Access != "tail": // all
	default:
		n = tailEntries
	}
	if c.Stop != nil {
		stop = *c.Stop
	}
	var entries []history.Entry
	var err error
	none := c.N != nil && *c.N == 0 // less is all
	switch c.Access {
	case "tail", "search":
		if none {
			f.reply(sock, m, content{"status": "ok", "history": []any{}})
			return
		}
	}
	switch c.Access {
	case "tail":
		entries, err = f.past.Tail(n)
	case "range":
		entries, err = f.past.Range(c.Session, c.Start, stop)
	case "search":
		entries, err = f.past.Search(c.Pattern, n, c.Unique)
	default:
		err = fmt.Errorf("hist_access_type %q is none of tail, range, search", c.Access)
	}
	if err != nil {
		f.bad(sock, m, err)
		return
	}
	list := make([][3]any, 0, len(entries))
	for _, e := range entries {
		if c.Output {
			var out any
			if e.Output != "" {
				out = e.Output
			}
			list = append(list, [3]any{e.Session, e.Line, [2]any{e.Input, out}})
		} else {
			list = append(list, [3]any{e.Session, e.Line, e.Input})
		}
	}
	f.reply(sock, m, content{"status": "ok", "history": list})
}
