package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// Jupyter's server drops what a kernel sends beyond 1 MB of stream text or 1,000 messages a second, on the average of three
// seconds, without a count and for all cells. These limits stay below that, all cells together: a burst and three seconds
// of the rate are 2.75 MB and 2,200 messages.
const (
	defaultBurst = 2_000_000 // bytes of stream messages
	burstRate    = 8         // the burst comes again in so many seconds
	messageBurst = 1000      // streams, displays, updates and clears
	messageRate  = 400       // of them a second

	// cellBursts is what one cell can show in all, in bursts: more makes a notebook that no page opens.
	cellBursts = 16
	// A cell that goes on beyond shows its last words this often.
	slowPause = 30 * time.Second

	tailText     = 48 << 10 // bytes of the last text that are kept while text is left out
	tailMessages = 20       // of the last displays and updates
	tailSize     = 8 << 20  // bytes of these
	holdTime     = time.Second
)

// meter says how much may be sent now: it fills at a rate up to its size. What must be sent may leave it below zero.
type meter struct {
	size, rate, level float64
	at                time.Time
}

func newMeter(size, rate float64) meter { return meter{size: size, rate: rate, level: size} }

func (m *meter) room() float64 {
	now := time.Now()
	if !m.at.IsZero() {
		m.level = min(m.size, m.level+m.rate*now.Sub(m.at).Seconds())
	}
	m.at = now
	return m.level
}

// limiter holds back what is more than the page takes, and of that keeps the last.
type limiter struct {
	text, messages meter
	spent          map[string]float64 // bytes of text, by parent
	held           []held
	heldText       int // bytes
	heldMessages   int
	heldSize       int // bytes of the messages
	left           map[string]*leftOut
	timer          *time.Timer
}

// held is a piece of text or a message.
type held struct {
	part             // its text is nil for a message
	msgType, display string
	content          any
	buffers          [][]byte
	size             int
}

// leftOut counts what of a request was not shown.
type leftOut struct {
	parent         json.RawMessage
	text, displays int
}

func newLimiter(burst int64, again func()) limiter {
	l := limiter{spent: map[string]float64{}, left: map[string]*leftOut{}, timer: time.AfterFunc(time.Hour, again)}
	l.timer.Stop()
	switch {
	case burst < 0:
		l.text, l.messages = newMeter(math.Inf(1), 0), newMeter(math.Inf(1), 0)
	case burst == 0:
		burst = defaultBurst
		fallthrough
	default:
		l.text, l.messages = newMeter(float64(burst), float64(burst)/burstRate), newMeter(messageBurst, messageRate)
	}
	return l
}

func (l *limiter) holds() bool { return len(l.held) > 0 }

// holdsOf reports whether something of a request is held back.
func (l *limiter) holdsOf(parent json.RawMessage) bool {
	for _, h := range l.held {
		if bytes.Equal(h.parent, parent) {
			return true
		}
	}
	return l.left[string(parent)] != nil
}

// encoded is about the size of a stream message with a text.
func encoded(text []byte) float64 {
	const around = 700 // headers and signature
	n := around + len(text)
	for _, c := range text {
		switch {
		case c == '\n' || c == '"' || c == '\\' || c == '\t' || c == '\r':
			n++
		case c < ' ':
			n += 5
		}
	}
	return float64(n)
}

// take returns how much of a part may be sent, and counts it.
func (l *limiter) take(q part) (now, rest []byte) {
	room := l.text.room()
	if l.holds() { // of another cell: this one is not to be silent for its sake
		room += l.text.size / 16
	}
	room = min(room, cellBursts*l.text.size-l.spent[string(q.parent)])
	now = q.text
	need := encoded(now)
	if need > room {
		k := max(int(float64(len(now))*(room/need)), 0)
		if k -= 700; k < 0 {
			k = 0
		}
		now = now[:lastLine(now[:k])]
		if need = encoded(now); len(now) == 0 {
			need = 0
		}
	}
	l.count(q.parent, need)
	return now, q.text[len(now):]
}

func (l *limiter) count(parent json.RawMessage, bytes float64) {
	l.text.level -= bytes
	if math.IsInf(l.text.size, 1) {
		return
	}
	if len(l.spent) > 256 { // of cells long past
		clear(l.spent)
	}
	l.spent[string(parent)] += bytes
}

// lastLine is the length of b up to its last newline, or else to its last whole character.
func lastLine(b []byte) int {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	n := len(b)
	for n > 0 && n > len(b)-utf8.UTFMax && !utf8.RuneStart(b[n-1]) {
		n--
	}
	return max(n-1, 0)
}

// begin starts to hold back.
func (l *limiter) begin(parent json.RawMessage) {
	if l.holds() {
		return
	}
	wait := holdTime
	if l.spent[string(parent)] >= cellBursts*l.text.size {
		wait = slowPause
	}
	l.timer.Reset(wait)
}

