//go:build linux

package session

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// soakCells are what people run again and again: %d is another number in each of them.
var soakCells = []string{
	"x%[1]d := %[1]d\nx%[1]d * 2",
	"func f%[1]d(n int) int { if n < 2 { return n }; return f%[1]d(n-1) + f%[1]d(n-2) }\nf%[1]d(10)",
	"type T%[1]d struct{ A, B int }\nfunc (t T%[1]d) Sum() int { return t.A + t.B }\nT%[1]d{1, %[1]d}.Sum()",
	"for i := range 20 { fmt.Println(\"line\", i, %[1]d) }",
	"m%[1]d := map[string]int{}\nfor _, w := range strings.Fields(\"a b a %[1]d\") { m%[1]d[w]++ }\nm%[1]d",
	"panic(\"oh %[1]d\")",
	"undefined%[1]d + 1",
	"done%[1]d := make(chan int)\ngo func() { done%[1]d <- %[1]d }()\n<-done%[1]d",
	"func Map%[1]d[A, B any](xs []A, f func(A) B) (out []B) { for _, x := range xs { out = append(out, f(x)) }; return }\nMap%[1]d([]int{1, 2}, strconv.Itoa)",
	"b, _ := json.Marshal(struct{ N int }{%[1]d})\nstring(b)",
	"%%who",
	"fmt.Fprintln(os.Stderr, \"to stderr\", %[1]d)",
}

// TestSoak: running the same cells again and again takes no more memory than running them for the first time.
func TestSoak(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("the memory of the race detector grows with each address")
	}
	const kinds, warm, runs = 4, 6, 36 // of each cell in its kinds
	c := startChild(t)
	pid := c.pid
	round := func() {
		for _, cell := range soakCells {
			for k := range kinds {
				c.id++
				c.Send(pipe.Frame{Kind: pipe.KindExecute, ID: c.id, Body: mustJSON(t, pipe.Execute{Code: fmt.Sprintf(cell, k), Count: int(c.id)})})
				for {
					f, err := c.Receive()
					if err != nil {
						t.Fatalf("the session ends with %s: %v", cell, err)
					}
					if f.ID == c.id {
						break
					}
				}
			}
		}
	}
	for range warm {
		round()
	}
	before := residentMemory(t, pid)
	for range runs - warm {
		round()
	}
	after := residentMemory(t, pid)
	t.Logf("%d cells: %d MB, %d MB after %d", warm*kinds*len(soakCells), before>>20, after>>20, runs*kinds*len(soakCells))
	if grown := after - before; grown > 40<<20 {
		t.Errorf("%d MB more after %d cells", grown>>20, runs*kinds*len(soakCells))
	}
}

// residentMemory is a process's share of the memory in use, in bytes.
func residentMemory(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Skip(err)
	}
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == "Pss:" {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n << 10
		}
	}
	t.Skip("no Pss in smaps_rollup")
	return 0
}
