package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// A message is read as it was sent or refused with an error; one that was not signed with the key is never read.
func FuzzDecode(f *testing.F) {
	good := func(change func(*Message)) []byte {
		c, _ := NewCodec("", "")
		m, _ := c.New("execute_request", nil, map[string]string{"code": "1"})
		m.Identities = [][]byte{[]byte("id")}
		if change != nil {
			change(m)
		}
		frames, _ := c.Encode(m)
		return bytes.Join(frames, []byte("\x00|"))
	}
	f.Add(good(nil))
	f.Add(good(func(m *Message) { m.Identities = nil; m.Buffers = [][]byte{{}, {1, 2}} }))
	f.Add(good(func(m *Message) { m.Header.SubshellID = "s"; m.Content = json.RawMessage(`{"a":[{"b":null}]}`) }))
	f.Add([]byte("<IDS|MSG>"))
	f.Add([]byte("a\x00|<IDS|MSG>\x00|\x00|{}\x00|{}\x00|{}\x00|{}"))
	f.Add([]byte("<IDS|MSG>\x00|\x00|{\"msg_type\":1}\x00|{}\x00|{}\x00|{}"))
	signed, _ := NewCodec("the key", "")
	f.Fuzz(func(t *testing.T, sent []byte) {
		frames := bytes.Split(sent, []byte("\x00|"))
		if m, err := signed.Decode(frames); err == nil {
			t.Fatalf("read without a signature: %+v", m)
		}
		c, _ := NewCodec("", "")
		m, err := c.Decode(frames)
		if err != nil {
			if m != nil {
				t.Fatal("a message and an error")
			}
			return
		}
		if m.Header.MsgType == "" || !json.Valid(m.RawHeader) || !json.Valid(m.Content) || !json.Valid(m.Parent) || !json.Valid(m.Metadata) {
			t.Fatalf("%+v", m)
		}
		// What was read can be answered, and signed it is read as the same again, once.
		again := *m
		again.Content = m.Content
		out, err := signed.Encode(&again)
		if err != nil {
			t.Fatal(err)
		}
		twin, _ := NewCodec("the key", "")
		back, err := twin.Decode(out)
		if err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		if back.Header != m.Header || !bytes.Equal(back.Content, m.Content) || len(back.Buffers) != len(m.Buffers) || len(back.Identities) != len(m.Identities) {
			t.Fatalf("%+v became %+v", m, back)
		}
		if _, err := twin.Decode(out); !errors.Is(err, ErrReplayed) {
			t.Fatalf("twice: %v", err)
		}
	})
}
