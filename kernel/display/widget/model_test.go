package widget

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/comms"
)

func TestShowing(t *testing.T) {
	p := newPage(t)
	s := IntSlider(2, 9).Label("n").Set("layout.width", "50%").Set("style.handle_color", "teal").Set("layout.border", "solid")
	if got := p.take(); len(got) != 0 {
		t.Fatalf("before it is shown the page is told %s", briefs(got))
	}
	d := s.MimeBundle()
	view, _ := json.Marshal(d[viewType])
	if want := fmt.Sprintf(`{"model_id":"%s","version_major":2,"version_minor":0}`, s.ID()); string(view) != want {
		t.Errorf("view %s, want %s", view, want)
	}
	if d["text/plain"] != "IntSlider(n: 2 of 2 to 9)" {
		t.Errorf("text %q", d["text/plain"])
	}
	got := p.take()
	if b := briefs(got); b != "comm_open cell LayoutModel; comm_open cell SliderStyleModel; comm_open cell IntSliderModel" {
		t.Fatalf("showing it says %s", b)
	}
	if string(got[2].Metadata) != `{"version":"2.1.0"}` || got[2].Target != "jupyter.widget" || got[2].ID != s.ID() {
		t.Errorf("opened as %+v", got[2])
	}
	for i, want := range []string{`"width":"50%"`, `"handle_color":"teal"`, `"layout":"IPY_MODEL_` + got[0].ID + `"`} {
		if !strings.Contains(string(got[i].Data), want) {
			t.Errorf("%s lacks %s", got[i].Data, want)
		}
	}
	if !strings.Contains(string(got[0].Data), `"border_left":"solid"`) || !strings.Contains(string(got[2].Data), `"style":"IPY_MODEL_`+got[1].ID+`"`) {
		t.Errorf("%s\n%s", got[0].Data, got[2].Data)
	}
	s.MimeBundle()
	if got := p.take(); len(got) != 0 {
		t.Errorf("showing it again says %s", briefs(got))
	}
	s.Close()
	if b := briefs(p.take()); b != "comm_close cell; comm_close cell; comm_close cell" {
		t.Errorf("closing says %s", b)
	}
	if d := s.MimeBundle(); d[viewType] != nil || d["text/plain"] != "IntSlider (closed)" {
		t.Errorf("closed it is %v", d)
	}
	s.SetValue(5)
	if got := p.take(); s.Value() != 5 || len(got) != 0 {
		t.Errorf("closed, its value is %d and it says %s", s.Value(), briefs(got))
	}
}

// TestManyChanges: a loop that sets a value sends few messages, and the last value.
func TestManyChanges(t *testing.T) {
	p := newPage(t)
	bar := IntProgress(0, 100000)
	bar.MimeBundle()
	p.take()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 25000 {
				bar.SetValue(g*25000 + i)
			}
		})
	}
	wg.Wait()
	bar.SetValue(77)
	got := p.take()
	if len(got) > 5000 { // one in 15 ms; the loop takes far less than 75 s
		t.Errorf("%d messages for 100,001 changes", len(got))
	}
	if b := brief(got[len(got)-1]); b != "update cell value=77" {
		t.Errorf("the last is %s", b)
	}
}

