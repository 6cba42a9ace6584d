package interp

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// TestUnderCollector runs types of cells from four goroutines while the
// collector runs all the time.
func TestUnderCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	in, _ := session(t, `type node struct {
	next *node
	vals []string
	m    map[string]*node
	any  any
	f    func(int) string
	pad  [3]int
}
func (n *node) String() string { return fmt.Sprint(len(n.vals), n.any, n.f(n.pad[1])) }
type pair struct { a node; b *node }
func build(depth int) *node {
	n := &node{vals: make([]string, depth), m: map[string]*node{}, any: fmt.Sprint("any", depth), pad: [3]int{1, depth, 3}}
	k := strings.Repeat("k", depth)
	n.f = func(i int) string { return k + strconv.Itoa(i) }
	if depth > 0 {
		n.next = build(depth - 1)
		n.m[k] = n.next
	}
	return n
}
func work(rounds int) (out string) {
	for range rounds {
		root := build(12)
		ps := []pair{{*root, root}}
		for n := root; n != nil; n = n.next {
			ps = append(ps, pair{a: *n, b: n})
		}
		out = fmt.Sprint(ps[3].b, " ", ps[3].a.m[strings.Repeat("k", 10)])
	}
	return out
}`)
	r, err := in.Eval(context.Background(), Cell{N: 2, Source: `results := make(chan string)
for range 4 { go func() { results <- work(15) }() }
all := map[string]int{}
for range 4 { all[<-results]++ }
all`})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Values[0]); got != "map[10any10kkkkkkkkkk10 9any9kkkkkkkkk9:4]" {
		t.Error(got)
	}
}

// TestQueriesWhileRunning asks for completions and values while a cell runs.
func TestQueriesWhileRunning(t *testing.T) {
	in, _ := session(t, "type T struct{ Field int }\nfunc (t T) Method() int { return t.Field }\nx := T{}\nstop := make(chan bool)")
	done := make(chan error, 1)
	go func() {
		_, err := in.Eval(context.Background(), Cell{N: 2, Source: `for i := 0; ; i++ {
	select {
	case <-stop:
		return
	default:
	}
	var s fmt.Stringer
	_ = s
	_ = fmt.Sprint(x.Method(), strings.Repeat("a", i%5))
}`})
		done <- err
	}()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 20 {
				if c := in.Complete("x.Me", 4); len(c.Items) != 1 {
					t.Error(c)
				}
				in.Inspect("x.Method", 8, 1)
				in.Vars()
			}
		})
	}
	wg.Wait()
	stop, _ := in.Get("stop")
	close(stop.Interface().(chan bool))
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestManyCells looks for what a long session must not pile up.
func TestManyCells(t *testing.T) {
	in, _ := session(t, "total := 0")
	run := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			if _, err := in.Eval(context.Background(), Cell{N: i, Source: fmt.Sprintf("x := %d\ntotal += x\nfunc() int { return total }()", i)}); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	a := run(0, 100)
	b := run(100, 400)
	if per := (int64(b) - int64(a)) / 300; per > 200<<10 {
		t.Errorf("a cell leaves %d KiB behind", per>>10)
	} else {
		t.Logf("a cell leaves %d KiB behind", per>>10)
	}
}

func TestNewIsQuick(t *testing.T) {
	const most = 20 * 20 * time.Millisecond
	least := time.Hour // of some tries: other work on the machine makes them longer, never shorter
	for try := 0; try < 10 && least > most; try++ {
		start := time.Now()
		session(t, "x := 1")
		least = min(least, time.Since(start))
	}
	if least > most {
		t.Errorf("the first cell is done after %v", least)
	}
}
