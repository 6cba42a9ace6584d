package widget

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/comms"
)

// Area is a place for output.
type Area struct {
	*Model
	in *area
}

// area is what an Area holds. It is the sink of the code whose output belongs there.
type area struct {
	m *Model

	mu    sync.Mutex
	items []item
	fresh bool // before the next output, what is there goes
	held  bool // what there is is not shown yet
	swap  *time.Timer
	cut   map[string]string
	stale bool // the widget's state is not yet what there is
	size  int  // of the text of streams
	left  int  // bytes that were left out
}

// item is one output: as a notebook has it, or text of a stream.
type item struct {
	id     string // of display, for updates
	output map[string]any
	stream string
	text   []byte
}

// Limits of an Area's content: every change of it is sent whole.
const (
	maxStream = 256 << 10 // bytes of printed text
	maxItems  = 200
)

// outputPause is how long output waits for more to go with it.
const outputPause = 60 * time.Millisecond

// Output is a place for output: of code run by Do, of what Append shows, and of handlers of widgets made there.
func Output() *Area {
	m := newModel("Output")
	m.pause = outputPause
	w := &Area{m, &area{m: m, cut: map[string]string{}}}
	m.text, m.fill = w.in.text, w.in.render
	return w
}

// Set sets any trait by its name in ipywidgets, such as "layout.height" or "layout.overflow".
func (w *Area) Set(trait string, v any) *Area { w.set(trait, v); return w }

// Do runs f; what it prints and shows, and its panic, is shown here. Goroutines that f starts show theirs here as well.
func (w *Area) Do(f func()) { _ = run(context.Background(), comms.Here(), w.in, f) }

// run runs f, whose output goes to a sink; ctx ends it, as does the end of the calling code.
func run(ctx context.Context, at comms.Place, to comms.Sink, f func()) error {
	h := comms.TheHost()
	if h == nil {
		f()
		return nil
	}
	outer := h.Context()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(outer, func() { stop(context.Cause(outer)) })()
	return h.Call(ctx, h.Into(at, to), f)
}

// Append shows a value as display.Show would.
func (w *Area) Append(v any) {
	if data, metadata := display.Bundle(v); data != nil {
		w.in.Display(normal(data), normal(metadata), "")
	}
}

// Print adds text.
func (w *Area) Print(text string) { w.in.Stream("stdout", text) }

// Clear takes everything out.
func (w *Area) Clear() { w.in.Clear(false) }

// normal is a bundle as JSON has it.
func normal(m map[string]any) map[string]any {
	b, err := json.Marshal(m)
	if err != nil {
		return map[string]any{}
	}
	out := map[string]any{}
	_ = json.Unmarshal(b, &out)
	return out
}

func (a *area) Stream(name, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text = a.cut[name] + text
	delete(a.cut, name)
	for i := max(0, len(text)-utf8.UTFMax+1); i < len(text); i++ { // the beginning of a character at the end
		if utf8.RuneStart(text[i]) && !utf8.FullRuneInString(text[i:]) {
			a.cut[name], text = text[i:], text[:i]
			break
		}
	}
	if text == "" {
		return
	}
	a.begin()
	a.changed()
	if a.size+len(text) > maxStream {
		a.left += len(text)
		return
	}
	if n := len(a.items); n == 0 || a.items[n-1].stream != name {
		a.add(item{stream: name})
	}
	last := &a.items[len(a.items)-1]
	a.size -= len(last.text)
	if last.text = append(last.text, text...); strings.Contains(text, "\r") {
		last.text = []byte(carriage(string(last.text)))
	}
	a.size += len(last.text)
}

// carriage is text after its carriage returns: what follows one takes the place of its line.
func carriage(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		body := strings.TrimRight(l, "\r\n")
		if j := strings.LastIndexByte(body, '\r'); j >= 0 {
			lines[i] = l[j+1:]
		}
	}
	return strings.Join(lines, "")
}

func (a *area) Display(data, metadata map[string]any, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	if metadata == nil {
		metadata = map[string]any{}
	}
	a.add(item{id: id, output: map[string]any{"output_type": "display_data", "data": data, "metadata": metadata}})
	a.changed()
}

func (a *area) Update(data, metadata map[string]any, id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if metadata == nil {
		metadata = map[string]any{}
	}
	found := false
	for i := range a.items {
		if a.items[i].id == id && id != "" {
			a.items[i].output = map[string]any{"output_type": "display_data", "data": data, "metadata": metadata}
			found = true
		}
	}
	if found {
		a.changed()
	}
	return found
}