func TestPageChanges(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    Widget
		data string
		want string // what is answered
		get  func(w Widget) any
		is   any
	}{
		{"number", IntSlider(0, 10), `{"value":7}`, "echo_update message value=7", func(w Widget) any { return w.(*Int).Value() }, 7},
		{"beyond the end", IntSlider(0, 10), `{"value":70}`, "echo_update message value=70; update cell value=10", func(w Widget) any { return w.(*Int).Value() }, 10},
		{"not a number", IntSlider(0, 10), `{"value":"x"}`, "update cell value=0", func(w Widget) any { return w.(*Int).Value() }, 0},
		{"half", IntSlider(0, 10), `{"value":1.5}`, "update cell value=0", func(w Widget) any { return w.(*Int).Value() }, 0},
		{"null", IntSlider(0, 10), `{"value":null}`, "update cell value=0", func(w Widget) any { return w.(*Int).Value() }, 0},
		{"noise of steps", FloatSlider(0, 0.95), `{"value":0.8999999999999999}`, "echo_update message value=0.9", func(w Widget) any { return w.(*Float).Value() }, 0.9},
		{"all digits of a field", FloatText(0), `{"value":0.12345678901234567}`, "echo_update message value=0.12345678901234566", func(w Widget) any { return w.(*Float).Value() }, 0.12345678901234566},
		{"range", FloatRangeSlider(0, 1), `{"value":[0.1,0.2]}`, "echo_update message value=[0.1 0.2]", func(w Widget) any { return w.(*FloatRange).Value() }, [2]float64{0.1, 0.2}},
		{"three of two", IntRangeSlider(0, 8), `{"value":[1,2,3]}`, "update cell value=[2 6]", func(w Widget) any { return w.(*IntRange).Value() }, [2]int{2, 6}},
		{"choice", Dropdown("a", "b"), `{"index":1}`, "echo_update message index=1", func(w Widget) any { return w.(*Choice).Value() }, "b"},
		{"none", Dropdown("a", "b"), `{"index":null}`, "echo_update message index=<nil>", func(w Widget) any { return w.(*Choice).Index() }, -1},
		{"no such choice", Dropdown("a", "b"), `{"index":2}`, "update cell index=0", func(w Widget) any { return w.(*Choice).Value() }, "a"},
		{"choices", SelectMultiple("a", "b", "c"), `{"index":[2,0]}`, "echo_update message index=[2 0]", func(w Widget) any { return strings.Join(w.(*Choices).Value(), "") }, "ac"},
		{"text", Text("x"), `{"value":"<b>é"}`, "echo_update message value=<b>é", func(w Widget) any { return w.(*String).Value() }, "<b>é"},
		{"tick", Checkbox(false), `{"value":true}`, "echo_update message value=true", func(w Widget) any { return w.(*Bool).Value() }, true},
		{"page of a tab", Tab(Label("a"), Label("b")), `{"selected_index":1}`, "echo_update message selected_index=1", func(w Widget) any { return w.(*Container).Selected() }, 1},
		{"no such page", Tab(Label("a")), `{"selected_index":1}`, "update cell selected_index=0", func(w Widget) any { return w.(*Container).Selected() }, 0},
		{"unknown", Checkbox(false), `{"nothing":1}`, "", func(w Widget) any { return w.(*Bool).Value() }, false},
		{"another class", Checkbox(false), `{"_model_name":"X","layout":"IPY_MODEL_1"}`, "", func(w Widget) any { return w.model().Get("_model_name") }, "CheckboxModel"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPage(t)
			display.Bundle(tc.w)
			p.take()
			p.tell(tc.w.model().ID(), `{"method":"update","state":`+tc.data+`,"buffer_paths":[]}`)
			if got := briefs(p.take()); got != tc.want {
				t.Errorf("answered by %q, want %q", got, tc.want)
			}
			if got := tc.get(tc.w); got != tc.is {
				t.Errorf("is %v, want %v", got, tc.is)
			}
		})
	}
}

// TestHostilePage: whatever the page sends, nothing breaks and the widget goes on.
func TestHostilePage(t *testing.T) {
	p := newPage(t)
	s, o := IntSlider(0, 10), Output()
	s.MimeBundle()
	o.MimeBundle()
	for _, id := range []string{s.ID(), o.ID(), "nobody"} {
		for _, data := range []string{
			``, `null`, `[]`, `{}`, `"x"`, `{"method":7}`, `{"method":"update"}`, `{"method":"update","state":null}`, `{"method":"update","state":[1]}`,
			`{"method":"update","state":{"value":{"a":[{}]}},"buffer_paths":[["value","a",0,"b"]]}`,
			`{"method":"update","state":{},"buffer_paths":[[],["x"],[0],["a","b"],[{}]]}`, `{"method":"update","state":{"value":1e999}}`,
			`{"method":"update","state":{"max":-5,"min":3}}`, `{"method":"update","state":{"step":0}}`, `{"method":"custom"}`, `{"method":"none"}`,
			`{"method":"update","state":{"outputs":{"a":1}}}`, `{"method":"update","state":{"value":9007199254740993000}}`,
		} {
			p.tell(id, data, []byte("a"), nil)
			comms.Deliver(comms.Message{Kind: comms.KindOpen, ID: "x" + id, Target: target, Data: json.RawMessage(data)}, place{})
			comms.Deliver(comms.Message{Kind: comms.KindOpen, ID: "y" + id, Target: controlTarget, Data: json.RawMessage(data)}, place{})
			p.tell("y"+id, data)
			comms.Deliver(comms.Message{Kind: comms.KindClose, ID: "y" + id}, place{})
		}
	}
	p.take()
	p.tell(s.ID(), `{"method":"update","state":{"value":4}}`)
	if got := briefs(p.take()); s.Value() != 4 || got != "echo_update message value=4" {
		t.Errorf("%d, %s", s.Value(), got)
	}
	p.tell("nobody", `{}`)
	if got := briefs(p.take()); got != "comm_close message" {
		t.Errorf("a comm that is not there is answered by %q", got)
	}
}

