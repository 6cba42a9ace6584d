package zmtp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
)

// ZMTP 3.0, https://rfc.zeromq.org/spec/23.
const (
	greetingLen = 64
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4

	maxUnread  = 64 << 10 // bytes queued above which a PING has no answer
	maxCommand = 4 << 10  // a READY with its metadata, a PING with its context: far below this
)

// greeting is a peer's first 64 bytes: ZMTP 3.0, mechanism NULL, no server role.
func greeting() []byte { return greetingOf("NULL") }

func greetingOf(mechanism string) []byte {
	g := make([]byte, greetingLen)
	g[0], g[9] = 0xff, 0x7f
	g[10] = 3
	copy(g[12:], mechanism)
	return g
}

// ready is a READY command frame.
func ready(typ zmq4.SocketType, id string) []byte {
	return appendFrame(nil, flagCommand, append([]byte("\x05READY"), metadata(typ, id)...))
}

// metadata is what a socket tells of itself.
func metadata(typ zmq4.SocketType, id string) (body []byte) {
	prop := func(k, v string) {
		body = append(body, byte(len(k)))
		body = append(body, k...)
		body = binary.BigEndian.AppendUint32(body, uint32(len(v)))
		body = append(body, v...)
	}
	prop("Socket-Type", string(typ))
	prop("Identity", id)
	return body
}

// appendFrame adds a frame with its header in the shortest form.
func appendFrame(b []byte, flags byte, body []byte) []byte {
	if len(body) > 255 {
		b = append(b, flags|flagLong)
		b = binary.BigEndian.AppendUint64(b, uint64(len(body)))
	} else {
		b = append(b, flags, byte(len(body)))
	}
	return append(b, body...)
}

// handshake speaks ZMTP with the peer up to and including both READY commands. What zmq4 then reads as the peer's half
// is composed here from what was understood, so nothing malformed reaches its parsers. A connection that is returned
// together with an error holds a place in the listener.
func (l *listener) handshake(raw net.Conn) (*conn, error) {
	raw.SetDeadline(time.Now().Add(l.Limits.Handshake))
	mechanism, hello := "NULL", greeting()
	if l.Curve != nil {
		mechanism = "CURVE"
		hello = greetingOf(mechanism)
		hello[32] = 1 // the server
	}
	if _, err := raw.Write(hello); err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(raw, 4<<10) // long messages are read past it
	var g [greetingLen]byte
	// Of an older peer only the first bytes come: it waits for an answer of its own version.
	if _, err := io.ReadFull(br, g[:11]); err != nil {
		return nil, err
	}
	if g[0] != 0xff || g[9]&1 != 1 || g[10] < 3 {
		return nil, errors.New("not a ZMTP 3 peer")
	}
	if _, err := io.ReadFull(br, g[11:]); err != nil {
		return nil, err
	}
	if mech := string(bytes.TrimRight(g[12:32], "\x00")); mech != mechanism {
		return nil, fmt.Errorf("it wants security mechanism %q, here is %s only", mech, mechanism)
	}
	c := newConn(l, raw, br)
	var props []byte
	var err error
	if l.Curve != nil {
		props, err = l.shakeCurve(c)
	} else {
		props, err = c.handshakeCommand("READY")
	}
	if err != nil {
		return nil, err
	}
	typ, id, err := parseMetadata(props)
	if err != nil {
		return nil, err
	}
	if !compatible(l.Type, typ) {
		return nil, fmt.Errorf("a %q socket cannot talk to a %s", typ, l.Type)
	}
	if id == "" { // the socket makes one, which no peer can ask for
		id = "\x00" + rand.Text()
	}
	if err := l.admit(c, id); err != nil {
		return nil, err
	}
	answer := ready(l.Type, "")
	if c.curve != nil {
		answer = c.curve.ready(metadata(l.Type, ""))
		c.proven.Store(true) // it knows the server's key
	}
	if _, err := raw.Write(answer); err != nil {
		return c, err
	}
	raw.SetDeadline(time.Time{})
	c.in = append(greeting(), ready(zmq4.SocketType(typ), id)...)
	return c, nil
}

func compatible(ours zmq4.SocketType, peer string) bool {
	switch ours {
	case zmq4.Router:
		return peer == "DEALER" || peer == "REQ" || peer == "ROUTER"
	case zmq4.XPub:
		return peer == "SUB" || peer == "XSUB"
	case zmq4.Rep:
		return peer == "REQ" || peer == "DEALER"
	}
	return false
}

// parseMetadata reads the socket type and the identity from what a peer tells of itself.
func parseMetadata(b []byte) (typ, id string, err error) {
	bad := errors.New("malformed metadata in READY")
	for len(b) > 0 {
		k := int(b[0])
		if k == 0 || len(b) < 1+k+4 {
			return "", "", bad
		}
		name := string(b[1 : 1+k])
		n := binary.BigEndian.Uint32(b[1+k:])
		b = b[1+k+4:]
		if uint64(n) > uint64(len(b)) {
			return "", "", bad
		}
		value := string(b[:n])
		b = b[n:]
		switch strings.ToLower(name) {
		case "socket-type":
			typ = value
		case "identity":
			id = value
		}
	}
	if len(id) > 255 || strings.HasPrefix(id, "\x00") {
		return "", "", errors.New("an identity has at most 255 bytes and does not begin with a zero")
	}
	return typ, id, nil
}
