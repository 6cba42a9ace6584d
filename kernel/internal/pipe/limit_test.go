package pipe

import (
	"bytes"
	"errors"
	"testing"
)

// TestTooLarge: what the other end would not read is not sent, and what follows is.
func TestTooLarge(t *testing.T) {
	defer func(h, b int) { maxHead, maxBuffer = h, b }(maxHead, maxBuffer)
	maxHead, maxBuffer = 1000, 100
	var b bytes.Buffer
	c := NewConn(&b, &b)
	for _, f := range []Frame{
		{Kind: KindDone, Body: []byte(`"` + string(bytes.Repeat([]byte("x"), 2000)) + `"`)},
		{Kind: KindCommMsg, Buffers: [][]byte{nil, make([]byte, 101)}},
		{Kind: KindCommMsg, Buffers: make([][]byte, maxBuffers+1)},
	} {
		if err := c.Write(f); !errors.Is(err, ErrTooLarge) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", f.Kind, err, b.Len())
		}
	}
	if err := c.Write(Frame{Kind: KindUsage, Buffers: [][]byte{make([]byte, 100)}}); err != nil {
		t.Fatal(err)
	}
	if f, err := c.Receive(); err != nil || f.Kind != KindUsage || len(f.Buffers[0]) != 100 {
		t.Errorf("%v, %v", f.Kind, err)
	}
}
