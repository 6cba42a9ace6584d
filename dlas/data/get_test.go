package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// host is a server of one file that can be made to misbehave.
type host struct {
	mu       sync.Mutex
	body     []byte
	cutAfter int  // bytes after which the next answer's connection is cut; 0: not
	noRange  bool // answers a request for a part with the whole
	status   int
	ranges   []string // the Range header of each request
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ranges = append(h.ranges, r.Header.Get("Range"))
	if h.status != 0 {
		w.WriteHeader(h.status)
		return
	}
	from := 0
	if rg := r.Header.Get("Range"); rg != "" && !h.noRange {
		fmt.Sscanf(rg, "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(h.body)-1, len(h.body)))
	}
	out := h.body[from:]
	w.Header().Set("Content-Length", fmt.Sprint(len(out)))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	if h.cutAfter > 0 {
		w.Write(out[:h.cutAfter])
		h.cutAfter = 0
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(out)
}

// serve starts a host of body and returns a Download of it as a set called "toy".
func serve(t *testing.T, body []byte) (*host, Download, Env) {
	h := &host{body: body}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	d := Download{Set: "toy", Files: []Remote{{"http://toy.invalid/files/toy.bin", int64(len(body)), fmt.Sprintf("md5:%x", md5.Sum(body))}}}
	return h, d, Env{Cache: t.TempDir(), Mirror: s.URL + "/"}
}

func toyFile(env Env) string { return filepath.Join(env.Cache, "data", "toy", "toy.bin") }

func TestGet(t *testing.T) {
	body := bytes.Repeat([]byte("godlas"), 100000)
	h, d, env := serve(t, body)
	var last Progress
	if err := get(context.Background(), d, env, func(p Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(toyFile(env))
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("the file differs (%v)", err)
	}
	if last != (Progress{"toy.bin", int64(len(body)), int64(len(body))}) {
		t.Errorf("the last progress is %+v", last)
	}
	if err := get(context.Background(), d, env, nil); err != nil || len(h.ranges) != 1 {
		t.Errorf("a second get asks again: %v, %d requests", err, len(h.ranges))
	}
}

func TestGetGoesOnAfterACut(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 50000)
	h, d, env := serve(t, body)
	h.cutAfter = 123456
	if err := get(context.Background(), d, env, nil); err != nil {
		t.Fatal(err)
	}
	if len(h.ranges) != 2 || h.ranges[0] != "" || !strings.HasPrefix(h.ranges[1], "bytes=") || h.ranges[1] == "bytes=0-" {
		t.Errorf("requests asked for %q", h.ranges)
	}
	if got, _ := os.ReadFile(toyFile(env)); !bytes.Equal(got, body) {
		t.Error("the file put together from two answers differs")
	}
}

// TestGetResumes finds a part left by an earlier process, with a server that sends parts and with one that does not.
func TestGetResumes(t *testing.T) {
	for _, noRange := range []bool{false, true} {
		body := bytes.Repeat([]byte("abcdefgh"), 10000)
		h, d, env := serve(t, body)
		h.noRange = noRange
		part := filepath.Join(env.Cache, "data", "toy.partial")
		if err := os.MkdirAll(part, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(part, "toy.bin.part"), body[:30001])
		if err := get(context.Background(), d, env, nil); err != nil {
			t.Fatal(err)
		}
		if len(h.ranges) != 1 || h.ranges[0] != "bytes=30001-" {
			t.Errorf("requests asked for %q", h.ranges)
		}
		if got, _ := os.ReadFile(toyFile(env)); !bytes.Equal(got, body) {
			t.Errorf("noRange %v: the file differs", noRange)
		}
	}
}

func TestGetRefuses(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 4000)
	for _, c := range []struct {
		name string
		set  func(h *host, d *Download)
		want string
	}{
		{"bad digest", func(h *host, d *Download) { h.body = bytes.Repeat([]byte("y"), 4000) }, "toy.bin is not the file that its publisher names: its md5 is"},
		{"too long", func(h *host, d *Download) { h.body = append(h.body, 'z') }, "sends more than 4000 bytes"},
		{"too short", func(h *host, d *Download) { h.body = h.body[:3000] }, "the connection ended after 3000 of 4000 bytes"},
		{"not there", func(h *host, d *Download) { h.status = http.StatusNotFound }, "the server answered 404 Not Found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, d, env := serve(t, body)
			c.set(h, &d)
			err := get(context.Background(), d, env, nil)
			var e *ir.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q in one line", err, c.want)
			}
			if _, err := os.Stat(toyFile(env)); err == nil {
				t.Error("a refused file is in place")
			}
			// A good server repairs it.
			h.mu.Lock()
			h.body, h.status = body, 0
			h.mu.Unlock()
			if err := get(context.Background(), d, env, nil); err != nil {
				t.Errorf("it does not recover: %v", err)
			}
		})
	}
}

