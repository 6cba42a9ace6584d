// Package wire is Jupyter's message format: signed multipart messages, see
// https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol.
package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
)

// Version is the protocol version that headers and kernel_info name.
const Version = "5.5"

// DateFormat is ISO 8601 with microseconds and a time zone.
const DateFormat = "2006-01-02T15:04:05.000000Z07:00"

var delimiter = []byte("<IDS|MSG>")

// Errors of Decode. All mean that the message is to be ignored.
var (
	ErrNoDelimiter = errors.New("wire: no <IDS|MSG> frame")
	ErrTooShort    = errors.New("wire: fewer than five frames after <IDS|MSG>")
	ErrSignature   = errors.New("wire: the signature does not match")
	ErrReplayed    = errors.New("wire: the signature was used before")
)

// Header is the header of a message.
type Header struct {
	MsgID      string `json:"msg_id"`
	Session    string `json:"session"`
	Username   string `json:"username"`
	Date       string `json:"date"` // ISO 8601 with a time zone
	MsgType    string `json:"msg_type"`
	Version    string `json:"version"`
	SubshellID string `json:"subshell_id,omitempty"`
}

// Message is a message with its routing prefix and buffers.
type Message struct {
	Identities [][]byte // frames before the delimiter: the peer on a ROUTER, the topic on a PUB
	Header     Header
	RawHeader  json.RawMessage // the header as it came: what replies carry as their parent
	Parent     json.RawMessage // parent header; nil is {}
	Metadata   json.RawMessage // nil is {}
	Content    json.RawMessage
	Buffers    [][]byte
}

// Size is how many bytes a message that was read takes.
func (m *Message) Size() int {
	n := len(m.RawHeader) + len(m.Parent) + len(m.Metadata) + len(m.Content)
	for _, b := range m.Buffers {
		n += len(b)
	}
	return n
}

// Codec signs, checks and numbers the messages of one kernel. It is safe for many goroutines.
type Codec struct {
	session  string
	username string
	key      []byte
	hash     func() hash.Hash
	now      func() time.Time

	mu   sync.Mutex
	seen map[string]struct{}
	ring []string // seen, in order of arrival
	next int
	n    uint64
}

// replayWindow is how many signatures are remembered, as in jupyter_client's Session.digest_history_size.
const replayWindow = 1 << 16

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
	"sha384": sha512.New384, "sha512": sha512.New,
	"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
	"blake2b":  func() hash.Hash { h, _ := blake2b.New512(nil); return h }, // fails for keys that are too long only
	"blake2s":  func() hash.Hash { h, _ := blake2s.New256(nil); return h },
	"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
}

// NewCodec makes a codec for a connection file's key and signature_scheme ("" is hmac-sha256). An empty key turns
// signing off.
func NewCodec(key, scheme string) (*Codec, error) {
	if scheme == "" {
		scheme = "hmac-sha256"
	}
	name, ok := strings.CutPrefix(scheme, "hmac-")
	h := hashes[name]
	if !ok || h == nil {
		return nil, fmt.Errorf("wire: unknown signature scheme %q, hmac-sha256 is the usual one", scheme)
	}
	return &Codec{session: NewID(), username: "kernel", key: []byte(key), hash: h, now: time.Now, seen: map[string]struct{}{}}, nil
}

// NewID returns a random UUID.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the program if the system has no randomness
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// SetClock sets the clock of the dates in headers. It is called before the first message.
func (c *Codec) SetClock(now func() time.Time) { c.now = now }

func (c *Codec) sign(parts [][]byte) []byte {
	if len(c.key) == 0 {
		return nil
	}
	m := hmac.New(c.hash, c.key)
	for _, p := range parts {
		m.Write(p)
	}
	sum := m.Sum(nil)
	return hex.AppendEncode(make([]byte, 0, 2*len(sum)), sum)
}

