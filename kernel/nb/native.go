package nb

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// maxNative is how much is kept of what a session's process writes to its descriptors until it is taken: nobody waits for
// room while a cell is busy.
const maxNative = 4 << 20

// natives gathers what is read from a session's file descriptors 1 and 2.
type natives struct {
	mu    sync.Mutex
	texts []pipe.Stream
	size  int
	lost  int           // bytes beyond maxNative
	more  chan struct{} // has a token when there is something
}

func newNatives() *natives { return &natives{more: make(chan struct{}, 1)} }

// of is what takes the text of one descriptor.
func (n *natives) of(name string) func(text []byte) {
	return func(text []byte) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.size+len(text) > maxNative {
			n.lost += len(text)
			return
		}
		n.size += len(text)
		if k := len(n.texts); k > 0 && n.texts[k-1].Name == name {
			n.texts[k-1].Text += string(text)
		} else {
			n.texts = append(n.texts, pipe.Stream{Name: name, Text: string(text)})
		}
		select {
		case n.more <- struct{}{}:
		default:
		}
	}
}

// take passes on what there is.
func (n *natives) take(out func(pipe.Frame)) {
	n.mu.Lock()
	texts, lost := n.texts, n.lost
	n.texts, n.size, n.lost = nil, 0, 0
	n.mu.Unlock()
	if lost > 0 {
		texts = append(texts, pipe.Stream{Name: "stderr", Text: fmt.Sprintf("\n[left out here: %s of native output]\n", pipe.Bytes(int64(lost)))})
	}
	for _, s := range texts {
		if f, err := frame(pipe.KindStream, s); err == nil {
			out(f)
		}
	}
}

// frame makes a frame with a body.
func frame(kind pipe.Kind, body any) (pipe.Frame, error) {
	if body == nil {
		return pipe.Frame{Kind: kind}, nil
	}
	b, err := json.Marshal(body)
	return pipe.Frame{Kind: kind, Body: b}, err
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
