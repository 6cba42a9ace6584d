package interp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"time"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// opens wraps a function that opens something.
func opens[C io.Closer](in *Interp) func(C, error) (C, error) {
	return func(c C, err error) (C, error) {
		if err == nil {
			in.keep(c)
		}
		return c, err
	}
}

// moves wraps a method that reads or writes and may wait.
func moves[T any](in *Interp, f func(*T, []byte) (int, error)) func(*T, []byte) (int, error) {
	return func(c *T, b []byte) (n int, err error) {
		in.held.use(in.m.CurrentRun(), unsafe.Pointer(c), func() { n, err = f(c, b) })
		return n, err
	}
}

// joined returns ctx, made to end with the calling cell too. Contexts of the
// cell itself do so already.
func (in *Interp) joined(ctx context.Context) (context.Context, func()) {
	run := in.m.CurrentRun()
	if ctx == nil || run == nil || compile.RunOf(ctx) == run {
		return ctx, func() {}
	}
	if ctx == context.Background() || ctx == context.TODO() {
		return run.Ctx, func() {}
	}
	both, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(run.Ctx, func() { cancel(context.Cause(run.Ctx)) })
	return both, func() { stop(); cancel(nil) }
}

// networking is the part of package net, and what else opens files that are
// waited for, that cells get in versions that end with the cell.
func (in *Interp) networking() map[string]any {
	conn, ln, pkt := opens[net.Conn](in), opens[net.Listener](in), opens[net.PacketConn](in)
	tcp, udp, unix := opens[*net.TCPConn](in), opens[*net.UDPConn](in), opens[*net.UnixConn](in)
	dial := func(d *net.Dialer, ctx context.Context, network, address string) (net.Conn, error) {
		ctx, end := in.joined(ctx)
		defer end()
		return conn(d.DialContext(ctx, network, address))
	}
	m := map[string]any{
		"net.Dial": func(network, address string) (net.Conn, error) {
			return dial(&net.Dialer{}, in.m.Current(), network, address)
		},
		"net.DialTimeout": func(network, address string, t time.Duration) (net.Conn, error) {
			return dial(&net.Dialer{Timeout: t}, in.m.Current(), network, address)
		},
		"net.(*Dialer).Dial": func(d *net.Dialer, network, address string) (net.Conn, error) {
			return dial(d, in.m.Current(), network, address)
		},
		"net.(*Dialer).DialContext": dial,
		"net.DialTCP": func(network string, l, r *net.TCPAddr) (*net.TCPConn, error) {
			if r == nil { // its error
				return net.DialTCP(network, l, r)
			}
			d := net.Dialer{}
			if l != nil {
				d.LocalAddr = l
			}
			c, err := dial(&d, in.m.Current(), network, r.String())
			t, _ := c.(*net.TCPConn)
			return t, err
		},
		"net.DialUDP":  func(n string, l, r *net.UDPAddr) (*net.UDPConn, error) { return udp(net.DialUDP(n, l, r)) },
		"net.DialUnix": func(n string, l, r *net.UnixAddr) (*net.UnixConn, error) { return unix(net.DialUnix(n, l, r)) },
		"net.Pipe": func() (net.Conn, net.Conn) {
			a, b := net.Pipe()
			in.keep(a)
			in.keep(b)
			return a, b
		},

		"net.Listen":       func(n, a string) (net.Listener, error) { return ln(net.Listen(n, a)) },
		"net.ListenPacket": func(n, a string) (net.PacketConn, error) { return pkt(net.ListenPacket(n, a)) },
		"net.ListenTCP": func(n string, a *net.TCPAddr) (*net.TCPListener, error) {
			return opens[*net.TCPListener](in)(net.ListenTCP(n, a))
		},
		"net.ListenUDP": func(n string, a *net.UDPAddr) (*net.UDPConn, error) { return udp(net.ListenUDP(n, a)) },
		"net.ListenUnix": func(n string, a *net.UnixAddr) (*net.UnixListener, error) {
			return opens[*net.UnixListener](in)(net.ListenUnix(n, a))
		},
		"net.ListenUnixgram": func(n string, a *net.UnixAddr) (*net.UnixConn, error) { return unix(net.ListenUnixgram(n, a)) },
		"net.(*ListenConfig).Listen": func(c *net.ListenConfig, ctx context.Context, n, a string) (net.Listener, error) {
			return ln(c.Listen(ctx, n, a))
		},
		"net.(*ListenConfig).ListenPacket": func(c *net.ListenConfig, ctx context.Context, n, a string) (net.PacketConn, error) {
			return pkt(c.ListenPacket(ctx, n, a))
		},

		"net.(*TCPListener).Accept": func(l *net.TCPListener) (c net.Conn, err error) {
			in.held.use(in.m.CurrentRun(), unsafe.Pointer(l), func() { c, err = conn(l.Accept()) })
			return c, err
		},
		"net.(*TCPListener).AcceptTCP": func(l *net.TCPListener) (c *net.TCPConn, err error) {
			in.held.use(in.m.CurrentRun(), unsafe.Pointer(l), func() { c, err = tcp(l.AcceptTCP()) })
			return c, err
		},
		"net.(*UnixListener).Accept":     func(l *net.UnixListener) (net.Conn, error) { return conn(l.Accept()) },
		"net.(*UnixListener).AcceptUnix": func(l *net.UnixListener) (*net.UnixConn, error) { return unix(l.AcceptUnix()) },

		// as a net.Conn; what compiled code reads for a cell is found another way
		"net.(*TCPConn).Read":      moves(in, (*net.TCPConn).Read),
		"net.(*TCPConn).Write":     moves(in, (*net.TCPConn).Write),
		"net.(*UnixConn).Read":     moves(in, (*net.UnixConn).Read),
		"net.(*UnixConn).Write":    moves(in, (*net.UnixConn).Write),
		"net.(*UDPConn).Read":      moves(in, (*net.UDPConn).Read),
		"crypto/tls.(*Conn).Read":  moves(in, (*tls.Conn).Read),
		"crypto/tls.(*Conn).Write": moves(in, (*tls.Conn).Write),
		"net.(*UDPConn).ReadFrom": func(c *net.UDPConn, b []byte) (n int, a net.Addr, err error) {
			in.held.use(in.m.CurrentRun(), unsafe.Pointer(c), func() { n, a, err = c.ReadFrom(b) })
			return n, a, err
		},

		"crypto/tls.Dial": func(network, addr string, c *tls.Config) (*tls.Conn, error) {
			return in.dialTLS(&tls.Dialer{Config: c}, network, addr)
		},
		"crypto/tls.DialWithDialer": func(d *net.Dialer, network, addr string, c *tls.Config) (*tls.Conn, error) {
			return in.dialTLS(&tls.Dialer{NetDialer: d, Config: c}, network, addr)
		},
		"crypto/tls.Listen": func(n, a string, c *tls.Config) (net.Listener, error) { return ln(tls.Listen(n, a, c)) },

		"io.Pipe": func() (*io.PipeReader, *io.PipeWriter) {
			r, w := io.Pipe()
			in.keep(r)
			return r, w
		},
		"os.Pipe": func() (*os.File, *os.File, error) {
			r, w, err := os.Pipe()
			if err == nil {
				in.keep(r)
				in.keep(w)
			}
			return r, w, err
		},
	}
	for k, v := range in.lookups() {
		m[k] = v
	}
	return m
}

