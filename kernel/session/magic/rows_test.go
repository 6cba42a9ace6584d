package magic

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/heard"
	"github.com/godlas/godlas/internal/need"
	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/awaits"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWrongInput: what is typed wrongly ends in one sentence that says what is right, and changes nothing.
func TestWrongInput(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.txt", []byte("1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost()
	h.vars = []Var{{Name: "total", Kind: "var", Type: "int"}}
	h.inputs = []Input{{N: 1, Code: "x := 1"}}
	for _, c := range []struct {
		name, args, body string
		whole            bool
		want             string
	}{
		{"timeit", "-z f()", "", false, "%timeit has no flag -z; it has -n N, -r N, -q, -o NAME"},
		{"timeit", "-n", "", false, "%timeit: -n wants a value: -n N"},
		{"timeit", "-n x f()", "", false, `%timeit: -n takes a number from 1 to 1000000000, not "x"`},
		{"timeit", "-r 0 f()", "", false, `%timeit: -r takes a number from 1 to 10000, not "0"`},
		{"timeit", "-o 1x f()", "", false, `%timeit: -o wants the name of a variable, not "1x"`},
		{"timeit", "!ls", "", false, "%timeit times Go alone, neither magics nor commands; %time takes them"},
		{"who", "integer", "", false, `%who: "integer" is no kind (var, func, type, const) and nothing has this type`},
		{"reset", "totl", "", false, "%reset: there is no totl; did you mean total?"},
		{"reset", "nothing", "", false, "%reset: there is no nothing; %who lists names"},
		{"reset", "a*", "", false, `%reset: "a*" is no name; -r REGEXP takes a pattern`},
		{"reset", "-r (", "", false, "%reset: error parsing regexp: missing closing ): `(`"},
		{"reset", "-r ^z", "", false, "%reset: no name matches ^z"},
		{"reset", "go.mod", "", false, "%reset: go.mod is a file of your folder, which the kernel leaves alone; %get and %use change it"},
		{"env", "DLAS_NONE", "", false, "%env: DLAS_NONE is not set; %env DLAS_NONE=VALUE sets it"},
		{"env", "=x", "", false, `%env: "" is no name for a variable; %env NAME=VALUE sets one`},
		{"cd", "/no/such", "", false, "%cd: /no/such: no such file or directory"},
		{"pwd", "/tmp", "", false, "%pwd takes no argument; %cd /tmp changes the working directory"},
		{"version", "3", "", false, "%version takes no argument; it shows the version of Go"},
		{"lsmagic", "time", "", false, "%lsmagic takes no argument; %help time explains a magic"},
		{"args", `"a`, "", false, `%args: a " is not closed`},
		{"load", "", "", false, "%load: which file? %load FILE, or %load 3 for the input of cell 3"},
		{"load", "none.go", "", false, "%load: none.go: no such file or directory"},
		{"load", "7", "", false, "%load: the cells that have run have numbers up to 1; none of them is meant"},
		{"load", "-r 9- a.txt", "", false, "%load: a.txt has 3 lines, and none in 9-"},
		{"load", "-r x a.txt", "", false, `%load: -r "x": a range is 3, 3-7, 3- or -7`},
		{"load", ".", "", false, "%load: . is no file"},
		{"save", "", "", false, "%save: to which file? %save FILE 1-3, or %save FILE NAME"},
		{"save", "b.txt nope", "", false, `%save: nope is neither a variable nor cells: "nope": a range is 3, 3-7, 3- or -7`},
		{"save", "a.txt 1", "", false, "%save: a.txt is there already; -f replaces it, -a appends"},
		{"history", "--number", "", false, "%history has no flag --number; it has -n, -o, -u, -l N, -g TEXT, -f FILE"},
		{"history", "-l x", "", false, `%history: -l takes a number from 1 to 1073741824, not "x"`},
		{"history", "3-1", "", false, `%history: "3-1": a range is 3, 3-7, 3- or -7`},
		{"writefile", "", "x", true, "%%writefile: to which file? %%writefile FILE"},
		{"writefile", "/no/such/file", "x", true, "%%writefile: /no/such/file: no such file or directory"},
		{"capture", "-a name", "x", true, "%%capture: -a appends to a file; name is a variable, and ./name a file"},
		{"capture", "", "", false, "%capture: to which file? %capture FILE copies the output of the rest of the cell to it"},
		{"html", "x", "<b>", true, "%%html takes no argument; it shows the cell below it"},
		{"svg", "", " \n", true, "%%svg: the cell below it is empty"},
		{"script", "", "x", true, "%%script: which program? %%script PROGRAM"},
		{"script", "nosuchprogram", "x", true, "%%script: nosuchprogram is not installed"},
		{"sh", "--out 1x", "x", true, `%%sh: --out wants the name of a variable, not "1x"`},
		{"sh", "--ouf x", "x", true, "%%sh has no flag --ouf; did you mean --out?"},
		{"sh", "--out x --err x", "x", true, "%%sh: --out and --err want different names"},
		{"sh", "--no-raise-error=1", "x", true, "%%sh: --no-raise-error takes no value"},
		{"run", "", "", false, "%run: which file? %run FILE"},
	} {
		out, err := h.do(t, c.name, c.args, c.body, c.whole)
		if err == nil || err.Error() != c.want || out != "" {
			t.Errorf("%s %s: %q, %v, want %s", c.name, c.args, out, err, c.want)
		}
	}
	if h.resets > 0 || len(h.forgot) > 0 || len(h.set) > 0 || h.next != "" || len(h.ran) > 0 || read(t, "a.txt") != "1\n2\n3\n" {
		t.Errorf("something has changed: %+v", h)
	}
	if e, err := os.ReadDir("."); err != nil || len(e) != 1 {
		t.Errorf("files are made: %v, %v", e, err)
	}
}

