package awake

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Conn is a connection of which each Read waits for so long at most. Who sets a deadline of his own has that one, until he
// sets none.
func Conn(c net.Conn, d time.Duration) net.Conn { return &conn{Conn: c, wait: d} }

type conn struct {
	net.Conn
	wait time.Duration
	told atomic.Bool
}

func (c *conn) Read(p []byte) (n int, err error) {
	if c.told.Load() {
		return c.Conn.Read(p)
	}
	for range steps {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.wait / steps)); err != nil {
			return 0, err
		}
		if n, err = c.Conn.Read(p); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return n, err
}

func (c *conn) SetDeadline(t time.Time) error {
	c.told.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.told.Store(!t.IsZero())
	return c.Conn.SetReadDeadline(t)
}
