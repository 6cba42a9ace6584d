package interp

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// completeCells are what the completion tests know from earlier cells.
var completeCells = []string{
	`import "strings"
import "bytes"
type Base struct { ID int }
func (b *Base) Save() error { return nil }
type Named interface { Name() string }
type User struct { Base; Name string; age int; Tags map[string]int; friend *User }
func (u User) Greet() string { return "hi " + u.Name }
user := User{Name: "ann", Tags: map[string]int{"go": 1, "gopher": 2, "c++": 3}}
users := []User{user}
byName := map[string]*User{"ann": &user, "böb": nil, "quo\"te": nil, "back\\slash": nil}
var buf bytes.Buffer
counter := 1
ratio := 0.5
func helper(a, b int) int { return a + b }
func makeUser() (*User, error) { return &user, nil }`,
	`type Color int
const ( Red Color = iota; Green; Blue )
func paint(c Color, on bool, names ...string) {}
type Stack[T any] struct { items []T }
func (s *Stack[T]) Push(v T) { s.items = append(s.items, v) }
func (s *Stack[T]) Pop() (v T) { return }
stack := &Stack[User]{}
func Map[T, U any](xs []T, f func(T) U) []U { return nil }
type Walker interface { Walk(far float64) error }
type Dog struct { Legs int }
func (Dog) Walk(float64) error { return nil }
func (Dog) bark() {}
var walker Walker = Dog{4}
type Tree struct { Left, Right *Tree; Value struct { Key string; Data any } }
tree := &Tree{}
ch := make(chan User, 1)
type Option func(*User)
func loadFile(path string, mode int) {}
grid := [2][3]User{}
color := Red
var anything any = &user
nested := map[string]map[string]int{"outer": {"inner": 1, "inside": 2}}`,
}

// completions says what a request finds: the names that must be there, those
// that must not, and what must come first.
type completions struct{ src, want, not, first string }

func checkCompletions(t *testing.T, in *Interp, tests []completions) {
	t.Helper()
	for _, c := range tests {
		before, after, _ := strings.Cut(c.src, "|")
		src, at := before+after, len(before)
		got := in.Complete(src, at)
		var names []string
		for _, it := range got.Items {
			names = append(names, it.Text)
			if it.Type == "" {
				t.Errorf("%q: %s has no type", c.src, it.Text)
			}
		}
		few := names[:min(len(names), 40)]
		for _, w := range strings.Fields(c.want) {
			if !slices.Contains(names, w) {
				t.Errorf("%q: no %s among %v", c.src, w, few)
			}
		}
		for _, w := range strings.Fields(c.not) {
			if w == "*" && len(names) > 0 {
				t.Errorf("%q: %v are offered, want none", c.src, few)
			}
			if slices.Contains(names, w) {
				t.Errorf("%q: %s is offered", c.src, w)
			}
		}
		if first := strings.Fields(c.first); len(first) > 0 && !slices.Equal(names[:min(len(first), len(names))], first) {
			t.Errorf("%q: first come %v, want %v", c.src, names[:min(len(first)+2, len(names))], first)
		}
		if got.Start > at || got.End < at || got.Start < 0 || got.End > len(src) {
			t.Errorf("%q: range %d-%d", c.src, got.Start, got.End)
		}
	}
}

