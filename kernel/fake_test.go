package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// fakeEnv makes the test binary a session, so that the front is tested with a real child process and no interpreter.
const fakeEnv = "GODLAS_FAKE_SESSION"

func TestMain(m *testing.M) {
	switch os.Getenv(fakeEnv) {
	case "run":
		fakeSession()
		os.Exit(0)
	case "broken":
		fmt.Fprintln(os.Stderr, "no session here")
		os.Exit(3)
	case "kernel": // a whole kernel in a process of its own; the connection file is in the next variable
		os.Setenv(fakeEnv, "run")
		err := Run(context.Background(), Options{ConnectionFile: os.Getenv("GODLAS_FAKE_CONNECTION"), Argv: []string{os.Args[0]}, Alone: true, History: os.Getenv("GODLAS_FAKE_HISTORY")})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Setenv(CheckEnv, "1")
	os.Exit(m.Run())
}

// fake is a session whose cells are lines of a word and its argument.
type fake struct {
	c       *pipe.Conn
	mu      sync.Mutex
	stops   map[uint64]chan struct{}
	answers map[uint64]chan string
	vars    map[string]string
}

func fakeSession() {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	f := &fake{
		c:     pipe.NewConn(os.NewFile(3, "r"), os.NewFile(4, "w")),
		stops: map[uint64]chan struct{}{}, answers: map[uint64]chan string{}, vars: map[string]string{},
	}
	f.c.Send(pipe.KindReady, 0, 0, pipe.Ready{PID: os.Getpid(), GoVersion: "1.0", CommTargets: []string{"echo"}})
	cells := map[string]chan pipe.Frame{}
	for {
		fr, err := f.c.Receive()
		if err != nil {
			return
		}
		switch fr.Kind {
		case pipe.KindExecute:
			f.mu.Lock()
			f.stops[fr.ID] = make(chan struct{})
			f.answers[fr.ID] = make(chan string, 1)
			f.mu.Unlock()
			if cells[fr.Shell] == nil {
				c := make(chan pipe.Frame, 1000)
				cells[fr.Shell] = c
				go func() {
					for fr := range c {
						f.run(fr)
					}
				}()
			}
			cells[fr.Shell] <- fr
		case pipe.KindInterrupt:
			f.mu.Lock()
			if s := f.stops[fr.Parent]; s != nil {
				select {
				case <-s:
				default:
					close(s)
				}
			}
			f.mu.Unlock()
		case pipe.KindInputReply:
			in, _ := pipe.Decode[pipe.Input](fr)
			f.mu.Lock()
			if c := f.answers[fr.Parent]; c != nil {
				c <- in.Value
			}
			f.mu.Unlock()
		case pipe.KindComplete:
			c, _ := pipe.Decode[pipe.Cursor](fr)
			f.c.Send(pipe.KindCompleted, fr.ID, 0, pipe.Completed{
				Matches: []pipe.Match{{Text: "Println", Type: "function", Signature: "(a ...any)"}}, Start: c.Pos - 1, End: c.Pos,
			})
		case pipe.KindInspect:
			c, _ := pipe.Decode[pipe.Cursor](fr)
			f.c.Send(pipe.KindInspected, fr.ID, 0, pipe.Inspected{Found: c.Code != "", Data: map[string]any{"text/plain": fmt.Sprint(c.Code, " ", c.Pos, " ", c.Detail)}})
		case pipe.KindIsComplete:
			f.c.Send(pipe.KindJudged, fr.ID, 0, pipe.Judged{Status: "incomplete", Indent: "\t"})
		case pipe.KindDebug: // answers with what it was asked; "die" is not answered
			var q struct {
				Seq     int    `json:"seq"`
				Command string `json:"command"`
			}
			json.Unmarshal(fr.Body, &q)
			switch q.Command {
			case "die":
				os.Exit(9)
			case "evaluate": // takes until the cell that runs is stopped
				id := fr.ID
				go func() {
					var stop chan struct{}
					for ; stop == nil; time.Sleep(time.Millisecond) { // its frame may be on its way
						f.mu.Lock()
						for _, s := range f.stops {
							stop = s
						}
						f.mu.Unlock()
					}
					f.c.Send(pipe.KindDebugEvent, 0, 0, map[string]any{"type": "event", "seq": 1, "event": "output", "body": map[string]any{}})
					<-stop
					f.c.Send(pipe.KindDone, id, 0, pipe.Done{Reply: json.RawMessage(fmt.Sprintf(
						`{"type":"response","seq":1,"request_seq":%d,"command":"evaluate","success":true,"body":{"result":"stopped"}}`, q.Seq))})
				}()
				continue
			}
			f.c.Send(pipe.KindDebugEvent, 0, 0, map[string]any{"type": "event", "seq": 1, "event": "initialized", "body": map[string]any{}})
			f.c.Send(pipe.KindDone, fr.ID, 0, pipe.Done{Reply: json.RawMessage(fmt.Sprintf(
				`{"type":"response","seq":2,"request_seq":%d,"command":%q,"success":true,"body":{"asked":%s}}`, q.Seq, q.Command, fr.Body))})
		case pipe.KindUsage:
			f.c.Send(pipe.KindDone, fr.ID, 0, pipe.Done{Usage: map[string]any{"kernel_memory": 123}})
		case pipe.KindCommOpen, pipe.KindCommMsg:
			c, _ := pipe.Decode[pipe.Comm](fr)
			f.c.Send(pipe.KindCommMsg, 0, fr.ID, pipe.Comm{ID: c.ID, Data: c.Data}, fr.Buffers...)
			f.c.Send(pipe.KindDone, fr.ID, 0, pipe.Done{})
		case pipe.KindCommClose:
			f.c.Send(pipe.KindDone, fr.ID, 0, pipe.Done{})
		}
	}
}

func (f *fake) run(fr pipe.Frame) {
	ex, _ := pipe.Decode[pipe.Execute](fr)
	f.mu.Lock()
	stop := f.stops[fr.ID]
	f.mu.Unlock()
	done := pipe.Done{}
	for line := range strings.Lines(ex.Code) {
		word, arg, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if e := f.step(fr.ID, ex, stop, word, arg, &done); e != nil {
			f.c.Send(pipe.KindError, 0, fr.ID, e)
			done.Err = e
			break
		}
	}
	f.mu.Lock()
	delete(f.stops, fr.ID)
	delete(f.answers, fr.ID)
	f.mu.Unlock()
	done.Marker = pipe.NewMarker()
	os.Stdout.WriteString(done.Marker)
	os.Stderr.WriteString(done.Marker)
	f.c.Send(pipe.KindDone, fr.ID, 0, done)
}

func (f *fake) step(id uint64, ex pipe.Execute, stop chan struct{}, word, arg string, done *pipe.Done) *pipe.Error {
	n, _ := strconv.Atoi(arg)
	bundle := pipe.Display{Data: map[string]any{"text/plain": arg}, DisplayID: "id1"}
	switch word {
	case "print":
		f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: arg + "\n"})
	case "eprint":
		f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stderr", Text: arg + "\n"})
	case "native":
		fmt.Fprintln(os.Stdout, arg)
	case "nerr":
		fmt.Fprintln(os.Stderr, arg)
	case "slowrunes": // each byte by itself
		for i := range len(arg) {
			os.Stdout.WriteString(arg[i : i+1])
			time.Sleep(2 * time.Millisecond)
		}
	case "result":
		bundle.DisplayID = ""
		f.c.Send(pipe.KindResult, 0, id, bundle)
	case "display":
		f.c.Send(pipe.KindDisplay, 0, id, bundle)
	case "update":
		f.c.Send(pipe.KindUpdate, 0, id, bundle)
	case "buffers":
		f.c.Send(pipe.KindDisplay, 0, id, bundle, []byte{0, 1}, nil, []byte(arg))
	case "next":
		f.c.Send(pipe.KindPayload, 0, id, map[string]any{"source": "set_next_input", "text": arg, "replace": true})
	case "cell":
		f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: ex.CellID + "\n"})
	case "clear":
		f.c.Send(pipe.KindClear, 0, id, pipe.Clear{Wait: arg == "wait"})
	case "payload":
		f.c.Send(pipe.KindPayload, 0, id, map[string]any{"source": "page", "data": map[string]any{"text/plain": arg}, "start": 0})
	case "error":
		return &pipe.Error{Name: "Oops", Value: arg, Traceback: []string{"line 1", "line 2"}}
	case "set":
		k, v, _ := strings.Cut(arg, "=")
		f.mu.Lock()
		f.vars[k] = v
		f.mu.Unlock()
	case "await": // a variable that another cell sets
		for {
			f.mu.Lock()
			v := f.vars[arg]
			f.mu.Unlock()
			if v != "" {
				break
			}
			time.Sleep(time.Millisecond)
		}
	case "get":
		f.mu.Lock()
		v := f.vars[arg]
		f.mu.Unlock()
		if v == "" {
			return &pipe.Error{Name: "Undefined", Value: arg}
		}
		f.c.Send(pipe.KindResult, 0, id, pipe.Display{Data: map[string]any{"text/plain": v}})
	case "exprs":
		done.Expressions = map[string]map[string]any{}
		for k, v := range ex.UserExpressions {
			done.Expressions[k] = map[string]any{"status": "ok", "data": map[string]any{"text/plain": v}, "metadata": map[string]any{}}
		}
	case "ask", "password":
		if !ex.AllowStdin {
			return &pipe.Error{Name: "NoInput", Value: "no"}
		}
		f.mu.Lock()
		answers := f.answers[id]
		f.mu.Unlock()
		f.c.Send(pipe.KindInputRequest, 0, id, pipe.Input{Prompt: arg, Password: word == "password"})
		select {
		case v := <-answers:
			f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: "got " + v + "\n"})
		case <-stop:
			return &pipe.Error{Name: "Interrupted", Value: "asked"}
		}
	case "loop":
		<-stop
		done.Interrupted = true
		return &pipe.Error{Name: "Interrupted", Value: "stopped"}
	case "leaves": // is stopped, and something of it goes on
		f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: "on\n"})
		<-stop
		done.Interrupted, done.Left = true, n
		return &pipe.Error{Name: "Interrupted", Value: "stopped"}
	case "family":
		f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: startFamily() + "\n"})
	case "stubborn":
		select {}
	case "sleep":
		time.Sleep(time.Duration(n) * time.Millisecond)
	case "late":
		go func() {
			time.Sleep(50 * time.Millisecond)
			f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: arg + "\n"})
		}()
	case "flood":
		for i := range n {
			f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: fmt.Sprintf("line %d\n", i)})
		}
	case "mflood": // megabytes of text, in large frames
		for i := range 16 * n {
			f.c.SendStream(id, "stdout", []byte(strings.Repeat(fmt.Sprintf("block %06d é %s\n", i, strings.Repeat("x", 46)), 1000)))
		}
	case "displays":
		for i := range n {
			f.c.Send(pipe.KindDisplay, 0, id, pipe.Display{Data: map[string]any{"text/plain": fmt.Sprint(i)}, DisplayID: fmt.Sprint("d", i)})
		}
	case "background": // megabytes of text, by a goroutine that goes on after its cell
		go func() {
			for i := range 16 * n {
				f.c.SendStream(id, "stdout", []byte(strings.Repeat(fmt.Sprintf("block %06d\n", i), 5000)))
				time.Sleep(time.Millisecond)
			}
		}()
	case "ticks": // one print a millisecond, in turn to both streams if it ends with 1
		for i := range n {
			f.c.SendStream(id, []string{"stdout", "stderr"}[i%(1+n%2)], []byte("tick\n"))
			time.Sleep(time.Millisecond)
		}
	case "bigdisplays": // half a megabyte each
		for range n {
			f.c.Send(pipe.KindDisplay, 0, id, pipe.Display{Data: map[string]any{"text/plain": "x", "image/png": strings.Repeat("aGlq", 128<<10)}})
		}
	case "updates":
		for i := range n {
			f.c.Send(pipe.KindStream, 0, id, pipe.Stream{Name: "stdout", Text: fmt.Sprintf("line %d\n", i)})
			f.c.Send(pipe.KindUpdate, 0, id, pipe.Display{Data: map[string]any{"text/plain": fmt.Sprint(i)}, DisplayID: fmt.Sprint("d", i%2)})
		}
	case "animate":
		for i := range n {
			f.c.Send(pipe.KindClear, 0, id, pipe.Clear{Wait: true})
			f.c.Send(pipe.KindDisplay, 0, id, pipe.Display{Data: map[string]any{"text/plain": fmt.Sprint(i)}})
		}
	case "nativeflood":
		for range n {
			os.Stdout.WriteString(strings.Repeat("aé世", 1000))
		}
	case "open":
		f.c.Send(pipe.KindCommOpen, 0, id, pipe.Comm{ID: "c9", Target: "front", Data: json.RawMessage(`{"x":1}`), Metadata: json.RawMessage(`{"version":"2"}`)}, []byte("buf"))
	case "exit":
		os.Exit(n)
	case "overflow":
		debug.SetMaxStack(1 << 20)
		f.vars["depth"] = fmt.Sprint(overflow(1))
	case "gopanic":
		for range 500 { // many goroutines, so the crash text is long
			go func() { select {} }()
		}
		debug.SetTraceback("all")
		go panic(arg)
		select {}
	case "kill":
		self, _ := os.FindProcess(os.Getpid())
		self.Kill()
		select {}
	case "later": // dies after the cell
		go func() {
			time.Sleep(50 * time.Millisecond)
			os.Exit(n)
		}()
	case "garbage": // spoils the pipe to the front
		os.NewFile(4, "w").Write([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
		runtime.Gosched()
		select {}
	}
	return nil
}

func overflow(n int) int {
	if n == 0 {
		return 0
	}
	return overflow(n+1) + 1
}
