package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A connection file is refused in one line that names it, or it can be bound to.
func FuzzConnection(f *testing.F) {
	f.Add([]byte(`{"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"ip":"127.0.0.1","key":"k","transport":"tcp","signature_scheme":"hmac-sha256","kernel_name":"x"}`))
	f.Add([]byte(`{"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"ip":"/tmp/x","key":"","transport":"ipc"}`))
	f.Add([]byte(`{"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"ip":"*","key":""}`))
	f.Add([]byte(`{"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"ip":"::1","curve_publickey":"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID","curve_secretkey":"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"shell_port":1e9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseConnection("FILE", b)
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\r") || !strings.HasPrefix(s, "connection file FILE: ") {
				t.Fatalf("%q", s)
			}
			if c.CurveSecretKey != "" && strings.Contains(err.Error(), c.CurveSecretKey) && len(c.CurveSecretKey) > 20 {
				t.Fatalf("the secret is in %q", err)
			}
			return
		}
		if c.Transport == "tcp" && c.Key == "" && c.IP != "localhost" {
			if ip := net.ParseIP(c.IP); ip == nil || !ip.IsLoopback() {
				t.Fatalf("no key and bound to %q", c.IP)
			}
		}
		if (c.curve == nil) != (c.CurvePublicKey == "" && c.CurveSecretKey == "") {
			t.Fatal("keys that are not used")
		}
		for _, port := range []int{c.ShellPort, c.IOPubPort, c.StdinPort, c.ControlPort, c.HeartbeatPort} {
			if port < 1 || port > 65535 || c.address(port) == "" {
				t.Fatalf("port %d", port)
			}
		}
	})
}

func TestConnectionFileThatIsNone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its files have other modes")
	}
	dir := t.TempDir()
	run := func(path string) error {
		return Run(context.Background(), Options{ConnectionFile: path, Argv: []string{"x"}, History: filepath.Join(dir, "h")})
	}
	if err := run(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := run(dir); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
	if err := run(os.DevNull); err == nil || !strings.Contains(err.Error(), "not a file") { // nor is a pipe, which would hang
		t.Errorf("a device: %v", err)
	}
	big := filepath.Join(dir, "big")
	os.WriteFile(big, []byte(fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", maxConnection))), 0o600)
	if err := run(big); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("big: %v", err)
	}
	garbage := filepath.Join(dir, "garbage")
	os.WriteFile(garbage, []byte("\x00\xff\x00garbage\n"), 0o600)
	if err := run(garbage); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("garbage: %v", err)
	}
}

// A connection file that others can read is taken, since some file systems know no modes, but the log says so.
func TestConnectionFileThatOthersRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its files have other modes")
	}
	_, path := connectionFile(t, nil)
	if _, warning, err := readConnection(path); err != nil || warning != "" {
		t.Errorf("%q %v", warning, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warning, err := readConnection(path); err != nil || !strings.Contains(warning, "0644") || strings.Contains(warning, "a-secret-key") {
		t.Errorf("%q %v", warning, err)
	}
}

// What becomes of the file once the kernel has read it is nothing to the kernel.
func TestConnectionFileThatChanges(t *testing.T) {
	k := startKernel(t, nil)
	c := k.connect(t)
	for _, change := range []func() error{
		func() error { return os.WriteFile(k.path, []byte("garbage"), 0o600) },
		func() error { return os.Remove(k.path) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, out := c.run("print on")
		wantOutput(t, out, `input stdout:"on\n"`)
	}
}