func TestCompleteNames(t *testing.T) {
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{"coun|", "counter", "", ""},
		{"hel|", "helper", "", ""},
		{"for i := range 3 {\n\tlocal := i\n\tlo|", "local", "", ""},
		{"func f(param int) int {\n\treturn par|\n}", "param", "", ""},
		{"ra|", "range ratio", "", ""},
		{"ap|", "append", "", ""},
		{"tru|", "true", "", ""},
		{"local := 3\nf := func(x int) int {\n\tinner := x\n\treturn in|\n}\n", "inner", "", ""},
		{"local := 3\nf := func(x int) int {\n\treturn loc|", "local", "", ""},
		{"fresh := 3\nfunc f() int { return fre| }", "fresh", "", ""},
		{"func f() int { return lat| }\nlater := 3", "later", "", ""},
		{"func f() int { return lat| }\nfunc laterFn() {}", "laterFn", "", ""},
		{"x := lat|\nlater := 3", "", "later", ""},
		{"func g() { if counter > 0 {\n\tdeep := 1\n\tfor {\n\t\tswitch {\n\t\tcase de|", "deep", "", ""},
		{"if v, err := makeUser(); er|", "err", "", ""},
		{"if v, err := makeUser(); err != nil {\n} else {\n\tv.Na|", "Name", "", ""},
		{"for key, value := range byName {\n\tval|", "value", "", ""},
		{"for key, value := range byName {\n\tvalue.|", "Name Greet", "", ""},
		{"for _, u := range users { u.|", "Name ID", "", ""},
		{"func named() (total int, err error) {\n\ttot|", "total", "", ""},
		{"func gen[K comparable, V any](m map[K]V) { var k |", "K V", "counter", ""},
		{"x := func() { coun| }", "counter", "", ""},
		{"go func() { hel| }()", "helper", "", ""},
		{"Count|", "counter", "", ""},
		{"str|", "strings strconv struct string", "", ""},
		{"json|", "json", "", ""},
		{"x := 1 + coun|", "counter", "", ""},
		{"user| := 3", "user users", "", ""},
		{"1|", "", "*", ""},
		{"0x|", "", "*", ""},
		{"'a|'", "", "*", ""},
		{"é := 1\né|", "é", "", ""},
		{"变量 := 1; 变|", "变量", "", ""},
		{"s := \"😀\"; coun|", "counter", "", ""},
		{"user.Name // coun|", "", "*", ""},
		{"/* coun| */", "", "*", ""},
		{"/* */ coun|", "counter", "", ""},
		{"// user.|", "", "*", ""},
		{"/* coun|", "", "*", ""},
		{"var coun|", "", "*", ""},
		{"func coun|", "", "*", ""},
		{"type Us|", "", "*", ""},
		{"var x Us|", "User", "user users", ""},
		{"var x *Us|", "User", "user", ""},
		{"var x []Us|", "User", "user", ""},
		{"var x map[string]Us|", "User", "user", ""},
		{"var x map[str|", "string", "stack", ""},
		{"func f(u Us|", "User", "user", ""},
		{"func f(u *Us|) {}", "User", "user", ""},
		{"func f() Us|", "User", "user", ""},
		{"type T struct {\n\tOwner Us|\n}", "User", "user", ""},
		{"type T struct {\n\tOwner *|", "User", "user", ""},
		{"type T struct {\n\tNa|", "Named", "", ""},
		{"x := any(1).(Us|", "User", "user", ""},
		{"x := new(Us|", "User", "", ""},
		{"x := make([]Us|", "User", "user", ""},
		{"x := Stack[Us|", "User", "", ""},
		{"var x strings.|", "Builder Reader", "Repeat", ""},
		{"x := []strings.Bu|", "Builder", "", ""},
		{"outer:\nfor {\n\tfor { break ou|", "outer", "", "outer"},
		{"outer:\nfor {\n\tfor { continue | } }", "outer", "", "outer"},
		{"sw:\nswitch {\ncase true:\n\tfor { continue | } }", "", "sw", ""},
		{"sw:\nswitch {\ncase true:\n\tfor { break | } }", "sw", "", "sw"},
		{"func f() {\n\tgoto en|\n\tx()\nend:\n}", "end", "", "end"},
		{"again:\nx++\ngoto ag|", "again", "", ""},
		{"Ξ|", "", "*", ""},
	})
	if _, ok := in.Get("local"); ok {
		t.Error("completion declares names")
	}
}

