// Package blocked lists the ways in which a cell can be kept from ending, for
// the tests and the measurements of what an interrupt does about them.
package blocked

// Kind is one way. Cells run Setup, if there is one, then Source, which says
// "go" on standard output before it blocks.
type Kind struct {
	Name, Setup, Source string
	// Shell says that it takes a Unix shell.
	Shell bool
}

// Kinds are those that leave nothing behind: no goroutine, no process.
var Kinds = []Kind{
	{Name: "loop", Source: `fmt.Print("go"); for { }`},
	{Name: "loop with work", Source: `fmt.Print("go"); n := 0; for { n++ }`},
	{Name: "recursion", Setup: `func spin(n int) { if n == 0 { for { } }; spin(n-1) }`, Source: `fmt.Print("go"); spin(1000)`},
	{Name: "goto", Source: "fmt.Print(\"go\")\nagain: goto again"},
	{Name: "range over func", Setup: `func ever(yield func(int) bool) { for i := 0; yield(i); i++ { } }`, Source: `fmt.Print("go"); for range ever { }`},
	{Name: "callback", Source: `fmt.Print("go"); sort.Slice(make([]int, 10), func(i, j int) bool { for { } })`},
	{Name: "method called by fmt", Setup: "type T int\nfunc (T) String() string { for { } }", Source: `fmt.Print("go"); fmt.Sprint(T(1))`},
	{Name: "goroutines", Source: "for range 4 { go func() { for { } }() }\nfor range 4 { go func() { <-make(chan int) }() }\nfmt.Print(\"go\"); select { }"},

	{Name: "receive", Source: `fmt.Print("go"); <-make(chan int)`},
	{Name: "receive from nil", Source: `var c chan int; fmt.Print("go"); <-c`},
	{Name: "send", Source: `fmt.Print("go"); make(chan int) <- 1`},
	{Name: "send on full", Source: `c := make(chan int, 1); fmt.Print("go"); for { c <- 1 }`},
	{Name: "select", Source: `fmt.Print("go"); select { case <-make(chan int): case make(chan int) <- 1: }`},
	{Name: "empty select", Source: `fmt.Print("go"); select { }`},
	{Name: "range over chan", Source: `fmt.Print("go"); for range make(chan int) { }`},

	{Name: "sleep", Source: `fmt.Print("go"); time.Sleep(time.Hour)`},
	{Name: "timer", Source: `fmt.Print("go"); <-time.NewTimer(time.Hour).C`},
	{Name: "ticker", Source: `t := time.NewTicker(time.Hour); fmt.Print("go"); for range t.C { }`},
	{Name: "after", Source: `fmt.Print("go"); select { case <-time.After(time.Hour): case <-time.Tick(time.Hour): }`},
	{Name: "context", Source: `ctx, cancel := context.WithTimeout(context.Background(), time.Hour); defer cancel(); fmt.Print("go"); <-ctx.Done()`},
	{Name: "signal context", Source: `ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt); defer stop(); fmt.Print("go"); <-ctx.Done()`},

	{Name: "mutex", Source: `var mu sync.Mutex; mu.Lock(); fmt.Print("go"); mu.Lock()`},
	{Name: "mutex of an earlier cell", Setup: `var mu sync.Mutex; mu.Lock()`, Source: `fmt.Print("go"); mu.Lock()`},
	{Name: "embedded mutex", Setup: "type Box struct { sync.Mutex; n int }\nvar b Box", Source: `b.Lock(); fmt.Print("go"); b.Lock()`},
	{Name: "method value of a mutex", Source: `var mu sync.Mutex; f := mu.Lock; f(); fmt.Print("go"); f()`},
	{Name: "locker", Source: `var l sync.Locker = new(sync.Mutex); l.Lock(); fmt.Print("go"); l.Lock()`},
	{Name: "many at a mutex", Source: `var mu sync.Mutex; mu.Lock(); for range 20 { go func() { mu.Lock(); defer mu.Unlock() }() }; time.Sleep(time.Millisecond); fmt.Print("go"); mu.Lock()`},
	{Name: "rwmutex", Source: `var rw sync.RWMutex; rw.RLock(); fmt.Print("go"); rw.Lock()`},
	{Name: "rwmutex for reading", Source: `var rw sync.RWMutex; rw.Lock(); fmt.Print("go"); rw.RLock()`},
	{Name: "read locker", Source: `var rw sync.RWMutex; rw.Lock(); l := rw.RLocker(); fmt.Print("go"); l.Lock()`},
	{Name: "waitgroup", Source: `var wg sync.WaitGroup; wg.Add(1); fmt.Print("go"); wg.Wait()`},
	{Name: "waitgroup of goroutines", Source: `var wg sync.WaitGroup; for range 3 { wg.Go(func() { select { } }) }; fmt.Print("go"); wg.Wait()`},
	{Name: "cond", Source: `c := sync.NewCond(&sync.Mutex{}); c.L.Lock(); defer c.L.Unlock(); fmt.Print("go"); c.Wait()`},
	{Name: "conds", Source: `c := sync.NewCond(new(sync.RWMutex)); for range 5 { go func() { c.L.Lock(); defer c.L.Unlock(); for { c.Wait() } }() }; fmt.Print("go"); c.L.Lock(); defer c.L.Unlock(); c.Wait()`},
	{Name: "once", Source: `var once sync.Once; go once.Do(func() { select { } }); time.Sleep(2*time.Millisecond); fmt.Print("go"); once.Do(func() { })`},
	{Name: "once value", Source: `f := sync.OnceValue(func() int { select { } }); fmt.Print("go"); f()`},
	{Name: "once of an earlier cell", Setup: "var once sync.Once\nin := make(chan bool)\ngo once.Do(func() { close(in); <-quit })\n<-in", Source: `fmt.Print("go"); once.Do(func() { })`},

	{Name: "accept", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); fmt.Print("go"); l.Accept()`},
	{Name: "accept of an earlier cell", Setup: `l, _ := net.Listen("tcp", "127.0.0.1:0")`, Source: `fmt.Print("go"); l.Accept()`},
	{Name: "read from a connection", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); c, _ := net.Dial("tcp", l.Addr().String()); fmt.Print("go"); c.Read(make([]byte, 1))`},
	{Name: "buffered read", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); go l.Accept(); c, _ := net.Dial("tcp", l.Addr().String()); fmt.Print("go"); bufio.NewReader(c).ReadString('\n')`},
	{Name: "write to a connection", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); c, _ := net.Dial("tcp", l.Addr().String()); fmt.Print("go"); for { c.Write(make([]byte, 1<<20)) }`},
	{Name: "connection of an earlier cell", Setup: `l, _ := net.Listen("tcp", "127.0.0.1:0"); conn, _ := net.Dial("tcp", l.Addr().String())`, Source: `fmt.Print("go"); io.Copy(io.Discard, conn)`},
	{Name: "packets", Source: `p, _ := net.ListenPacket("udp", "127.0.0.1:0"); fmt.Print("go"); p.ReadFrom(make([]byte, 1))`},
	{Name: "net.Pipe", Source: `a, _ := net.Pipe(); fmt.Print("go"); a.Read(make([]byte, 1))`},
	{Name: "listen and serve", Source: `fmt.Print("go"); http.ListenAndServe("127.0.0.1:0", nil)`},
	{Name: "server", Source: `s := &http.Server{Addr: "127.0.0.1:0"}; go s.ListenAndServe(); time.Sleep(2*time.Millisecond); fmt.Print("go"); select { }`},
	{Name: "request without answer", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); fmt.Print("go"); http.Get("http://" + l.Addr().String())`},
	{Name: "handler without end", Source: `s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { select { } })); fmt.Print("go"); http.Get(s.URL)`},
	{Name: "body without end", Source: `s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); select { } })); r, _ := http.Get(s.URL); fmt.Print("go"); io.ReadAll(r.Body)`},
	{Name: "request of a client", Source: `l, _ := net.Listen("tcp", "127.0.0.1:0"); req, _ := http.NewRequest("GET", "http://" + l.Addr().String(), nil); fmt.Print("go"); new(http.Client).Do(req)`},

	{Name: "standard input", Source: `fmt.Print("go"); os.Stdin.Read(make([]byte, 1))`},
	{Name: "scan", Source: `var n int; fmt.Print("go"); fmt.Scan(&n)`},
	{Name: "scanner", Source: `fmt.Print("go"); bufio.NewScanner(os.Stdin).Scan()`},
	{Name: "copy of standard input", Source: `fmt.Print("go"); io.Copy(io.Discard, os.Stdin)`},
	{Name: "io.Pipe", Source: `r, _ := io.Pipe(); fmt.Print("go"); io.ReadAll(r)`},
	{Name: "os.Pipe", Source: `r, w, _ := os.Pipe(); defer w.Close(); fmt.Print("go"); r.Read(make([]byte, 1))`},

	{Name: "run a process", Shell: true, Source: `fmt.Print("go"); exec.Command("sleep", "3600").Run()`},
	{Name: "output of a process", Shell: true, Source: `fmt.Print("go"); exec.Command("sleep", "3600").Output()`},
	{Name: "all output of a process", Shell: true, Source: `fmt.Print("go"); exec.Command("sh", "-c", "sleep 3600; true").CombinedOutput()`},
	{Name: "wait for a process", Shell: true, Source: `c := exec.Command("sh", "-c", "sleep 3600 & wait"); c.Stdout = os.Stdout; c.Start(); fmt.Print("go"); c.Wait()`},
	{Name: "process that nobody waits for", Shell: true, Source: `c := exec.Command("sleep", "3600"); c.Start(); fmt.Print("go"); select { }`},
	{Name: "pipe of a process", Shell: true, Source: `c := exec.Command("sleep", "3600"); out, _ := c.StdoutPipe(); c.Start(); fmt.Print("go"); bufio.NewScanner(out).Scan(); c.Wait()`},
	{Name: "os.StartProcess", Shell: true, Source: `p, _ := os.StartProcess("/bin/sh", []string{"sh", "-c", "sleep 3600; true"}, &os.ProcAttr{}); fmt.Print("go"); p.Wait()`},
}
