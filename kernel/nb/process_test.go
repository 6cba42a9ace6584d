package nb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session"
)

const asSession = "DLAS_NB_TEST_SESSION"

// TestMain makes the test's own binary a session, so that Start has one to start.
func TestMain(m *testing.M) {
	if how := os.Getenv(asSession); how != "" {
		serve(how)
		return
	}
	os.Exit(m.Run())
}

// serve is a session that obeys one command a cell.
func serve(how string) {
	if how == "broken" {
		fmt.Fprintln(os.Stderr, "no luck today\nand more")
		os.Exit(4)
	}
	if how == "go" {
		if err := session.Main(session.Options{Libraries: []interp.Library{interp.Std()}}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return
	}
	conn := pipe.NewConn(os.NewFile(3, ""), os.NewFile(4, ""))
	conn.Send(pipe.KindReady, 0, 0, pipe.Ready{GoVersion: "1.99"})
	stop := make(chan struct{}, 1)
	for {
		f, err := conn.Receive()
		if err != nil {
			return
		}
		if f.Kind == pipe.KindInterrupt {
			stop <- struct{}{}
			continue
		}
		ex, _ := pipe.Decode[pipe.Execute](f)
		go func() {
			done := pipe.Done{Marker: pipe.NewMarker()}
			word, arg, _ := strings.Cut(ex.Code, " ")
			switch word {
			case "print":
				conn.Send(pipe.KindStream, 0, f.ID, pipe.Stream{Name: "stdout", Text: arg})
			case "native":
				fmt.Print(arg)
				fmt.Fprint(os.Stderr, strings.ToUpper(arg))
			case "exit":
				fmt.Print("bye")
				os.Exit(len(arg))
			case "crash":
				panic(arg)
			case "spin":
				conn.Send(pipe.KindStream, 0, f.ID, pipe.Stream{Name: "stdout", Text: "spins"})
				<-stop
				done.Interrupted, done.Err = true, &pipe.Error{Name: "Interrupted"}
				conn.Send(pipe.KindError, 0, f.ID, done.Err)
			}
			os.Stdout.WriteString(done.Marker)
			os.Stderr.WriteString(done.Marker)
			conn.Send(pipe.KindDone, f.ID, 0, done)
		}()
	}
}

func startSelf(t *testing.T, how string) (*Process, error) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the session of this test speaks on file descriptors")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asSession, how)
	p, err := Start(t.Context(), exe)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

func TestProcess(t *testing.T) {
	p, err := startSelf(t, "yes")
	if err != nil {
		t.Fatal(err)
	}
	if p.GoVersion() != "1.99" {
		t.Errorf("version %q", p.GoVersion())
	}
	n := notebook("print a", "native b", "exit xyz", "print never")
	err = Run(t.Context(), n, p, Options{})
	if err == nil || err.Error() != "cell 3: SessionEnded: the session ended with exit code 3" {
		t.Errorf("%v", err)
	}
	if got := briefly(n.Cells[0]); !slices.Equal(got, []string{"stdout: a"}) {
		t.Errorf("%q", got)
	}
	got := briefly(n.Cells[1])
	if slices.Sort(got); !slices.Equal(got, []string{"stderr: B", "stdout: b"}) {
		t.Errorf("%q", got)
	}
	if got := briefly(n.Cells[2]); len(got) != 2 || got[0] != "stdout: bye" || !strings.HasPrefix(got[1], "error: SessionEnded") {
		t.Errorf("%q", got)
	}
	if _, err := p.Execute(t.Context(), pipe.Execute{Code: "print"}, func(pipe.Frame) {}); err == nil {
		t.Error("a dead session runs a cell")
	}
	p.Close()
}

// TestProcessRestarts: a cell that is meant to end its session ends that alone, as with a Jupyter kernel.
func TestProcessRestarts(t *testing.T) {
	p, err := startSelf(t, "yes")
	if err != nil {
		t.Fatal(err)
	}
	n := notebook("exit xyz", "print on")
	n.Cells[0].Metadata = map[string]any{"tags": []any{"raises-exception"}}
	if err := Run(t.Context(), n, p, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := briefly(n.Cells[1]); !slices.Equal(got, []string{"stdout: on"}) {
		t.Errorf("%q", got)
	}
}

func TestProcessCrash(t *testing.T) {
	p, err := startSelf(t, "yes")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Execute(t.Context(), pipe.Execute{Code: "crash oh"}, func(pipe.Frame) {})
	if err == nil || err.Error() != "the session ended: panic: oh" {
		t.Errorf("%v", err)
	}
}

// heeded calls a function when a cell shows something.
type heeded struct {
	Runner
	shown func()
}

func (h heeded) Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (pipe.Done, error) {
	return h.Runner.Execute(ctx, ex, func(f pipe.Frame) { out(f); h.shown() })
}

func TestProcessInterrupt(t *testing.T) {
	p, err := startSelf(t, "yes")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	n := notebook("spin", "print")
	if err := Run(ctx, n, heeded{p, func() { stop(why) }}, Options{}); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	if got := briefly(n.Cells[0]); !slices.Equal(got, []string{"stdout: spins", "error: Interrupted: "}) {
		t.Errorf("%q", got)
	}
}

func TestProcessThatDoesNotStart(t *testing.T) {
	if _, err := startSelf(t, "broken"); err == nil || err.Error() != "the session ended with exit code 4: no luck today" {
		t.Errorf("%v", err)
	}
	if _, err := Start(t.Context(), "/nonexistent/program"); err == nil {
		t.Error("a program that is not there starts")
	}
}

// TestGo runs a notebook through the real session.
func TestGo(t *testing.T) {
	p, err := startSelf(t, "go")
	if err != nil {
		t.Fatal(err)
	}
	n := notebook(
		"n := 1\nwho := \"nobody\"",
		"import \"fmt\"\nfmt.Println(who, n)\nn * 2",
		"%lsmagic",
		"missing",
		"import \"os\"\nos.Stdout.WriteString(\"é\")\n!echo shell",
	)
	n.Cells[0].Metadata = map[string]any{"tags": []any{"parameters"}}
	n.Cells[3].Metadata = map[string]any{"tags": []any{"raises-exception"}}
	if err := Run(t.Context(), n, p, Options{Params: []Param{{"n", "21"}, {"who", "Ada"}}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{
		nil, nil, {"stdout: Ada 21\n", "execute_result: 42"}, {"stdout: %"}, {"error: CompileError: cell[5]:1:1: undefined: missing"}, {"stdout: éshell\n"},
	} {
		if got := briefly(n.Cells[i]); !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("cell %d: %q, want %q", i+1, got, want)
		}
	}
	var once, twice bytes.Buffer
	n.Write(&once)
	again, err := startSelf(t, "go")
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), n, again, Options{Params: []Param{{"n", "21"}, {"who", "Ada"}}}); err != nil {
		t.Fatal(err)
	}
	if n.Write(&twice); !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("run twice:\n%s\n%s", once.Bytes(), twice.Bytes())
	}
}

