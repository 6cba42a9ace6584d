package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// programs are run by the interpreter and, where there is a toolchain, compiled: both must do the same. Of standard error
// what comes before the stacks of goroutines counts.
var programs = []struct {
	name           string
	files          string // in the form of a text archive, or one main.go
	args           []string
	stdin          string
	stdout, stderr string
	code           int
}{
	{
		name: "arguments and the environment", args: []string{"-n", "3", "x", "-y"},
		files: `package main
import ("flag"; "fmt"; "os")
var n = flag.Int("n", 1, "number")
func main() {
	flag.Parse()
	fmt.Println(*n, flag.Args(), len(os.Args), os.Getenv("DLAS_EXEC_TEST"))
}`, stdout: "3 [x -y] 5 seen\n",
	},
	{
		name: "a wrong flag", args: []string{"-x"},
		files: `package main
import "flag"
func main() { flag.Int("n", 1, "how many"); flag.Parse() }`,
		stderr: "flag provided but not defined: -x\nUsage of main:\n  -n int\n    \thow many (default 1)\n", code: 2,
	},
	{
		name: "standard input is a file", stdin: "one two\nthree\n",
		files: `package main
import ("bufio"; "fmt"; "io"; "os")
func main() {
	var s string
	r := bufio.NewReader(os.Stdin)
	fmt.Fscan(r, &s)
	rest, _ := io.ReadAll(r)
	var w io.Writer = os.Stdout
	_, isFile := w.(*os.File)
	fmt.Printf("%s %q %d %v\n", s, rest, os.Stdin.Fd(), isFile)
}`, stdout: "one \" two\\nthree\\n\" 0 true\n",
	},
	{
		name: "print and println are standard error",
		files: `package main
import "os"
func main() { os.Stderr = os.Stdout; print("a", 1, "\n"); println(2.5, true, nil == any(nil)); os.Stdout.WriteString("out\n") }`,
		stdout: "out\n", stderr: "a1\n2.5 true true\n",
	},
	{
		name: "package variables and init functions in their order",
		files: `-- a.go --
package main
import "fmt"
var a = say("a", c)
var _ = say("blank", 0)
func init() { fmt.Println("init 1 of a") }
func init() { fmt.Println("init 2 of a", a, b, c) }
func main() { fmt.Println("main", d) }
func say(s string, n int) int { fmt.Println(s, n); return n + 1 }
-- b.go --
package main
import "fmt"
var b = say("b", d)
var c = say("c", f())
var d, e = pair()
func f() int { return e }
func pair() (int, int) { fmt.Println("pair"); return 1, 2 }
func init() { fmt.Println("init of b") }
-- c_test.go --
package main
var x = y
-- d_plan9.go --
package main
func f() int { return 1 }
-- e.go --
//go:build ignore
package other
`, stdout: "blank 0\npair\nb 1\nc 2\na 3\ninit 1 of a\ninit 2 of a 4 2 3\ninit of b\nmain 1\n",
	},
	{
		name: "os.Exit runs no deferred call",
		files: `package main
import ("fmt"; "os")
func main() { defer fmt.Println("no"); fmt.Println("yes"); os.Exit(7) }`, stdout: "yes\n", code: 7,
	},
	{
		name: "log.Fatal",
		files: `package main
import "log"
func main() { defer println("no"); log.SetFlags(0); log.Fatal("end") }`, stderr: "end\n", code: 1,
	},
	{
		name: "a logger shows the caller",
		files: `package main
import ("bytes"; "fmt"; "log")
func f(l *log.Logger) { l.Printf("a %d", 1); l.Output(2, "outer") }
func main() {
	log.SetFlags(log.Lshortfile|log.Lmsgprefix)
	log.SetPrefix("p: ")
	log.Println("x", 1)
	var b bytes.Buffer
	l := log.New(&b, "q ", log.Lshortfile)
	f(l)
	g := l.Println
	g("z")
	fmt.Print(b.String())
	defer func() { fmt.Println(recover()) }()
	log.Panicf("oh %v", 3)
}`, stdout: "q main.go:3: a 1\nq main.go:10: outer\nq main.go:12: z\noh 3\n", stderr: "main.go:7: p: x 1\nmain.go:15: p: oh 3\n",
	},
	{
		name: "a program asks for its stack",
		files: `package main
import ("fmt"; "path/filepath"; "runtime"; "runtime/debug"; "strings")
func g(n int) {
	defer func() {
		recover()
		var pcs [20]uintptr
		frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
		for {
			f, more := frames.Next()
			if strings.HasPrefix(f.Function, "main.") { fmt.Println(f.Function, filepath.Base(f.File), f.Line) }
			if !more { break }
		}
	}()
	var s []int
	s[n]++
}
type T struct{}
func (*T) M() { pc, _, line, ok := runtime.Caller(0); fmt.Println(runtime.FuncForPC(pc).Name(), line, ok) }
func h[E any](E) { pc, _, _, _ := runtime.Caller(0); fmt.Println(runtime.FuncForPC(pc).Name()) }
func main() {
	g(3)
	new(T).M()
	h(1)
	fmt.Println(strings.Contains(string(debug.Stack()), "main.main()\n\t"))
}`, stdout: "main.g.func1 main.go 7\nmain.g main.go 15\nmain.main main.go 21\nmain.(*T).M 18 true\nmain.h[...]\ntrue\n",
	},
	{
		name: "a run-time error",
		files: `package main
import "fmt"
func main() { defer fmt.Println("deferred"); var s []int; fmt.Println(s[len(s)+2]) }`, stdout: "deferred\n",
		stderr: "panic: runtime error: index out of range [2] with length 0\n\ngoroutine", code: 2,
	},
	{
		name: "panics with values",
		files: `package main
import ("errors"; "fmt"; "os")
type T struct{ a, b int }
type E string
func (e E) Error() string { return "E:" + string(e) }
type S int
func (s S) String() string { return "S!" }
type N float64
func main() {
	vs := []any{1, "a\nb", E("x"), S(3), N(2.5), errors.New("err"), fmt.Errorf("w %w", E("y")), true, 'x', 1i, uint8(3)}
	for i, v := range vs {
		if len(os.Args) > 1 && os.Args[1] == fmt.Sprint(i) { panic(v) }
	}
	defer func() { panic(fmt.Sprint("again ", recover())) }()
	panic(vs[4])
}`, stderr: "panic: main.N(2.5) [recovered]\n\tpanic: again 2.5\n\ngoroutine", code: 2,
	},
	{
		name: "a panic in a deferred call",
		files: `package main
import "errors"
func main() {
	defer func() { panic(errors.New("second\nline")) }()
	defer func() { defer func() { recover() }(); panic("gone") }()
	panic("first")
}`, stderr: "panic: first\n\tpanic: second\n\tline\n\ngoroutine", code: 2,
	},
	{
		name: "a panic that is thrown again",
		files: `package main
func main() {
	defer func() { panic(recover()) }()
	panic("same")
}`, stderr: "panic: same [recovered, repanicked]\n\ngoroutine", code: 2,
	},
	{
		name: "a panic in a goroutine",
		files: `package main
func main() {
	go func() { var m map[string]int; m["a"] = 1 }()
	select {}
}`, stderr: "panic: assignment to entry in nil map\n\ngoroutine", code: 2,
	},
	{
		name: "a panic in a callback of compiled code",
		files: `package main
import "time"
func main() {
	time.AfterFunc(1, func() { panic("timer") })
	time.Sleep(time.Hour)
}`, stderr: "panic: timer\n\ngoroutine", code: 2,
	},
	{
		name: "a nil pointer",
		files: `package main
type T struct{ next *T; n int }
func main() { var t T; println(t.next.n) }`,
		stderr: "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation", code: 2,
	},
	{
		name: "a deadlock",
		files: `package main
import "fmt"
func main() { c := make(chan int); fmt.Println("wait"); <-c }`, stdout: "wait\n",
		stderr: "fatal error: all goroutines are asleep - deadlock!\n", code: 2,
	},
	{
		name: "a deadlock in several goroutines",
		files: `package main
import "sync"
func main() {
	var mu sync.Mutex
	var wg sync.WaitGroup
	mu.Lock()
	for range 3 { wg.Go(mu.Lock) }
	wg.Wait()
}`, stderr: "fatal error: all goroutines are asleep - deadlock!\n", code: 2,
	},
	{
		name: "a deadlock of a program that logs",
		files: `package main
import ("flag"; "log")
func main() { flag.Parse(); log.SetFlags(0); c := make(chan int); log.Print("wait"); c <- 1 }`,
		stderr: "wait\nfatal error: all goroutines are asleep - deadlock!\n", code: 2,
	},
	{
		name: "main ends with Goexit",
		files: `package main
import ("fmt"; "runtime")
func main() { defer fmt.Println("deferred"); runtime.Goexit() }`, stdout: "deferred\n",
		stderr: "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n", code: 2,
	},
	{
		name: "the stack overflows",
		files: `package main
func f(n int) int { return f(n+1) + 1 }
func main() { defer func() { recover() }(); f(0) }`,
		stderr: "runtime: goroutine stack exceeds 1000000000-byte limit\n", code: 2,
	},
	{
		name: "nothing redirects the clock or the context",
		files: `package main
import ("context"; "fmt"; "time")
func main() { time.Sleep(time.Millisecond); fmt.Println(context.Background(), context.TODO()) }`,
		stdout: "context.Background context.TODO\n",
	},
}

