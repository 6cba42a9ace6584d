package kernel

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"

	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// connection is Jupyter's connection file.
type connection struct {
	Transport       string `json:"transport"`
	IP              string `json:"ip"`
	ShellPort       int    `json:"shell_port"`
	IOPubPort       int    `json:"iopub_port"`
	StdinPort       int    `json:"stdin_port"`
	ControlPort     int    `json:"control_port"`
	HeartbeatPort   int    `json:"hb_port"`
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme"`
	CurvePublicKey  string `json:"curve_publickey,omitempty"`
	CurveSecretKey  string `json:"curve_secretkey,omitempty"`

	curve *zmtp.CurveKeys // of the two before; nil without them
}

// maxConnection bounds a connection file, which has some hundred bytes.
const maxConnection = 64 << 10

// readConnection reads and checks a connection file. Warning says that others can read the key in it.
func readConnection(path string) (c connection, warning string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return c, "", fmt.Errorf("connection file: %w", err)
	}
	if !st.Mode().IsRegular() { // reading a pipe would wait
		return c, "", fmt.Errorf("connection file %s: not a file", path)
	}
	if st.Size() > maxConnection {
		return c, "", fmt.Errorf("connection file %s: %d bytes are too many for one", path, st.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return c, "", fmt.Errorf("connection file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConnection))
	if err != nil {
		return c, "", fmt.Errorf("connection file: %w", err)
	}
	c, err = parseConnection(path, b)
	if err == nil && runtime.GOOS != "windows" && c.Key != "" && st.Mode().Perm()&0o077 != 0 {
		warning = fmt.Sprintf("connection file %s: its mode %04o lets others read the key, with which they can run code as you; chmod 600 it", path, st.Mode().Perm())
	}
	return c, warning, err
}

func parseConnection(path string, b []byte) (connection, error) {
	c := connection{Transport: "tcp", IP: "127.0.0.1"}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	if c.Transport != "tcp" && c.Transport != "ipc" {
		return c, fmt.Errorf("connection file %s: unknown transport %q: tcp and ipc are known", path, c.Transport)
	}
	for _, p := range []struct {
		name string
		port int
	}{
		{"shell_port", c.ShellPort},
		{"iopub_port", c.IOPubPort},
		{"stdin_port", c.StdinPort},
		{"control_port", c.ControlPort},
		{"hb_port", c.HeartbeatPort},
	} {
		if p.port < 1 || p.port > 65535 {
			return c, fmt.Errorf("connection file %s: %s is %d, not within 1 to 65535", path, p.name, p.port)
		}
	}
	if c.CurvePublicKey != "" || c.CurveSecretKey != "" {
		keys, err := zmtp.ParseCurveKeys(c.CurvePublicKey, c.CurveSecretKey)
		if err != nil {
			return c, fmt.Errorf("connection file %s: %w", path, err)
		}
		c.curve = keys
	}
	if c.Key == "" && c.Transport == "tcp" && !loopback(c.IP) {
		return c, fmt.Errorf("connection file %s: without a key anyone who reaches %s could run code: it must be a loopback address", path, c.IP)
	}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// address is where the socket of a port is bound.
func (c connection) address(port int) string {
	if c.Transport == "ipc" {
		return c.IP + "-" + strconv.Itoa(port)
	}
	ip := c.IP
	if ip == "*" {
		ip = ""
	}
	return net.JoinHostPort(ip, strconv.Itoa(port))
}