// TestDrag: ten thousand changes while a handler runs make one more call, with the last value.
func TestDrag(t *testing.T) {
	p := newPage(t)
	s := IntSlider(0, 100000)
	var calls atomic.Int32
	var last atomic.Int64
	begun, goOn := make(chan bool, 1), make(chan bool)
	s.OnChange(func(v int) {
		last.Store(int64(v))
		if calls.Add(1) == 1 {
			begun <- true
			<-goOn
		}
	})
	s.MimeBundle()
	p.tell(s.ID(), `{"method":"update","state":{"value":1}}`)
	<-begun
	p.take()
	for i := range 10000 {
		p.tell(s.ID(), fmt.Sprintf(`{"method":"update","state":{"value":%d}}`, i+2))
	}
	if got := p.take(); len(got) != 10000 || brief(got[9999]) != "echo_update message value=10001" {
		t.Errorf("%d answers while the handler runs", len(got))
	}
	close(goOn)
	eventually(t, "the last value", func() bool { return last.Load() == 10001 })
	if n := calls.Load(); n != 2 {
		t.Errorf("the handler was called %d times", n)
	}
}

func TestStatesForANewPage(t *testing.T) {
	p := newPage(t)
	pic := Image(image.NewGray(image.Rect(0, 0, 2, 2)))
	HBox(pic, Button("b")).MimeBundle()
	for _, m := range p.take() {
		if m.ID == pic.ID() && (len(m.Buffers) != 1 || !strings.Contains(string(m.Data), `"buffer_paths":[["value"]]`)) {
			t.Errorf("the picture is opened as %s with %d buffers", m.Data, len(m.Buffers))
		}
	}
	comms.Deliver(comms.Message{Kind: comms.KindOpen, ID: "control", Target: controlTarget}, place{})
	p.tell("control", `{"method":"request_states"}`)
	got := p.take()
	if len(got) != 1 || got[0].ID != "control" || got[0].at != comms.Place(place{name: "message"}) {
		t.Fatalf("answered by %s", briefs(got))
	}
	var d struct {
		Method string
		States map[string]struct {
			Name    string `json:"model_name"`
			Module  string `json:"model_module"`
			Version string `json:"model_module_version"`
			State   map[string]any
		}
		Paths [][]any `json:"buffer_paths"`
	}
	if err := json.Unmarshal(got[0].Data, &d); err != nil {
		t.Fatal(err)
	}
	x := d.States[pic.ID()]
	if d.Method != "update_states" || len(d.States) != 7 || x.Name != "ImageModel" || x.Module != controlsModule || x.Version != "2.0.0" || x.State["format"] != "png" {
		t.Errorf("%d states, the picture's %+v", len(d.States), x)
	}
	if want := [][]any{{pic.ID(), "state", "value"}}; !reflect.DeepEqual(d.Paths, want) || len(got[0].Buffers) != 1 || string(got[0].Buffers[0][1:4]) != "PNG" {
		t.Errorf("buffers at %v", d.Paths)
	}
	p.tell(pic.ID(), `{"method":"request_state"}`)
	if got := p.take(); len(got) != 1 || len(got[0].Buffers) != 1 || !strings.HasPrefix(brief(got[0]), "update message") {
		t.Errorf("a state is answered by %s", briefs(got))
	}
}