func TestNamesRows(t *testing.T) {
	h := newHost()
	h.vars = []Var{{Name: "aa", Kind: "var"}, {Name: "ab", Kind: "func"}, {Name: "b", Kind: "type"}}
	if out, err := h.do(t, "reset", "-f", "", false); err != nil || out != "" || h.resets != 1 {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := h.do(t, "reset", "-r ^a b", "", false); err != nil || !slices.Equal(h.forgot, []string{"b", "aa", "ab"}) || h.resets != 1 {
		t.Errorf("%v, %q", err, h.forgot)
	}
	if out, err := h.do(t, "get", "gonum.org/v1/gonum", "", false); err != nil || out != "gonum.org/v1/gonum is built in: cells import it without %get\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestFilesRows(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("DLAS_DIR", dir)
	h := newHost()
	h.inputs = []Input{{N: 1, Code: "x := 1\n", Result: "1"}, {N: 2, Code: "y"}, {N: 3, Code: "x := 1\n"}}
	h.set = map[string]any{"text": "as it is", "list": []int{1, 2}}
	for _, c := range []struct {
		name, args, body string
		whole            bool
		file, want       string
	}{
		{"writefile", "$DLAS_DIR/w.txt", "one", true, "w.txt", "one\n"},
		{"writefile", "-a w.txt", "two\n", true, "w.txt", "one\ntwo\n"},
		{"writefile", `"a b.txt"`, "", true, "a b.txt", ""},
		{"save", "s.txt 1-2", "", false, "s.txt", "x := 1\n\ny\n"},
		{"save", "-f s.txt 2", "", false, "s.txt", "y\n"},
		{"save", "-a s.txt text", "", false, "s.txt", "y\nas it is"},
		{"save", "l.json list", "", false, "l.json", "[\n  1,\n  2\n]\n"},
		{"history", "-f h.txt -n -o", "", false, "h.txt", "   1: x := 1\n→ 1\n   2: y\n   3: x := 1\n"},
		{"capture", "c.txt", "body", true, "c.txt", "out\n<p>\n"},
		{"capture", "-a ./c.txt", "body", true, "c.txt", "out\n<p>\nout\n<p>\n"},
	} {
		if _, err := h.do(t, c.name, c.args, c.body, c.whole); err != nil || read(t, c.file) != c.want {
			t.Errorf("%s %s: %v; %s holds %q, want %q", c.name, c.args, err, c.file, read(t, c.file), c.want)
		}
	}
	for args, want := range map[string]string{"w.txt": "one\ntwo\n", "-r 2 w.txt": "two\n", "2-3": "y\n\nx := 1\n", `"a b.txt"`: ""} {
		if _, err := h.do(t, "load", args, "", false); err != nil || h.next != want {
			t.Errorf("%%load %s: %v, %q", args, err, h.next)
		}
	}
	for args, want := range map[string]string{"": "x := 1\ny\nx := 1\n", "-u": "y\nx := 1\n", "-l 1": "x := 1\n", "-g X := 1": "x := 1\nx := 1\n", "-n -g X": "   1: x := 1\n   3: x := 1\n", "2": "y\n"} {
		if out, err := h.do(t, "history", args, "", false); err != nil || strings.TrimPrefix(out, "there is no such cell among those that have run\n") != want {
			t.Errorf("%%history %s: %v, %q", args, err, out)
		}
	}
	if _, err := h.do(t, "capture", "got", "body", true); err != nil || h.set["got"].(*display.Captured).Stdout() != "out\n" || h.ran[0] != "body" {
		t.Errorf("%v, %v", err, h.set)
	}
	if _, err := h.do(t, "capture", "-a $DLAS_DIR/x", "", false); err != nil || h.copied != filepath.Join(dir, "x")+"true" {
		t.Errorf("%v, %q", err, h.copied)
	}
	if _, err := h.do(t, "run", "w.txt", "", false); err != nil || h.ran[len(h.ran)-1] != "one\ntwo\n" {
		t.Errorf("%v, %q", err, h.ran)
	}
}

func TestEnvironmentRows(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("DLAS_A", "a")
	t.Setenv("DLAS_B", "")
	t.Setenv("PWD", dir)
	t.Setenv("OLDPWD", dir)
	h := newHost()
	for args, want := range map[string]string{"DLAS_B=x y": "x y", "DLAS_B x y": "x y", `DLAS_B = " x "`: " x ", "DLAS_B=$DLAS_A!": "a!", "DLAS_B='$DLAS_A'": "$DLAS_A", "DLAS_B=1=2": "1=2"} {
		if _, err := h.do(t, "env", args, "", false); err != nil || os.Getenv("DLAS_B") != want {
			t.Errorf("%%env %s: %v, %q", args, err, os.Getenv("DLAS_B"))
		}
	}
	if _, err := h.do(t, "env", "-u DLAS_B", "", false); err != nil {
		t.Error(err)
	}
	if _, ok := os.LookupEnv("DLAS_B"); ok {
		t.Error("-u leaves the variable")
	}
	if err := os.Mkdir("d", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, x := range [][2]string{{"d", filepath.Join(dir, "d")}, {"-", dir}, {"-", filepath.Join(dir, "d")}, {`".."`, dir}} {
		out, err := h.do(t, "cd", x[0], "", false)
		if wd, _ := os.Getwd(); err != nil || wd != x[1] || out != wd+"\n" || os.Getenv("PWD") != wd {
			t.Errorf("%%cd %s: %q, %v", x[0], out, err)
		}
	}
	old := os.Args
	defer func() { os.Args = old }()
	if _, err := h.do(t, "args", `-x "a b" c\ d ''`, "", false); err != nil || !slices.Equal(os.Args[1:], []string{"-x", "a b", "c d", ""}) {
		t.Errorf("%v, %q", err, os.Args)
	}
}

func TestScriptRows(t *testing.T) {
	need.Program(t, "sh", "sh")
	h := newHost()
	out, err := h.do(t, "sh", `--out got --err=bad -s "a b"`, "echo $1; echo oh >&2", true)
	if err != nil || out != "" || h.set["got"] != "a b\n" || h.set["bad"] != "oh\n" {
		t.Errorf("%q, %v, %q", out, err, h.set)
	}
	if out, err = h.do(t, "script", "--no-raise-error sh", "echo x; exit 3", true); err != nil || out != "x\n%%script: exit status 3\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err = h.do(t, "script", "--out got sh", "echo y; exit 3", true); err == nil || err.Error() != "%%script: exit status 3" || h.set["got"] != "y\n" {
		t.Errorf("%v, %q", err, h.set)
	}
	h.folder = t.TempDir()
	sub := filepath.Join(h.folder, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.folder, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.folder = sub
	var got heard.Buffer
	if err := Shell(t.Context(), &Call{Session: h, Args: "*pwd -P", Stdout: &got, Stderr: &got}); err != nil || filepath.Base(strings.TrimSpace(got.String())) != filepath.Base(filepath.Dir(sub)) {
		t.Errorf("!*pwd: %q, %v", got.String(), err)
	}
	// A command that reads its input finds the end of it.
	got.Take()
	if err := Shell(t.Context(), &Call{Session: h, Args: `read x; printf '\033[1m%s\r|' "got $x"`, Stdout: &got, Stderr: &got}); err != nil || got.String() != "\x1b[1mgot \r|" {
		t.Errorf("%q, %v", got.String(), err)
	}
}

func TestTimeItFlags(t *testing.T) {
	h := newHost()
	h.sleep = 100 * time.Microsecond
	out, err := h.do(t, "timeit", "-n5 -r 3 -q -o per f()", "", false)
	if err != nil || out != "" || len(h.sources) != 4 {
		t.Fatalf("%q, %v, %q", out, err, h.sources)
	}
	per := h.set["per"].([]time.Duration)
	if len(per) != 3 || !slices.IsSorted(per) || !strings.Contains(h.sources[1], "/*line :1:") || !strings.HasSuffix(h.sources[1], "*/f()\n}") {
		t.Errorf("%v, %q", per, h.sources[1])
	}
	h.sources = nil
	if _, err := h.do(t, "timeit", "-n 1 -r 1 setup()", "f()", true); err != nil || len(h.sources) != 3 || strings.TrimSpace(h.sources[0]) != "setup()" {
		t.Errorf("%v, %q", err, h.sources)
	}
	if _, err := h.do(t, "time", "", "%who\nx", true); err != nil || !reflect.DeepEqual(h.ran, []string{"\n%who\nx"}) {
		t.Errorf("%v, %q", err, h.ran)
	}
}

func TestFields(t *testing.T) {
	for in, want := range map[string]string{"": "[]", ` a  b `: `["a" "b"]`, `"a b"'c d'`: `["a bc d"]`, `a\ b "\"" '\'`: `["a b" "\"" "\\"]`, `""`: `[""]`} {
		got, err := Fields(in)
		if s := fmt.Sprintf("%q", got); err != nil || s != want {
			t.Errorf("%q: %s, %v, want %s", in, s, err, want)
		}
	}
}

// TestCommandsAsk: a command that waits for a line gets one, and one that nobody answers the end of its input.
func TestCommandsAsk(t *testing.T) {
	need.Program(t, "sh", "sh")
	if !awaits.Known {
		t.Skip("it is not seen here that a command waits for input")
	}
	for _, c := range []struct {
		first, line string
		answers     []string
		want        string
		asked       int
	}{
		{"", `read a; echo "1 $a"; (read b; echo "2 $b")`, []string{"x", "y z"}, "1 x\n2 y z\n", 2},
		{"", "cat; echo end", []string{"x", endOfInput}, "x\nend\n", 2},
		{"", "cat; echo end", []string{}, "end\n", 1},
		{"", "echo no question", []string{"x"}, "no question\n", 0},
		{"with_password", `read a; echo ${#a}`, []string{"secret"}, "6\n", 1},
		{"with_inputs", `read a; echo $a`, []string{"x"}, "x\n", -1},
	} {
		h := newHost()
		h.answers = make(chan string, 10)
		for _, a := range c.answers {
			h.answers <- a
		}
		if c.asked >= 0 {
			close(h.answers)
		}
		if c.first != "" {
			if _, err := h.do(t, c.first, "", "", false); err != nil {
				t.Error(err)
			}
		}
		var got heard.Buffer
		err := Shell(t.Context(), &Call{Session: h, Args: c.line, Stdout: &got, Stderr: &got})
		if err != nil || got.String() != c.want || c.asked >= 0 && len(h.asked) != c.asked || c.first == "with_password" && !h.asked[0] {
			t.Errorf("%s: %q, %v, asked %v", c.line, got.String(), err, h.asked)
		}
	}
	h := newHost()
	if _, err := h.do(t, "with_inputs", "", "", false); err == nil || err.Error() != "this client takes no input from the user here" {
		t.Error(err)
	}
}

// TestWhoOwnTypes: a type of the cells goes by the name that they give it, and a constant has its value.
func TestWhoOwnTypes(t *testing.T) {
	h := newHost()
	h.vars = []Var{{"c", "const", "untyped int", reflect.ValueOf(int64(3))}, {"v", "var", "main.T", reflect.ValueOf(struct{ A int }{3})}}
	if out, err := h.do(t, "whos", "", "", false); err != nil || out != "kind   name  type         value\nconst  c     untyped int  3\nvar    v     T            {A:3}\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := h.do(t, "who", "T", "", false); err != nil || out != "v\n" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := h.do(t, "who", "func", "", false); err != nil || out != "none\n" {
		t.Errorf("%v: %s", err, out)
	}
}