func TestGetStops(t *testing.T) {
	_, d, env := serve(t, []byte("abc"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := get(ctx, d, env, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled get says %v", err)
	}
	if err := Get(ctx, "cifar", env, nil); err == nil || !strings.Contains(err.Error(), "try cifar10") {
		t.Errorf("an unknown set says %v", err)
	}
}

// TestGetGivesUpOnSilence: a server that sends some and then nothing is asked again, for the rest.
func TestGetGivesUpOnSilence(t *testing.T) {
	defer func(d time.Duration) { stallAfter = d }(stallAfter)
	stallAfter = 200 * time.Millisecond
	body := bytes.Repeat([]byte("godlas"), 1000)
	release := make(chan struct{})
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		if len(asked) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write(body[:1000])
			w.(http.Flusher).Flush()
			<-release
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 1000-%d/%d", len(body)-1, len(body)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(body[1000:])
	}))
	defer s.Close()
	defer close(release)
	d := Download{Set: "toy", Files: []Remote{{s.URL + "/toy.bin", int64(len(body)), fmt.Sprintf("md5:%x", md5.Sum(body))}}}
	env := Env{Cache: t.TempDir()}
	if err := get(context.Background(), d, env, nil); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[1] != "bytes=1000-" {
		t.Errorf("requests asked for %q", asked)
	}
	if got, _ := os.ReadFile(toyFile(env)); !bytes.Equal(got, body) {
		t.Error("the file differs")
	}
}

// TestGetUnpacksCIFAR makes an archive of the official form with zero pixels and opens what comes out of it.
func TestGetUnpacksCIFAR(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	add := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	for _, n := range []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"} {
		add(n, make([]byte, cifarPerBatch*cifarRecord))
	}
	add("../../evil", []byte("x"))
	add("batches.meta.txt", []byte(strings.Join(cifarClasses(), "\n")))
	w.Close()
	z.Close()
	h := &host{body: b.Bytes()}
	s := httptest.NewServer(h)
	defer s.Close()
	d := Download{Set: "cifar10", unpack: unpackCIFAR, Files: []Remote{{s.URL + "/cifar-10-binary.tar.gz", int64(b.Len()), fmt.Sprintf("md5:%x", md5.Sum(b.Bytes()))}}}
	env := Env{Cache: t.TempDir()}
	if err := get(context.Background(), d, env, nil); err != nil {
		t.Fatal(err)
	}
	if s := open(t, env, "cifar10", "split=train"); s.Len() != 45000 {
		t.Errorf("train holds %d images", s.Len())
	}
	files, _ := os.ReadDir(filepath.Join(env.Cache, "data", "cifar10"))
	if len(files) != 7 {
		t.Errorf("the archive left %v", files)
	}
}

func TestDownloadsAreWhole(t *testing.T) {
	for _, d := range Downloads() {
		for _, f := range d.Files {
			kind, digest, _ := strings.Cut(f.Digest, ":")
			if f.Size < 1 || !(kind == "md5" && len(digest) == 32 || kind == "sha256" && len(digest) == 64) || f.name() == "" {
				t.Errorf("%s: row %+v is not whole", d.Set, f)
			}
		}
		if err := Check(ir.Choice{Name: d.Set}); err != nil {
			t.Errorf("%s can be downloaded and not opened: %v", d.Set, err)
		}
	}
}
