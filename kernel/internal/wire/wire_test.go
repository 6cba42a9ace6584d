package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func codec(t testing.TB, key, scheme string) *Codec {
	t.Helper()
	c, err := NewCodec(key, scheme)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func frames(t testing.TB, c *Codec, content any) [][]byte {
	t.Helper()
	m, err := c.New("execute_request", json.RawMessage(`{"msg_id":"p"}`), content)
	if err != nil {
		t.Fatal(err)
	}
	m.Identities = [][]byte{[]byte("peer"), {}}
	m.Buffers = [][]byte{{1, 2, 3}, {}, []byte("<IDS|MSG>")}
	f, err := c.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	for _, scheme := range []string{"", "hmac-sha256", "hmac-sha1", "hmac-sha512", "hmac-md5", "hmac-sha3_256"} {
		a, b := codec(t, "secret", scheme), codec(t, "secret", scheme)
		f := frames(t, a, map[string]any{"code": "a < b && \"世界\""})
		m, err := b.Decode(f)
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if len(m.Identities) != 2 || string(m.Identities[0]) != "peer" || len(m.Buffers) != 3 || string(m.Buffers[2]) != "<IDS|MSG>" {
			t.Errorf("%s: identities %q, buffers %q", scheme, m.Identities, m.Buffers)
		}
		if m.Header.MsgType != "execute_request" || m.Header.Version != Version || m.Header.Session != a.session || string(m.Parent) != `{"msg_id":"p"}` {
			t.Errorf("%s: header %+v, parent %s", scheme, m.Header, m.Parent)
		}
		if want := `{"code":"a < b && \"世界\""}`; string(m.Content) != want {
			t.Errorf("%s: content %s, want %s", scheme, m.Content, want)
		}
		if d, err := time.Parse(time.RFC3339Nano, m.Header.Date); err != nil || time.Since(d).Abs() > time.Minute {
			t.Errorf("%s: date %s: %v", scheme, m.Header.Date, err)
		}
	}
}

// The signatures of jupyter_client's Session(key=b"secret", signature_scheme=...) over four known parts, with every hash of
// hashlib that hmac takes.
func TestSignaturesAreJupyters(t *testing.T) {
	for scheme, want := range map[string]string{
		"":              "9b14d94617bffb278285cea390d9dc17e01ec3188dba313f9548021906557a7b",
		"hmac-md5":      "e1eb7abd412c65b8951391ab5a93126e",
		"hmac-sha1":     "1c914dbd338ed463bb97d8d8e2df862874bf7172",
		"hmac-sha224":   "bbe0a171a936c51895ed7cd13ea7beacb6822c34e44af14d240478d6",
		"hmac-sha256":   "9b14d94617bffb278285cea390d9dc17e01ec3188dba313f9548021906557a7b",
		"hmac-sha384":   "f22fe8e458ecb20519a247af85960c36326b27dd9e1c5a9a8e992bceb9f9cd926646743d942a98f66336c8eaf51e92d1",
		"hmac-sha512":   "9cb30a3d92111c6ea9a137577025471caeb47fd0279ee25ed87844d712742dc4bae5fa70b7cd830a57c9026cbb0d921128d0e8a4fa722edd4fc570028ed981b0",
		"hmac-sha3_224": "f020ed9af5a16551934f38883f6d0baddc76ecd9e66b113b0e5198bf",
		"hmac-sha3_256": "1c5b7e8c8405ed7312b961d359431bfb9a5854e80b17258457b855edb8f27a9b",
		"hmac-sha3_384": "ce26dba88613e41146a75389095c35688918f227899f05e03589136704bee92f216eb9fd856378cbaa89ef202cda2af8",
		"hmac-sha3_512": "3ef7261a00ad7d33d026d9c4133668c2cad2a48bf239f726ff8660a56a864f5872ec7780effaef151e063ca9e35eb873dc421665875c40999313794cf19b68d5",
		"hmac-blake2b":  "7b87b906c5c8b41fcb392f4c10473361f3c55be7a8a83409f1c819d91e3635c1c45ffa0b13bed0c7eff736140248f37303bc3fd005dfeff20bd4b229ff030d8b",
		"hmac-blake2s":  "0b531cbe02cfb8344d418e7c755290019dac5ef2e1dda0e8c9b13cbf24a87459",
	} {
		c := codec(t, "secret", scheme)
		if got := string(c.sign([][]byte{[]byte(`{"a":1}`), []byte(`{}`), []byte(`{}`), []byte(`{"b":2}`)})); got != want {
			t.Errorf("%s: got %s, want %s", scheme, got, want)
		}
	}
}

func TestUnknownScheme(t *testing.T) {
	for _, s := range []string{"sha256", "hmac-", "hmac-crc32", "none"} {
		if _, err := NewCodec("k", s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestRefused(t *testing.T) {
	a := codec(t, "secret", "")
	mutate := func(i int, b string) [][]byte {
		f := frames(t, a, map[string]any{"code": ""})
		f[i] = []byte(b)
		return f
	}
	good := frames(t, a, map[string]any{})
	resign := func(i int, b string) [][]byte {
		f := mutate(4+i, b)
		f[3] = a.sign(f[4:8])
		return f
	}
	for name, tc := range map[string]struct {
		f    [][]byte
		want error
	}{
		"nothing":            {nil, ErrNoDelimiter},
		"no delimiter":       {[][]byte{[]byte("peer"), []byte("x")}, ErrNoDelimiter},
		"only the delimiter": {[][]byte{delimiter}, ErrTooShort},
		"cut short":          {good[:7], ErrTooShort},
		"other signature":    {mutate(3, strings.Repeat("0", 64)), ErrSignature},
		"empty signature":    {mutate(3, ""), ErrSignature},
		"changed content":    {mutate(7, `{"code":"other"}`), ErrSignature},
		"other key":          {frames(t, codec(t, "other", ""), map[string]any{}), ErrSignature},
		"header not object":  {resign(0, `[]`), nil},
		"header not JSON":    {resign(0, `{`), nil},
		"header wrong type":  {resign(0, `{"msg_type":3}`), nil},
		"header no type":     {resign(0, `{"msg_id":"1"}`), nil},
		"header no id":       {resign(0, `{"msg_type":"execute_request"}`), nil},
		"content a string":   {resign(3, `"x"`), nil},
		"content trailing":   {resign(3, `{} {}`), nil},
		"content too deep":   {resign(3, `{"a":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`), nil},
	} {
		b := codec(t, "secret", "")
		_, err := b.Decode(tc.f)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestReplay(t *testing.T) {
	a, b := codec(t, "secret", ""), codec(t, "secret", "")
	f := frames(t, a, map[string]any{})
	if _, err := b.Decode(f); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Decode(f); !errors.Is(err, ErrReplayed) {
		t.Fatalf("replayed: %v", err)
	}
	f[3] = bytes.ToUpper(f[3])
	if _, err := b.Decode(f); !errors.Is(err, ErrReplayed) {
		t.Fatalf("replayed in upper case: %v", err)
	}
	for i := range replayWindow + 10 {
		if !b.fresh(fmt.Sprint(i)) {
			t.Fatalf("signature %d is not fresh", i)
		}
	}
	if len(b.seen) > replayWindow || len(b.ring) > replayWindow {
		t.Fatalf("the window grew to %d", len(b.seen))
	}
	open := codec(t, "", "")
	f = frames(t, open, map[string]any{})
	for range 2 { // without a key there are no signatures to know a message by
		if _, err := open.Decode(f); err != nil {
			t.Fatal(err)
		}
	}
}