// unpack writes the files of a program and returns what to run: a file, or the folder of several.
func unpack(t *testing.T, files string) string {
	t.Helper()
	dir := t.TempDir()
	if !strings.HasPrefix(files, "-- ") {
		file := filepath.Join(dir, "main.go")
		if err := os.WriteFile(file, []byte(files), 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(files, "-- "), "\n-- ") {
		name, text, _ := strings.Cut(part, " --\n")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// perform runs a command and returns its exit status and output.
func perform(t *testing.T, stdin, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DLAS_EXEC_TEST=seen", "GOTRACEBACK=")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s does not end: %s%s", name, out.String(), errs.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestExec: a program does in the interpreter what the table says.
func TestExec(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"exec", unpack(t, p.files)}, p.args...)
			code, stdout, stderr := perform(t, p.stdin, os.Args[0], args...)
			if code != p.code || stdout != p.stdout || !meant(stderr, p.stderr) {
				t.Errorf("status %d, %q, %q; want %d, %q, %q", code, stdout, stderr, p.code, p.stdout, p.stderr)
			}
		})
	}
}

// TestExecCompiled: and the table says what a compiled program does.
func TestExecCompiled(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles")
	}
	tool := need.Program(t, "go", "go")
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			what := unpack(t, p.files)
			exe := filepath.Join(t.TempDir(), "main")
			build := exec.Command(tool, "build", "-o", exe)
			build.Dir = filepath.Dir(what)
			if strings.HasSuffix(what, ".go") {
				build.Args = append(build.Args, what)
			} else {
				build.Dir = what
				if err := os.WriteFile(filepath.Join(what, "go.mod"), []byte("module main\n\ngo 1.26\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GO111MODULE=auto")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			code, stdout, stderr := perform(t, p.stdin, exe, p.args...)
			stderr = strings.ReplaceAll(stderr, exe+":", "main:")
			if code != p.code || stdout != p.stdout || !meant(stderr, p.stderr) {
				t.Errorf("status %d, %q, %q; want %d, %q, %q", code, stdout, stderr, p.code, p.stdout, p.stderr)
			}
		})
	}
}

