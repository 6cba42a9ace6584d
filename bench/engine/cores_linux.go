package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"
)

// cores tells how long threads of this process were ready to run and had no core. It reads what the kernel counts
// without telling Go's scheduler, which would take such a call for a chance to move the processors about.
type cores struct {
	tasks []*os.File
	stat  *os.File
	delay []int64 // of tasks, ns
	stole int64
	text  [512]byte
}

func watchCores() *cores {
	c := &cores{}
	paths, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, path := range paths {
		if f, err := os.Open(path); err == nil {
			c.tasks = append(c.tasks, f)
		}
	}
	c.stat, _ = os.Open("/proc/stat")
	c.delay = make([]int64, len(c.tasks))
	return c
}

func (c *cores) known() bool { return len(c.tasks) > 0 && c.stat != nil }

func (c *cores) close() {
	for _, f := range c.tasks {
		f.Close()
	}
	if c.stat != nil {
		c.stat.Close()
	}
}

// number is a field of a file's first line.
func (c *cores) number(f *os.File, field int) int64 {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, f.Fd(), uintptr(unsafe.Pointer(&c.text)), uintptr(len(c.text)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	line, _, _ := bytes.Cut(c.text[:n], []byte("\n"))
	fields := bytes.Fields(line)
	if field >= len(fields) {
		return 0
	}
	v, _ := strconv.ParseInt(string(fields[field]), 10, 64)
	return v
}

func (c *cores) begin() {
	if !c.known() {
		return
	}
	for i, f := range c.tasks {
		c.delay[i] = c.number(f, 1)
	}
	c.stole = c.number(c.stat, 8)
}

// taken returns, of the time since begin and in milliseconds, the longest that a thread waited for a core, and what a
// hypervisor took of all cores.
func (c *cores) taken() (delay, stole float64) {
	if !c.known() {
		return 0, 0
	}
	for i, f := range c.tasks {
		delay = max(delay, float64(c.number(f, 1)-c.delay[i])/1e6)
	}
	return delay, 10 * float64(c.number(c.stat, 8)-c.stole)
}