// Decode reads a message from its frames. It keeps references to them. An error means: ignore the message.
func (c *Codec) Decode(frames [][]byte) (*Message, error) {
	at := -1
	for i, f := range frames {
		if bytes.Equal(f, delimiter) {
			at = i
			break
		}
	}
	if at < 0 {
		return nil, ErrNoDelimiter
	}
	rest := frames[at+1:]
	if len(rest) < 5 {
		return nil, ErrTooShort
	}
	sig, parts := rest[0], rest[1:5]
	// The signature is checked before anything is parsed, and only a right one takes a place in the replay window.
	if len(c.key) > 0 {
		if !hmac.Equal(bytes.ToLower(sig), c.sign(parts)) {
			return nil, ErrSignature
		}
		if !c.fresh(string(bytes.ToLower(sig))) {
			return nil, ErrReplayed
		}
	}
	for i, name := range []string{"header", "parent header", "metadata", "content"} {
		if !isObject(parts[i]) {
			return nil, fmt.Errorf("wire: the %s is not a JSON object", name)
		}
	}
	m := &Message{
		Identities: frames[:at:at], RawHeader: parts[0], Parent: parts[1], Metadata: parts[2], Content: parts[3], Buffers: rest[5:],
	}
	if err := json.Unmarshal(parts[0], &m.Header); err != nil {
		return nil, fmt.Errorf("wire: header: %w", err)
	}
	if m.Header.MsgType == "" {
		return nil, errors.New("wire: the header has no msg_type")
	}
	if m.Header.MsgID == "" { // nobody could tell what is sent in answer
		return nil, errors.New("wire: the header has no msg_id")
	}
	return m, nil
}

func isObject(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{' && json.Valid(b)
}

// fresh notes a signature and reports whether it is new.
func (c *Codec) fresh(sig string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, old := c.seen[sig]; old {
		return false
	}
	c.seen[sig] = struct{}{}
	if len(c.ring) < replayWindow {
		c.ring = append(c.ring, sig)
		return true
	}
	delete(c.seen, c.ring[c.next])
	c.ring[c.next] = sig
	c.next = (c.next + 1) % replayWindow
	return true
}

// New makes a message of a type with a header of this codec. Parent is the raw header of the request that it belongs
// to, nil for none. Content is marshalled; it must be a JSON object.
func (c *Codec) New(msgType string, parent json.RawMessage, content any) (*Message, error) {
	body, err := marshal(content)
	if err != nil {
		return nil, fmt.Errorf("wire: content of %s: %w", msgType, err)
	}
	c.mu.Lock()
	c.n++
	id := fmt.Sprintf("%s_%d", c.session, c.n)
	c.mu.Unlock()
	h := Header{
		MsgID: id, Session: c.session, Username: c.username, MsgType: msgType, Version: Version,
		Date: c.now().UTC().Format(DateFormat),
	}
	return &Message{Header: h, Parent: parent, Content: body}, nil
}

// Encode returns the frames of a message.
func (c *Codec) Encode(m *Message) ([][]byte, error) {
	header, err := marshal(m.Header)
	if err != nil {
		return nil, fmt.Errorf("wire: header: %w", err)
	}
	orEmpty := func(b []byte) []byte {
		if len(b) == 0 {
			return []byte("{}")
		}
		return b
	}
	return c.frames(m.Identities, [][]byte{header, orEmpty(m.Parent), orEmpty(m.Metadata), orEmpty(m.Content)}, m.Buffers), nil
}

// Sign returns the frames of a message whose parts are there already.
func (c *Codec) Sign(header, parent, metadata, content []byte) [][]byte {
	return c.frames(nil, [][]byte{header, parent, metadata, content}, nil)
}

func (c *Codec) frames(identities, parts, buffers [][]byte) [][]byte {
	frames := make([][]byte, 0, len(identities)+6+len(buffers))
	frames = append(frames, identities...)
	frames = append(frames, delimiter, c.sign(parts))
	frames = append(frames, parts...)
	return append(frames, buffers...)
}

// marshal is json.Marshal that leaves <, > and & as they are: HTML outputs are full of them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Session is the id of this kernel's run, in all its headers.
func (c *Codec) Session() string { return c.session }