// meant compares standard error: up to where stacks begin if the program crashes.
func meant(got, want string) bool {
	if crash := strings.HasPrefix(want, "panic: ") || strings.Contains(want, "fatal error: ") || strings.HasPrefix(want, "runtime: "); crash {
		return strings.HasPrefix(got, want)
	}
	return got == want
}

// TestExecWrong: what cannot run says why, in one line if the command line is wrong and as the compiler does if the source is.
func TestExecWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		what string
		code int
		want string // %s is what
	}{
		{"", 2, "dlas: exec: which program? usage: dlas exec FILE.go… | FOLDER [ARGUMENT …]\n"},
		{filepath.Join(dir, "none.go"), 2, "dlas: exec: open %s: no such file or directory\n"},
		{filepath.Join(dir, "none"), 2, "dlas: exec: stat %s: no such file or directory\n"},
		{filepath.Dir(write("empty/readme.txt", "")), 2, "dlas: exec: no Go files for this platform in %s\n"},
		{filepath.Join(dir, "empty", "readme.txt"), 2, "dlas: exec: %s is neither a .go file nor a folder\n"},
		{"-x", 2, "dlas: exec: unknown flag \"--x\"; exec has none of its own\n"},
		{write("foo.go", "package foo\n"), 1, "%s:1:1: package foo is not a program: only a package main can be run\n"},
		{write("nomain.go", "package main\n"), 1, "%s:1:1: function main is undeclared in the main package\n"},
		{write("syntax.go", "package main\n\nfunc main() {\n\tx := \n}\n"), 1, "%s:5:1: expected operand, found '}'\n"},
		{write("blank.go", ""), 1, "%s:1:1: expected 'package', found 'EOF'\n"},
		{write("types.go", "package main\n\nimport \"os\"\n\nfunc main() {\n\tvar x int = \"a\"\n\ty := 1\n}\n"), 1, `%s:3:8: "os" imported and not used
%s:6:6: declared and not used: x
%s:6:14: cannot use "a" (untyped string constant) as int value in variable declaration
%s:7:2: declared and not used: y
`},
		{write("import.go", "package main\n\nimport _ \"no/such/package\"\n\nfunc main() {}\n"), 1, "%s:3:10: could not import no/such/package…"},
		{write("cycle.go", "package main\n\nvar a = b\nvar b = a\n\nfunc main() {}\n"), 1, "%s:3:5: initialization cycle for a\n\t%s:3:5: a refers to b\n\t%s:4:5: b refers to a\n"},
	} {
		args := []string{"exec"}
		if c.what != "" {
			args = append(args, c.what)
		}
		code, stdout, stderr := perform(t, "", os.Args[0], args...)
		want := strings.ReplaceAll(c.want, "%s", c.what)
		begin, more := strings.CutSuffix(want, "…")
		if code != c.code || stdout != "" || stderr != want && (!more || !strings.HasPrefix(stderr, begin)) {
			t.Errorf("%s: status %d, %q, %q; want %d, %q", c.what, code, stdout, stderr, c.code, want)
		}
	}
}

