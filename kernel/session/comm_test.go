package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/display/widget"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// comm sends a message of the page; it returns the frames before the answer.
func (c *client) comm(kind pipe.Kind, m pipe.Comm) []pipe.Frame {
	c.t.Helper()
	id := c.send(kind, 0, m)
	frames, last := c.answer(id)
	if last.Kind != pipe.KindDone {
		c.t.Errorf("%s is answered by %s", kind, last.Kind)
	}
	for _, f := range frames {
		if f.Kind == pipe.KindCommMsg && f.Parent != id {
			c.t.Errorf("%s has parent %d, not %d", f.Kind, f.Parent, id)
		}
	}
	return frames
}

// show runs a cell, in which a widget counts as made, and shows it.
func (c *client) show(w interface{ MimeBundle() map[string]any }) {
	c.t.Helper()
	display.Show(w)
	c.until("display:")
}

func TestCommIsTakenBeforeTheAnswer(t *testing.T) {
	c := goSession(t)
	for i := range 3 {
		c.comm(pipe.KindCommOpen, pipe.Comm{ID: "ctl", Target: "jupyter.widget.control"})
		frames := c.comm(pipe.KindCommMsg, pipe.Comm{ID: "ctl", Data: json.RawMessage(`{"method":"request_states"}`)})
		if len(frames) != 1 || !strings.Contains(string(frames[0].Body), `"update_states"`) {
			t.Errorf("%d: answered by %v", i, frames)
		}
		c.comm(pipe.KindCommClose, pipe.Comm{ID: "ctl"})
	}
	if frames := c.comm(pipe.KindCommOpen, pipe.Comm{ID: "x", Target: "nothing"}); len(frames) != 1 || frames[0].Kind != pipe.KindCommClose {
		t.Errorf("a target that is not there: %v", frames)
	}
}

// TestHandlersBesideCells: while cells run and print, what handlers print stays with the cell that made the widget.
func TestHandlersBesideCells(t *testing.T) {
	c := goSession(t)
	made := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "1", Count: 1})
	c.answer(made)
	slider := widget.IntSlider(0, 1000) // between cells all belongs to the last
	slider.OnChange(func(v int) { display.Show(fmt.Sprintf("at %d;", v)) })
	c.show(slider)
	const n = 200
	other := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "for i := range 2000 { fmt.Println(\"cell\", i) }", Count: 2})
	for i := range n {
		c.send(pipe.KindCommMsg, 0, pipe.Comm{ID: slider.ID(), Data: json.RawMessage(fmt.Sprintf(`{"method":"update","state":{"value":%d}}`, i+1))})
	}
	text := map[uint64]string{}
	for done := 0; done < n+1 || !strings.Contains(text[made], fmt.Sprintf("at %d;", n)); {
		f := c.next()
		switch f.Kind {
		case pipe.KindDone:
			done++
		case pipe.KindStream:
			text[f.Parent] += body[pipe.Stream](t, f).Text
		case pipe.KindDisplay:
			text[f.Parent] += brief(t, f)
		}
	}
	if strings.Contains(text[made], "cell") || strings.Count(text[other], "cell") != 2000 || strings.Contains(text[other], "at") {
		t.Errorf("of the widget's cell: %q; of the other %d bytes", text[made], len(text[other]))
	}
}

func TestHandlerIsStopped(t *testing.T) {
	c := goSession(t)
	made := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "1", Count: 1})
	c.answer(made)
	how := make(chan error, 1)
	b := widget.Button("wait").OnClick(func() {
		ctx := display.Context()
		display.Show("waits")
		<-ctx.Done()
		how <- ctx.Err()
	})
	c.show(b)
	for range 2 {
		id := c.send(pipe.KindCommMsg, 0, pipe.Comm{ID: b.ID(), Data: json.RawMessage(`{"method":"custom","content":{"event":"click"}}`)})
		for shown, answered, failed := false, false, false; !answered || !failed; {
			switch f := c.next(); {
			case f.ID == id:
				answered = true
			case f.Kind == pipe.KindDisplay && !shown:
				shown = true
				c.send(pipe.KindInterrupt, pipe.Handlers, nil)
			case f.Kind == pipe.KindError:
				failed = true
				if e := body[pipe.Error](t, f); e.Name != "Interrupted" || !e.Aside || f.Parent != made {
					t.Errorf("%+v of %d", e, f.Parent)
				}
			}
		}
		<-how
	}
	if out, _ := c.run("1 + 1"); len(out) != 1 || out[0] != "result: 2" {
		t.Errorf("%q", out)
	}
}