// TestGoCrash checks that what ends the session is the failure of its cell, with Go's reason in the output.
func TestGoCrash(t *testing.T) {
	// One cell races on purpose: what the race detector says of it is no output of the session.
	t.Setenv("GORACE", "log_path="+filepath.Join(t.TempDir(), "race"))
	for code, want := range map[string]string{
		"import \"os\"\nos.Exit(3)": "exit code 3",
		"!kill -9 $PPID":            "killed",
		"m := map[int]int{}\nfor range 4 { go func() { for { m[0]++ } }() }\nselect {}": "fatal error: concurrent map",
	} {
		p, err := startSelf(t, "go")
		if err != nil {
			t.Fatal(err)
		}
		n := notebook("x := 1", code, "x")
		err = Run(t.Context(), n, p, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "cell 2: SessionEnded: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", code, err)
		}
		if got := briefly(n.Cells[1]); strings.Contains(strings.Join(got, ""), "goroutine ") {
			t.Errorf("%q: the stacks of this program are in the output: %q", code, got)
		}
	}
}

// TestNatives: what is too much to keep until somebody takes it is counted.
func TestNatives(t *testing.T) {
	n := newNatives()
	for range 3 {
		n.of("stdout")(make([]byte, maxNative/2))
	}
	n.of("stderr")([]byte("end"))
	var got []string
	n.take(func(f pipe.Frame) {
		s, _ := pipe.Decode[pipe.Stream](f)
		got = append(got, fmt.Sprint(s.Name, len(s.Text)))
	})
	if len(got) != 2 || got[0] != fmt.Sprint("stdout", maxNative) || !strings.HasPrefix(got[1], "stderr") {
		t.Errorf("%q", got)
	}
}
