package kernel

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/wire"
)

var (
	propertyRequests = flag.Int("requests", 300, "requests of a random sequence")
	propertySeed     = flag.Uint64("seed", 0, "seed of the random sequence; 0 takes a new one")
)

// TestRandomRequests sends random requests on all channels and shells, without waiting, and finds fault with what comes back:
//
//   - a request has one busy, first, and one idle, last, and everything that belongs to it is between them;
//   - it has one reply of its type, on its channel, if it is of a type that is answered there, and no other message;
//   - the replies of a shell, and those of control, come in the order of the requests;
//   - the cells that are counted have each a count of their own, which grows within a shell, the same in reply, input and result;
//   - a cell shows what it is to show, in order, and a silent or aborted one nothing;
//   - only what comes after a failed cell in its shell, without a gap, or waits in a shell that is deleted, is aborted.
//
// That each message is right by itself is for the schemas, which see them all. go test ./kernel -run TestRandomRequests
// -args -requests 20000 is a long run, and -seed repeats one.
func TestRandomRequests(t *testing.T) {
	seed := *propertySeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for _, deaths := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaths=%v", deaths), func(t *testing.T) {
			t.Logf("-seed %d", seed)
			x := &sequence{rand: rand.New(rand.NewPCG(seed, 1)), deaths: deaths, asked: map[string]*sent{}, shells: []string{""}}
			k := startKernel(t, nil)
			x.client = k.connect(t)
			x.run(*propertyRequests)
			x.check()
		})
	}
}

// sent is a request and what has come of it.
type sent struct {
	id, typ, code, shell string
	control              bool
	silent, store, stop  bool
	stdin, storm         bool
	deleted              bool // its shell was deleted at some time

	busy, idle bool
	replies    []*wire.Message
	output     []*wire.Message
}

type sequence struct {
	*client
	rand   *rand.Rand
	deaths bool
	shells []string // that are open; the first is the main one
	all    []*sent
	asked  map[string]*sent // by id
	open   int
	stop   int // interrupts
}

// cells are what lines of code are made of, and what they show: "" nothing, "out" and "err" a stream, "!" an error.
var cells = []struct {
	line, shows string
	weight      int
}{
	{"print a世%d", "out:a世%d\n", 6},
	{"eprint b%d", "err:b%d\n", 3},
	{"result %d", "execute_result:%d", 2},
	{"display %d", "display_data:%d", 2},
	{"update %d", "update_display_data:%d", 1},
	{"buffers %d", "display_data:%d", 1},
	{"clear wait", "clear_output", 1},
	{"payload %d", "", 1},
	{"set x=%d", "", 1},
	{"sleep 1", "", 2},
	{"exprs", "", 1},
	{"flood 50", "flood", 1},
	{"error %d", "error:Oops", 2},
	{"loop", "error:Interrupted", 1},
	{"ask %d?", "ask", 1},
	{"exit 3", "exit", 1},
}

