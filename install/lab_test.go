package install

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/godlas/godlas/internal/heard"
	"github.com/godlas/godlas/notebooks"
)

// startLab runs Lab in a home of the test's own, with the real environment, until stop is called, which returns what
// Lab returned. page is the address that it showed.
func startLab(t *testing.T, dir string) (page string, out *heard.Buffer, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = &heard.Buffer{}
	ended := make(chan error, 1)
	go func() { ended <- Lab(ctx, LabOptions{NoBrowser: true, Dir: dir, Out: out}) }()
	shown := regexp.MustCompile(`server +\d+\.\d s  (http://127\.0\.0\.1:\d+/lab/tree/00-quickstart\.ipynb\?token=\w+)\n`)
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if m := shown.FindStringSubmatch(out.String()); m != nil {
			page = m[1]
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("Lab ended: %v\n%s", err, out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("no server:\n%s", out)
		}
	}
	return page, out, func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(2 * time.Minute):
			t.Fatalf("Lab does not stop:\n%s", out)
			return nil
		}
	}
}

func TestLab(t *testing.T) {
	e := realEnv(t)
	tmp := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData", "TMPDIR"} {
		t.Setenv(name, tmp)
	}
	t.Setenv("DLAS_CACHE", "")
	cache, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(e.Dir), filepath.Join(cache, "python")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need a right that users of Windows lack:", err)
		}
		t.Fatal(err)
	}
	dir := filepath.Join(tmp, "my notebooks")

	page, out, stop := startLab(t, dir)
	for _, step := range []string{"binary", "JupyterLab", "kernelspec", "notebooks", "server"} {
		if !regexp.MustCompile(`(?m)^` + step + ` +\d+\.\d s  .`).MatchString(out.String()) {
			t.Errorf("step %s is not shown with its time:\n%s", step, out)
		}
	}
	if code := status(t, page); code != http.StatusOK {
		t.Errorf("the shown address answers %d", code)
	}
	base, _, _ := strings.Cut(page, "/lab/")
	if code := status(t, base+"/api/contents"); code != http.StatusForbidden {
		t.Errorf("without the token the server answers %d", code)
	}
	_, tok, _ := strings.Cut(page, "token=")
	if code := status(t, base+"/kernelspecs/"+Name+"/logo-svg.svg?token="+tok); code != http.StatusOK {
		t.Errorf("the kernelspec is not there: %d", code)
	}
	if err := stop(); err != nil {
		t.Errorf("a stop is no error: %v", err)
	}
	if resp, err := http.Get(base + "/api/status"); err == nil {
		resp.Body.Close()
		t.Error("the server still answers after its stop")
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "godlas-lab-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}

	mine := filepath.Join(dir, notebooks.Quickstart)
	if err := os.WriteFile(mine, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, out, stop = startLab(t, dir)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(mine); string(b) != "{}" || !strings.Contains(out.String(), "kept as it is") {
		t.Errorf("the second start wrote over the reader's notebook:\n%s", out)
	}
	if bins, _ := filepath.Glob(filepath.Join(cache, "bin", "*", "*")); len(bins) != 1 {
		t.Errorf("copies of the binary: %v", bins)
	}
}

func TestLabRefusesABadPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, port := range []int{-1, 65536, l.Addr().(*net.TCPAddr).Port} {
		err := Lab(t.Context(), LabOptions{NoBrowser: true, Port: port, Dir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d ", port)) {
			t.Errorf("port %d: %v", port, err)
		}
	}
}

func status(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestLayOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "n")
	one := fstest.MapFS{"a.ipynb": {Data: []byte("a1")}, "b.ipynb": {Data: []byte("b1")}}
	two := fstest.MapFS{"a.ipynb": {Data: []byte("a2")}, "b.ipynb": {Data: []byte("b2")}, "c.ipynb": {Data: []byte("c2")}}
	if kept, err := layOut(one, dir); err != nil || kept != nil {
		t.Fatal(kept, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.ipynb"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		kept, err := layOut(two, dir)
		if err != nil || len(kept) != 1 || kept[0] != "b.ipynb" {
			t.Fatal(kept, err)
		}
	}
	for name, want := range map[string]string{"a.ipynb": "a2", "b.ipynb": "mine", "c.ipynb": "c2"} {
		if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != want {
			t.Errorf("%s holds %q, want %q", name, b, want)
		}
	}
}
