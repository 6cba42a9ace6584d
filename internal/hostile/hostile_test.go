package hostile

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// All that was asked for is sent, with no more connections at once than allowed, and nowhere but to loopback.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var conns, open, most, bytes atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			if n := open.Add(1); n > most.Load() {
				most.Store(n)
			}
			go func() {
				c.Write(append(Greeting(), Ready("ROUTER", "")...))
				n, _ := io.Copy(io.Discard, c)
				bytes.Add(n)
				open.Add(-1)
				c.Close()
			}()
		}
	}()
	var last atomic.Uint64
	r, err := Run(t.Context(), []Target{{l.Addr().String(), "DEALER"}}, Options{
		Frames: 500, Conns: 100, Open: 20, Seed: 1,
		Progress: func(d float64) { last.Store(max(last.Load(), uint64(1000*d))) },
	})
	if err != nil || r.Frames != 500 || r.Conns != 100 || r.Refused != 0 || r.MostOpen > 20 || last.Load() != 1000 {
		t.Fatalf("%+v, progress %d, %v", r, last.Load(), err)
	}
	for end := time.Now().Add(10 * time.Second); open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("connections are left open")
		}
	}
	if conns.Load() != r.Conns+r.Others || bytes.Load() < 500 {
		t.Errorf("%d connections, %d bytes", conns.Load(), bytes.Load())
	}
	if _, err := Run(t.Context(), []Target{{"192.0.2.1:80", "DEALER"}}, Options{Conns: 1, Open: 1}); err == nil {
		t.Error("another machine was attacked")
	}
}
