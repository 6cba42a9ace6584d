package pipe

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// testPatience is what a test waits for something that takes milliseconds.
const testPatience = 20 * time.Second

// feed is a stream that a test writes piece by piece, with what native has passed on of it.
type feed struct {
	*Native
	w   *io.PipeWriter
	mu  sync.Mutex
	got strings.Builder
}

func newFeed(crashes bool) *feed {
	r, w := io.Pipe()
	f := &feed{w: w}
	f.Native = NewNative(r, crashes, func() bool { return true }, func(b []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.got.Write(b)
	})
	return f
}

func (f *feed) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got.String()
}

func TestNativeInPiecesOfEverySize(t *testing.T) {
	marker := NewMarker()
	other := NewMarker()
	in := "aé世🎉\n" + MarkerPrefix + "short\n" + other + "\x1b[0m" + marker
	want := strings.TrimSuffix(in, marker)
	for size := 1; size <= len(in); size++ {
		f := newFeed(false)
		go func() {
			for at := 0; at < len(in); at += size {
				io.WriteString(f.w, in[at:min(at+size, len(in))])
			}
		}()
		if !f.Await(marker, testPatience) {
			t.Fatalf("size %d: the marker is not seen", size)
		}
		if f.text() != want {
			t.Fatalf("size %d: %q, want %q", size, f.text(), want)
		}
		io.WriteString(f.w, "next")
		f.w.Close()
		f.AwaitEnd(testPatience)
		if f.text() != want+"next" {
			t.Fatalf("size %d: %q after it", size, f.text())
		}
	}
}

func TestNativeMarkerBeforeAndAfterAwait(t *testing.T) {
	f := newFeed(false)
	defer f.w.Close()
	for i := range 100 {
		m := NewMarker()
		if i%2 == 0 {
			io.WriteString(f.w, fmt.Sprint(i)+m)
		} else {
			go io.WriteString(f.w, fmt.Sprint(i)+m)
		}
		if !f.Await(m, testPatience) {
			t.Fatalf("marker %d", i)
		}
	}
	if strings.Contains(f.text(), "\x1b") || !strings.HasSuffix(f.text(), "9899") {
		t.Errorf("%q", f.text())
	}
}

func TestNativeGivesUp(t *testing.T) {
	f := newFeed(false)
	if f.Await(NewMarker(), 10*time.Millisecond) {
		t.Error("a marker that never came was seen")
	}
	f.w.Close()
	if !f.Await(NewMarker(), testPatience) {
		t.Error("the end of the stream is waited for")
	}
}

func TestNativeBadBytes(t *testing.T) {
	f := newFeed(false)
	io.WriteString(f.w, "a\xff\xfeb\xe4\xb8")
	f.w.Close()
	f.AwaitEnd(testPatience)
	if got := f.text(); got != "a\uFFFDb\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestCrashTextIsHeldBack(t *testing.T) {
	crash := "fatal error: concurrent map writes\n\ngoroutine 1 [running]:\n" + strings.Repeat("main.f()\n", 20_000)
	for size := 1; size < 40; size += 7 {
		f := newFeed(true)
		go func() {
			in := "before\n" + crash
			for at := 0; at < 400; at += size {
				io.WriteString(f.w, in[at:min(at+size, 400)])
			}
			io.WriteString(f.w, in[400:])
			f.w.Close()
		}()
		f.AwaitEnd(testPatience)
		if got := f.text(); !strings.HasPrefix(got, "before\n") || strings.Contains(got, "concurrent") {
			t.Errorf("size %d: passed on %q", size, got)
		}
		if got := f.CrashText(); !strings.HasPrefix(got, "fatal error: concurrent map writes\n") || len(got) > maxCrash {
			t.Errorf("size %d: %d bytes, %.50q", size, len(got), got)
		}
	}
}

func TestWhatOnlyLooksLikeACrashIsPassedOn(t *testing.T) {
	f := newFeed(true)
	defer f.w.Close()
	m := NewMarker()
	in := "x panic: no\npan"
	io.WriteString(f.w, in)
	io.WriteString(f.w, "ic: printed\nmore\n")
	io.WriteString(f.w, m)
	if !f.Await(m, testPatience) || f.text() != in+"ic: printed\nmore\n" || f.CrashText() != "" {
		t.Errorf("%q, crash %q", f.text(), f.CrashText())
	}
}
