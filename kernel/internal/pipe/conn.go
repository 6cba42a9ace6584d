package pipe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"unicode/utf8"
)

// Limits of one frame: both ends run the same binary, so more than this is a fault and not a need.
const maxBuffers = 1 << 12

var maxHead, maxBuffer = 256 << 20, 1 << 30 // bytes; less in tests

// ErrTooLarge is the error for a frame that is over the limits. Nothing of it was sent.
var ErrTooLarge = errors.New("pipe: a frame over the limit")

// Conn reads and writes frames. Send may be called from many goroutines, Receive from one.
type Conn struct {
	r  *bufio.Reader
	mu sync.Mutex
	w  *bufio.Writer
}

// NewConn speaks frames over a pair of byte streams.
func NewConn(r io.Reader, w io.Writer) *Conn {
	return &Conn{r: bufio.NewReaderSize(r, 64<<10), w: bufio.NewWriterSize(w, 64<<10)}
}

// Send writes a frame with body as its JSON body; a nil body sends none.
func (c *Conn) Send(kind Kind, id, parent uint64, body any, buffers ...[]byte) error {
	f := Frame{Kind: kind, ID: id, Parent: parent, Buffers: buffers}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("pipe: body of %s: %w", kind, err)
		}
		f.Body = b
	}
	return c.Write(f)
}

// SendStream writes a frame of kind stream; much text travels as it is and not as JSON. See [DecodeStream].
func (c *Conn) SendStream(parent uint64, name string, text []byte) error {
	if len(text) < 4<<10 || !utf8.Valid(text) {
		return c.Send(KindStream, 0, parent, Stream{Name: name, Text: string(text)})
	}
	return c.Send(KindStream, 0, parent, Stream{Name: name}, text)
}

// DecodeStream reads what SendStream has sent.
func DecodeStream(f Frame) (name string, text []byte, err error) {
	s, err := Decode[Stream](f)
	if err == nil && len(f.Buffers) > 0 {
		return s.Name, bytes.ToValidUTF8(f.Buffers[0], []byte("\uFFFD")), nil
	}
	return s.Name, []byte(s.Text), err
}

// Write sends a frame and flushes it.
func (c *Conn) Write(f Frame) error {
	head, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("pipe: %s: %w", f.Kind, err)
	}
	tooLarge := slices.ContainsFunc(f.Buffers, func(b []byte) bool { return len(b) > maxBuffer })
	if len(head) > maxHead || len(f.Buffers) > maxBuffers || tooLarge {
		return fmt.Errorf("%w: %s of %d bytes and %d buffers", ErrTooLarge, f.Kind, len(head), len(f.Buffers))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var n [8]byte
	binary.LittleEndian.PutUint32(n[:4], uint32(len(head)))
	binary.LittleEndian.PutUint32(n[4:], uint32(len(f.Buffers)))
	c.w.Write(n[:])
	c.w.Write(head)
	for _, b := range f.Buffers {
		binary.LittleEndian.PutUint32(n[:4], uint32(len(b)))
		c.w.Write(n[:4])
		c.w.Write(b)
	}
	return c.w.Flush() // a bufio.Writer keeps its first error until here
}

// Receive reads the next frame; at the end of the stream it returns io.EOF.
func (c *Conn) Receive() (Frame, error) {
	var n [8]byte
	if _, err := io.ReadFull(c.r, n[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return Frame{}, err
	}
	size, nb := binary.LittleEndian.Uint32(n[:4]), binary.LittleEndian.Uint32(n[4:])
	if int64(size) > int64(maxHead) || nb > maxBuffers {
		return Frame{}, fmt.Errorf("pipe: frame of %d bytes and %d buffers is over the limit", size, nb)
	}
	head := make([]byte, size)
	if _, err := io.ReadFull(c.r, head); err != nil {
		return Frame{}, fmt.Errorf("pipe: frame cut short: %w", err)
	}
	var f Frame
	if err := json.Unmarshal(head, &f); err != nil {
		return Frame{}, fmt.Errorf("pipe: frame is not JSON: %w", err)
	}
	for range nb {
		if _, err := io.ReadFull(c.r, n[:4]); err != nil {
			return Frame{}, fmt.Errorf("pipe: buffer cut short: %w", err)
		}
		bs := binary.LittleEndian.Uint32(n[:4])
		if int64(bs) > int64(maxBuffer) {
			return Frame{}, fmt.Errorf("pipe: buffer of %d bytes is over the limit", bs)
		}
		b := make([]byte, bs)
		if _, err := io.ReadFull(c.r, b); err != nil {
			return Frame{}, fmt.Errorf("pipe: buffer cut short: %w", err)
		}
		f.Buffers = append(f.Buffers, b)
	}
	return f, nil
}

// Decode unmarshals a frame's body.
func Decode[T any](f Frame) (T, error) {
	var v T
	if err := json.Unmarshal(f.Body, &v); err != nil {
		return v, fmt.Errorf("pipe: body of %s: %w", f.Kind, err)
	}
	return v, nil
}