func (l *limiter) of(parent json.RawMessage) *leftOut {
	x := l.left[string(parent)]
	if x == nil {
		x = &leftOut{parent: parent}
		l.left[string(parent)] = x
	}
	return x
}

// hold keeps text for later, and forgets the oldest if it is too much.
func (l *limiter) hold(q part) {
	l.begin(q.parent)
	if k := len(q.text) - tailText; k > 0 { // without a copy of what nobody will see
		k = cutBefore(q.text, k)
		l.of(q.parent).text += k
		q.text = q.text[k:]
	}
	l.heldText += len(q.text)
	if at := len(l.held) - 1; at >= 0 && l.held[at].text != nil && l.held[at].is(q.name, q.parent) {
		l.held[at].text = append(l.held[at].text, q.text...)
	} else {
		q.text = bytes.Clone(q.text)
		l.held = append(l.held, held{part: q})
	}
	if l.heldText > 2*tailText {
		l.trim()
	}
}

// cutBefore is where at least n bytes end and a line, or else a character, begins.
func cutBefore(b []byte, n int) int {
	const far = 1000
	if i := bytes.IndexByte(b[n:min(len(b), n+far)], '\n'); i >= 0 {
		return n + i + 1
	}
	for n < len(b) && !utf8.RuneStart(b[n]) {
		n++
	}
	return n
}

// trim forgets the oldest text.
func (l *limiter) trim() {
	more := l.heldText - tailText
	kept := l.held[:0]
	for _, h := range l.held {
		if h.text != nil && more > 0 {
			k := len(h.text)
			if k > more {
				k = cutBefore(h.text, more)
			}
			l.of(h.parent).text += k
			l.heldText -= k
			more -= k
			if h.text = h.text[k:]; len(h.text) == 0 {
				continue
			}
		}
		kept = append(kept, h)
	}
	clear(l.held[len(kept):])
	l.held = kept
}

// holdMessage keeps a display, update or clear for later. A newer update takes the place of an older one of the same
// display, a clear that of all before it in its cell, as they would on the page.
func (l *limiter) holdMessage(h held) {
	l.begin(h.parent)
	if h.msgType == "clear_output" {
		l.drop(func(o held) bool { return bytes.Equal(o.parent, h.parent) })
		delete(l.left, string(h.parent))
	}
	if h.msgType == "update_display_data" {
		l.drop(func(o held) bool { return o.msgType == h.msgType && o.display == h.display })
	}
	l.held = append(l.held, h)
	l.heldMessages++
	l.heldSize += h.size
	for l.heldMessages > tailMessages || l.heldSize > tailSize && l.heldMessages > 1 {
		first := true
		l.drop(func(o held) bool {
			if o.text != nil || !first {
				return false
			}
			first = false
			l.of(o.parent).displays++
			return true
		})
	}
}

// drop forgets what which says; texts that come to stand beside each other by that become one.
func (l *limiter) drop(which func(held) bool) {
	kept := l.held[:0]
	for _, h := range l.held {
		switch at := len(kept) - 1; {
		case !which(h):
			if at >= 0 && h.text != nil && kept[at].text != nil && kept[at].is(h.name, h.parent) {
				kept[at].text = append(kept[at].text, h.text...)
			} else {
				kept = append(kept, h)
			}
		case h.text != nil:
			l.heldText -= len(h.text)
		default:
			l.heldMessages--
			l.heldSize -= h.size
		}
	}
	clear(l.held[len(kept):])
	l.held = kept
}

// free returns what was held back and forgets it.
func (l *limiter) free() (all []held, left []*leftOut) {
	if l.heldText > tailText {
		l.trim()
	}
	all = l.held
	for _, x := range l.left {
		left = append(left, x)
	}
	l.held, l.heldText, l.heldMessages, l.heldSize = nil, 0, 0, 0
	clear(l.left)
	l.timer.Stop()
	return all, left
}

// ready reports whether there is room for what is held back.
func (l *limiter) ready() bool {
	return l.text.room() >= 2*tailText && l.messages.room() >= 2*tailMessages
}

// note is what the user reads where something is left out.
func (l *limiter) note(x *leftOut) string {
	var what []string
	if x.text > 0 {
		what = append(what, pipe.Bytes(int64(x.text))+" of text")
	}
	if x.displays > 0 {
		what = append(what, fmt.Sprintf("%d displays", x.displays))
	}
	return fmt.Sprintf("\n[left out here: %s. Output that comes faster than %s, and then %s a second, is cut: write it to a file, or see dlas kernel --output.]\n",
		strings.Join(what, " and "), pipe.Bytes(int64(l.text.size)), pipe.Bytes(int64(l.text.rate)))
}
