package kernel

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/godlas/godlas/kernel/internal/wire"
)

// counted is what a client has of a cell.
type counted struct {
	text     map[string]string // by stream
	displays []string          // text/plain
	updates  map[string]string // the last text of each display
	clears   int
	messages int // other than status and input
	bytes    int // of stream messages
}

func tally(msgs []*wire.Message) counted {
	c := counted{text: map[string]string{}, updates: map[string]string{}}
	for _, m := range msgs {
		b := body(m)
		plain := func() string { return b["data"].(map[string]any)["text/plain"].(string) }
		switch m.Header.MsgType {
		case "stream":
			c.text[b["name"].(string)] += b["text"].(string)
			c.bytes += len(m.Content) + len(m.RawHeader) + len(m.Parent)
		case "display_data":
			c.displays = append(c.displays, plain())
		case "update_display_data":
			c.updates[b["transient"].(map[string]any)["display_id"].(string)] = plain()
		case "clear_output":
			c.clears++
		default:
			continue
		}
		c.messages++
	}
	return c
}

// TestTextFlood: of 100 MB the page gets the first 2 MB and the last lines, is told how much is missing, and all of the next cell.
func TestTextFlood(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	began := time.Now()
	megabytes := 100
	if raced { // where each byte costs ten times as much
		megabytes = 10
	}
	_, out := c.run(fmt.Sprintf("mflood %d\neprint done", megabytes))
	took := time.Since(began)
	got := tally(out)
	text := got.text["stdout"]
	if want := "block 000000 é "; !strings.HasPrefix(text, want) || !utf8.ValidString(text) {
		t.Errorf("it begins with %.40q", text)
	}
	if want := fmt.Sprintf("block %06d é %s\n", 16*megabytes-1, strings.Repeat("x", 46)); !strings.HasSuffix(text, want) {
		t.Errorf("it ends with %q", text[max(len(text)-100, 0):])
	}
	for line := range strings.Lines(text) {
		if len(line) != len("block 000000 é \n")+46 {
			t.Fatalf("a line is cut: %q", line)
		}
	}
	if most := defaultBurst + took.Seconds()*defaultBurst/burstRate + 4*tailText; float64(got.bytes) > most {
		t.Errorf("%d bytes in %v", got.bytes, took)
	}
	said := got.text["stderr"]
	left := 0.0 // on a slow machine there is room for more, and so several gaps
	for _, m := range regexp.MustCompile(`\[left out here: ([0-9.]+) MB of text\. `).FindAllStringSubmatch(said, -1) {
		n, _ := strconv.ParseFloat(m[1], 64)
		left += n
	}
	total := float64(16*megabytes*1000*63) / 1e6 // blocks of so many lines of so many bytes
	if sum := left + float64(len(text))/1e6; sum < total-1 || sum > total+1 || !strings.HasSuffix(said, "done\n") {
		t.Errorf("%.1f MB are said to be left out, %d bytes came: %q", left, len(text), said)
	}
	if _, out := c.run("print next"); summary(out) != `input stdout:"next\n"` {
		t.Errorf("the next cell: %s", summary(out))
	}
}

// TestDisplayFlood: displays are counted where they are too many, of updates the last of each display is shown, an animation
// ends with its last picture.
func TestDisplayFlood(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	began := time.Now()
	room := func() int { return messageBurst + int(messageRate*time.Since(began).Seconds()) + 3*tailMessages }
	_, out := c.run("displays 3000")
	got := tally(out)
	if n := len(got.displays); n > room() || n < messageBurst || got.displays[0] != "0" || got.displays[n-1] != "2999" {
		t.Errorf("%d displays, room for %d", n, room())
	}
	if want := fmt.Sprintf(" %d displays.", 3000-len(got.displays)); !strings.Contains(got.text["stderr"], want) && strings.Count(got.text["stderr"], "left out") == 1 {
		t.Errorf("%q, want %q", got.text["stderr"], want)
	}
	_, out = c.run("updates 2000")
	got = tally(out)
	if got.updates["d0"] != "1998" || got.updates["d1"] != "1999" || got.messages > room() || strings.Contains(got.text["stderr"], "display") {
		t.Errorf("%d messages, updates end with %v; %q", got.messages, got.updates, got.text["stderr"])
	}
	if text := got.text["stdout"]; strings.Count(text, "\n") != 2000 {
		t.Errorf("%d lines", strings.Count(text, "\n"))
	}
	_, out = c.run("animate 2000\nresult 1")
	got = tally(out)
	if n := len(got.displays); n == 0 || got.displays[n-1] != "1999" || got.messages > room() || got.text["stderr"] != "" {
		t.Errorf("%d displays, %d messages, %q", n, got.messages, got.text["stderr"])
	}
	// each picture that is shown comes after the clear that takes away the one before
	for i, m := range out {
		if m.Header.MsgType == "display_data" && out[i-1].Header.MsgType != "clear_output" {
			t.Errorf("message %d is a picture after %s", i, out[i-1].Header.MsgType)
		}
	}
}

