package awake

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

func TestDeadlines(t *testing.T) {
	const d = 40 * time.Millisecond
	begin := time.Now()
	for tick := range Ticks(d) {
		<-tick
	}
	if time.Since(begin) < d {
		t.Errorf("Ticks: %v", time.Since(begin))
	}
	begin = time.Now()
	if <-After(d); time.Since(begin) < d {
		t.Errorf("After: %v", time.Since(begin))
	}
	begin = time.Now()
	if Until(d, func() bool { return false }) || time.Since(begin) < d {
		t.Errorf("Until: after %v", time.Since(begin))
	}
}

func TestUntil(t *testing.T) {
	n := 0
	if !Until(time.Minute, func() bool { n++; return n == 3 }) || n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// What stands still for far longer than the deadline loses one step of it.
func TestStandstill(t *testing.T) {
	const d = 200 * time.Millisecond
	n := 0
	if !Until(d, func() bool {
		if n++; n == 1 {
			time.Sleep(2 * d)
		}
		return n == 3
	}) {
		t.Errorf("given up after %d", n)
	}
}

func TestConn(t *testing.T) {
	const d = 40 * time.Millisecond
	near, far := net.Pipe()
	defer far.Close()
	c := Conn(near, d)
	begin := time.Now()
	if _, err := c.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) < d {
		t.Errorf("nothing comes: %v after %v", err, time.Since(begin))
	}
	c = Conn(near, time.Minute)
	go far.Write([]byte("late"))
	b := make([]byte, 8)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "late" {
		t.Errorf("%q, %v", b[:n], err)
	}
	c.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := c.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("with a deadline of its own: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	go far.Write([]byte("later"))
	if n, err := c.Read(b); err != nil || string(b[:n]) != "later" {
		t.Errorf("%q, %v", b[:n], err)
	}
}
