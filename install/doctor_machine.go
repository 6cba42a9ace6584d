package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// MachineChecks are what any kernel needs of the machine: folders to write to, loopback sockets, limits, and for cells
// that are compiled a Go toolchain.
func MachineChecks() []Check {
	return []Check{
		{"cache", checkCache},
		{"temporary", checkTemporary},
		{"loopback", func(ctx context.Context) []Finding { return checkLoopback(ctx, net.Listen) }},
		{"limits", func(context.Context) []Finding { return checkLimits(readLimits()) }},
		{"go", checkGo},
	}
}

// Room that a disk should have: below the first the JupyterLab environment cannot be made, below the second not even
// a history kept.
const (
	littleRoom = 1 << 30
	noRoom     = 16 << 20
)

func checkCache(context.Context) []Finding {
	dir, err := CacheDir()
	mend := setEnv("DLAS_CACHE", "FOLDER")
	if err != nil {
		return failing(mend, "%v", err)
	}
	return checkFolder(dir, freeSpace, mend, "the history, results, data sets and the JupyterLab environment cannot be kept")
}

func checkTemporary(context.Context) []Finding {
	name := "TMPDIR"
	if runtime.GOOS == "windows" {
		name = "TMP"
	}
	return checkFolder(os.TempDir(), freeSpace, setEnv(name, "FOLDER"), "a session and compiled cells have no place for their files")
}

// checkFolder writes to a folder as the kernel will.
func checkFolder(dir string, free func(string) (uint64, error), mend, lost string) []Finding {
	if err := tryFolder(dir); err != nil {
		return failing(mend, "%v: %s", err, lost)
	}
	room, err := free(dir)
	switch {
	case err != nil:
		return ok("%s can be written", dir)
	case room < noRoom:
		return failing(mend, "%s has %s left: %s", dir, bytesText(room), lost)
	case room < littleRoom:
		return warning(mend, "%s has %s left, and the JupyterLab environment and data sets want more than %s", dir, bytesText(room), bytesText(littleRoom))
	}
	return ok("%s, %s free", dir, bytesText(room))
}

// tryFolder makes a folder if need be and writes a file there.
func tryFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func bytesText(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return strconv.FormatFloat(float64(n)/float64(u.size), 'f', 1, 64) + " " + u.name
		}
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

// setEnv is the command that sets a variable in the user's shell.
func setEnv(name, value string) string {
	if runtime.GOOS == "windows" {
		return "setx " + name + " " + value
	}
	return "export " + name + "=" + value
}

// checkLoopback does with a socket what a kernel and its client do: bind, connect, send there and back.
func checkLoopback(ctx context.Context, listen func(network, address string) (net.Listener, error)) []Finding {
	mend := "" // a firewall's window, not a command
	if runtime.GOOS == "linux" {
		mend = "sudo ip link set lo up"
	}
	l, err := listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failing(mend, "no port on 127.0.0.1 can be bound: %v; Jupyter and the kernel talk there", err)
	}
	defer l.Close()
	begun := time.Now()
	if err := echo(ctx, l); errors.Is(err, syscall.ENETUNREACH) { // containers without network have it down
		return failing(mend, "127.0.0.1 cannot be reached: %v; Jupyter and the kernel talk there", err)
	} else if err != nil {
		return failing("", "a socket on 127.0.0.1 can be bound and not reached: %v; let the firewall pass connections to 127.0.0.1", err)
	}
	return ok("127.0.0.1 answers in %.1f ms", float64(time.Since(begun).Microseconds())/1000)
}

func echo(ctx context.Context, l net.Listener) error {
	limit := time.Now().Add(5 * time.Second)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(limit)
		io.CopyN(c, c, 4)
	}()
	d := net.Dialer{Deadline: limit}
	c, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(limit)
	if _, err := io.WriteString(c, "ping"); err != nil {
		return err
	}
	back := make([]byte, 4)
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if string(back) != "ping" {
		return fmt.Errorf("something else answers there: %q", back)
	}
	return nil
}

// limits are the process's, 0 for none and for what this system does not tell.
type limits struct {
	files   uint64 // open at once
	address uint64 // bytes of address space
	memory  uint64 // bytes that control groups leave
	pss     error  // why a process's share of memory cannot be read, on Linux
}

// Limits below which things go wrong: sockets and pipes of one kernel with its clients; what Go's run time reserves;
// a session with the embedded networks beside its front.
const (
	fewFiles    = 256
	fewAddress  = 2 << 30
	smallMemory = 512 << 20
)

func checkLimits(l limits) []Finding {
	var out []Finding
	if l.files > 0 && l.files < fewFiles {
		out = append(out, warning("ulimit -n 1024", "%d files may be open at once; a kernel with several clients and cells that open files want %d", l.files, fewFiles)...)
	}
	if l.address > 0 && l.address < fewAddress {
		out = append(out, failing("ulimit -v unlimited", "%s of address space; the run time of Go reserves more than that", bytesText(l.address))...)
	}
	if l.memory > 0 && l.memory < smallMemory {
		out = append(out, warning("dlas install --memory "+bytesFlag(max(l.memory*3/4, 256<<20)), "the control group leaves %s of memory; the system ends a session that takes more", bytesText(l.memory))...)
	}
	if l.pss != nil {
		out = append(out, warning("", "a process's share of memory cannot be read (%v), so memory is shown with what is shared counted twice", l.pss)...)
	}
	if out == nil {
		text := func(n uint64, show func(uint64) string) string {
			if n == 0 {
				return "no limit"
			}
			return show(n)
		}
		count := func(n uint64) string { return strconv.FormatUint(n, 10) }
		out = ok("files %s, address space %s, memory %s", text(l.files, count), text(l.address, bytesText), text(l.memory, bytesText))
	}
	return out
}

func bytesFlag(n uint64) string { return strconv.FormatUint(max(1, n>>20), 10) + "MiB" }

// checkGo looks for the toolchain that %%go, %%test, %get and %use call.
func checkGo(ctx context.Context) []Finding {
	mend := "sudo apt install golang"
	switch runtime.GOOS {
	case "darwin":
		mend = "brew install go"
	case "windows":
		mend = "winget install GoLang.Go"
	}
	mend += "    (or https://go.dev/dl/)"
	const needs = "%%go, %%test, %get and %use want one; all else runs without"
	path, err := exec.LookPath("go")
	if err != nil {
		return warning(mend, "no Go toolchain on PATH: %s", needs)
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION")
	cmd.Dir = os.TempDir() // no go.mod there asks for another toolchain
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	version := strings.TrimSpace(string(out))
	if err != nil || !strings.HasPrefix(version, "go1.") {
		return warning(mend, "%s does not run (%v): %s", path, err, needs)
	}
	if own := runtime.Version(); minor(version) < minor(own) {
		return warning(mend, "%s is %s, older than this program's %s: %s", path, version, own, needs)
	}
	return ok("%s %s", filepath.ToSlash(path), version)
}

// minor is the 26 of go1.26.8; 1<<30 for a development version, which is newer than any.
func minor(version string) int {
	rest, found := strings.CutPrefix(version, "go1.")
	if !found {
		return 1 << 30
	}
	n, err := strconv.Atoi(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))])
	if err != nil {
		return 1 << 30
	}
	return n
}
