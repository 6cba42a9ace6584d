package session

import (
	"sync"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// shells run what is queued: what is of one shell in its order, what is of different ones beside each other. They have no
// limit, since their reader must never block: an interrupt comes through the same pipe.
type shells struct {
	serve func(pipe.Frame)

	mu      sync.Mutex
	waiting map[string][]pipe.Frame // of the shells that run something
	closed  bool
	working sync.WaitGroup
}

func newShells(serve func(pipe.Frame)) *shells {
	return &shells{serve: serve, waiting: map[string][]pipe.Frame{}}
}

func (s *shells) push(f pipe.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	q, runs := s.waiting[f.Shell]
	s.waiting[f.Shell] = append(q, f)
	if !runs {
		s.working.Go(func() { s.run(f.Shell) })
	}
}

// run serves what waits in a shell until there is nothing.
func (s *shells) run(shell string) {
	for {
		s.mu.Lock()
		q := s.waiting[shell]
		if len(q) == 0 || s.closed {
			delete(s.waiting, shell)
			s.mu.Unlock()
			return
		}
		f := q[0]
		q[0] = pipe.Frame{}
		s.waiting[shell] = q[1:]
		s.mu.Unlock()
		s.serve(f)
	}
}

// close drops what waits; the channel it returns is closed when nothing runs any more.
func (s *shells) close() <-chan struct{} {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.working.Wait()
	}()
	return done
}
