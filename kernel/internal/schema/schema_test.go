package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	header  = `{"msg_id":"1","session":"s","username":"kernel","date":"2026-11-21T10:00:00.000000Z","msg_type":"TYPE","version":"5.5"}`
	request = `{"msg_id":"r","session":"c","username":"u","date":"2026-11-21T10:00:00Z","msg_type":"TYPE","version":"5.4","subshell_id":null}`
)

// right has one right message of every type at least, and of every form that a type has.
var right = []struct{ typ, content string }{
	{"execute_request", `{"code":"1","silent":false,"store_history":true,"user_expressions":{"a":"b"},"allow_stdin":true,"stop_on_error":true}`},
	{"execute_request", `{"code":"1"}`},
	{"inspect_request", `{"code":"1","cursor_pos":0,"detail_level":1}`},
	{"complete_request", `{"code":"1","cursor_pos":1}`},
	{"is_complete_request", `{"code":"1"}`},
	{"kernel_info_request", `{}`},
	{"connect_request", `{}`},
	{"interrupt_request", `{}`},
	{"shutdown_request", `{"restart":true}`},
	{"comm_info_request", `{"target_name":"x"}`},
	{"create_subshell_request", `{}`},
	{"delete_subshell_request", `{"subshell_id":"x"}`},
	{"list_subshell_request", `{}`},
	{"usage_request", `{}`},
	{"debug_request", `{"seq":1}`},
	{"history_request", `{"output":false,"raw":true,"hist_access_type":"tail","n":3,"session":0,"start":0,"stop":null,"pattern":"*","unique":false}`},
	{"input_reply", `{"value":"x"}`},
	{"inspect_reply", `{"status":"ok","found":true,"data":{"text/plain":"x","text/html":"x"},"metadata":{}}`},
	{"inspect_reply", `{"status":"error","ename":"E","evalue":"","traceback":["x"]}`},
	{"inspect_reply", `{"status":"aborted"}`},
	{"complete_reply", `{"status":"ok","matches":["a"],"cursor_start":0,"cursor_end":1,"metadata":{"_jupyter_types_experimental":[{"text":"a","start":0,"end":1,"type":"function","signature":"()"}]}}`},
	{"history_reply", `{"status":"ok","history":[[1,2,"x"],[-1,3,["x",null]],[1,4,["x","y"]]]}`},
	{"connect_reply", `{"status":"ok","shell_port":1,"iopub_port":2,"stdin_port":3,"hb_port":4,"control_port":5}`},
	{"kernel_info_reply", `{"status":"ok","protocol_version":"5.5","implementation":"x","implementation_version":"1","banner":"","language_info":{"name":"go","version":"1","mimetype":"text/x-go","file_extension":".go","codemirror_mode":{"name":"go"}},"help_links":[{"text":"a","url":"b"}],"supported_features":["debugger","kernel subshells"]}`},
	{"comm_info_reply", `{"status":"ok","comms":{"x":{"target_name":"y"}}}`},
	{"interrupt_reply", `{"status":"ok"}`},
	{"shutdown_reply", `{"status":"ok","restart":false}`},
	{"create_subshell_reply", `{"status":"ok","subshell_id":"x"}`},
	{"delete_subshell_reply", `{"status":"ok"}`},
	{"list_subshell_reply", `{"status":"ok","subshell_id":["x"]}`},
	{"execute_reply", `{"status":"ok","execution_count":1,"payload":[{"source":"page","data":{"text/plain":""},"start":0},{"source":"set_next_input","text":"","replace":false},{"source":"edit_magic","filename":"f","line_number":3},{"source":"ask_exit","keepkernel":true}],"user_expressions":{"a":{"status":"ok","data":{"text/plain":"1"},"metadata":{}},"b":{"status":"error","ename":"E","evalue":"","traceback":[]}}}`},
	{"execute_reply", `{"status":"error","ename":"E","evalue":"","traceback":[],"execution_count":1}`},
	{"execute_reply", `{"status":"aborted"}`},
	{"is_complete_reply", `{"status":"incomplete","indent":"  "}`},
	{"is_complete_reply", `{"status":"unknown"}`},
	{"usage_reply", `{"hostname":"h","pid":1,"kernel_cpu":0.5,"kernel_memory":1,"cpu_count":2,"host_virtual_memory":{"total":1,"available":1,"percent":50.5,"used":1,"free":1}}`},
	{"usage_reply", `{"status":"aborted"}`},
	{"debug_reply", `{"seq":1}`},
	{"input_request", `{"prompt":"","password":false}`},
	{"stream", `{"name":"stdout","text":"x"}`},
	{"display_data", `{"data":{"text/plain":"x","image/png":"aGk=","application/json":{"a":[1]},"application/vnd.vegalite.v5+json":{},"image/svg+xml":"<svg/>"},"metadata":{},"transient":{"display_id":"d"}}`},
	{"display_data", `{"data":{"text/plain":"x"},"metadata":{},"transient":{}}`},
	{"update_display_data", `{"data":{"text/plain":"x"},"metadata":{},"transient":{"display_id":"d"}}`},
	{"execute_result", `{"data":{"text/plain":"x"},"metadata":{},"execution_count":3}`},
	{"execute_input", `{"code":"","execution_count":0}`},
	{"error", `{"ename":"E","evalue":"v","traceback":[]}`},
	{"clear_output", `{"wait":true}`},
	{"status", `{"execution_state":"idle"}`},
	{"iopub_welcome", `{"subscription":""}`},
	{"debug_event", `{"type":"event","event":"stopped","seq":1,"body":{}}`},
	{"comm_open", `{"comm_id":"c","target_name":"t","data":{}}`},
	{"comm_msg", `{"comm_id":"c","data":{"x":1}}`},
	{"comm_close", `{"comm_id":"c","data":{}}`},
}

