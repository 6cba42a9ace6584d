package interp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestInsteadOfGo: what cells call instead of compiled functions, so that it ends with them, does what those do.
func TestInsteadOfGo(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("sh", "-c", "echo out; echo err >&2; exit 3").Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var long *exec.ExitError
	const much = "head -c 100000 /dev/zero >&2; exit 1"
	if _, err := exec.Command("sh", "-c", much).Output(); !errors.As(err, &long) {
		t.Fatal(err)
	}
	for _, tc := range []struct{ src, want string }{
		{
			`b, err := exec.Command("sh", "-c", "echo out; echo err >&2; exit 3").Output(); fmt.Printf("%q %v %q", b, err, err.(*exec.ExitError).Stderr)`,
			fmt.Sprintf("%q %v %q", out, err, exit.Stderr),
		},
		{`c := exec.Command("cat"); c.Stdin = strings.NewReader("in"); b, err := c.CombinedOutput(); fmt.Printf("%s %v %v %v", b, err, c.SysProcAttr, c.ProcessState)`, "in <nil> <nil> exit status 0"},
		{
			fmt.Sprintf(`_, err := exec.Command("sh", "-c", %q).Output(); fmt.Printf("%%x", sha256.Sum256(err.(*exec.ExitError).Stderr))`, much),
			fmt.Sprintf("%x", sha256.Sum256(long.Stderr)),
		},
		{`c := exec.Command("true"); c.Stdout = os.Stdout; _, err := c.Output(); fmt.Print(err)`, "exec: Stdout already set"},
		{`fmt.Print(exec.Command("/no/such/program").Run())`, "fork/exec /no/such/program: no such file or directory"},
		{`c := exec.Command("true"); fmt.Print(c.Wait()); c.Start(); fmt.Print(" ", c.Start(), " ", c.Wait(), " ", c.Wait())`, "exec: not started exec: already started <nil> exec: Wait was already called"},
		{`p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "exit 4"}, &os.ProcAttr{}); s, err := p.Wait(); fmt.Print(s.ExitCode(), err)`, "4 <nil>"},

		{`fmt.Print(context.Background(), context.TODO(), context.Background() == context.Background())`, "context.Background context.TODO true"},
		{`ctx, stop := context.WithCancelCause(context.Background()); stop(io.EOF); fmt.Print(ctx.Err(), context.Cause(ctx), context.Background().Err())`, "context canceled EOF <nil>"},

		{`s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body); fmt.Fprint(w, r.Method, r.URL.RawQuery) })); defer s.Close()
req, _ := http.NewRequest("PUT", s.URL+"?q", strings.NewReader("body ")); r, err := http.DefaultClient.Do(req); b, _ := io.ReadAll(r.Body); fmt.Println(string(b), err, r.Request == req)
r, _ = http.Post(s.URL, "text/plain", strings.NewReader("posted ")); b, _ = io.ReadAll(r.Body); fmt.Println(string(b), r.Request.Header)
r, _ = http.PostForm(s.URL, url.Values{"a": {"b"}}); b, _ = io.ReadAll(r.Body); fmt.Print(string(b), r.Request.Header)`, "body PUTq <nil> true\nposted POST map[Content-Type:[text/plain]]\na=bPOSTmap[Content-Type:[application/x-www-form-urlencoded]]"},
		{`s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("odd") })); defer s.Close()
_, err := http.Get(s.URL); fmt.Print(errors.Is(err, io.EOF))`, "panic: odd\n\ngoroutine:\nmain.cell.func1\n\tcell[1]:1:89\ntrue"},

		{"l, err := net.Listen(\"tcp\", \"127.0.0.1:0\"); go func() { c, _ := l.Accept(); fmt.Fprintln(c, \"hello\"); c.Close() }()\nc, err := net.Dial(\"tcp\", l.Addr().String()); b, err := io.ReadAll(c); fmt.Printf(\"%s%v %T\", b, err, c)", "hello\n<nil> *net.TCPConn"},
		{`_, err := net.Dial("tcp", "nonsense"); fmt.Print(err)`, "dial tcp: address nonsense: missing port in address"},
		{`r, w := io.Pipe(); go func() { fmt.Fprint(w, "through"); w.Close() }(); b, err := io.ReadAll(r); fmt.Print(string(b), err)`, "through<nil>"},

		{`var mu sync.Mutex; n := 0; var wg sync.WaitGroup; for range 100 { wg.Add(1); go func() { defer wg.Done(); mu.Lock(); defer mu.Unlock(); n++ }() }; wg.Wait(); fmt.Print(n)`, "100"},
		{`var rw sync.RWMutex; rw.RLock(); fmt.Print(rw.TryRLock(), rw.TryLock()); rw.RUnlock(); rw.RUnlock(); fmt.Print(rw.TryLock())`, "true falsetrue"},
		{"type Safe struct { sync.RWMutex; m map[int]int }\ns := &Safe{m: map[int]int{}}\nvar l sync.Locker = s\nl.Lock(); s.m[1] = 2; l.Unlock()\nl = s.RLocker(); l.Lock(); fmt.Print(s.m); l.Unlock(); fmt.Print(s.TryLock())", "map[1:2]true"},
		{"c := sync.NewCond(&sync.Mutex{}); var q []int; var wg sync.WaitGroup\nfor range 3 { wg.Go(func() { c.L.Lock(); defer c.L.Unlock(); for len(q) == 0 { c.Wait() }; q = q[1:] }) }\nfor i := range 3 { c.L.Lock(); q = append(q, i); c.L.Unlock(); c.Signal() }\nwg.Wait(); fmt.Print(q)", "[]"},
		{`var o sync.Once; func() { defer func() { fmt.Print(recover()) }(); o.Do(func() { panic("once") }) }(); o.Do(func() { fmt.Print("twice") })`, "once"},
		{`f := sync.OnceValue(func() int { fmt.Print("x"); return 1 }); fmt.Print(f(), f())`, "x1 1"},
		{`d := make(chan bool); t := time.AfterFunc(time.Hour, func() { }); fmt.Print(t.Stop(), " "); time.AfterFunc(time.Millisecond, func() { d <- true }); fmt.Print(<-d)`, "true true"},
		{`t := time.Now(); time.Sleep(2 * time.Millisecond); fmt.Print(time.Since(t) >= 2*time.Millisecond)`, "true"},
	} {
		in, out := session(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, err := in.Eval(ctx, Cell{N: 1, Source: tc.src})
		cancel()
		if got := out.String(); err != nil || got != tc.want {
			t.Errorf("%s\nprints %q, %v\nnot    %q", tc.src, got, err, tc.want)
		}
	}
}

// TestTimersEndWithTheirCell: what an interrupted cell has put off does not happen.
func TestTimersEndWithTheirCell(t *testing.T) {
	in, out := session(t)
	after := 50 * time.Millisecond
	for begun := false; !begun; after *= 4 {
		src := fmt.Sprintf("time.AfterFunc(%d, func() { fmt.Print(\"late\") }); select { }", after)
		if err := interrupted(t, in, out, src); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		// A busy machine may be later with the interrupt than the timer is.
		begun = after > 10*time.Second || !strings.Contains(out.String(), "late")
	}
	src := fmt.Sprintf("d := make(chan bool)\ntime.AfterFunc(%d, func() { close(d) }); <-d", after/2) // twice what was put off
	if _, err := in.Eval(context.Background(), Cell{N: 2, Source: src}); err != nil || strings.Contains(out.String(), "late") {
		t.Errorf("%v, prints %q", err, out.String())
	}
}

// TestInterruptIsOfOneCell: goroutines and things opened by earlier cells go on.
func TestInterruptIsOfOneCell(t *testing.T) {
	in, out := session(t, `l, err := net.Listen("tcp", "127.0.0.1:0")
go func() { for { c, err := l.Accept(); if err != nil { fmt.Print("lost"); return }; go io.Copy(c, c) } }()
srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") }))
conn, err := net.Dial("tcp", l.Addr().String())
ping, pong := make(chan int), make(chan int)
go func() { for n := range ping { pong <- n + 1 } }()
var mu sync.Mutex`)
	for _, src := range []string{"conn.Read(make([]byte, 1))", "mu.Lock(); defer mu.Unlock(); select { }", "for { }"} {
		if err := interrupted(t, in, out, src); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		if _, err := in.Eval(context.Background(), Cell{N: 3, Source: `fmt.Fprint(conn, "echo"); b := make([]byte, 4); io.ReadFull(conn, b)
r, _ := http.Get(srv.URL); s, _ := io.ReadAll(r.Body)
ping <- 1
fmt.Print(" ", string(b), string(s), <-pong, mu.TryLock()); mu.Unlock()`}); err != nil || out.Take() != "go echoserved2 true" {
			t.Errorf("after %s: %v, prints %q", src, err, out.String())
		}
	}
}