func TestEvents(t *testing.T) {
	p := newPage(t)
	events := make(chan string, 10)
	b := Button("go").OnClick(func() { events <- "click" })
	f := Text("hello").OnSubmit(func(s string) { events <- "submit " + s })
	tab := Tab(Label("a"), Label("b")).OnSelect(func(i int) { events <- fmt.Sprint("page ", i) })
	VBox(b, f, tab).MimeBundle()
	p.tell(b.ID(), `{"method":"custom","content":{"event":"click"}}`)
	p.tell(b.ID(), `{"method":"custom","content":{"event":"other"}}`)
	p.tell(f.ID(), `{"method":"custom","content":{"event":"submit"}}`)
	p.tell(tab.ID(), `{"method":"update","state":{"selected_index":1}}`)
	for _, want := range []string{"click", "submit hello", "page 1"} {
		if got := <-events; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	b.OnClick(func() { panic("oh") })
	p.tell(b.ID(), `{"method":"custom","content":{"event":"click"}}`)
	eventually(t, "the panic", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.errs) == 1 })
}

func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(){
		`IntSlider has no "stpe"`:                        func() { IntSlider(0, 1).Set("stpe", 1) },
		"the smallest value 3 is above the largest 1":    func() { IntSlider(3, 1) },
		"max is a whole number, not 1.5":                 func() { IntSlider(0, 2).Set("max", 1.5) },
		"step is more than 0, not 0":                     func() { IntSlider(0, 2).Step(0) },
		"FloatLogSlider takes powers of ten":             func() { FloatLogSlider(1, 1000) },
		"value is a number, not NaN":                     func() { FloatText(math.NaN()) },
		`button_style is one of ["" "primary"`:           func() { Button("x").Set("button_style", "blue") },
		`"c" is none of the options ["a" "b"]`:           func() { Dropdown("a", "b").SetValue("c") },
		"index 5 of 2 options":                           func() { Dropdown("a", "b").SetIndex(5) },
		"selected_index 2 of 1 children":                 func() { Tab(Label("")).SetSelected(2) },
		"a nil among the widgets of a HBox":              func() { HBox(nil) },
		"a HBox cannot be in itself":                     func() { b := HBox(); b.SetChildren(VBox(b)) },
		"a VBox cannot be in itself":                     func() { b := VBox(); b.Set("children", []Widget{HBox(b)}) },
		"a Accordion cannot be in itself":                func() { b := Accordion(); b.Set("layout", HBox(b)) },
		"a picture is an image.Image or bytes, not a in": func() { Image(3) },
		"these 3 bytes are no picture":                   func() { Image([]byte("abc")) },
		"_model_name of Button cannot be changed":        func() { Button("").Set("_model_name", "x") },
		"Layout has no":                                  func() { Button("").Set("layout.widht", "1px") },
		"Interact wants a function":                      func() { Interact(3) },
		"Interact wants a control for each parameter of func(int): it has 1, and 2 controls": func() { Interact(func(int) {}, 1, 2) },
		"a control is a widget":                    func() { Interact(func(int) {}, struct{}{}) },
		"a parameter of type string does not take": func() { Interact(func(string) {}, 1) },
		"a Button has no value":                    func() { Interact(func(string) {}, Button("")) },
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}()
			f()
		}()
	}
}

// TestWithoutANotebook: widgets are values and text.
func TestWithoutANotebook(t *testing.T) {
	s := FloatSlider(0, 1)
	s.SetValue(0.25)
	b := VBox(s, Dropdown("x", "y"), Password(), Label("l"))
	b.Children()[2].(*Model).set("value", "secret")
	data, _ := display.Bundle(b)
	want := map[string]any{"text/plain": "VBox:\n  FloatSlider(0.25 of 0 to 1)\n  Dropdown(x of x, y)\n  Password(\"••••••\")\n  Label(\"l\")"}
	if !reflect.DeepEqual(data, want) {
		t.Errorf("%q", data)
	}
	s.Close()
}
