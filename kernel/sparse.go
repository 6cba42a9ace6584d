package kernel

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A peer must not fill the log: of lines with one message, sparseLines are kept in a sparseTime, and the first after it
// says how many were left out.
const (
	sparseLines = 100
	sparseTime  = time.Minute
)

// sparse is a handler of log lines that keeps few of a kind.
type sparse struct {
	slog.Handler
	*counts
}

type counts struct {
	mu sync.Mutex
	of map[string]*count
}

type count struct {
	begun   time.Time
	n, left int
}

func newSparse(h slog.Handler) slog.Handler {
	return sparse{h, &counts{of: map[string]*count{}}}
}

// Handle is of slog.Handler.
func (s sparse) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo { // asked for
		return s.Handler.Handle(ctx, r)
	}
	s.mu.Lock()
	c := s.of[r.Message] // messages are constants, so they are few
	if c == nil {
		c = &count{begun: time.Now()}
		s.of[r.Message] = c
	}
	left := 0
	if time.Since(c.begun) > sparseTime {
		left = c.left
		*c = count{begun: time.Now()}
	}
	c.n++
	keep := c.n <= sparseLines
	if !keep {
		c.left++
	}
	s.mu.Unlock()
	if left > 0 {
		r.Message += fmt.Sprintf(" (%d more of these were left out)", left)
	}
	if !keep {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs is of slog.Handler.
func (s sparse) WithAttrs(a []slog.Attr) slog.Handler {
	return sparse{s.Handler.WithAttrs(a), s.counts}
}

// WithGroup is of slog.Handler.
func (s sparse) WithGroup(name string) slog.Handler {
	return sparse{s.Handler.WithGroup(name), s.counts}
}
