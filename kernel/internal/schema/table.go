package schema

import (
	"fmt"
	"regexp"
	"sync"
)

// Whether a message has a parent.
const (
	always    = "always"
	never     = "never"
	sometimes = "sometimes"
)

// row says what is right for the messages of a type.
type row struct {
	way     Way
	parent  string
	content rule
}

var version = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^5\.\d+$`) })

func protocol(v any) error {
	if s, ok := v.(string); !ok || !version().MatchString(s) {
		return fmt.Errorf("not a version of protocol 5: %v", v)
	}
	return nil
}

func headerRule(v any) error {
	return fields{
		"msg_id": filled, "session": filled, "username": text, "date": date, "msg_type": filled, "version": protocol,
		"subshell_id?": or(null, filled),
	}.check(v)
}

// parentRule is for the header of a request, which is its client's to write: what replies are matched by must be there.
func parentRule(v any) error {
	return fields{"msg_id": text, "msg_type": filled, "*": anything}.check(v)
}

var table = sync.OnceValue(func() map[string]row {
	t := map[string]row{}
	for _, part := range []map[string]row{requests(), replies(), broadcasts(), both()} {
		for k, r := range part {
			t[k] = r
		}
	}
	return t
})

// requests are what clients send.
func requests() map[string]row {
	t := map[string]row{}
	for name, f := range map[string]fields{
		"execute_request": {
			"code": text, "silent?": boolean, "store_history?": boolean, "user_expressions?": or(null, dict(text)), "allow_stdin?": boolean, "stop_on_error?": boolean,
		},
		"inspect_request":         {"code": text, "cursor_pos": count(0), "detail_level?": number},
		"complete_request":        {"code": text, "cursor_pos": count(0)},
		"is_complete_request":     {"code": text},
		"kernel_info_request":     {},
		"connect_request":         {},
		"interrupt_request":       {},
		"shutdown_request":        {"restart": boolean},
		"comm_info_request":       {"target_name?": or(null, text)},
		"create_subshell_request": {},
		"delete_subshell_request": {"subshell_id": filled},
		"list_subshell_request":   {},
		"usage_request":           {},
		"debug_request":           {"*": anything},
		"history_request": {
			"output": boolean, "raw": boolean, "hist_access_type": oneOf("range", "tail", "search"), "session?": or(null, number), "start?": or(null, number),
			"stop?": or(null, number), "n?": or(null, number), "pattern?": or(null, text), "unique?": boolean,
		},
	} {
		t[name] = row{FromClient, sometimes, f.check}
	}
	t["input_reply"] = row{FromClient, sometimes, fields{"value": text, "status?": text}.check}
	return t
}

// fault is what the content of a reply has where the request has failed.
func fault(more fields) fields {
	f := fields{"status": oneOf("error"), "ename": filled, "evalue": text, "traceback": list(text)}
	for k, r := range more {
		f[k] = r
	}
	return f
}

// reply is the content of a reply by its status; done is that of success, without the status.
func reply(done fields, also fields) rule {
	ok := fields{"status": oneOf("ok")}
	for k, r := range done {
		ok[k] = r
	}
	return func(v any) error {
		m, _ := v.(map[string]any)
		switch m["status"] {
		case "ok":
			return ok.check(v)
		case "error":
			return fault(also).check(v)
		case "aborted":
			return fields{"status": anything}.check(v)
		}
		return fmt.Errorf("status: not ok, error or aborted: %v", m["status"])
	}
}

// replies are what a kernel answers.
func replies() map[string]row {
	t := map[string]row{}
	for name, done := range map[string]fields{
		"inspect_reply": {"found": boolean, "data": bundle, "metadata": dict(anything)},
		"complete_reply": {
			"matches": list(text), "cursor_start": count(0), "cursor_end": count(0),
			"metadata": fields{"_jupyter_types_experimental?": list(fields{
				"text": text, "start": count(0), "end": count(0), "type?": text, "signature?": text,
			}.check)}.check,
		},
		"history_reply": {"history": list(tuple(number, count(0), or(text, tuple(text, or(null, text)))))},
		"connect_reply": {
			"shell_port": count(1), "iopub_port": count(1), "stdin_port": count(1), "hb_port": count(1), "control_port": count(1),
		},
		"kernel_info_reply": {
			"protocol_version": protocol, "implementation": filled, "implementation_version": filled, "banner": text,
			"language_info": fields{
				"name": filled, "version": filled, "mimetype": filled, "file_extension": filled, "pygments_lexer?": filled,
				"codemirror_mode?": or(filled, dict(anything)), "nbconvert_exporter?": filled,
			}.check,
			"help_links?":         list(fields{"text": filled, "url": filled}.check),
			"supported_features?": list(oneOf("debugger", "kernel subshells")),
			"debugger?":           boolean,
		},
		"comm_info_reply":       {"comms": dict(fields{"target_name": text}.check)},
		"interrupt_reply":       {},
		"create_subshell_reply": {"subshell_id": filled},
		"delete_subshell_reply": {},
		"list_subshell_reply":   {"subshell_id": list(filled)},
	} {
		t[name] = row{FromKernel, always, reply(done, nil)}
	}
	t["execute_reply"] = row{FromKernel, always, reply(
		fields{"execution_count": count(0), "payload": list(payload), "user_expressions": dict(expression)},
		fields{"execution_count": count(0), "payload?": list(payload), "user_expressions?": dict(expression)},
	)}
	t["is_complete_reply"] = row{FromKernel, always, isComplete}
	used := fields{
		"hostname": filled, "pid": count(1), "kernel_cpu?": number, "kernel_memory?": count(0), "host_cpu_percent?": number, "cpu_count": count(1),
		"host_virtual_memory?": fields{"total": count(0), "available": count(0), "percent": number, "used": count(0), "free": count(0), "*": anything}.check,
		"*":                    anything,
	}
	t["usage_reply"] = row{FromKernel, always, func(v any) error {
		if m, _ := v.(map[string]any); m["status"] != nil { // it has one only where there is nothing else to say
			return reply(nil, nil)(v)
		}
		return used.check(v)
	}}
	t["debug_reply"] = row{FromKernel, always, fields{"*": anything}.check}
	t["input_request"] = row{FromKernel, always, fields{"prompt": text, "password": boolean}.check}
	return t
}

func isComplete(v any) error {
	m, _ := v.(map[string]any)
	switch m["status"] {
	case "incomplete":
		return fields{"status": text, "indent": text}.check(v)
	case "aborted":
		return fields{"status": text}.check(v)
	case "error": // not the protocol's word for it, and yet what a request to no subshell is
		return fault(nil).check(v)
	}
	return fields{"status": oneOf("complete", "invalid", "unknown")}.check(v)
}

// payload is an entry of an execute_reply's payload.
func payload(v any) error {
	m, _ := v.(map[string]any)
	switch m["source"] {
	case "page":
		return fields{"source": text, "data": shown, "start": count(0)}.check(v)
	case "set_next_input":
		return fields{"source": text, "text": text, "replace": boolean}.check(v)
	case "edit_magic":
		return fields{"source": text, "filename": filled, "line_number": number}.check(v)
	case "ask_exit":
		return fields{"source": text, "keepkernel": boolean}.check(v)
	}
	return fmt.Errorf("source: no payload of the protocol: %v", m["source"])
}

// expression is an answer to one of user_expressions.
func expression(v any) error {
	m, _ := v.(map[string]any)
	if m["status"] == "error" {
		return fault(nil).check(v)
	}
	return fields{"status": oneOf("ok"), "data": shown, "metadata": dict(anything)}.check(v)
}

// broadcasts are what a kernel publishes.
func broadcasts() map[string]row {
	transient := fields{"display_id?": filled}.check
	shows := fields{"data": shown, "metadata": dict(anything), "transient?": transient}
	return map[string]row{
		"stream":       {Published, sometimes, fields{"name": oneOf("stdout", "stderr"), "text": filled}.check},
		"display_data": {Published, sometimes, shows.check},
		"update_display_data": {Published, sometimes, fields{
			"data": shown, "metadata": dict(anything), "transient": fields{"display_id": filled}.check,
		}.check},
		"execute_result": {Published, always, fields{
			"data": shown, "metadata": dict(anything), "transient?": transient, "execution_count": count(0),
		}.check},
		"execute_input": {Published, always, fields{"code": text, "execution_count": count(0)}.check},
		"error":         {Published, sometimes, fields{"ename": filled, "evalue": text, "traceback": list(text)}.check},
		"clear_output":  {Published, sometimes, fields{"wait": boolean}.check},
		"status":        {Published, sometimes, status},
		"iopub_welcome": {Published, never, fields{"subscription": text}.check},
		"debug_event":   {Published, sometimes, fields{"type": oneOf("event"), "event": filled, "seq": number, "body?": anything}.check},
	}
}

func status(v any) error {
	return fields{"execution_state": oneOf("starting", "busy", "idle")}.check(v)
}

// both are what a client sends on shell and a kernel publishes, and the reply to a shutdown, which a kernel sends and publishes.
func both() map[string]row {
	return map[string]row{
		"comm_open":      {either, sometimes, fields{"comm_id": filled, "target_name": filled, "data": dict(anything), "target_module?": or(null, text)}.check},
		"comm_msg":       {either, sometimes, fields{"comm_id": filled, "data": dict(anything)}.check},
		"comm_close":     {either, sometimes, fields{"comm_id": filled, "data": dict(anything)}.check},
		"shutdown_reply": {either, always, reply(fields{"restart": boolean}, nil)},
	}
}
