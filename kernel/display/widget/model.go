package widget

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/comms"
)

// Widget is anything that this package makes.
type Widget interface{ model() *Model }

// Model is what all widgets are: named traits that the page and the kernel share. Its methods may be called from many
// goroutines.
type Model struct {
	class *class
	id    string
	at    comms.Place // of the code that made it, where what handlers say belongs
	text  func() string
	shows func() // runs before it is shown
	fill  func() // puts what is made late into the state

	sending sync.Mutex // one message is made and sent at a time, so that none overtakes a newer one

	mu       sync.Mutex
	state    map[string]any
	dirty    map[string]bool // to be sent
	by       comms.Place     // of the code that has changed it last
	timer    *time.Timer     // until they are
	pause    time.Duration
	comm     *comms.Comm
	closed   bool
	watchers []*watcher
	now      []func() // called at once after any change of a value
	custom   []func(content json.RawMessage, buffers [][]byte)
}

// watcher is a handler of a trait.
type watcher struct {
	trait  string
	queued bool
	last   any
	f      func(v any)
}

// pause is how long changes wait for more to go with them.
const pause = 15 * time.Millisecond

// newModel makes a widget that the page does not know of yet: it learns of it when it is first shown.
func newModel(name string) *Model {
	m := bare(classOf(name))
	if m.class.layout {
		m.state["layout"] = bare(classOf("Layout"))
	}
	if m.class.style != "" {
		m.state["style"] = bare(classOf(m.class.style))
	}
	return m
}

func bare(c *class) *Model {
	m := &Model{class: c, id: comms.NewID(), at: comms.Here(), state: map[string]any{}, dirty: map[string]bool{}, pause: pause}
	for _, t := range c.traits {
		m.state[t.name] = t.def
	}
	return m
}

func (m *Model) model() *Model { return m }

// ID is the widget's name in Jupyter's messages.
func (m *Model) ID() string { return m.id }

// Get returns the value of a trait by the name it has in ipywidgets, such as "max", "style.handle_color" or
// "layout.width". It panics if there is no such trait.
func (m *Model) Get(trait string) any {
	m, trait = m.part(trait)
	m.known(trait)
	m.filled()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state[trait]
}

// set changes a trait for a cell; it panics with one line for what it is not.
func (m *Model) set(trait string, v any) {
	if m.class.layout && trait == "layout.border" {
		for _, side := range []string{"top", "right", "bottom", "left"} {
			m.set("layout.border_"+side, v)
		}
		return
	}
	m, trait = m.part(trait)
	t := m.known(trait)
	if strings.HasPrefix(trait, "_") && trait != "_dom_classes" && trait != "_options_labels" {
		panic(fault("%s of %s cannot be changed", trait, m.class.name))
	}
	x, err := t.value(v)
	if err == nil {
		err = m.outside(x)
	}
	if err == nil {
		err = m.change(map[string]any{trait: x}, nil)
	}
	if err != nil {
		panic(err)
	}
}

// part is the model that a dotted name means, and the name there.
func (m *Model) part(trait string) (*Model, string) {
	of, name, ok := strings.Cut(trait, ".")
	if !ok || of != "layout" && of != "style" {
		return m, trait
	}
	m.mu.Lock()
	p, ok := m.state[of].(*Model)
	m.mu.Unlock()
	if !ok {
		panic(fault("%s has no %s", m.class.name, of))
	}
	return p, name
}

func (m *Model) known(name string) *trait {
	t := m.class.trait(name)
	if t == nil {
		var names []string
		for _, t := range m.class.traits {
			if !strings.HasPrefix(t.name, "_") {
				names = append(names, t.name)
			}
		}
		slices.Sort(names)
		panic(fault("%s has no %q; it has %s", m.class.name, name, strings.Join(names, ", ")))
	}
	return t
}

// change takes new values, which are of their traits' types, all or none. What is known is what the page has already.
func (m *Model) change(values, known map[string]any) error {
	by := m.at
	if known == nil {
		by = comms.Here()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by = by
	next := maps.Clone(m.state)
	keys := slices.Sorted(maps.Keys(values))
	for _, k := range keys {
		next[k] = values[k]
	}
	if m.class.check != nil {
		for _, k := range keys {
			if err := m.class.check(next, k); err != nil {
				return err
			}
		}
	}
	old := m.state
	m.state = next
	if !same(old["value"], next["value"]) || !same(old["index"], next["index"]) {
		for _, f := range m.now {
			defer f()
		}
	}
	for _, t := range m.class.traits {
		k := t.name
		if has, ok := known[k]; ok {
			delete(m.dirty, k)
			if !same(has, next[k]) {
				m.dirty[k] = true
			}
		} else if !same(old[k], next[k]) {
			m.dirty[k] = true
		}
		if !same(old[k], next[k]) {
			m.notify(k)
		}
	}
	if m.comm == nil || m.closed {
		clear(m.dirty)
	}
	m.sendSoon()
	return nil
}

// filled sees to it that the state is whole. No lock is held.
func (m *Model) filled() {
	if m.fill != nil {
		m.fill()
	}
}

// touch has a trait sent soon that fill makes.
func (m *Model) touch(trait string) {
	by := comms.Here()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by = by; m.comm != nil && !m.closed {
		m.dirty[trait] = true
		m.sendSoon()
	}
}

// put is for fill: it sets a trait as it is.
func (m *Model) put(trait string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = maps.Clone(m.state)
	m.state[trait] = v
}

// sendSoon has what has changed sent after a pause. m.mu is held.
func (m *Model) sendSoon() {
	if len(m.dirty) == 0 || m.timer != nil {
		return
	}
	waiting.add(m)
	m.timer = time.AfterFunc(m.pause, m.flush)
}

// flush sends what has changed.
func (m *Model) flush() {
	m.sending.Lock()
	defer m.sending.Unlock()
	defer m.sent() // not before: who waits for it waits for what is on its way too
	m.filled()
	m.mu.Lock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	c, at := m.comm, m.by
	values := map[string]any{}
	for k := range m.dirty {
		values[k] = m.state[k]
	}
	clear(m.dirty)
	m.mu.Unlock()
	if c != nil && len(values) > 0 {
		m.send(c, at, "update", values)
	}
}

// sent notes that there is nothing to send, if so.
func (m *Model) sent() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.dirty) == 0 {
		waiting.remove(m)
	}
}

