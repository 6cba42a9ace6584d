package session

import (
	"context"
	"io"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// sink is where package display shows things.
type sink struct{ s *session }

func (k sink) Display(data, metadata map[string]any, id string) error {
	return k.s.out.send(pipe.KindDisplay, pipe.Display{Data: data, Metadata: metadata, DisplayID: id})
}

func (k sink) Update(data, metadata map[string]any, id string) error {
	return k.s.out.send(pipe.KindUpdate, pipe.Display{Data: data, Metadata: metadata, DisplayID: id})
}

func (k sink) Clear(wait bool) error { return k.s.out.send(pipe.KindClear, pipe.Clear{Wait: wait}) }

func (k sink) Input(ctx context.Context, prompt string, password bool) (string, error) {
	return k.s.asker.ask(ctx, prompt, password)
}

// Context is that of the cell whose code calls: package display asks for it.
func (k sink) Context() context.Context { return k.s.context() }

// Typed is of package display's.
func (k sink) Typed(line string) { k.s.asker.typed(line) }

// Print is of package display's: it prints to a stream of the cell.
func (k sink) Print(stream, text string) { io.WriteString(k.s.out.stream(stream), text) }