func TestCompleteMembers(t *testing.T) {
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{"user.|", "Name age Base ID Greet Save friend", "counter", ""},
		{"user.G|", "Greet", "Name", ""},
		{"user.friend.friend.|", "Name Greet", "", ""},
		{"(&user).|", "Name Greet", "", ""},
		{"(*byName[\"ann\"]).|", "Name", "", ""},
		{"byName[\"ann\"].|", "Name Save", "", ""},
		{"users[0].|", "Name", "", ""},
		{"grid[0][1].|", "Name", "", ""},
		{"users[0:1][0].|", "Name", "", ""},
		{"x := user.Base.|", "ID Save", "Name", ""},
		{"(<-ch).|", "Name", "", ""},
		{"x := <-ch\nx.|", "Name", "", ""},
		{"u, _ := makeUser()\nu.|", "Name", "", ""},
		{"stack.|", "Push Pop items", "", ""},
		{"stack.Pop().|", "Name", "", ""},
		{"s := Stack[int]{}; s.|", "Push", "", ""},
		{"xs := Map(users, func(u User) Dog { return Dog{} }); xs[0].|", "Legs Walk bark", "", ""},
		{"Map(users, func(u User) int { return u.|", "Name", "", ""},
		{"walker.|", "Walk", "Legs", ""},
		{"walker.(Dog).|", "Legs Walk", "", ""},
		{"switch w := walker.(type) {\ncase Dog:\n\tw.|", "Legs", "", ""},
		{"if d, ok := walker.(Dog); ok { d.|", "Legs", "", ""},
		{"tree.Left.Right.|", "Left Value", "", ""},
		{"tree.Value.|", "Key Data", "", ""},
		{"User.|", "Greet", "Name", ""},
		{"(*User).|", "Greet Save", "", ""},
		{"func (u User) Other() {\n\tu.Gre|", "Greet", "", ""},
		{"func (s *Stack[T]) Len() int {\n\treturn len(s.it|", "items", "", ""},
		{"type Local struct { Field int }\nfunc (l *Local) Do() { l.|", "Field Do", "", ""},
		{"type Local struct { Field int }\nfunc (l *Local) Do() {}\nv := Local{}\nv.|", "Field Do", "", ""},
		{"type Local struct { *User; Named }\nvar v Local\nv.|", "ID age Greet Save", "", ""},
		{"func f(r interface{ Read(p []byte) (int, error) }) { r.|", "Read", "", ""},
		{"func f[T Walker](t T) { t.|", "Walk", "", ""},
		{"func f(e error) { e.|", "Error", "", ""},
		{"struct{ A, B int }{}.|", "A B", "", ""},
		{"strings.ToU|", "ToUpper ToUpperSpecial", "ToLower", ""},
		{"strings.tou|", "ToUpper", "", ""},
		{"strings.|", "Builder Repeat", "indexFunc explode stringFinder", ""},
		{"fmt.Println(strings.Rep|)", "Repeat Replace", "Split", ""},
		{"buf.Wri|", "Write WriteString WriteByte", "Read", ""},
		{"buf.|", "Len", "off lastRead", ""},
		{"json.Mar|", "Marshal MarshalIndent", "Decoder", ""},
		{"time.Now().Add(time.Second).|", "Format Unix", "wall ext", ""},
		{"os.Args[0].|", "", "*", ""},
		{"strings.NewReader(\"x\").Le|", "Len", "", ""},
		{"http.Get(\"\").|", "", "*", ""},
		{"math.Pi|", "Pi", "", ""},
		{"http.Header{}.|", "Add Get", "", ""},
		{"var r http.Request; r.URL.|", "Host Path", "", ""},
		{"var r http.Request\nr.URL.Query().|", "Get Encode", "", ""},
		{"atomic.Int64{}.|", "", "v", ""},
		{"var n atomic.Int64\nn.|", "Add Load", "", ""},
		{"slices.Sor|", "Sort SortFunc", "", ""},
		{"slices.Clone(users)[0].|", "Name", "", ""},
		{"for i, u := range slices.Backward(users) { u.|", "Name", "", ""},
		{"strings.Title|", "Title", "", ""},
		{"strings.T|", "", "", "ToLower"}, // Title is deprecated, and last
		{"rand.|", "IntN Read Seed Prime", "", ""},
		{"rand.Int|", "IntN Intn", "", ""},
		{"template.Must(template.|", "New HTML", "", ""},
		{"import \"crypto/rand\"\nrand.|", "Read", "IntN", ""},
		{"nothing.|", "", "*", ""},
		{"counter.|", "", "*", ""},
		{"if user.|", "Name", "", ""},
		{"if user.Gr| {\n}", "Greet", "", ""},
		{"if user.Name == \"\" && user.| {\n}", "age", "", ""},
		{"switch user.Na|", "Name", "", ""},
		{"switch x := user.|; x {\n}", "Name", "", ""},
		{"for i := 0; i < user.|", "age", "", ""},
		{"for i := user.|", "age", "", ""},
		{"for _, x := range user.|", "Tags", "", ""},
		{"func() { defer user.Sa|\n}()", "Save", "", ""},
		{"go user.Sa|", "Save", "", ""},
		{"return user.|", "Name", "", ""},
		{"[]User{user}[0].Na|", "Name", "", ""},
		{"select {\ncase <-user.|", "friend", "", ""},
		{"select {\ncase v := <-ch:\n\tv.|", "Name", "", ""},
		{"x := []int{user.|", "age", "", ""},
		{"helper(counter, user.|", "age", "", ""},
		{"helper(helper(1, user.|), 3)", "age", "", ""},
		{"user.\n|", "Name", "", ""},
		{"user.\n\tGre|", "Greet", "", ""},
		{"strings.NewReplacer(\"a\", \"b\").\n\tRep|", "Replace", "", ""},
		{"user.| // a comment", "Name", "", ""},
		{"x := user.|\ny := 2", "Name", "", ""},
		{"user.Na|me.foo", "Name", "", ""},
		{"users[len(users)-1].|", "Name", "", ""},
		{"x := 5; user.|; y := 6", "Name", "", ""},
	})
}

