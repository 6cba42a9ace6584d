package kernel

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
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
	CurvePublicKey  string `json:"curve_publickey"`
}

// readConnection reads and checks a connection file.
func readConnection(path string) (connection, error) {
	f, err := os.Open(path)
	if err != nil {
		return connection{}, fmt.Errorf("connection file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return connection{}, fmt.Errorf("connection file: %w", err)
	}
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
	if c.CurvePublicKey != "" {
		return c, fmt.Errorf("connection file %s: it asks for CURVE encryption, which this kernel does not have", path)
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
