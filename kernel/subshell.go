package kernel

import (
	"fmt"
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// maxSubshells is how many there can be at once.
const maxSubshells = 1000

// shells are the queues of the main shell, whose id is "", and of subshells (JEP 91): each has a goroutine that handles what
// it holds, so that a request in one does not wait for those in another.
type shells struct {
	mu    sync.Mutex
	open  map[string]*queue
	ids   []string // of subshells, in the order in which they were created
	done  sync.WaitGroup
	serve func(*queue)
}

func newShells(serve func(*queue)) *shells {
	s := &shells{open: map[string]*queue{}, serve: serve}
	s.start("")
	return s
}

// start makes a shell; s.mu is held, or nobody else knows s yet.
func (s *shells) start(id string) {
	q := newQueue()
	s.open[id] = q
	s.done.Go(func() { s.serve(q) })
}

// of returns the queue of a shell, or nil.
func (s *shells) of(id string) *queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

func (s *shells) create(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[""] == nil {
		return errEnded
	}
	if len(s.ids) >= maxSubshells {
		return fmt.Errorf("there are already %d subshells", len(s.ids))
	}
	s.ids = append(s.ids, id)
	s.start(id)
	return nil
}

// remove ends a subshell: what waits in it is aborted, what runs comes to its end.
func (s *shells) remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.open[id]
	if id == "" || q == nil {
		return false
	}
	delete(s.open, id)
	s.ids = slices.DeleteFunc(s.ids, func(x string) bool { return x == id })
	q.finish()
	return true
}

func (s *shells) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.ids...)
}

// close ends all shells; what waits in them is dropped. What runs goes on to its end: wait waits for it.
func (s *shells) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, q := range s.open {
		q.close()
		delete(s.open, id)
	}
}

func (s *shells) wait() { s.done.Wait() }

// enqueue gives a message of the shell channel to its shell.
func (f *front) enqueue(m *wire.Message) {
	if q := f.shells.of(m.Header.SubshellID); q != nil && q.push(m) {
		return
	}
	if m.Header.SubshellID != "" { // the main shell takes no more when the kernel ends
		f.unknownSubshell(f.shell, m)
	}
}

// unknownSubshell answers a request for a subshell that there is not. The busy and the idle are all that tells the sender
// of a comm message that it was handled.
func (f *front) unknownSubshell(sock *zmtp.Socket, m *wire.Message) {
	f.pub.status("busy", m.RawHeader)
	if f.answers(sock, m.Header.MsgType) {
		f.fail(sock, m, "UnknownSubshell", fmt.Sprintf("there is no subshell %q", m.Header.SubshellID))
	}
	f.pub.status("idle", m.RawHeader)
}

func (f *front) createSubshell(sock *zmtp.Socket, m *wire.Message) {
	id := wire.NewID()
	if err := f.shells.create(id); err != nil {
		f.fail(sock, m, "SubshellLimit", err.Error())
		return
	}
	f.reply(sock, m, content{"status": "ok", "subshell_id": id})
}

func (f *front) deleteSubshell(sock *zmtp.Socket, m *wire.Message) {
	var c struct {
		ID string `json:"subshell_id"`
	}
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	if !f.shells.remove(c.ID) {
		f.fail(sock, m, "UnknownSubshell", fmt.Sprintf("there is no subshell %q", c.ID))
		return
	}
	f.reply(sock, m, content{"status": "ok"})
}

func (f *front) listSubshells(sock *zmtp.Socket, m *wire.Message) {
	f.reply(sock, m, content{"status": "ok", "subshell_id": f.shells.list()})
}
