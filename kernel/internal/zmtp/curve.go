package zmtp

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/nacl/box"
)

// CurveZMQ, https://rfc.zeromq.org/spec/26, on the server's side: every peer must know the server's public key, and every
// frame is encrypted and authenticated with keys made for its connection. Which client it is is not asked: who has the
// public key has it from the connection file.

// Lengths of boxes and commands.
const (
	macLen     = box.Overhead
	cookieLen  = 96
	helloLen   = 6 + 2 + 72 + 32 + 8 + 64 + macLen
	vouchLen   = 16 + 64 + macLen
	sealedLen  = 8 + 8 + macLen + 1 // what a MESSAGE is longer than its payload
	sealedMore = 1                  // flags within a MESSAGE
	sealedCmd  = 2
)

// CurveKeys is a server's long-term key pair.
type CurveKeys struct{ Public, Secret [32]byte }

// ParseCurveKeys reads a key pair in Z85, https://rfc.zeromq.org/spec/32, as connection files have it.
func ParseCurveKeys(public, secret string) (*CurveKeys, error) {
	k := &CurveKeys{}
	for _, p := range []struct {
		name, text string
		key        *[32]byte
	}{{"public", public, &k.Public}, {"secret", secret, &k.Secret}} {
		b, err := z85(p.text)
		if err != nil || len(b) != 32 {
			return nil, fmt.Errorf("the %s CURVE key is not 40 characters of Z85", p.name)
		}
		copy(p.key[:], b)
	}
	priv, err := ecdh.X25519().NewPrivateKey(k.Secret[:])
	if err != nil || !bytes.Equal(priv.PublicKey().Bytes(), k.Public[:]) {
		return nil, errors.New("the CURVE keys are not a pair")
	}
	return k, nil
}

const z85Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

