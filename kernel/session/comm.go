package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/godlas/godlas/kernel/internal/comms"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// commHost is the session to package comms.
type commHost struct{ s *session }

// comm hands a comm message of the page to its comm, and says when it has taken it: what handlers of cells make of it
// comes later, beside the cells.
func (s *session) comm(f pipe.Frame) {
	if c, err := pipe.Decode[pipe.Comm](f); err == nil {
		m := comms.Message{Kind: comms.Kind(f.Kind), ID: c.ID, Target: c.Target, Data: c.Data, Metadata: c.Metadata, Buffers: f.Buffers}
		quietly(func() { comms.Deliver(m, owner{id: f.ID}) })
	}
	s.conn.Send(pipe.KindDone, f.ID, 0, pipe.Done{})
}

// Post is of comms.Host.
func (h commHost) Post(at comms.Place, m comms.Message) error {
	w, ok := at.(owner)
	if !ok {
		w = h.s.out.owner()
	}
	c := pipe.Comm{ID: m.ID, Target: m.Target, Data: m.Data, Metadata: m.Metadata}
	if maker, ok := m.Maker.(owner); ok && maker.id != w.id {
		c.Maker = maker.id
	}
	return h.s.out.post(w, pipe.Kind(m.Kind), c, m.Buffers)
}

// Here is of comms.Host.
func (h commHost) Here() comms.Place { return h.s.out.owner() }

// Into is of comms.Host.
func (h commHost) Into(at comms.Place, to comms.Sink) comms.Place {
	w, _ := at.(owner)
	w.into = to
	return w
}

// Targets is of comms.Host.
func (h commHost) Targets() { h.s.sayReady() }

// sayReady tells the front what the session is; again when that has changed.
func (s *session) sayReady() error {
	r := s.ready
	r.CommTargets = comms.Targets()
	return s.conn.Send(pipe.KindReady, 0, 0, r)
}

// handlerKey is the key under which the context of a handler says that it is one.
type handlerKey struct{}

// handling is the context of the handler whose code calls, or nil.
func (s *session) handling() context.Context {
	if s.calling.Load() == 0 {
		return nil // none runs: nothing to look for
	}
	if ctx := interp.Marked(); ctx != nil && ctx.Value(handlerKey{}) != nil {
		return ctx
	}
	return nil
}

// Context is of comms.Host.
func (h commHost) Context() context.Context {
	if ctx := h.s.context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// Params is of comms.Host.
func (h commHost) Params(f any) []string {
	if l, err := h.s.language(); err == nil {
		if l, ok := l.(interface{ Params(f any) []string }); ok {
			return l.Params(f)
		}
	}
	return nil
}

// Call is of comms.Host.
func (h commHost) Call(ctx context.Context, at comms.Place, f func()) error {
	s := h.s
	w, ok := at.(owner)
	if !ok {
		w = s.out.owner()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx = context.WithValue(context.WithValue(ctx, ownerKey{}, w), handlerKey{}, true)
	s.calling.Add(1)
	defer s.calling.Add(-1)
	s.mu.Lock()
	s.handlers[&stop] = true
	s.mu.Unlock()
	err := s.call(ctx, f)
	s.mu.Lock()
	delete(s.handlers, &stop)
	s.mu.Unlock()
	comms.Flush()
	s.out.flush(false)
	if err != nil && !errors.Is(context.Cause(ctx), comms.ErrSuperseded) {
		s.showError(ctx, w, err)
	}
	return err
}

// stopHandlers interrupts what handlers run. s.mu is held.
func (s *session) stopHandlers(why error) {
	for stop := range s.handlers {
		(*stop)(why)
	}
}

// call runs f as the language runs a cell.
func (s *session) call(ctx context.Context, f func()) (err error) {
	if l, lerr := s.language(); lerr == nil {
		if l, ok := l.(interface {
			Call(ctx context.Context, f func()) error
		}); ok {
			return l.Call(ctx, f)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	f()
	return nil
}

// showError shows in a place what ended a handler.
func (s *session) showError(ctx context.Context, w owner, err error) {
	e := message("Interrupted", "what ran here was interrupted"+stillRuns(err))
	if ctx.Err() == nil {
		e = s.describe(ctx, err)
	}
	e.Aside = true
	s.out.sendAs(w, pipe.KindError, e)
}

// redirect gives a frame of output to a sink; false if it is not one for it.
func redirect(to comms.Sink, kind pipe.Kind, body any) bool {
	switch b := body.(type) {
	case pipe.Display:
		if kind == pipe.KindUpdate {
			return to.Update(plainJSON(b.Data), plainJSON(b.Metadata), b.DisplayID)
		}
		to.Display(plainJSON(b.Data), plainJSON(b.Metadata), b.DisplayID)
	case pipe.Clear:
		to.Clear(b.Wait)
	case *pipe.Error:
		to.Error(b.Name, b.Value, b.Traceback)
	default:
		return false
	}
	return true
}

// plainJSON is a bundle as it was when it was shown: a cell may change its maps afterwards.
func plainJSON(m map[string]any) map[string]any {
	b, err := json.Marshal(m)
	if err != nil {
		return map[string]any{}
	}
	var out map[string]any
	json.Unmarshal(b, &out)
	return out
}