// TestExecFolder: a package of a module is run with the packages beside it, and errors name files from the working folder.
func TestExecFolder(t *testing.T) {
	need.Program(t, "go", "go") // it finds the packages of a module
	dir := unpack(t, "-- go.mod --\nmodule example.org/prog\n\ngo 1.26\n-- main.go --\npackage main\n\nimport \"example.org/prog/lib\"\n\nfunc main() { println(lib.X, other()) }\n-- other.go --\npackage main\n\nfunc other() string { return \"other\" }\n-- wrong.txt --\npackage main\n\nfunc main() { x }\n")
	lib := filepath.Join(dir, "lib")
	if err := os.Mkdir(lib, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lib, "lib.go"), []byte("package lib\n\nvar X = f()\n\nfunc f() int { println(\"init\"); return 4 }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := perform(t, "", os.Args[0], "exec", dir); code != 0 || stdout != "" || stderr != "init\n4 other\n" {
		t.Errorf("status %d, %q, %q", code, stdout, stderr)
	}
	if err := os.Rename(filepath.Join(dir, "wrong.txt"), filepath.Join(dir, "wrong.go")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	exe, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := perform(t, "", exe, "exec", "wrong.go"); code != 1 || stdout != "" || stderr != "wrong.go:3:15: undefined: x\n" {
		t.Errorf("status %d, %q, %q", code, stdout, stderr)
	}
}

// TestExecStack: the stack of a panic is the program's.
func TestExecStack(t *testing.T) {
	file := unpack(t, `package main

type T struct{}

func (t *T) run(f func(int)) {
	f(3)
}

func main() {
	(&T{}).run(func(n int) {
		panic(n)
	})
}
`)
	code, _, stderr := perform(t, "", os.Args[0], "exec", file)
	want := "panic: 3\n\ngoroutine 1 [running]:\nmain.main.func1(...)\n\t" + file + ":11\nmain.(*T).run(...)\n\t" + file + ":6\nmain.main()\n\t" + file + ":10\n"
	if code != 2 || stderr != want {
		t.Errorf("status %d, %s; want %s", code, stderr, want)
	}
}

// TestExecInterrupt: a signal ends a program as if nothing were between them, and a program may handle it.
func TestExecInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	for _, c := range []struct{ text, want string }{
		{`package main
import "fmt"
func main() { fmt.Println("ready"); for {} }`, "signal: interrupt"},
		{`package main
import ("fmt"; "os"; "os/signal")
func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	fmt.Println("ready")
	<-c
	os.Exit(5)
}`, "exit status 5"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "exec", unpack(t, c.text))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || err.Error() != c.want {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
}
