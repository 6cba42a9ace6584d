package widget

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/comms"
)

// Targets of comms in the widgets' protocol, version 2.1 (ipywidgets, packages/schema/messages.md).
const (
	target        = "jupyter.widget"
	controlTarget = "jupyter.widget.control"
)

// Serve makes the page's side of widgets find the kernel's. The session calls it.
func Serve() {
	comms.Register(target, fromPage)
	comms.Register(controlTarget, control)
	flushes()
}

var flushes = sync.OnceFunc(func() { comms.OnFlush(flushAll) })

// heard takes a message of the page; from is the message, for what answers it.
func (m *Model) heard(msg comms.Message, from comms.Place) {
	var d struct {
		Method  string
		State   map[string]any
		Paths   [][]any `json:"buffer_paths"`
		Content json.RawMessage
	}
	if json.Unmarshal(msg.Data, &d) != nil {
		return
	}
	switch d.Method {
	case "update":
		putBuffers(d.State, d.Paths, msg.Buffers)
		m.update(d.State, from)
	case "request_state":
		m.sending.Lock()
		defer m.sending.Unlock()
		m.filled()
		m.mu.Lock()
		c, values := m.comm, m.copied()
		clear(m.dirty)
		m.mu.Unlock()
		if c != nil {
			m.send(c, from, "update", values)
		}
	case "custom":
		m.mu.Lock()
		handlers := m.custom
		m.mu.Unlock()
		for _, f := range handlers {
			comms.Enqueue(m.at, func() { f(d.Content, msg.Buffers) })
		}
	}
}

// update takes values from the page and answers with them as they are now: what the page has sent in an echo, which
// tells other pages too, and what became something else in an update.
func (m *Model) update(state map[string]any, from comms.Place) {
	m.sending.Lock()
	defer m.sending.Unlock()
	values, echo, refused := map[string]any{}, map[string]any{}, map[string]any{}
	for k, v := range state {
		t := m.class.trait(k)
		if t == nil && m.class.name == "" { // a widget of the page's own
			t = &trait{name: k, kind: kindAny, null: true}
		}
		if t == nil || t.kind == kindRef || t.kind == kindRefs || strings.HasPrefix(k, "_") && m.class.name != "" {
			continue
		}
		x, err := t.value(v)
		if err != nil {
			refused[k] = true
			continue
		}
		if m.class.trait("behavior") != nil { // of a slider
			switch v := x.(type) {
			case float64:
				x = decimal(v)
			case [2]float64:
				x = [2]float64{decimal(v[0]), decimal(v[1])}
			}
		}
		values[k], echo[k] = x, x
	}
	if m.change(values, echo) != nil {
		for k := range values { // the page has it wrong: tell it what is
			refused[k] = true
			delete(echo, k)
		}
	}
	m.mu.Lock()
	c := m.comm
	for k := range refused {
		m.dirty[k] = true
	}
	m.mu.Unlock()
	if c != nil && len(echo) > 0 {
		m.send(c, from, "echo_update", echo)
	}
	if c == nil {
		return
	}
	m.mu.Lock()
	mended := map[string]any{}
	for k := range m.dirty {
		mended[k] = m.state[k]
	}
	clear(m.dirty)
	m.mu.Unlock()
	if len(mended) > 0 {
		m.send(c, m.at, "update", mended)
	}
}

// copied is the state as it is. m.mu is held.
func (m *Model) copied() map[string]any {
	values := map[string]any{}
	for k, v := range m.state {
		values[k] = v
	}
	return values
}

// putBuffers puts the bytes that came beside a state where they belong.
func putBuffers(state map[string]any, paths [][]any, buffers [][]byte) {
	for i, path := range paths {
		if i >= len(buffers) || len(path) == 0 {
			return
		}
		var at any = state
		for j, step := range path {
			last := j == len(path)-1
			switch in := at.(type) {
			case map[string]any:
				k, ok := step.(string)
				if !ok {
					break
				}
				if last {
					in[k] = buffers[i]
				}
				at = in[k]
			case []any:
				n, ok := step.(float64)
				if !ok || n < 0 || int(n) >= len(in) {
					at = nil
					break
				}
				if last {
					in[int(n)] = buffers[i]
				}
				at = in[int(n)]
			default:
				at = nil
			}
		}
	}
}

// fromPage takes a widget that the page has made: its state is kept, for other pages.
func fromPage(c *comms.Comm, msg comms.Message) {
	var d struct {
		State map[string]any
		Paths [][]any `json:"buffer_paths"`
	}
	if json.Unmarshal(msg.Data, &d) != nil || d.State == nil {
		_ = c.Close(c.At, nil)
		return
	}
	putBuffers(d.State, d.Paths, msg.Buffers)
	m := &Model{class: &class{}, id: c.ID, at: c.At, state: d.State, dirty: map[string]bool{}, pause: pause, comm: c}
	c.OnMsg, c.OnClose = m.heard, func(comms.Message, comms.Place) { m.end() }
	alive.add(m)
}

// control answers what a page asks when it is opened on a kernel that runs: the state of all widgets.
func control(c *comms.Comm, _ comms.Message) {
	c.OnMsg = func(msg comms.Message, from comms.Place) {
		var d struct{ Method string }
		if json.Unmarshal(msg.Data, &d) != nil || d.Method != "request_states" {
			return
		}
		states, paths, buffers := map[string]any{}, [][]any{}, [][]byte(nil)
		for _, m := range alive.list() {
			m.filled()
			m.mu.Lock()
			values := m.copied()
			m.mu.Unlock()
			state, p, b := wire(values)
			states[m.id] = map[string]any{
				"model_name": state["_model_name"], "model_module": state["_model_module"],
				"model_module_version": state["_model_module_version"], "state": state,
			}
			for _, path := range p {
				paths = append(paths, append([]any{m.id, "state"}, path...))
			}
			buffers = append(buffers, b...)
		}
		_ = c.Send(from, map[string]any{"method": "update_states", "states": states, "buffer_paths": paths}, buffers...)
	}
}