func (in *Interp) dialTLS(d *tls.Dialer, network, addr string) (*tls.Conn, error) {
	c, err := d.DialContext(in.m.Current(), network, addr)
	if err != nil {
		return nil, err
	}
	in.keep(c)
	return c.(*tls.Conn), nil
}

// lookups are the questions to the name server, asked with the cell's context.
func (in *Interp) lookups() map[string]any {
	r := net.DefaultResolver
	return map[string]any{
		"net.LookupAddr":  func(a string) ([]string, error) { return r.LookupAddr(in.m.Current(), a) },
		"net.LookupCNAME": func(h string) (string, error) { return r.LookupCNAME(in.m.Current(), h) },
		"net.LookupHost":  func(h string) ([]string, error) { return r.LookupHost(in.m.Current(), h) },
		"net.LookupIP": func(h string) ([]net.IP, error) {
			as, err := r.LookupIPAddr(in.m.Current(), h)
			if err != nil {
				return nil, err
			}
			ips := make([]net.IP, len(as))
			for i, a := range as {
				ips[i] = a.IP
			}
			return ips, nil
		},
		"net.LookupMX":  func(n string) ([]*net.MX, error) { return r.LookupMX(in.m.Current(), n) },
		"net.LookupNS":  func(n string) ([]*net.NS, error) { return r.LookupNS(in.m.Current(), n) },
		"net.LookupTXT": func(n string) ([]string, error) { return r.LookupTXT(in.m.Current(), n) },
		"net.LookupSRV": func(s, p, n string) (string, []*net.SRV, error) { return r.LookupSRV(in.m.Current(), s, p, n) },
	}
}