func TestCompleteLiterals(t *testing.T) {
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{"u := User{Na|", "Name", "", "Name"},
		{"u := User{|", "Name age Base", "ID", "Base"},
		{"u := User{Name: \"x\", a|", "age", "", "age"},
		{"u := User{Name: \"x\", |}", "age friend", "", "Base Tags age friend"},
		{"u := User{\n\tName: \"x\",\n\tfr|\n}", "friend", "", "friend"},
		{"u := User{\n\t|\n\tName: \"x\",\n}", "friend", "", "Base"},
		{"u := &User{Ta|", "Tags", "", "Tags"},
		{"us := []User{{Na|", "Name", "", "Name"},
		{"us := []*User{{Na|", "Name", "", "Name"},
		{"us := map[string]User{\"a\": {Na|", "Name", "", "Name"},
		{"us := [...]User{2: {Na|", "Name", "", "Name"},
		{"us := []User{{Name: \"a\"}, {ag|", "age", "", "age"},
		{"t := Tree{Left: &Tree{Ri|", "Right", "", "Right"},
		{"http.Server{Add|", "Addr", "", "Addr"},
		{"s := &http.Server{Addr: \":80\", Read|", "ReadTimeout", "", ""},
		{"helper(User{ag|", "age", "", "age"},
		{"return User{ag|", "age", "", "age"},
		{"struct{ A, B int }{A|", "A", "", "A"},
		{"p := image.Point{|", "X Y", "", "X Y"},
		{"u := User{Base{}, na|", "", "Name", ""},
	})
}

func TestCompleteRanks(t *testing.T) {
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{"paint(|", "counter", "", "Blue Green Red color"},
		{"paint(Red, |", "", "", "false"},
		{"paint(Red, t|", "", "", "true"},
		{"color = |", "", "", "Blue Green Red color"},
		{"switch color {\ncase |", "", "", "Blue Green Red color"},
		{"switch color {\ncase Red, |", "", "", "Blue Green Red color"},
		{"if color == |", "", "", "Blue Green Red color"},
		{"if color != B| {\n}", "", "", "Blue"},
		{"var c Color = |", "", "", "Blue Green Red color"},
		{"func f() Color { return |", "", "", "Blue Green Red color"},
		{"f := func() (int, Color) { return 1, |", "", "", "Blue Green Red color"},
		{"m := map[Color]int{|", "", "", "Blue Green Red color"},
		{"cs := []Color{|", "", "", "Blue Green Red color"},
		{"helper(|", "", "", "counter"},
		{"helper(h|", "", "", "helper"},
		{"ratio = r|", "", "", "ratio"},
		{"time.Sleep(|", "time.Second time.Millisecond", "", "time.Hour"},
		{"time.Sleep(time.|", "", "", "Hour Microsecond Millisecond Minute Nanosecond Second"},
		{"if time.Now().Weekday() == |", "", "", "time.Friday time.Monday"},
		{"switch time.Now().Month() {\ncase time.|", "", "", "April August December February January July June March May November October September"},
		{"users = append(users, |", "", "", ""},
		{"var w Walker = |", "", "", "walker"},
		{"switch walker.(type) {\ncase |", "", "", "Dog Walker"},
		{"walker.(|", "", "", "Dog Walker"},
		{"anything.(|", "", "", "*User"},
		{"switch x := anything.(type) {\ncase |", "", "", "*User"},
		{"func f(in int) {\n\tnear := in\n\t|", "", "", "in near"},
		{"defer func() { if r := rec| }()", "recover", "", ""},
		{"go func() { for i := range user.|", "Tags", "", ""},
		{"import . |", "", "*", ""},
		{"import |", "", "*", ""},
		{"var err error = |", "", "", "nil"},
		{"ch <- |", "", "", "user"},
		{"u := User{friend: &|", "", "", "user"},
		{"u := User{Name: user.|", "", "", "Name"},
		{"users[|", "", "", "counter"},
		{"for counter < |", "", "", "counter"},
		{"if !|", "", "", "false true"},
		{"x := helper(counter, c|", "", "", "counter"},
	})
}

