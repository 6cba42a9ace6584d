package widget

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/comms"
)

// page is a host that keeps what is posted to it, and plays the page.
type page struct {
	t    *testing.T
	mu   sync.Mutex
	sent []posted
	errs []error
	ctx  context.Context // of the call that runs
}

type posted struct {
	comms.Message
	at comms.Place
}

// place is a cell, or a sink in one.
type place struct {
	name string
	into comms.Sink
}

func newPage(t *testing.T) *page {
	p := &page{t: t}
	Serve()
	comms.SetHost(p)
	t.Cleanup(func() {
		CloseAll()
		comms.SetHost(nil)
	})
	return p
}

func (p *page) Post(at comms.Place, m comms.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, posted{m, at})
	return nil
}

func (p *page) Here() comms.Place { return place{name: "cell"} }

func (p *page) Into(at comms.Place, to comms.Sink) comms.Place {
	w, _ := at.(place)
	w.into = to
	return w
}

func (p *page) Call(ctx context.Context, at comms.Place, f func()) (err error) {
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.ctx = nil
		p.mu.Unlock()
	}()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- fmt.Errorf("panic: %v", v)
				return
			}
			done <- nil
		}()
		f()
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if w, _ := at.(place); err != nil && err != comms.ErrSuperseded {
		if w.into != nil {
			w.into.Error("panic", err.Error(), nil)
		}
		p.mu.Lock()
		p.errs = append(p.errs, err)
		p.mu.Unlock()
	}
	comms.Flush()
	return err
}

func (p *page) Context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.ctx, context.Background())
}

func (p *page) Params(any) []string { return []string{"first", "second", "_"} }
func (p *page) Targets()            {}

// take returns what was posted since the last take.
func (p *page) take() []posted {
	comms.Flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sent
	p.sent = nil
	return s
}

// tell sends a message of the page to a widget.
func (p *page) tell(id, data string, buffers ...[]byte) {
	comms.Deliver(comms.Message{Kind: comms.KindMsg, ID: id, Data: json.RawMessage(data), Buffers: buffers}, place{name: "message"})
}

// brief is a message in short, such as "echo_update message value=3".
func brief(m posted) string {
	var d struct {
		Method string
		State  map[string]any
	}
	json.Unmarshal(m.Data, &d)
	s := []string{string(m.Kind)}
	if m.Kind == comms.KindMsg {
		s = []string{d.Method}
	}
	at, _ := m.at.(place)
	s = append(s, cmp.Or(at.name, "cell"))
	for k, v := range d.State {
		if m.Kind == comms.KindMsg {
			s = append(s, fmt.Sprintf("%s=%v", k, v))
		}
	}
	if m.Kind == comms.KindOpen {
		s = append(s, fmt.Sprint(d.State["_model_name"]))
	}
	return strings.Join(s, " ")
}

func briefs(ms []posted) string {
	var s []string
	for _, m := range ms {
		s = append(s, brief(m))
	}
	return strings.Join(s, "; ")
}

// eventually waits for something that handlers do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !awake.Until(20*time.Second, ok) {
		t.Fatalf("%s: not within 20 s", what)
	}
}
