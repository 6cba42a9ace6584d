package session

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/session/cell"
	"github.com/godlas/godlas/kernel/session/dap"
)

// newDebugger makes what answers the debugger's requests.
func (s *session) newDebugger() *dap.Adapter {
	return dap.New(dap.Host{
		Debuggee: func() (dap.Debuggee, error) {
			l, err := s.language()
			if err != nil {
				return nil, err
			}
			if d, ok := l.(dap.Debuggee); ok {
				return d, nil
			}
			return nil, errors.New("this language has no debugger")
		},
		Event: func(event json.RawMessage) {
			s.out.flush(false) // what was printed before
			s.conn.Send(pipe.KindDebugEvent, 0, s.out.last().id, event)
		},
		Output: func(ctx context.Context, text string) {
			w, ok := ownerOf(ctx)
			if !ok {
				w = s.out.last()
			}
			s.out.sendAs(w, pipe.KindStream, pipe.Stream{Name: "stdout", Text: text})
		},
		Go: func(code string) (parts []string) {
			for _, p := range cell.Split(code) {
				if p.Kind == cell.Go {
					parts = append(parts, p.Source(code))
				}
			}
			return parts
		},
		Bundle: func(v reflect.Value) (data, metadata map[string]any) { return display.Bundle(v) },
	})
}

// debug answers a request of the debugger.
func (s *session) debug(f pipe.Frame) {
	s.done(f.ID, pipe.Done{Reply: s.debugger.Handle(f.Body)})
}
