package data

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/ir"
)

// Download is a row of the table of what Get can fetch.
type Download struct {
	Set   string
	Files []Remote
	// unpack turns the checked files in dir into the set's own files in the same folder; nil: they are the set.
	unpack func(dir string) error
}

// Remote is one file of a Download. Its Digest is the publisher's: "md5:" or "sha256:" and hex digits.
type Remote struct {
	URL    string
	Size   int64
	Digest string
}

func (r Remote) name() string { return r.URL[strings.LastIndexByte(r.URL, '/')+1:] }

// Downloads lists what Get can fetch.
func Downloads() []Download {
	const fashion = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
	return []Download{
		{Set: "fashion-mnist", Files: []Remote{
			{fashion + "train-images-idx3-ubyte.gz", 26421880, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
			{fashion + "train-labels-idx1-ubyte.gz", 29515, "md5:25c81989df183df01b3e8a0aad5dffbe"},
		}},
		{Set: "cifar10", Files: []Remote{
			{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170052171, "md5:c32a1d4ab5d03f1284b67883e8d87530"},
		}, unpack: unpackCIFAR},
	}
}

// Progress is what Get tells as it goes on: bytes of a file that are here, of all.
type Progress struct {
	File        string
	Done, Total int64
}

// Get downloads a set into env.Cache unless it is there already. A download that was cut off goes on where it stopped,
// within a call (a few times) and in the next one; a file appears under its name only after its size and digest were
// checked. progress may be nil.
func Get(ctx context.Context, name string, env Env, progress func(Progress)) error {
	var names []string
	for _, d := range Downloads() {
		if d.Set == name {
			return get(ctx, d, env, progress)
		}
		names = append(names, d.Set)
	}
	return ir.Unknown(ir.Data, "data set to download", name, names)
}

// errDigest marks a complete file that is not the publisher's.
var errDigest = errors.New("is not the file that its publisher names")

const attempts = 4 // of one file; each goes on where the last was cut off

// stallAfter is how long a server may send nothing; a test shortens it.
var stallAfter = time.Minute

func get(ctx context.Context, d Download, env Env, progress func(Progress)) error {
	final := env.cached(d.Set)
	if final == "" {
		return ir.Errorf(ir.Data, "there is no cache folder to put %s in; set DLAS_CACHE", d.Set)
	}
	if _, err := os.Stat(final); err == nil {
		return nil
	}
	fail := func(err error) error {
		return &ir.Error{Layer: ir.Data, What: "getting " + d.Set, Err: err, Try: "run `dlas data get " + d.Set + "` again to go on"}
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	partial := final + ".partial"
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return fail(err)
	}
	for _, r := range d.Files {
		if err := fetch(ctx, r, env.Mirror, partial, progress); err != nil {
			return fail(err)
		}
	}
	if d.unpack != nil {
		if err := d.unpack(partial); err != nil {
			return fail(err)
		}
	}
	return swallowExisting(os.Rename(partial, final), final)
}

// swallowExisting treats a folder that another process put in place meanwhile as success.
func swallowExisting(err error, final string) error {
	if err == nil {
		return nil
	}
	if _, e := os.Stat(final); e == nil {
		return nil
	}
	return &ir.Error{Layer: ir.Data, What: "putting " + filepath.Base(final) + " in place", Err: err}
}

// fetch brings one file into dir under its name.
func fetch(ctx context.Context, r Remote, mirror, dir string, progress func(Progress)) error {
	path := filepath.Join(dir, r.name())
	if _, err := os.Stat(path); err == nil {
		return nil // it got its name only after it was checked
	}
	url := r.URL
	if mirror != "" {
		url = strings.TrimRight(mirror, "/") + "/" + r.name()
	}
	part := path + ".part"
	var err error
	for i := range attempts {
		if i > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(i) * 200 * time.Millisecond):
			}
		}
		var again bool
		again, err = fetchOnce(ctx, url, r, part, progress)
		if err == nil {
			if err = checkDigest(part, r); err == nil {
				return os.Rename(part, path)
			}
			os.Remove(part)
			return fmt.Errorf("%s %w", r.name(), err)
		}
		if !again || ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("%s: %w", r.name(), err)
}

// fetchOnce asks for what part lacks and appends it. again says whether asking once more may help.
func fetchOnce(ctx context.Context, url string, r Remote, part string, progress func(Progress)) (again bool, err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	if have > r.Size {
		have = 0
	}
	if have == r.Size {
		return false, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallAfter, func() { cancel(fmt.Errorf("the server sent nothing for %v", stallAfter)) })
	defer stall.Stop()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx) // says more than "context canceled"
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(have, 10)+"-"):
	case resp.StatusCode == http.StatusOK:
		have = 0 // the server sends all of it
	case resp.StatusCode >= 500:
		return true, fmt.Errorf("the server answered %s", resp.Status)
	default:
		return false, fmt.Errorf("the server answered %s", resp.Status)
	}
	if err := f.Truncate(have); err != nil {
		return false, err
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return false, err
	}
	w := &counter{f, have, func(n int64) {
		stall.Reset(stallAfter)
		progress(Progress{r.name(), n, r.Size})
	}}
	n, err := io.Copy(w, io.LimitReader(resp.Body, r.Size-have+1))
	switch {
	case err != nil:
		return true, err
	case have+n < r.Size:
		return true, fmt.Errorf("the connection ended after %d of %d bytes", have+n, r.Size)
	case have+n > r.Size:
		return false, errors.Join(fmt.Errorf("the server sends more than %d bytes", r.Size), f.Truncate(0))
	}
	return false, f.Sync()
}

type counter struct {
	w    io.Writer
	n    int64
	tell func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

func checkDigest(path string, r Remote) error {
	var h hash.Hash
	kind, want, _ := strings.Cut(r.Digest, ":")
	switch kind {
	case "md5": // what both publishers name; it guards against damage, not against an enemy
		h = md5.New()
	case "sha256":
		h = sha256.New()
	default:
		return fmt.Errorf("has no digest to check")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: its %s is %s and should be %s", errDigest, kind, got, want)
	}
	return nil
}

// unpackCIFAR takes the seven files out of the official archive and removes it.
func unpackCIFAR(dir string) error {
	want := map[string]int64{"batches.meta.txt": 4096}
	for _, n := range []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"} {
		want[n+".bin"] = cifarPerBatch * cifarRecord
	}
	archive := filepath.Join(dir, "cifar-10-binary.tar.gz")
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("cifar-10-binary.tar.gz: %w", err)
		}
		name := h.Name[strings.LastIndexByte(h.Name, '/')+1:]
		limit, ok := want[name]
		if !ok || h.Typeflag != tar.TypeReg {
			continue
		}
		if h.Size > limit || strings.HasSuffix(name, ".bin") && h.Size != limit {
			return fmt.Errorf("%s in the archive holds %d bytes and should hold %d", name, h.Size, limit)
		}
		if err := writeFile(filepath.Join(dir, name), t); err != nil {
			return err
		}
		delete(want, name)
	}
	for n := range want {
		return fmt.Errorf("the archive lacks %s", n)
	}
	f.Close()
	return os.Remove(archive)
}

func writeFile(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
