package nb

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// native is a piece of what a session's process wrote to file descriptor 1 or 2: text, a marker behind it, or the end.
type native struct {
	name   string
	text   string
	marker string
	end    bool
}

// maxNative is how much is taken from a descriptor between two markers: a crash can print for ever.
const maxNative = 1 << 20

// readNative cuts what r gives into text and markers until its end.
func readNative(name string, r io.Reader, out chan<- native) {
	var held []byte // what has been read and not passed on
	passed := 0
	pass := func(b []byte) {
		room := maxNative - passed
		passed += len(b)
		if room <= 0 {
			return
		}
		text := string(b[:min(len(b), room)])
		if len(b) > room {
			text += "\n… (more was printed and left out)\n"
		}
		if text != "" {
			out <- native{name: name, text: text}
		}
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		held = append(held, buf[:n]...)
		for {
			i := bytes.Index(held, []byte(pipe.MarkerPrefix))
			if i < 0 || len(held) < i+pipe.MarkerLen {
				break
			}
			m := held[i : i+pipe.MarkerLen]
			if !bytes.HasSuffix(m, []byte(pipe.MarkerSuffix)) {
				i += len(pipe.MarkerPrefix) // it only looks like one
				pass(held[:i])
				held = held[i:]
				continue
			}
			pass(held[:i])
			out <- native{name: name, marker: string(m)}
			held, passed = held[i+pipe.MarkerLen:], 0
		}
		keep := unfinished(held)
		if err != nil {
			keep = 0
		}
		pass(held[:len(held)-keep])
		held = append([]byte(nil), held[len(held)-keep:]...)
		if err != nil {
			out <- native{name: name, end: true}
			return
		}
	}
}

// unfinished is how many bytes at the end of b may be the beginning of a marker or of a character.
func unfinished(b []byte) int {
	if i := bytes.Index(b, []byte(pipe.MarkerPrefix)); i >= 0 {
		return len(b) - i
	}
	for n := min(len(pipe.MarkerPrefix)-1, len(b)); n > 0; n-- {
		if bytes.HasPrefix([]byte(pipe.MarkerPrefix), b[len(b)-n:]) {
			return n
		}
	}
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n:]; utf8.RuneStart(c[0]) {
			if !utf8.FullRune(c) {
				return n
			}
			break
		}
	}
	return 0
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