// message makes one with the way, parent and topic that are right for its type.
func message(typ, content string) Message {
	m := Message{
		Way: table()[typ].way, Header: []byte(strings.Replace(header, "TYPE", typ, 1)), Parent: []byte("{}"), Metadata: []byte("{}"), Content: []byte(content),
	}
	if m.Way == either {
		m.Way = Published
	}
	if table()[typ].parent == always {
		of := "execute_request"
		if kind, ok := strings.CutSuffix(typ, "_reply"); ok {
			of = kind + "_request"
		}
		m.Parent = []byte(strings.Replace(request, "TYPE", of, 1))
	}
	if m.Way == Published {
		var c struct{ Name, Subscription string }
		json.Unmarshal(m.Content, &c)
		topic := "kernel.x." + typ
		switch typ {
		case "stream":
			topic = "stream." + c.Name
		case "iopub_welcome":
			topic = c.Subscription
		}
		m.Prefix = [][]byte{[]byte(topic)}
	}
	return m
}

func TestRightMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range right {
		seen[r.typ] = true
		if err := Check(message(r.typ, r.content)); err != nil {
			t.Errorf("%s: %v", r.content, err)
		}
	}
	for typ := range table() {
		if !seen[typ] {
			t.Errorf("there is no right %s here", typ)
		}
	}
}

// TestWrongContents spoils each right message in each of its fields: leaves it out where it may not be absent, gives it a value
// of each wrong kind, and adds one that the protocol does not have.
func TestWrongContents(t *testing.T) {
	open := map[string]bool{"debug_request": true, "debug_reply": true, "usage_reply": true}
	for _, r := range right {
		var c map[string]any
		if err := json.Unmarshal([]byte(r.content), &c); err != nil {
			t.Fatal(err)
		}
		try := func(what string, want bool) {
			b, _ := json.Marshal(c)
			if err := Check(message(r.typ, string(b))); (err == nil) != want {
				t.Errorf("%s with %s: %s: %v", r.typ, what, b, err)
			}
		}
		for name, v := range c {
			required := required(r.typ, name, c)
			delete(c, name)
			try("no "+name, !required)
			for _, bad := range wrong(r.typ, name, v) {
				c[name] = bad
				if r.typ == "debug_request" || r.typ == "debug_reply" || r.typ == "debug_event" && name == "body" {
					continue
				}
				try("a wrong "+name, false)
			}
			c[name] = v
		}
		if !open[r.typ] {
			c["unheard_of"] = 1
			try("a field too many", false)
		}
	}
}

// required reports whether a field of a right content may not be absent, found out from the protocol's text and not the table.
func required(typ, name string, c map[string]any) bool {
	switch typ {
	case "execute_request":
		return name == "code"
	case "inspect_request":
		return name != "detail_level"
	case "comm_info_request", "debug_request", "debug_reply":
		return false
	case "history_request":
		return name == "output" || name == "raw" || name == "hist_access_type"
	case "kernel_info_reply":
		return name != "help_links" && name != "supported_features"
	case "usage_reply":
		return name == "hostname" || name == "pid" || name == "cpu_count" || name == "status"
	case "display_data", "execute_result":
		return name != "transient"
	case "debug_event":
		return name != "body"
	}
	return true
}