func TestCompleteStrings(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range []string{"data.csv", "da ta\"q.csv", ".hidden", "sub/inner.txt", "sub/deep/x.go", "ünï.txt"} {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{`byName["|`, `ann böb quo\"te back\\slash`, "", ""},
		{`byName["a|"]`, "ann", "böb", ""},
		{`byName["a|nn"].Name`, "ann", "", ""},
		{`byName["bö|`, "böb", "", ""},
		{"byName[`|`]", `ann quo"te back\slash`, "", ""},
		{`delete(byName, "|`, "ann", "", ""},
		{`fmt.Println(byName["|`, "ann", "", ""},
		{`if byName["|" {`, "ann", "", ""},
		{`user.Tags["g|`, "go gopher", "c++", ""},
		{`users[0].Tags["|`, "go c++", "", ""},
		{`byName["ann"].Tags["|`, "go c++", "", ""},
		{`(*byName["ann"]).Tags["|`, "go c++", "", ""},
		{`nested["outer"]["|`, "inner inside", "", ""},
		{`nested["|`, "outer", "", ""},
		{"m := map[string]int{\"one\": 1, \"two\": 2}\nm[\"three\"] = 3\nm[\"|", "one two three", "", ""},
		{`users["|`, "", "*", ""},
		{`x := "user.|"`, "", "*", ""},
		{`fmt.Println("|`, "", "*", ""},
		{`fmt.Println("he said |`, "", "*", ""},
		{`user.Name + "|"`, "", "*", ""},
		{`import "enc|"`, "encoding/json encoding/csv", "bytes", ""},
		{`import "|"`, "bytes unsafe", "", ""},
		{`import f "fm|"`, "fmt", "", ""},
		{"import `fm|`", "fmt", "", ""},
		{"import (\n\t\"net/ht|", "net/http", "net", ""},
		{"import (\n\t\"os\"\n\t. \"net/ht|\"\n)\nx := 1", "net/http", "net", ""},
		{"x := 1\nimport \"mat|", "math", "", ""},
		{`os.Open("|`, `data.csv sub/ da\ ta\"q.csv`[:14], ".hidden", ""},
		{`os.Open("da|")`, "data.csv", "sub/", ""},
		{`os.Open("sub/|")`, "inner.txt deep/", "data.csv", ""},
		{`os.Open("sub/deep/|")`, "x.go", "", ""},
		{`os.Open(".|")`, ".hidden", "", ""},
		{`os.Open("./s|")`, "sub/", "", ""},
		{"os.ReadFile(`ün|`)", "ünï.txt", "", ""},
		{`os.ReadFile("ün|")`, "ünï.txt", "", ""},
		{`loadFile("d|`, "data.csv", "", ""},
		{`x := "./|"`, "data.csv", "", ""},
		{`x := "sub/|"`, "inner.txt", "", ""},
		{`x := "no/such/|"`, "", "*", ""},
		{`x := "http://|"`, "", "*", ""},
		{`os.Open("~/|")`, "", "*", ""},
		{`strings.Split("|`, "", "*", ""},
		{`os.Getenv("|`, "", "*", ""},
		{`filepath.Join("sub", "|`, "data.csv", "", ""},
	})
	for src, want := range map[string][2]int{
		`os.Open("sub/inn|er.txt")`:    {13, 22},
		`os.Open("su|b/inner.txt")`:    {9, 12},
		`byName["a|nn"].Name`:          {8, 11},
		`import "encod|ing/json" // x`: {8, 21},
		`coun|ter + 1`:                 {0, 7},
	} {
		at := strings.IndexByte(src, '|')
		if c := in.Complete(src[:at]+src[at+1:], at); c.Start != want[0] || c.End != want[1] {
			t.Errorf("%q: %d-%d, want %v", src, c.Start, c.End, want)
		}
	}
}

