package session

import (
	"slices"
	"sync"

	"github.com/godlas/godlas/kernel/session/magic"
)

// inputs are the cells that have run, oldest first.
type inputs struct {
	mu   sync.Mutex
	list []magic.Input
}

// Limits of what is kept: of cells, and of the text of a result.
const (
	keptInputs = 10_000
	keptResult = 4 << 10
)

func (in *inputs) add(i magic.Input) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(i.Result) > keptResult {
		i.Result = i.Result[:whole([]byte(i.Result[:keptResult]))] + " …"
	}
	if len(in.list) >= keptInputs {
		in.list = slices.Delete(in.list, 0, keptInputs/10)
	}
	in.list = append(in.list, i)
}

// Inputs is of magic.Session.
func (r *running) Inputs() []magic.Input {
	r.s.inputs.mu.Lock()
	defer r.s.inputs.mu.Unlock()
	return slices.Clone(r.s.inputs.list)
}

// Forget is of magic.Session.
func (r *running) Forget(name string) {
	if l, err := r.s.language(); err == nil {
		if l, ok := l.(interface{ Forget(name string) }); ok {
			l.Forget(name)
		}
	}
}

// CanAsk is of magic.Session.
func (r *running) CanAsk() bool {
	a := r.s.asker
	w := r.s.out.owner()
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.desk(w)
	return d != nil && d.allowed
}
