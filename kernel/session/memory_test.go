//go:build linux

package session

import (
	"strconv"
	"strings"
	"testing"

	"github.com/godlas/godlas/internal/awake"
)

// TestMemoryLimit: a cell that goes past the limit is stopped and what there is is kept; the cells after it can free it; what
// nobody can stop in time, one large allocation, is refused with words that say why.
func TestMemoryLimit(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory is past any limit")
	}
	c := startChildAs(t, strconv.Itoa(400<<20))
	const grow = "for { keep = append(keep, bytes.Repeat([]byte{1}, 4<<20)); time.Sleep(time.Millisecond) }"
	for range 2 {
		out, done, ok := c.run("kept := 7\nvar keep [][]byte\n" + grow)
		if !ok || done.Err == nil || done.Err.Name != "MemoryLimit" || !strings.Contains(done.Err.Value, "419.4 MB") {
			t.Fatalf("%q, %+v, %v", out, done, ok)
		}
		if out, done, _ = c.run("kept"); len(out) != 1 || out[0] != "result: 7" { // although it is still over
			t.Fatalf("%q, %+v", out, done)
		}
		if _, done, _ = c.run("keep = nil"); done.Err != nil {
			t.Fatal(done.Err)
		}
	}
	if out, done, ok := c.run("for range 200 { _ = bytes.Repeat([]byte{1}, 4<<20) }\n1"); !ok || done.Err != nil {
		t.Errorf("what is garbage counts: %q, %v", out, done.Err)
	}
	if _, _, ok := c.run("large := make([]byte, 8<<30)"); ok {
		t.Fatal("8 GiB are there")
	}
	var said string
	if !awake.Until(deadline, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		said = c.err.String()
		return strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory")
	}) {
		t.Fatalf("it says %.200q", said)
	}
}

// TestMemoryBetweenCells: a goroutine that goes past the limit when no cell runs is told of once.
func TestMemoryBetweenCells(t *testing.T) {
	c := startChildAs(t, strconv.Itoa(1<<20)) // less than it uses
	f, err := c.Receive()
	if err != nil || !strings.Contains(brief(t, f), "note: between cells, the session has") {
		t.Fatalf("%v, %v", f, err)
	}
}