// TestCompleteBroken completes behind and before mistakes.
func TestCompleteBroken(t *testing.T) {
	in, _ := session(t, completeCells...)
	checkCompletions(t, in, []completions{
		{"x := = 3\nuser.|", "Name", "", ""},
		{"y := strings.NewReader(\"\")\nx := = 3\ny.|", "Len", "", ""},
		{"func f() {\n\tx := = 3\n\ty := user\n\ty.|\n}", "Name", "", ""},
		{"func f() {\n\ty := user\n\tx := = 3\n\tif y.|", "Name", "", ""},
		{"foo(1, 2\ny := user\ny.|", "Name", "", ""},
		{"func f() {\n\tfoo(1, 2\n\ty := user\n\ty.|\n}", "Name", "", ""},
		{"func f() {\n\tfoo(1, 2\n}\nuser.|", "Name", "", ""},
		{"xs := []int{1, 2\nuser.|", "Name", "", ""},
		{"x := \"unfinished\nuser.|", "Name", "", ""},
		{"var x int = \"a\"\nuser.|", "Name", "", ""},
		{"import \"no/such/package\"\nuser.|", "Name", "", ""},
		{"func f() {\n\tfor {\n\t\tswitch x {\n\t\tcase 1: y := user\n\t\t\tz z z\n\t\t\ty.|", "Name", "", ""},
		{"}\nuser.|", "Name", "", ""},
		{")\nuser.|", "Name", "", ""},
		{"func broken( {\n}\nuser.|", "Name", "", ""},
		{"type T struct {\n\tA int,\n}\nuser.|", "Name", "", ""},
		{"if {\n\tuser.|", "Name", "", ""},
		{"else {\n\tuser.|", "Name", "", ""},
		{"user.|\nx := = 3", "Name", "", ""},
		{"user.|\nfunc f( {", "Name", "", ""},
		{"if user.Name == \"\" {\n\tuser.|\n\nfunc later() {}", "Name", "", ""},
		{"if true {\n\tlat|\n\nfunc later() {}", "later", "", ""},
		{"x := undefinedThing.Foo()\nx.|", "", "*", ""},
		{"import \"strings\nuser.|", "Name", "", ""},
		{"x := '\nuser.|", "Name", "", ""},
		{"@#$\nuser.|", "Name", "", ""},
		{"package main\nimport \"fmt\"\nfunc main() {\n\tuser.|\n}", "Name", "", ""},
		{"const (\n\tA = iota\n\tB\n)\nuser.|", "Name", "", ""},
		{"var (\n\ta = user\n\tb = a.|\n)", "Name", "", ""},
		{"f(\n\tuser,\n\tuser.|\n)", "Name", "", ""},
		{"x := User{\n\tName: \"a\"\n}\nuser.|", "Name", "", ""},
	})
}

func TestCompleteOutputs(t *testing.T) {
	in, _ := session(t, completeCells...)
	if _, err := in.Eval(context.Background(), Cell{N: 7, Source: "makeUser()"}); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Eval(context.Background(), Cell{N: 8, Source: "user"}); err != nil {
		t.Fatal(err)
	}
	checkCompletions(t, in, []completions{
		{"Ou|", "Out", "", ""},
		{"In[3].|", "", "*", ""},
		{"Out[8].|", "Name Greet", "", ""},
		{"Out[8].Tags[\"|", "go gopher", "", ""},
		{"Out[99].|", "", "*", ""},
		{"type Out struct { Mine int }\nOut{}.|", "Mine", "", ""},
	})
	if i, ok := in.Inspect("Out", 3, 0); !ok || i.Signature != "var Out map[int]any" {
		t.Errorf("%v %+v", ok, i)
	}
}

// BenchmarkComplete is what a request costs when the session is warm.
func BenchmarkComplete(b *testing.B) {
	in, _ := session(b, completeCells...)
	for _, src := range []string{"coun|", "user.|", "strings.|", "syscall.|", "http.|", "paint(|", "byName[\"|", "us := []*User{{Na|", "foo(1, 2\ny := user\ny.|", "os.ReadFile(\"|"} {
		before, after, _ := strings.Cut(src, "|")
		b.Run(strings.ReplaceAll(before, "\n", ";"), func(b *testing.B) {
			for b.Loop() {
				in.Complete(before+after, len(before))
			}
		})
	}
	b.Run("inspect", func(b *testing.B) {
		for b.Loop() {
			in.Inspect("user.Greet()", 7, 0)
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			in, _ := session(b)
			in.Complete("http.", 5)
		}
	})
}
