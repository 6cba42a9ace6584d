package session

import (
	"os"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/internal/awaits"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// TestMagicsOfCells: what magics do to cells and cells to magics, through the real interpreter, frame by frame.
func TestMagicsOfCells(t *testing.T) {
	need.Program(t, "sh", "sh")
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PWD", dir)
	t.Setenv("OLDPWD", dir)
	t.Setenv("DLAS_MAGIC", "")
	args := os.Args
	t.Cleanup(func() { os.Args = args })
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	for i, x := range []struct {
		code string
		want []string
	}{
		{"n := 1\nfunc f() int { return n }\nfunc g() int { return f() + 1 }", nil},
		{"%%capture out\nfmt.Print(\"a\")\nfmt.Fprint(os.Stderr, \"b\")\n!echo c\nn + 1", nil},
		{"out", []string{"result: abc\n2\n"}}, // as text, where cells do not have package display
		{"%%capture\nfmt.Print(1)\npanic(\"oh\")", []string{"error: panic: oh"}},
		{"fmt.Print(2)", []string{"stdout: 2"}}, // the capture has ended with its cell
		{"%capture copy.txt\nfmt.Println(3)\n!echo 4\nn + 4", []string{"stdout: 3\n4\n", "result: 5"}},
		{"!cat copy.txt", []string{"stdout: 3\n4\n5\n"}},
		{"%%sh --out s\nprintf 'x y'", nil},
		{"len(s)", []string{"result: 3"}},
		{"%env DLAS_MAGIC=m\nos.Getenv(\"DLAS_MAGIC\")", []string{"result: m"}},
		{"!echo $DLAS_MAGIC", []string{"stdout: m\n"}},
		{"//gonb:%env DLAS_MAGIC z\n//gonb:!echo $DLAS_MAGIC", []string{"stdout: z\n"}},
		{"for i := range 2 {\n\tfmt.Print(i)\n}\n!echo between\nfmt.Print(n)", []string{"stdout: 01between\n1"}},
		{"%args -a b\nos.Args[1:]", []string{"result: [-a b]"}},
		{"%time !echo timed", []string{"stdout: timed\nwall"}},
		{"%reset n", nil},
		{"g()", []string{"result: 2"}}, // what uses a forgotten name goes on doing so
		{"n", []string{"error: CompileError: cell[18]:1:1: undefined: n"}},
		{"n := \"new\"\nn, g()", []string{"result: new, 2"}},
		{"%timeit -r 3 -n 5 -q -o per f()", nil},
		{"fmt.Sprintf(\"%T %d\", per, len(per))", []string{"result: []time.Duration 3"}},
		{"%history -n -o 18-19", []string{"stdout:   18: n\n  19: n := \"new\"\n      n, g()\n→ new, 2\n"}},
		{"%%writefile cell.go\nwritten := 7\nwritten * 2", []string{"stderr: wrote 25 bytes to cell.go\n"}},
		{"%run cell.go", []string{"result: 14"}},
		{"written", []string{"result: 7"}},
		{"%save again.txt 25", []string{"stderr: wrote 8 bytes to again.txt\n"}},
		{"late := 1\n%%sh\necho $late", []string{"error: Error: %%sh must be the first line of its cell"}},
		{"late", []string{"error: CompileError: cell[28]:1:1: undefined: late"}}, // nothing of that cell has run
		{"!test \"$GONB_DIR\" = \"$PWD\" && test \"$GONB_TMP_DIR\" = \"$PWD\" && echo same", []string{"stdout: same\n"}},
		{"map[string]int{\"a\": 1}, [][]int{{1}, {2}}", []string{"result: map[a:1], [[1] [2]]"}},
		{"!exit 4", []string{"error: Error: !exit: exit status 4"}},
		{"%args -late 3", nil},
		{"var lateFlag = flag.Int(\"late\", 1, \"declared after %args\")\n%%\nfmt.Print(*lateFlag)", []string{"stdout: 3"}},
	} {
		out, _ := c.execute(pipe.Execute{Code: x.code, Count: i + 1})
		if strings.HasPrefix(x.code, "%time ") && len(out) == 1 {
			out[0], _, _ = strings.Cut(out[0], " 1") // the time
			out[0] = strings.SplitAfter(out[0], "wall")[0]
		}
		if strings.Join(out, "|") != strings.Join(x.want, "|") {
			t.Errorf("%q:\n got %q\nwant %q", x.code, out, x.want)
		}
	}
	if b, err := os.ReadFile("again.txt"); err != nil || string(b) != "written\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestCommandAsks: a line of input for a command of the shell comes from the client.
func TestCommandAsks(t *testing.T) {
	need.Program(t, "sh", "sh")
	if !awaits.Known {
		t.Skip("it is not seen here that a command waits for input")
	}
	c := start(t, Options{Libraries: []interp.Library{interp.Std()}})
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "!printf 'Proceed? '; read a; echo \"got $a\"", Count: 1, AllowStdin: true})
	text := ""
	for {
		f := c.next()
		if f.ID == id {
			break
		}
		switch f.Kind {
		case pipe.KindStream:
			text += body[pipe.Stream](t, f).Text
		case pipe.KindInputRequest:
			if text != "Proceed? " {
				t.Errorf("before the question stands %q", text)
			}
			c.send(pipe.KindInputReply, id, pipe.Input{Value: "yes"})
		}
	}
	if text != "Proceed? got yes\n" {
		t.Errorf("%q", text)
	}
	if out, _ := c.run("!read a; echo \"got $a\""); len(out) != 1 || out[0] != "stdout: got \n" {
		t.Errorf("a client that takes no input: %q", out)
	}
}