func (a *area) Error(name, value string, traceback []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	a.add(item{output: map[string]any{"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}})
	a.changed()
}

func (a *area) Clear(wait bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fresh = wait; !wait {
		a.empty()
		a.changed()
	}
}

// replace begins a content that takes the place of what is shown when it is whole, see settle, or after a while.
func (a *area) replace() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh, a.held = true, true
	if a.swap != nil {
		a.swap.Stop()
	}
	var t *time.Timer
	t = time.AfterFunc(swap, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.swap == t && a.held {
			if a.held = false; !a.fresh {
				a.changed()
			}
		}
	})
	a.swap = t
}

// settle shows what has come since replace.
func (a *area) settle() {
	a.mu.Lock()
	if a.swap != nil {
		a.swap.Stop()
	}
	a.held = false
	a.begin()
	a.changed()
	a.mu.Unlock()
	a.m.flush()
}

func (a *area) begin() {
	if a.fresh {
		a.fresh = false
		a.empty()
	}
}

func (a *area) empty() {
	a.items, a.size, a.left = nil, 0, 0
	clear(a.cut)
}

func (a *area) add(x item) {
	if a.items = append(a.items, x); len(a.items) > maxItems {
		a.items = a.items[1:]
	}
}

// changed has what there is made the state of the widget, and sent, soon. a.mu is held.
func (a *area) changed() {
	a.stale = true
	if !a.held {
		a.m.touch("outputs")
	}
}

// render makes what there is the state of the widget.
func (a *area) render() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stale || a.held {
		return
	}
	a.stale = false
	outputs := []any{}
	for _, x := range a.items {
		if x.stream != "" {
			x.output = map[string]any{"output_type": "stream", "name": x.stream, "text": string(x.text)}
		}
		outputs = append(outputs, x.output)
	}
	if a.left > 0 {
		outputs = append(outputs, map[string]any{
			"output_type": "stream", "name": "stderr",
			"text": fmt.Sprintf("\n… %d bytes more were printed and left out\n", a.left),
		})
	}
	a.m.put("outputs", outputs)
}

// text is the plain form of what there is.
func (a *area) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	line := func(s string) {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(s)
	}
	for _, x := range a.items {
		switch {
		case x.stream != "":
			line(string(x.text))
		case x.output["output_type"] == "error":
			line(x.output["ename"].(string) + ": " + x.output["evalue"].(string))
		default:
			s, _ := x.output["data"].(map[string]any)["text/plain"].(string)
			line(s)
		}
	}
	if b.Len() == 0 {
		return "Output()"
	}
	return strings.TrimRight(b.String(), "\n")
}

// picture is the last picture there is.
func (a *area) picture() (mime string, data any, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range slices.Backward(a.items) {
		bundle, _ := x.output["data"].(map[string]any)
		for _, mime := range []string{"image/svg+xml", "image/png"} {
			if data, ok := bundle[mime]; ok {
				return mime, data, true
			}
		}
	}
	return "", nil, false
}

// turn is the sink of one run of several into an area: when it is over, what is left of it is not heard any more.
type turn struct {
	*area
	over atomic.Bool
}

func (t *turn) Stream(name, text string) {
	if !t.over.Load() {
		t.area.Stream(name, text)
	}
}

func (t *turn) Display(data, metadata map[string]any, id string) {
	if !t.over.Load() {
		t.area.Display(data, metadata, id)
	}
}

func (t *turn) Update(data, metadata map[string]any, id string) bool {
	return t.over.Load() || t.area.Update(data, metadata, id)
}

func (t *turn) Error(name, value string, traceback []string) {
	if !t.over.Load() {
		t.area.Error(name, value, traceback)
	}
}

func (t *turn) Clear(wait bool) {
	if !t.over.Load() {
		t.area.Clear(wait)
	}
}

// show shows the results of a function as a cell's last expression is shown: not a nil error at the end, and an error
// as one.
func (t *turn) show(results []reflect.Value) {
	n := len(results)
	if n > 0 && results[n-1].Type() == reflect.TypeFor[error]() {
		err, _ := results[n-1].Interface().(error)
		results = results[:n-1]
		if err != nil {
			t.Error("error", err.Error(), []string{err.Error()})
			return
		}
	}
	for _, r := range results {
		if r.Kind() == reflect.Interface {
			if r.IsNil() {
				continue
			}
			r = r.Elem()
		}
		if data, metadata := display.Bundle(r); data != nil {
			t.Display(normal(data), normal(metadata), "")
		}
	}
}