// wrong are values that a field must not have: of other kinds than v, and a word that is none of the protocol's.
func wrong(typ, name string, v any) []any {
	all := map[string]any{"string": "\x00no word of the protocol", "number": -7.5, "bool": true, "list": []any{map[string]any{"odd": 1.5}}, "object": map[string]any{"odd": []any{1}}}
	switch v.(type) {
	case string:
		switch name {
		case "status", "execution_state", "hist_access_type", "protocol_version", "type":
		default:
			if typ != "stream" || name != "name" {
				delete(all, "string")
			}
		}
	case map[string]any:
		if name == "metadata" && typ != "complete_reply" || name == "data" && strings.HasPrefix(typ, "comm_") {
			delete(all, "object") // any
		}
	case float64, nil:
		delete(all, "number")
	case bool:
		delete(all, "bool")
	}
	var out []any
	for _, x := range all {
		out = append(out, x)
	}
	return out
}

func TestWrongMessages(t *testing.T) {
	for name, change := range map[string]func(*Message){
		"header not JSON":        func(m *Message) { m.Header = []byte("{") },
		"header a list":          func(m *Message) { m.Header = []byte("[]") },
		"two headers":            func(m *Message) { m.Header = append(m.Header, m.Header...) },
		"no msg_id":              func(m *Message) { m.Header = replaced(m.Header, `"msg_id":"1",`, ``) },
		"empty session":          func(m *Message) { m.Header = replaced(m.Header, `"session":"s"`, `"session":""`) },
		"date without zone":      func(m *Message) { m.Header = replaced(m.Header, `00Z"`, `00"`) },
		"date of no form":        func(m *Message) { m.Header = replaced(m.Header, `2026-11-21T`, `yesterday `) },
		"version 4":              func(m *Message) { m.Header = replaced(m.Header, `"5.5"`, `"4.1"`) },
		"unknown type":           func(m *Message) { m.Header = replaced(m.Header, `execute_result`, `execute_outcome`) },
		"field too many":         func(m *Message) { m.Header = replaced(m.Header, `{`, `{"more":1,`) },
		"no parent":              func(m *Message) { m.Parent = []byte("{}") },
		"parent without id":      func(m *Message) { m.Parent = []byte(`{"msg_type":"execute_request"}`) },
		"parent null":            func(m *Message) { m.Parent = []byte("null") },
		"metadata a list":        func(m *Message) { m.Metadata = []byte("[]") },
		"content null":           func(m *Message) { m.Content = []byte("null") },
		"no topic":               func(m *Message) { m.Prefix = nil },
		"two topics":             func(m *Message) { m.Prefix = append(m.Prefix, m.Prefix...) },
		"topic of another":       func(m *Message) { m.Prefix[0] = []byte("kernel.x.status") },
		"on shell":               func(m *Message) { m.Way = FromKernel },
		"from a client":          func(m *Message) { m.Way = FromClient },
		"no text/plain":          func(m *Message) { m.Content = replaced(m.Content, "text/plain", "text/html") },
		"MIME type that is none": func(m *Message) { m.Content = replaced(m.Content, "text/plain\"", "text/plain\":\"\",\"html\"") },
		"base64 that is none":    func(m *Message) { m.Content = replaced(m.Content, "text/plain\"", "text/plain\":\"\",\"image/png\"") },
		"half a number":          func(m *Message) { m.Content = replaced(m.Content, "3", "3.5") },
	} {
		m := message("execute_result", `{"data":{"text/plain":"x y"},"metadata":{},"execution_count":3}`)
		if err := Check(m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		if Check(m) == nil {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
	m := message("iopub_welcome", `{"subscription":"a"}`)
	m.Prefix[0] = []byte("b")
	if Check(m) == nil {
		t.Error("a welcome under another topic")
	}
	m = message("iopub_welcome", `{"subscription":"a"}`)
	m.Parent = []byte(strings.Replace(request, "TYPE", "execute_request", 1))
	if Check(m) == nil {
		t.Error("a welcome with a parent")
	}
	m = message("stream", `{"name":"stdout","text":"x"}`)
	m.Prefix[0] = []byte("stream.stderr")
	if Check(m) == nil {
		t.Error("a stream under the other's topic")
	}
	m = message("interrupt_reply", `{"status":"ok"}`)
	m.Parent = []byte(strings.Replace(request, "TYPE", "shutdown_request", 1))
	if Check(m) == nil {
		t.Error("a reply to another request")
	}
}

func replaced(b []byte, old, with string) []byte {
	if !strings.Contains(string(b), old) {
		panic(old)
	}
	return []byte(strings.Replace(string(b), old, with, 1))
}
