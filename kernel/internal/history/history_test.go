package history

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func inputs(es []Entry, err error) string {
	if err != nil {
		return err.Error()
	}
	var s []string
	for _, e := range es {
		s = append(s, fmt.Sprintf("%d/%d:%s", e.Session, e.Line, e.Input))
	}
	return strings.Join(s, " ")
}

func TestQueries(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "new", "history.jsonl")} {
		l := open(t, path)
		for i, in := range []string{"x := 1", "x", "y", "x", "世界"} {
			out := ""
			if in == "x" {
				out = "1"
			}
			if err := l.Append(i+1, in, out); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct{ got, want string }{
			{inputs(l.Tail(2)), "1/4:x 1/5:世界"},
			{inputs(l.Tail(0)), "1/1:x := 1 1/2:x 1/3:y 1/4:x 1/5:世界"},
			{inputs(l.Tail(99)), "1/1:x := 1 1/2:x 1/3:y 1/4:x 1/5:世界"},
			{inputs(l.Range(0, 2, 4)), "1/2:x 1/3:y"},
			{inputs(l.Range(0, 4, 0)), "1/4:x 1/5:世界"},
			{inputs(l.Range(7, 1, 0)), ""},
			{inputs(l.Search("x*", 0, false)), "1/1:x := 1 1/2:x 1/4:x"},
			{inputs(l.Search("x*", 2, false)), "1/2:x 1/4:x"},
			{inputs(l.Search("x*", 0, true)), "1/1:x := 1 1/4:x"},
			{inputs(l.Search("??", 0, false)), "1/5:世界"},
		} {
			if tc.got != tc.want {
				t.Errorf("%q: got %s, want %s", path, tc.got, tc.want)
			}
		}
		if es, _ := l.Range(0, 2, 3); len(es) != 1 || es[0].Output != "1" {
			t.Errorf("output: %+v", es)
		}
	}
}

func TestRunsAreNumberedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	a := open(t, path)
	a.Append(1, "a1", "")
	b := open(t, path)
	b.Append(1, "b1", "")
	a.Append(2, "a2", "")
	if got, want := inputs(b.Tail(0)), "1/1:a1 2/1:b1 1/2:a2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := inputs(b.Range(-1, 1, 0)), "1/1:a1 1/2:a2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := inputs(a.Range(0, 1, 0)), "1/1:a1 1/2:a2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestRangeIsInTheOrderOfLines(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "history.jsonl"))
	for _, n := range []int{2, 1, 4, 3} { // as cells of two shells end
		l.Append(n, fmt.Sprint("c", n), "")
	}
	if got, want := inputs(l.Range(0, 1, 0)), "1/1:c1 1/2:c2 1/3:c3 1/4:c4"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDamagedLinesArePassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	a := open(t, path)
	a.Append(1, "one", "")
	f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	fmt.Fprintf(f, "{\"k\":\n\x00\xff\n\n%s\n", strings.Repeat("x", 9*maxLine))
	f.Close()
	a.Append(2, "two", "")
	if got, want := inputs(a.Tail(0)), "1/1:one 1/2:two"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnwritableFolderFallsBackToMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	l, err := Open(filepath.Join(file, "history.jsonl"))
	if err == nil {
		t.Fatal("no error")
	}
	l.Append(1, "kept", "")
	if got := inputs(l.Tail(0)); got != "1/1:kept" {
		t.Error(got)
	}
}

func TestLargeCellIsNotKeptAndLargeFileIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	a := open(t, path)
	a.Append(1, strings.Repeat("x", maxLine), "")
	a.Append(2, "b", strings.Repeat("x", maxLine))
	if es, err := a.Tail(0); err != nil || len(es) != 1 || es[0].Input != "b" || es[0].Output != "" {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	b := open(t, path)
	big := strings.Repeat("y", 64<<10)
	for i := range maxFile/len(big) + 2 {
		b.Append(i+1, big, "")
	}
	c := open(t, path)
	c.Append(1, "c", "")
	if st, _ := os.Stat(path); st.Size() > maxFile/2+1<<20 {
		t.Errorf("the file has %d bytes", st.Size())
	}
	es, err := c.Tail(2)
	if err != nil || len(es) != 2 || es[0].Session != 2 || es[1].Session != 3 || es[1].Input != "c" {
		t.Errorf("sessions %d %d, %v", es[0].Session, es[1].Session, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 50 {
				l.Append(i+1, strings.Repeat("z", 3000), "")
			}
		})
	}
	wg.Wait()
	es, err := open(t, path).Tail(0)
	if err != nil || len(es) != 200 {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	seen := map[int]int{}
	for _, e := range es {
		seen[e.Session]++
	}
	if want := map[int]int{1: 50, 2: 50, 3: 50, 4: 50}; !reflect.DeepEqual(seen, want) {
		t.Errorf("%v", seen)
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		p, s string
		want bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a\nb/c", true},
		{"a?c", "abc", true},
		{"a?c", "a世c", true},
		{"a?c", "ac", false},
		{"*b*", "abc", true},
		{"*b", "abc", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxc", false},
		{"[ab]x", "bx", true},
		{"[a-c]x", "cx", true},
		{"[^a-c]x", "cx", false},
		{"[^a-c]x", "dx", true},
		{"[]]", "]", true},
		{"[a", "[a", true},
		{"[a", "a", false},
		{"[a-]", "-", true},
		{"1?2*", "1+2", true},
		{"*世*", "hello 世界", true},
		{strings.Repeat("*a", 200) + "b", strings.Repeat("a", 5000), false},
	} {
		if got := glob(tc.p, tc.s); got != tc.want {
			t.Errorf("glob(%.20q, %.20q) = %v", tc.p, tc.s, got)
		}
	}
}