func z85(s string) ([]byte, error) {
	var out []byte
	if len(s)%5 != 0 {
		return nil, errors.New("not Z85")
	}
	for ; s != ""; s = s[5:] {
		var n uint64
		for i := range 5 {
			d := strings.IndexByte(z85Digits, s[i])
			if d < 0 {
				return nil, errors.New("not Z85")
			}
			n = n*85 + uint64(d)
		}
		if n > 1<<32-1 {
			return nil, errors.New("not Z85")
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out, nil
}

// curve is the encryption of a connection.
type curve struct {
	key       [32]byte // shared by the keys of the connection
	sent      uint64   // last nonce of ours; of the writing goroutine
	heard     uint64   // last nonce of the peer; of the reading goroutine
	plain     []byte   // payload of the frame that next has opened
	decrypted bool     // plain is what body is to take
}

func nonce(prefix string, rest []byte) *[24]byte {
	var n [24]byte
	copy(n[copy(n[:], prefix):], rest)
	return &n
}

// command reads one of the peer's commands of the handshake, whose body begins with its length and name.
func (c *conn) handshakeCommand(name string) ([]byte, error) {
	flags, n, err := c.header()
	if err != nil {
		return nil, err
	}
	if flags&^flagLong != flagCommand || n > maxCommand {
		return nil, fmt.Errorf("no %s where it belongs", name)
	}
	b, err := c.body(nil, n)
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(b, append([]byte{byte(len(name))}, name...))
	if !ok {
		return nil, fmt.Errorf("no %s where it belongs", name)
	}
	return rest, nil
}

// shakeCurve does the handshake up to the peer's INITIATE and returns the metadata in it.
func (l *listener) shakeCurve(c *conn) (metadata []byte, err error) {
	hello, err := c.handshakeCommand("HELLO")
	if err != nil {
		return nil, err
	}
	if len(hello) != helloLen-6 || hello[0] != 1 {
		return nil, errors.New("malformed HELLO")
	}
	var peer, ours, secret [32]byte // the keys of the connection
	copy(peer[:], hello[74:])
	signature, ok := box.Open(nil, hello[114:], nonce("CurveZMQHELLO---", hello[106:114]), &peer, &l.Curve.Secret)
	if !ok || !bytes.Equal(signature, make([]byte, 64)) {
		return nil, errors.New("it does not know the server's key")
	}
	pub, sec, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	ours, secret = *pub, *sec
	// The cookie is for servers that forget a peer between two commands. This one does not: any bytes will do.
	var cookie [cookieLen]byte
	var long [16]byte
	rand.Read(cookie[:]) // never fails: it ends the program if the system has no randomness
	rand.Read(long[:])
	welcome := append([]byte("\x07WELCOME"), long[:]...)
	welcome = box.Seal(welcome, append(ours[:], cookie[:]...), nonce("WELCOME-", long[:]), &peer, &l.Curve.Secret)
	if _, err := c.Conn.Write(appendFrame(nil, flagCommand, welcome)); err != nil {
		return nil, err
	}
	initiate, err := c.handshakeCommand("INITIATE")
	if err != nil {
		return nil, err
	}
	if len(initiate) < cookieLen+8+macLen+32+vouchLen {
		return nil, errors.New("malformed INITIATE")
	}
	if subtle.ConstantTimeCompare(initiate[:cookieLen], cookie[:]) != 1 {
		return nil, errors.New("another connection's cookie")
	}
	s := &curve{}
	box.Precompute(&s.key, &peer, &secret)
	short := initiate[cookieLen : cookieLen+8]
	in, ok := box.OpenAfterPrecomputation(nil, initiate[cookieLen+8:], nonce("CurveZMQINITIATE", short), &s.key)
	if !ok {
		return nil, errors.New("an INITIATE that does not open")
	}
	s.heard = binary.BigEndian.Uint64(short)
	var client [32]byte
	copy(client[:], in)
	vouch, ok := box.Open(nil, in[48:32+vouchLen], nonce("VOUCH---", in[32:48]), &client, &secret)
	if !ok || !bytes.Equal(vouch, append(peer[:], l.Curve.Public[:]...)) {
		return nil, errors.New("a vouch that is not for this connection")
	}
	c.curve = s
	return in[32+vouchLen:], nil
}

// ready is the READY command frame.
func (s *curve) ready(metadata []byte) []byte {
	s.sent++
	short := binary.BigEndian.AppendUint64(nil, s.sent)
	b := append([]byte("\x05READY"), short...)
	return appendFrame(nil, flagCommand, box.SealAfterPrecomputation(b, metadata, nonce("CurveZMQREADY---", short), &s.key))
}

// next opens the next frame of an encrypted connection and returns what header does of the one within; its body waits
// for body.
func (c *conn) next(limit int64) (flags byte, size uint64, err error) {
	s := c.curve
	if s == nil {
		return c.header()
	}
	outer, n, err := c.header()
	if err != nil {
		return 0, 0, err
	}
	if outer&flagMore != 0 || n < sealedLen || n > uint64(limit)+sealedLen {
		return 0, 0, fmt.Errorf("an encrypted frame of %d bytes", n)
	}
	b, err := c.body(nil, n)
	if err != nil {
		return 0, 0, err
	}
	b, ok := bytes.CutPrefix(b, []byte("\x07MESSAGE"))
	if !ok {
		return 0, 0, errors.New("a frame that is not encrypted")
	}
	short := binary.BigEndian.Uint64(b)
	if short <= s.heard {
		return 0, 0, errors.New("an encrypted frame that was sent before")
	}
	s.heard = short
	in, ok := box.OpenAfterPrecomputation(nil, b[8:], nonce("CurveZMQMESSAGEC", b[:8]), &s.key)
	if !ok {
		return 0, 0, errors.New("an encrypted frame that does not open")
	}
	if in[0]&sealedMore != 0 {
		flags |= flagMore
	}
	if in[0]&sealedCmd != 0 {
		flags |= flagCommand
	}
	if in[0]&^(sealedMore|sealedCmd) != 0 || flags == flagMore|flagCommand {
		return 0, 0, errors.New("malformed flags in an encrypted frame")
	}
	s.plain, s.decrypted = in[1:], true
	return flags, uint64(len(s.plain)), nil
}

// seal encrypts frames as they are queued.
func (s *curve) seal(frames []byte) []byte {
	out := make([]byte, 0, len(frames)+len(frames)/8+64)
	for len(frames) > 0 {
		head, size := 2, uint64(frames[1])
		if frames[0]&flagLong != 0 {
			head, size = 9, binary.BigEndian.Uint64(frames[1:])
		}
		var inner byte
		if frames[0]&flagMore != 0 {
			inner |= sealedMore
		}
		if frames[0]&flagCommand != 0 {
			inner |= sealedCmd
		}
		payload := frames[head : head+int(size)]
		frames = frames[head+int(size):]
		if n := size + sealedLen; n > 255 {
			out = binary.BigEndian.AppendUint64(append(out, flagLong), n)
		} else {
			out = append(out, 0, byte(n))
		}
		s.sent++
		short := binary.BigEndian.AppendUint64(nil, s.sent)
		out = append(append(out, "\x07MESSAGE"...), short...)
		plain := append(append(make([]byte, 0, 1+len(payload)), inner), payload...)
		out = box.SealAfterPrecomputation(out, plain, nonce("CurveZMQMESSAGES", short), &s.key)
	}
	return out
}
