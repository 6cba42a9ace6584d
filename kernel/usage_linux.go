package kernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc: the kernel's USER_HZ, which is 100 on all that Go runs on.
const tick = 10 * time.Millisecond

// read adds what /proc says of this process and those below it, and of the machine.
func (m *consumption) read(c content) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	cpu := map[int]time.Duration{}
	memory, used := int64(0), time.Duration(0)
	for _, p := range family(os.Getpid()) {
		cpu[p.pid] = p.cpu
		used += p.cpu - m.cpu[p.pid]
		memory += p.memory()
	}
	if memory > 0 {
		c["kernel_memory"] = memory
	}
	c["kernel_cpu"] = 0.0
	if past := now.Sub(m.at); m.cpu != nil && past > 0 {
		c["kernel_cpu"] = max(0, 100*used.Seconds()/past.Seconds())
	}
	busy, all := machine()
	if m.cpu != nil && all > m.all {
		c["host_cpu_percent"] = 100 * float64(busy-m.busy) / float64(all-m.all)
	}
	m.at, m.cpu, m.busy, m.all = now, cpu, busy, all
	if v := virtualMemory(); v != nil {
		c["host_virtual_memory"] = v
	}
}

// running is a process as /proc shows it.
type runningProcess struct {
	pid, parent int
	cpu         time.Duration
}

// family is a process and all below it.
func family(root int) []runningProcess {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	below := map[int][]runningProcess{}
	var out []runningProcess
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		b, err := os.ReadFile(d + "/stat")
		_, rest, ok := bytes.Cut(b, []byte(") ")) // the name before it may have any characters
		if i := bytes.LastIndex(b, []byte(") ")); i >= 0 {
			rest = b[i+2:]
		}
		fields := strings.Fields(string(rest))
		if err != nil || !ok || len(fields) < 13 {
			continue // it has ended meanwhile
		}
		n := func(i int) int { v, _ := strconv.Atoi(fields[i]); return v }
		p := runningProcess{pid: pid, parent: n(1), cpu: time.Duration(n(11)+n(12)) * tick}
		if pid == root {
			out = append(out, p)
		} else {
			below[p.parent] = append(below[p.parent], p)
		}
	}
	for i := 0; i < len(out); i++ {
		out = append(out, below[out[i].pid]...)
	}
	return out
}

// memory is the proportional share of what the process has in memory or, where that may not be read, all that it has.
func (p runningProcess) memory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid))
	if err == nil {
		return sizes(b)["Pss"]
	}
	b, _ = os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	return sizes(b)["VmRSS"]
}

// sizes reads lines of the form "Name: 12 kB", in bytes.
func sizes(b []byte) map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(line, ":")
		if f := strings.Fields(rest); ok && len(f) == 2 && f[1] == "kB" {
			if n, err := strconv.ParseInt(f[0], 10, 64); err == nil {
				out[name] = n << 10
			}
		}
	}
	return out
}

// machine is how long all processors have worked since the start, and that and how long they have waited.
func machine() (busy, all time.Duration) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, s := range strings.Fields(line) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || i > 8 { // those after it are in the others already
			continue
		}
		all += time.Duration(n) * tick
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += time.Duration(n) * tick
		}
	}
	return busy, all
}

// virtualMemory has the names that psutil gives them, and ipykernel by it.
func virtualMemory() content {
	b, _ := os.ReadFile("/proc/meminfo")
	m := sizes(b)
	total, available := m["MemTotal"], m["MemAvailable"]
	if total == 0 {
		return nil
	}
	return content{
		"total": total, "available": available, "percent": 100 * float64(total-available) / float64(total), "used": total - available,
		"free": m["MemFree"], "active": m["Active"], "inactive": m["Inactive"], "buffers": m["Buffers"], "cached": m["Cached"] + m["SReclaimable"],
		"shared": m["Shmem"], "slab": m["Slab"],
	}
}