func (x *sequence) code() string {
	var lines []string
	for range 1 + x.rand.IntN(5) {
		total := 0
		for _, c := range cells {
			total += c.weight
		}
		pick := x.rand.IntN(total)
		for _, c := range cells {
			if pick -= c.weight; pick < 0 {
				if c.shows != "exit" || x.deaths && x.rand.IntN(4) == 0 {
					lines = append(lines, strings.ReplaceAll(c.line, "%d", fmt.Sprint(x.rand.IntN(1000))))
				}
				break
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (x *sequence) add(s *sent, req any) {
	sock := x.shell
	if s.control {
		sock = x.control
	}
	s.id = x.sendTo(s.shell, sock, s.typ, req)
	x.all = append(x.all, s)
	x.asked[s.id] = s
	x.open++
}

func (x *sequence) run(n int) {
	odds := func(in int) bool { return x.rand.IntN(in) == 0 }
	for range n {
		shell := x.shells[x.rand.IntN(len(x.shells))]
		if len(x.shells) > 1 && odds(3) {
			shell = ""
		}
		switch x.rand.IntN(12) {
		default:
			s := &sent{typ: "execute_request", shell: shell, code: x.code(), silent: odds(8), store: !odds(6), stop: !odds(3), stdin: !odds(3)}
			req := obj{"code": s.code, "silent": s.silent, "store_history": s.store, "stop_on_error": s.stop, "allow_stdin": s.stdin}
			if odds(4) {
				req["user_expressions"] = obj{"e": "1"}
			}
			x.add(s, req)
		case 0:
			x.add(&sent{typ: "complete_request", shell: shell}, obj{"code": "fmt.P", "cursor_pos": 5})
		case 1:
			typ := []string{"is_complete_request", "inspect_request"}[x.rand.IntN(2)]
			x.add(&sent{typ: typ, shell: shell}, obj{"code": "世", "cursor_pos": x.rand.IntN(5) - 1})
		case 2:
			typ := []string{"kernel_info_request", "comm_info_request", "connect_request", "usage_request"}[x.rand.IntN(4)]
			s := &sent{typ: typ, control: odds(2)}
			if !s.control {
				s.shell = shell
			}
			x.add(s, obj{})
		case 3:
			access := []string{"tail", "range", "search", "none of them"}[x.rand.IntN(4)]
			x.add(&sent{typ: "history_request", shell: shell}, obj{"hist_access_type": access, "output": odds(2), "raw": true, "n": 3, "session": 0, "start": 0, "pattern": "*"})
		case 4:
			x.stop++
			x.add(&sent{typ: "interrupt_request", control: true}, obj{})
		case 5:
			typ := []string{"made_up_request", "comm_msg", "comm_close", "execute_request", "complete_request"}[x.rand.IntN(5)]
			s := &sent{typ: typ, shell: shell}
			if strings.HasPrefix(typ, "execute") || strings.HasPrefix(typ, "complete") { // on the wrong channel
				s.control, s.shell = true, ""
			}
			s.storm = true
			x.add(s, obj{"comm_id": "nobody", "data": obj{}, "code": "print no"})
		case 6:
			if len(x.shells) > 1 && odds(3) {
				i := 1 + x.rand.IntN(len(x.shells)-1)
				for _, s := range x.all {
					s.deleted = s.deleted || s.shell == x.shells[i]
				}
				x.add(&sent{typ: "delete_subshell_request", control: true}, obj{"subshell_id": x.shells[i]})
				x.shells = append(x.shells[:i:i], x.shells[i+1:]...)
			} else if len(x.shells) < 5 {
				s := &sent{typ: "create_subshell_request", control: true}
				x.add(s, obj{})
				for len(s.replies) == 0 {
					x.take(patience, nil)
				}
				x.shells = append(x.shells, body(s.replies[0])["subshell_id"].(string))
			} else {
				x.add(&sent{typ: "list_subshell_request", control: true}, obj{})
			}
		}
		for odds(2) && x.take(0, nil) {
		}
		if odds(20) {
			time.Sleep(time.Duration(x.rand.IntN(10)) * time.Millisecond)
		}
	}
	// Loops, and questions that nobody answers, need interrupts to end.
	end := time.Now().Add(2 * patience)
	for x.open > 0 {
		if time.Now().After(end) {
			var left []string
			for _, s := range x.all {
				if !s.idle || len(s.replies) == 0 && s.answered() {
					left = append(left, fmt.Sprintf("%+v", *s))
				}
			}
			x.t.Fatalf("%d requests do not end: %.2000v", x.open, left)
		}
		if !x.take(20*time.Millisecond, nil) {
			x.stop++
			x.add(&sent{typ: "interrupt_request", control: true}, obj{})
			x.take(patience, nil)
		}
	}
	for x.take(50*time.Millisecond, nil) { // there should be nothing more
	}
}

// answered reports whether a reply is to come.
func (s *sent) answered() bool { return strings.HasSuffix(s.typ, "_request") && !s.storm }

// take waits for a message of the kernel and notes it.
func (x *sequence) take(wait time.Duration, _ any) bool {
	var after <-chan time.Time
	if wait > 0 {
		after = time.After(wait)
	} else {
		now := make(chan time.Time)
		close(now)
		after = now
	}
	var m *wire.Message
	reply, control := false, false
	select {
	case m = <-x.fromIOPub:
	case m = <-x.fromShell:
		reply = true
	case m = <-x.fromControl:
		reply, control = true, true
	case m = <-x.fromStdin:
		s := x.asked[parentID(m)]
		if s == nil || !s.stdin || !strings.Contains(s.code, "ask ") {
			x.t.Errorf("a question of nobody: %s %s", m.Parent, m.Content)
			return true
		}
		if x.rand.IntN(3) > 0 {
			x.answerTo(m.RawHeader, "answer")
		}
		return true
	case <-after:
		return false
	}
	if m == nil {
		x.t.Fatal("a socket has failed")
	}
	s := x.asked[parentID(m)]
	if s == nil {
		if m.Header.MsgType != "comm_close" && !strings.Contains(string(m.Content), "session has ended") {
			x.t.Errorf("%s of nobody: %s %s", m.Header.MsgType, m.Parent, m.Content)
		}
		return true
	}
	was := s.over()
	switch {
	case reply:
		if control != s.control {
			x.t.Errorf("%s: the reply to %s comes on the other channel", m.Header.MsgType, s.typ)
		}
		s.replies = append(s.replies, m)
	case m.Header.MsgType == "status" && body(m)["execution_state"] == "busy":
		if s.busy {
			x.t.Errorf("%s is busy twice", s.typ)
		}
		s.busy = true
	case m.Header.MsgType == "status":
		if s.idle || !s.busy {
			x.t.Errorf("%s: idle, before it: busy %v, idle %v", s.typ, s.busy, s.idle)
		}
		s.idle = true
	default:
		if !s.busy || s.idle {
			x.t.Errorf("%s of %s %q is not between busy and idle: %s", m.Header.MsgType, s.typ, s.code, m.Content)
		}
		s.output = append(s.output, m)
	}
	if !was && s.over() {
		x.open--
	}
	return true
}

func (s *sent) over() bool { return s.idle && (len(s.replies) > 0 || !s.answered()) }

// check finds fault with what has come of all requests.
func (x *sequence) check() {
	t := x.t
	counted := map[float64]bool{}
	last := map[string]float64{}
	mayAbort := map[string]bool{}
	for _, s := range x.all {
		name := fmt.Sprintf("%s %q in %q", s.typ, s.code, s.shell)
		if want := map[bool]int{true: 1, false: 0}[s.answered()]; len(s.replies) != want {
			t.Errorf("%s has %d replies", name, len(s.replies))
			continue
		}
		if !s.answered() {
			if len(s.output) > 0 {
				t.Errorf("%s shows %s", name, summary(s.output))
			}
			continue
		}
		m := s.replies[0]
		r := body(m)
		if m.Header.MsgType != strings.TrimSuffix(s.typ, "_request")+"_reply" {
			t.Errorf("%s is answered with %s", name, m.Header.MsgType)
		}
		if s.typ != "execute_request" {
			if len(s.output) > 0 {
				t.Errorf("%s shows %s", name, summary(s.output))
			}
			if r["status"] == "aborted" && !s.deleted {
				t.Errorf("%s is aborted", name)
			}
			continue
		}
		if r["status"] == "aborted" {
			if !mayAbort[s.shell] && !s.deleted || len(s.output) > 0 {
				t.Errorf("%s is aborted, after a failed one: %v; it shows %q", name, mayAbort[s.shell], summary(s.output))
			}
			continue
		}
		mayAbort[s.shell] = r["status"] == "error" && s.stop
		if n := r["execution_count"].(float64); s.store && !s.silent && r["ename"] != "UnknownSubshell" {
			if counted[n] || n <= last[s.shell] {
				t.Errorf("%s has count %v, after %v", name, n, last[s.shell])
			}
			counted[n], last[s.shell] = true, n
		}
		x.shown(name, s, r)
	}
	for n := range counted {
		if int(n) > len(counted) {
			t.Errorf("%d cells are counted, up to %v", len(counted), n)
		}
	}
	x.order()
}

// shown checks a cell's output.
func (x *sequence) shown(name string, s *sent, r obj) {
	t := x.t
	lost := x.deaths && (r["ename"] == "SessionEnded" || r["ename"] == "NoSession" || r["ename"] == "Interrupted" && r["evalue"] != "stopped" && r["evalue"] != "asked")
	if none := s.deleted && r["ename"] == "UnknownSubshell"; s.silent || none {
		if len(s.output) > 0 {
			t.Errorf("%s is silent and shows %s", name, summary(s.output))
		}
		return
	}
	var got []string
	for i, m := range s.output {
		b := body(m)
		if n, ok := b["execution_count"]; ok && n != r["execution_count"] {
			t.Errorf("%s: %s has count %v, the reply %v", name, m.Header.MsgType, n, r["execution_count"])
		}
		switch m.Header.MsgType {
		case "execute_input":
			if i != 0 || b["code"] != s.code {
				t.Errorf("%s: message %d is its input %v", name, i, b["code"])
			}
		case "stream":
			got = append(got, map[any]string{"stdout": "out:", "stderr": "err:"}[b["name"]]+b["text"].(string))
		default:
			got = append(got, summary([]*wire.Message{m}))
		}
	}
	if lost {
		return // and what it had shown before is right as far as it goes
	}
	var want []string
	failed := ""
	for line := range strings.Lines(s.code) {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		shows := ""
		for _, c := range cells {
			if w, _, _ := strings.Cut(c.line, " "); w == word {
				shows = strings.ReplaceAll(c.shows, "%d", strings.Trim(arg, "a世b?"))
			}
		}
		switch {
		case shows == "flood":
			for i := range 50 {
				want = append(want, fmt.Sprintf("out:line %d\n", i))
			}
		case shows == "ask" && !s.stdin:
			failed = "NoInput"
		case shows == "ask" && r["evalue"] == "asked" && !strings.Contains(strings.Join(got, ""), "got answer"):
			failed = "Interrupted"
		case shows == "ask":
			want = append(want, "out:got answer\n")
			if r["evalue"] == "asked" { // one of several, and not the first
				return
			}
		case shows == "exit":
			t.Errorf("%s ends as if its session did not: %v", name, r)
		case strings.HasPrefix(shows, "error:"):
			failed = strings.TrimPrefix(shows, "error:")
		case shows != "":
			want = append(want, shows)
		}
		if failed != "" {
			want = append(want, "error:"+failed)
			break
		}
	}
	if failed == "" && r["status"] != "ok" || failed != "" && r["ename"] != failed {
		t.Errorf("%s: %v, want %q", name, r, failed)
	}
	if g, w := merged(got), merged(want); g != w {
		t.Errorf("%s shows\n%q, not\n%q", name, g, w)
	}
}

// merged is output with the text of each stream between two other things put together: where it is cut is a matter of time.
func merged(parts []string) string {
	var out []string
	streams := map[string]string{}
	flush := func() {
		for _, n := range []string{"out:", "err:"} {
			if streams[n] != "" {
				out = append(out, n+streams[n])
			}
			delete(streams, n)
		}
	}
	for _, p := range parts {
		if len(p) > 4 && (p[:4] == "out:" || p[:4] == "err:") {
			streams[p[:4]] += p[4:]
			continue
		}
		flush()
		out = append(out, p)
	}
	flush()
	return strings.Join(out, "|")
}

// order checks that the replies of each shell, and of control, have come in the order of their requests: they are numbered
// by the kernel as it sends them.
func (x *sequence) order() {
	last := map[string]int{}
	for _, s := range x.all {
		if len(s.replies) == 0 || body(s.replies[0])["ename"] == "UnknownSubshell" { // which are not answered by a shell
			continue
		}
		key := fmt.Sprint(s.control, s.shell)
		id := s.replies[0].Header.MsgID
		var n int
		fmt.Sscan(id[strings.LastIndex(id, "_")+1:], &n)
		if n <= last[key] {
			x.t.Errorf("the reply to %s %q comes before that of the one before it in %q", s.typ, s.code, s.shell)
		}
		last[key] = n
	}
}
