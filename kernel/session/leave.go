package session

import (
	"strings"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// leaves reports whether a cell is one of the words by which users of jupyter console and qtconsole leave, and no name
// of theirs. Then it has asked the client to end; a notebook takes no notice.
func (r *running) leaves(code string) bool {
	word := strings.TrimSuffix(strings.TrimSpace(code), "()")
	if word != "exit" && word != "quit" {
		return false
	}
	if l, err := r.s.language(); err == nil {
		if _, declared := l.Inspect(word, len(word), 0); declared {
			return false
		}
	}
	r.s.out.send(pipe.KindPayload, map[string]any{"source": "ask_exit", "keepkernel": false})
	return true
}
