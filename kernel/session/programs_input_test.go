//go:build unix

package session

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/godlas/godlas/internal/awake"
	"github.com/godlas/godlas/kernel/internal/pipe"
)

// TestCompiledInput: a program is asked for input when it reads, and by gonbui's function, passwords included.
func TestCompiledInput(t *testing.T) {
	c := compiler(t)
	id := c.send(pipe.KindExecute, 0, pipe.Execute{AllowStdin: true, Count: 1, Code: `%%go
import "github.com/janpfeifer/gonb/gonbui"
%%
gonbui.RequestInput("Pin: ", true)
var pin string
fmt.Scanln(&pin)
fmt.Print("name? ")
in := bufio.NewReader(os.Stdin)
for range 2 {
	line, err := in.ReadString('\n')
	fmt.Printf("%q %v %s\n", line, err, pin)
}`})
	questions := []struct {
		want   pipe.Input
		answer string
	}{{pipe.Input{Prompt: "Pin: ", Password: true}, "1234"}, {pipe.Input{}, "Ada"}, {pipe.Input{}, "é世"}}
	if runtime.GOOS != "linux" {
		t.Skip("that a program waits for input is seen on Linux alone")
	}
	printed := ""
	for _, q := range questions {
		f := c.next()
		for f.Kind == pipe.KindStream {
			printed += body[pipe.Stream](t, f).Text
			f = c.next()
		}
		if f.Kind != pipe.KindInputRequest || body[pipe.Input](t, f) != q.want {
			t.Fatalf("%s %s, want a question %+v", f.Kind, f.Body, q.want)
		}
		if q.answer == "Ada" && printed != "name? " {
			t.Errorf("printed before the question: %q", printed)
		}
		c.send(pipe.KindInputReply, id, pipe.Input{Value: q.answer})
	}
	out, last := c.answer(id)
	for _, f := range out {
		printed += body[pipe.Stream](t, f).Text
	}
	if d := body[pipe.Done](t, last); d.Err != nil || printed != "name? \"Ada\\n\" <nil> 1234\n\"é世\\n\" <nil> 1234\n" {
		t.Errorf("%q, %+v", printed, d.Err)
	}
	// a client that takes no questions: the input is at its end
	steps(t, c, [][2]string{{"%%go\nb, err := io.ReadAll(os.Stdin)\nfmt.Println(len(b), err)", "stdout: 0 <nil>\n"}})
}

// TestCompiledInterrupt: an interrupt reaches a program and what it has started, also one that ignores it.
func TestCompiledInterrupt(t *testing.T) {
	c := compiler(t)
	for _, code := range []string{
		"%%go\nfmt.Println(os.Getpid())\ntime.Sleep(time.Hour)\n",
		"%%go\nsignal.Ignore(os.Interrupt)\nfmt.Println(os.Getpid())\nfor {}\n",
		"%%go\ncmd := exec.Command(\"sleep\", \"1000\")\ncmd.Start()\nfmt.Println(cmd.Process.Pid)\ncmd.Wait()\n",
		"%%test\nfunc TestLong(t *testing.T) {\n\tfmt.Println(os.Getpid())\n\ttime.Sleep(time.Hour)\n}\n",
	} {
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, Count: 1})
		pid := 0
		for text := ""; pid == 0; {
			f := c.next()
			if f.ID == id {
				t.Fatalf("%q ends: %s", code, f.Body)
			}
			text += body[pipe.Stream](t, f).Text
			for l := range strings.Lines(text) {
				if n, err := strconv.Atoi(strings.TrimSpace(l)); err == nil && strings.HasSuffix(l, "\n") {
					pid = n
				}
			}
		}
		c.send(pipe.KindInterrupt, id, nil)
		if _, last := c.answer(id); !body[pipe.Done](t, last).Interrupted {
			t.Errorf("%q is not interrupted: %s", code, last.Body)
		}
		if !awake.Until(deadline, func() bool { return syscall.Kill(pid, 0) != nil || dead(pid) }) {
			t.Errorf("%q: process %d goes on", code, pid)
		}
	}
}

// dead reports whether a process has ended and only nobody has asked how.
func dead(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && len(b) == 0
}

// TestCompiledHostile: what is no message of gonbui's, and what is too large, ends in a sentence; the program goes on.
func TestCompiledHostile(t *testing.T) {
	c := compiler(t)
	for what, code := range map[string]string{
		"not understood":        "w.WriteString(\"garbage that is no gob at all\")",
		"too large":             "w.Write([]byte{0xf8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})",
		"nothing more of it is": "gob.NewEncoder(w).Encode(42)",
		"GoNB's own widgets":    "type CommValue struct { Address string; Request bool; Value any }\ntype DisplayData struct { Data map[string]any }\ngob.RegisterName(\"github.com/janpfeifer/gonb/gonbui/protocol.CommValue\", CommValue{})\ngob.NewEncoder(w).Encode(DisplayData{map[string]any{\"gonb/comm_value\": CommValue{Address: \"/slider\"}}})",
	} {
		out, done := c.run("%%go\nw, err := os.OpenFile(os.Getenv(\"GONB_PIPE\"), os.O_WRONLY, 0)\nif err != nil { panic(err) }\n" + code +
			"\nfor range 1000 { w.Write(make([]byte, 1000)) }\nfmt.Println(\"goes on\")")
		got := strings.Join(out, "")
		if !strings.Contains(got, what) || !strings.Contains(got, "goes on") || done.Err != nil {
			t.Errorf("%s: %q %+v", code, got, done.Err)
		}
	}
	steps(t, c, [][2]string{{"1 + 1", "result: 2"}})
}