// TestMessagesOfPrints: a print a millisecond makes at most twenty messages a second and stream.
func TestMessagesOfPrints(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for n, streams := range map[int]int{1000: 1, 1001: 2} {
		began := time.Now()
		_, out := c.run(fmt.Sprint("ticks ", n))
		took := time.Since(began)
		got := tally(out)
		if most := int(took/streamPause)*streams + 2*streamParts; got.messages > most || got.messages < 2 {
			t.Errorf("%d prints: %d messages in %v, at most %d are wanted", n, got.messages, took, most)
		}
		if k := strings.Count(got.text["stdout"]+got.text["stderr"], "tick\n"); k != n {
			t.Errorf("%d of %d ticks", k, n)
		}
	}
}

// TestFloodOfAnother: while a goroutine of an earlier cell floods, the cells after it show all that they show.
func TestFloodOfAnother(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	flood := c.send(c.shell, "execute_request", obj{"code": "background 100"})
	c.finish(flood)
	time.Sleep(200 * time.Millisecond) // in which far more than the burst is printed
	_, out := c.run("print hello\ndisplays 300\nflood 1000\nprint end")
	got := tally(out)
	text := got.text["stdout"]
	if len(got.displays) != 300 || !strings.HasPrefix(text, "hello\nline 0\n") || !strings.HasSuffix(text, "line 999\nend\n") || strings.Count(text, "\n") != 1002 || got.text["stderr"] != "" {
		t.Errorf("%d displays, %d lines, %q", len(got.displays), strings.Count(text, "\n"), got.text["stderr"])
	}
}

// TestLimiterKeepsTheLast holds text of several sizes against what a plain cut would keep.
func TestLimiterKeepsTheLast(t *testing.T) {
	for _, piece := range []int{1, 7, 1000, 70_000} {
		l := newLimiter(1000, func() {})
		var all []byte
		for i := 0; len(all) < 300_000; i++ {
			text := []byte(strings.Repeat(fmt.Sprintf("%05dé\n", i), piece))
			all = append(all, text...)
			l.hold(part{name: "stdout", text: text})
			if len(all) > 10_000 && piece < 10 {
				i += 100
			}
		}
		if l.heldText > 2*tailText {
			t.Errorf("pieces of %d: %d bytes are kept", piece, l.heldText)
		}
		held, left := l.free()
		var kept []byte
		for _, h := range held {
			kept = append(kept, h.text...)
		}
		if !strings.HasSuffix(string(all), string(kept)) || len(kept) > tailText || len(kept) < tailText-2000 || !utf8.Valid(kept) {
			t.Errorf("pieces of %d: the last %d are kept", piece, len(kept))
		}
		if len(left) != 1 || left[0].text+len(kept) != len(all) {
			t.Errorf("pieces of %d: left out %+v, kept %d, of %d", piece, left, len(kept), len(all))
		}
	}
}

// TestLimitOfACell: a cell that prints on and on comes to an end of what it may.
func TestLimitOfACell(t *testing.T) {
	l := newLimiter(1000, func() {})
	sent := 0
	for range 1000 {
		l.text.level = l.text.size // as after some time
		now, _ := l.take(part{parent: []byte("{}"), name: "stdout", text: []byte("line\n")})
		sent += len(now)
	}
	if sent > cellBursts*1000 || sent == 0 {
		t.Errorf("%d bytes of one cell", sent)
	}
	if now, _ := l.take(part{parent: []byte(`{"other":1}`), name: "stdout", text: []byte("line\n")}); string(now) != "line\n" {
		t.Errorf("another cell prints %q", now)
	}
	if none := newLimiter(-1, func() {}); !slices.Equal(must2(none.take(part{text: make([]byte, 1<<20)})), []int{1 << 20, 0}) {
		t.Error("without a limit there is one")
	}
}

func must2(now, rest []byte) []int { return []int{len(now), len(rest)} }
