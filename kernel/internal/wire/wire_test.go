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

// The signature of jupyter_client's Session(key=b"secret") over four known parts.
func TestSignatureIsJupyters(t *testing.T) {
	c := codec(t, "secret", "hmac-sha256")
	got := string(c.sign([][]byte{[]byte(`{"a":1}`), []byte(`{}`), []byte(`{}`), []byte(`{"b":2}`)}))
	if want := "9b14d94617bffb278285cea390d9dc17e01ec3188dba313f9548021906557a7b"; got != want {
		t.Errorf("got %s, want %s", got, want)
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
		"header no type":     {resign(0, `{}`), nil},
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

func FuzzDecode(f *testing.F) {
	c := codec(f, "", "")
	f.Add(bytes.Join(frames(f, c, map[string]any{"code": "x"}), []byte("|||")))
	f.Add([]byte("|||<IDS|MSG>||||||{}|||{}|||{}|||{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := c.Decode(bytes.Split(b, []byte("|||")))
		if err != nil {
			return
		}
		out, err := c.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.Decode(out)
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if n.Header != m.Header || !bytes.Equal(n.Content, m.Content) || len(n.Buffers) != len(m.Buffers) || len(n.Identities) != len(m.Identities) {
			t.Fatalf("%+v became %+v", m, n)
		}
	})
}