// send sends values of traits. m.sending is held.
func (m *Model) send(c *comms.Comm, at comms.Place, method string, values map[string]any) {
	state, paths, buffers := wire(values)
	// An error here is the end of the session's pipe: nobody is left to be told.
	_ = c.Send(at, map[string]any{"method": method, "state": state, "buffer_paths": paths}, buffers...)
}

// wire is a state as it is sent: bytes apart, widgets by name; those that the page does not know of are opened.
func wire(values map[string]any) (state map[string]any, paths [][]any, buffers [][]byte) {
	state, paths = map[string]any{}, [][]any{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		switch v := values[k].(type) {
		case []byte:
			paths, buffers = append(paths, []any{k}), append(buffers, v)
		case *Model:
			state[k] = v.reference()
		case []*Model:
			names := []string{}
			for _, c := range v {
				names = append(names, c.reference())
			}
			state[k] = names
		default:
			state[k] = v
		}
	}
	return state, paths, buffers
}

func (m *Model) reference() string {
	m.open()
	return "IPY_MODEL_" + m.id
}

// open makes the page know the widget, and those that it is made of.
func (m *Model) open() {
	m.sending.Lock()
	defer m.sending.Unlock()
	m.filled()
	m.mu.Lock()
	if m.comm != nil || m.closed {
		m.mu.Unlock()
		return
	}
	c := m.newComm(m.id, m.at)
	m.comm = c
	values := maps.Clone(m.state)
	clear(m.dirty)
	m.mu.Unlock()
	state, paths, buffers := wire(values)
	_ = comms.Open(comms.Here(), c, map[string]any{"state": state, "buffer_paths": paths}, map[string]any{"version": protocolVersion}, buffers...)
	alive.add(m)
}

func (m *Model) newComm(id string, at comms.Place) *comms.Comm {
	return &comms.Comm{ID: id, Target: target, At: at, OnMsg: m.heard, OnClose: func(comms.Message, comms.Place) { m.end() }}
}

// Close removes the widget from the page, with its layout and style. It stays as it is for the cells that have it; what
// it contains is not closed.
func (m *Model) Close() {
	m.mu.Lock()
	c := m.comm
	parts := []any{m.state["layout"], m.state["style"]}
	m.mu.Unlock()
	m.end()
	if c != nil {
		_ = c.Close(comms.Here(), nil)
	}
	for _, p := range parts {
		if p, ok := p.(*Model); ok {
			p.Close()
		}
	}
}

// end makes the widget one that is closed.
func (m *Model) end() {
	m.mu.Lock()
	m.closed, m.comm = true, nil
	clear(m.dirty)
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	m.mu.Unlock()
	waiting.remove(m)
	alive.remove(m)
}

// notify has the handlers of a trait called. m.mu is held.
func (m *Model) notify(trait string) {
	for _, w := range m.watchers {
		if w.trait != trait || w.queued {
			continue
		}
		w.queued = true // one call serves all changes until it begins
		comms.Enqueue(m.at, func() {
			m.mu.Lock()
			v := m.state[trait]
			w.queued = false
			again := same(v, w.last)
			w.last = v
			m.mu.Unlock()
			if !again {
				w.f(v)
			}
		})
	}
}

// watch has f called, after a change of the trait, with its value then.
func (m *Model) watch(trait string, f func(v any)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers = append(m.watchers, &watcher{trait: trait, last: m.state[trait], f: f})
}

// watchNow has f, which is quick and not a cell's, called at each change of the value.
func (m *Model) watchNow(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = append(m.now, f)
}

// OnCustom calls f for each custom message of the widget in the page, such as {"event": "click"}.
func (m *Model) OnCustom(f func(content json.RawMessage, buffers [][]byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.custom = append(m.custom, f)
}

// Send sends a custom message to the widget in the page, after the changes made before. It does nothing for one that was
// not shown.
func (m *Model) Send(content any, buffers ...[]byte) error {
	m.flush()
	m.mu.Lock()
	c := m.comm
	m.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.Send(comms.Here(), map[string]any{"method": "custom", "content": content}, buffers...)
}

// set of models, such as those that the page knows.
type models struct {
	mu  sync.Mutex
	all map[*Model]bool
}

var alive, waiting models

func (s *models) add(m *Model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Model]bool{}
	}
	s.all[m] = true
}

func (s *models) remove(m *Model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, m)
}

func (s *models) list() []*Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.all))
}

// flushAll sends what all widgets have to send.
func flushAll() {
	for _, m := range waiting.list() {
		m.flush()
	}
}

// CloseAll closes all widgets that were shown.
func CloseAll() {
	for _, m := range alive.list() {
		m.Close()
	}
}
