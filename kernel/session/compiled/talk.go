package compiled

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/godlas/godlas/kernel/display"
)

// maxMessage is the size of the largest message that is taken from a program, in bytes.
const maxMessage = 32 << 20

// Refused says why a program or cell that imports a package of GoNB's cannot work here, or "".
func Refused(path string) string {
	rest, ok := strings.CutPrefix(path, standinPath+"/gonbui/")
	if !ok {
		return ""
	}
	switch part, _, _ := strings.Cut(rest, "/"); part {
	case "widgets", "comms":
		return path + ": GoNB's own widgets need its script in the page, which is not there; this kernel has Jupyter's, in package widget"
	case "dom":
		return path + ": changing the page from a program needs GoNB's script in the page, which is not there; gonbui.UpdateHTML changes what was shown"
	case "wasm":
		return path + ": cells that are compiled to WebAssembly are GoNB's alone; show HTML with a script instead (gonbui.DisplayHTML)"
	}
	return ""
}

// host is the kernel's end of the conversation with a program, as GoNB leads it (github.com/janpfeifer/gonb/gonbui/protocol):
// messages of encoding/gob, DisplayData from the program, CommValue to it.
type host struct {
	from   io.Reader
	answer func(v *protocol.CommValue) error
	input  func(prompt string, password bool)
	before func() // passes on what the program has printed
	notes  io.Writer
	said   map[string]bool
}

// note says something once.
func (h *host) note(s string) {
	if h.said[s] {
		return
	}
	if h.said == nil {
		h.said = map[string]bool{}
	}
	h.said[s] = true
	fmt.Fprintln(h.notes, "note: "+s)
}

// serve takes messages until their end. What is not understood ends the conversation with a sentence; the program goes on.
func (h *host) serve() {
	err := h.messages()
	if err != nil {
		h.note("what the program sends to be shown is not understood, and nothing more of it is taken: " + err.Error())
	}
	_, _ = io.Copy(io.Discard, h.from) // the program must not wait for a reader
}

func (h *host) messages() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	dec := gob.NewDecoder(&bounded{r: h.from})
	for {
		var d protocol.DisplayData
		switch err := dec.Decode(&d); {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed): // the latter: something that it left running holds the pipe
			return nil
		case err != nil:
			return err
		}
		if err := h.take(&d); err != nil {
			return err
		}
	}
}

func (h *host) take(d *protocol.DisplayData) error {
	if v, ok := d.Data[protocol.MIMECommValue]; ok {
		c, ok := v.(protocol.CommValue)
		if !ok {
			return fmt.Errorf("a %T in place of a CommValue", v)
		}
		if c.Address == protocol.GonbuiSyncAddress {
			return h.answer(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: c.Value})
		}
		h.note("values between the page and a program (" + short(c.Address) + ") are of GoNB's own widgets, which this kernel does not have")
		return nil
	}
	if _, ok := d.Data[protocol.MIMECommSubscribe]; ok {
		h.note("values between the page and a program are of GoNB's own widgets, which this kernel does not have")
		return nil
	}
	h.before()
	if v, ok := d.Data[protocol.MIMEJupyterInput]; ok {
		r, ok := v.(protocol.InputRequest)
		if !ok {
			return fmt.Errorf("a %T in place of an InputRequest", v)
		}
		h.input(r.Prompt, r.Password)
		return nil
	}
	show(d)
	return nil
}

func short(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%.60q…", s)
	}
	return fmt.Sprintf("%q", s)
}

// show shows a bundle, under its name if it has one.
func show(d *protocol.DisplayData) {
	if len(d.Data) == 0 {
		return
	}
	var html, markdown string
	_, onlyHTML := d.Data[protocol.MIMETextHTML].(string)
	_, onlyMarkdown := d.Data[protocol.MIMETextMarkdown].(string)
	onlyHTML, onlyMarkdown = onlyHTML && len(d.Data) == 1, onlyMarkdown && len(d.Data) == 1
	html, _ = d.Data[protocol.MIMETextHTML].(string)
	markdown, _ = d.Data[protocol.MIMETextMarkdown].(string)
	name := display.Named(d.DisplayID)
	switch {
	case onlyHTML && name != "":
		name.HTML(html)
	case onlyHTML:
		display.HTML(html)
	case onlyMarkdown && name != "":
		name.Markdown(markdown)
	case onlyMarkdown:
		display.Markdown(markdown)
	case name != "":
		name.Show(bundle(d.Data))
	default:
		display.Show(bundle(d.Data))
	}
}

// bundle is what a program shows in a type of its own.
type bundle map[protocol.MIMEType]any

// MimeBundle is of display.Mimer.
func (b bundle) MimeBundle() map[string]any {
	out := map[string]any{}
	var kinds []string
	for mime, v := range b {
		if s, ok := v.(fmt.Stringer); ok {
			v = s.String()
		}
		out[string(mime)] = v
		size := 0
		switch v := v.(type) {
		case string:
			size = len(v)
		case []byte:
			size = len(v)
		}
		kinds = append(kinds, fmt.Sprintf("%s, %d bytes", mime, size))
	}
	if js, ok := out["text/javascript"].(string); ok && len(out) == 1 {
		out["text/plain"] = fmt.Sprintf("JavaScript, %d bytes", len(js))
	}
	if _, ok := out["text/plain"]; !ok {
		out["text/plain"] = strings.Join(kinds, "; ")
	}
	return out
}

// bounded reads messages of gob and refuses one that is too large before anything is allocated for it. A message is its
// length, an unsigned integer in gob's form, and as many bytes.
type bounded struct {
	r    io.Reader
	left uint64 // bytes of the message that have not been read
	head []byte // of a length that has been read, for the decoder
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.left == 0 && len(b.head) == 0 {
		if err := b.length(); err != nil {
			return 0, err
		}
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	if uint64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= uint64(n)
	return n, err
}

func (b *bounded) length() error {
	var first [1]byte
	if _, err := io.ReadFull(b.r, first[:]); err != nil {
		return err
	}
	b.head = append(b.head[:0], first[0])
	if first[0] <= 0x7f {
		b.left = uint64(first[0])
		return nil
	}
	n := -int(int8(first[0]))
	if n > 8 {
		return errors.New("this is no message of gob")
	}
	more := make([]byte, n)
	if _, err := io.ReadFull(b.r, more); err != nil {
		return io.ErrUnexpectedEOF
	}
	b.head = append(b.head, more...)
	for _, x := range more {
		b.left = b.left<<8 | uint64(x)
	}
	if b.left > maxMessage {
		return fmt.Errorf("a message of %d bytes is too large; at most %d are shown at once", b.left, maxMessage)
	}
	return nil
}

const answerWait = 2 * time.Second
