package interp

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"github.com/godlas/godlas/internal/heard"
)

// TestCleanups has objects of types of a cell finalized and cleaned up, which several goroutines make and call methods of
// while the collector runs all the time: receivers live on growing stacks, and compiled code keeps method values.
func TestCleanups(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	in, out := session(t, `type leaf struct { name string; p *int; kids []leaf; m map[string]*leaf }
func (l leaf) String() string { return l.name + fmt.Sprint(*l.p, len(l.kids)) }
type byName []leaf
func (b byName) Len() int { return len(b) }
func (b byName) Less(i, j int) bool { return b[i].name < b[j].name }
func (b byName) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
type handle struct{ id int; buf []byte }
func (h *handle) Close() error { if len(h.buf) == 1000 { closed.Add(1) }; return nil }
var closed, cleaned atomic.Int64
func grow(n int, l leaf) string { // the stack grows and shrinks with native calls on it
	if n == 0 { return fmt.Sprint(l) }
	var pad [64]int
	pad[n%64] = n
	return grow(n-1, l)[pad[n%64]-n:]
}
func work() (out []string) {
	for i := range 12 {
		x := i
		ls := byName{}
		for _, k := range []string{"c", "a", "b"} { ls = append(ls, leaf{name: k, p: &x, kids: make([]leaf, i%3), m: map[string]*leaf{}}) }
		sort.Sort(ls)
		f := sync.OnceValue(ls[0].String)
		var once sync.Once
		once.Do(func() { runtime.SetFinalizer(&handle{id: i, buf: make([]byte, 1000)}, (*handle).Close) })
		runtime.AddCleanup(&handle{id: i, buf: make([]byte, 1000)}, func(l leaf) { if l.String() == "b" + fmt.Sprint(i, i%3) { cleaned.Add(1) } }, ls[1])
		out = append(out, f(), grow(20+i, ls[2]), fmt.Sprint(ls))
	}
	return out
}`)
	_, err := in.Eval(context.Background(), Cell{N: 2, Source: `var wg sync.WaitGroup
var mu sync.Mutex
seen := map[string]int{}
for range 4 { wg.Go(func() { s := strings.Join(work(), " "); mu.Lock(); seen[s]++; mu.Unlock() }) }
wg.Wait()
for range 300 { if closed.Load()+cleaned.Load() == 96 { break }; runtime.GC(); time.Sleep(10*time.Millisecond) }
for s, n := range seen { fmt.Println(n, strings.HasPrefix(s, "a0 0 c0 0 [a0 0 b0 0 c0 0] a1 1 c1 1"), len(strings.Fields(s)), closed.Load(), cleaned.Load()) }`})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Take(); got != "4 true 120 48 48\n" {
		t.Error(got)
	}
}

// TestCleanupsThatWait leaves finalizers and cleanups of a session waiting for ever, and ends their goroutine: those of other
// sessions, and of compiled code, run.
func TestCleanupsThatWait(t *testing.T) {
	const src = `type res struct{ p *int; buf []byte }
var begun, ran atomic.Int64
func wait(use func()) {
	for range 40 {
		runtime.SetFinalizer(&res{new(int), make([]byte, 99)}, func(*res) { use() })
		runtime.AddCleanup(&res{new(int), make([]byte, 99)}, func(int) { use() }, 1)
	}
}
func until(ok func() bool) bool { for range 300 { if ok() { return true }; runtime.GC(); time.Sleep(10*time.Millisecond) }; return false }
`
	waiting, out := session(t, src)
	other, out2 := session(t, src)
	run := func(in *Interp, out *heard.Buffer, src, want string) {
		t.Helper()
		if _, err := in.Eval(context.Background(), Cell{N: 2, Source: src}); err != nil {
			t.Fatal(err)
		}
		if got := out.Take(); got != want {
			t.Errorf("got %q", got)
		}
	}
	run(waiting, out, "hold := make(chan bool)\nwait(func() { begun.Add(1); <-hold; ran.Add(1) })\nfmt.Println(until(func() bool { return begun.Load() == 2 }))", "true\n")
	run(other, out2, "wait(func() { ran.Add(1); runtime.Goexit() })\nfmt.Println(until(func() bool { return ran.Load() == 80 }))", "true\n")
	var n atomic.Int64
	for range 20 {
		runtime.SetFinalizer(&heard.Buffer{}, func(*heard.Buffer) { n.Add(1) })
		runtime.AddCleanup(&heard.Buffer{}, func(int) { n.Add(1) }, 1)
	}
	await(t, "compiled code's do not run", func() bool { runtime.GC(); return n.Load() == 40 })
	run(waiting, out, "close(hold)\nfmt.Println(until(func() bool { return ran.Load() == 80 }))", "true\n")
}
