package front

import (
	"fmt"
	"go/token"
	"go/types"
)

// A cell that fails half way keeps what it had finished: a variable whose declaration was not reached, or failed, is not
// declared, and its name means what it did before.

// made is a variable that a statement of the cell declares.
type made struct {
	name   string
	obj    types.Object
	old    types.Object // what the name was, or nil
	pkg    string       // the package that the name was, or ""
	number int          // of the statement, from 1
}

// step counts a statement that declares names; the text that it returns says when it is done.
func (b *builder) step(names []string, end token.Pos) string {
	b.steps++
	for _, n := range names {
		if b.order[n] == 0 {
			b.order[n] = b.steps
		}
	}
	if b.steps == 1 {
		b.globals.WriteString("/*line gen:1:1*/var " + b.name("done") + " int\n")
	}
	return fmt.Sprintf("; %s = %d", b.name("done"), b.steps) + b.at(end)
}

// Finish forgets what only counts while the cell runs. If the cell failed, it takes back the variables that it did not come
// to declare.
func (s *Session) Finish(c *Compiled, failed bool) {
	if c.done == nil {
		return
	}
	if failed {
		last := int(s.M.Variable(c.done).Int())
		for _, m := range c.made {
			if m.number <= last || s.live[m.name] != m.obj {
				continue
			}
			delete(s.live, m.name)
			if m.old != nil {
				s.live[m.name] = m.old
			} else if m.pkg != "" {
				s.imports[m.name] = m.pkg
			}
		}
	}
	s.M.Forget(c.done)
	c.done, c.made = nil, nil
}
