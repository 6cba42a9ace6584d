package store

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func keys(t *testing.T, s *Store) (out []string, skipped int) {
	t.Helper()
	skipped, err := s.Each(func(e Entry) bool {
		out = append(out, e.Key)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, skipped
}

func TestAppendAndRead(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "not", "there", "yet"))
	if got, _ := keys(t, s); got != nil {
		t.Fatalf("a store without a file has %v", got)
	}
	for i, v := range []any{map[string]int{"a": 1}, "two\nlines", 3.5} {
		if err := s.Append(fmt.Sprint("k", i%2), v); err != nil {
			t.Fatal(err)
		}
	}
	if got, skipped := keys(t, s); fmt.Sprint(got) != "[k0 k1 k0]" || skipped != 0 {
		t.Fatalf("keys %v, skipped %d", got, skipped)
	}
	var last string
	if _, err := s.Each(func(e Entry) bool { last = string(e.Record); return true }); err != nil || last != "3.5" {
		t.Fatalf("the last record is %s, %v", last, err)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if m := info.Mode().Perm(); os.PathSeparator == '/' && m != 0o600 {
		t.Errorf("the file's mode is %o", m)
	}
}

// TestTornLines damages lines in each way a crash or a stray editor can and demands that only those are lost.
func TestTornLines(t *testing.T) {
	s := Open(t.TempDir())
	if err := s.Append("first", 1); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(whole); cut++ {
		if err := os.WriteFile(s.path, append(append([]byte(nil), whole...), whole[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Append("after", 2); err != nil {
			t.Fatal(err)
		}
		got, skipped := keys(t, s)
		want, wantSkipped := "[first after]", 1
		if cut == len(whole)-1 { // all but the newline is a sound line
			want, wantSkipped = "[first first after]", 0
		}
		if fmt.Sprint(got) != want || skipped != wantSkipped {
			t.Fatalf("cut at %d: keys %v, skipped %d", cut, got, skipped)
		}
	}
	flipped := strings.Replace(string(whole), `"record":1`, `"record":7`, 1)
	for _, damage := range []string{flipped, "not json\n", "\n\n", "{}\n", "null\n", "[1]\n", `{"key":5}` + "\n", strings.Repeat("x", maxLine+10) + "\n"} {
		if err := os.WriteFile(s.path, []byte(damage+string(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _ := keys(t, s); fmt.Sprint(got) != "[first]" {
			t.Errorf("after %.20q the keys are %v", damage, got)
		}
	}
}

// TestManyWriters appends from many goroutines of several processes.
func TestManyWriters(t *testing.T) {
	const workers, each, size = 4, 25, 100_000
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" {
		appendMany(t, Open(dir), os.Getenv("STORE_TEST_NAME"), workers, each, size)
		return
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			cmd := exec.Command(os.Args[0], "-test.run=^TestManyWriters$")
			cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir, "STORE_TEST_NAME="+name)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}()
	}
	wg.Wait()
	seen := make(map[string]bool)
	skipped, err := Open(dir).Each(func(e Entry) bool {
		var v string
		if json.Unmarshal(e.Record, &v) != nil || len(v) != size {
			t.Errorf("record of %s is damaged", e.Key)
		}
		seen[e.Key] = true
		return true
	})
	if err != nil || skipped != 0 || len(seen) != 3*workers*each {
		t.Fatalf("%d records, %d skipped, %v; want %d", len(seen), skipped, err, 3*workers*each)
	}
}

func appendMany(t *testing.T, s *Store, name string, workers, each, size int) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				if err := s.Append(fmt.Sprintf("%s-%d-%d", name, w, i), strings.Repeat(name, size)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
}
