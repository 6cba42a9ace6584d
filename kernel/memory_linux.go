package kernel

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// outOfMemory counts how often the system has ended a process of this machine, or of this container, for want of memory.
func outOfMemory() (n int64) {
	for _, f := range append(cgroupFiles("memory.events", "memory.oom_control"), "/proc/vmstat") {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
				k, _ := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
				n += k
			}
		}
	}
	return n
}

// machineMemory is the memory that the processes of this machine, or of this container, may use, in bytes; 0 if unknown.
func machineMemory() (least int64) {
	smaller := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		first, _, _ := strings.Cut(string(b), "\n")
		if fields := strings.Fields(first); len(fields) > 1 && fields[0] == "MemTotal:" {
			k, _ := strconv.ParseInt(fields[1], 10, 64)
			smaller(k << 10)
		}
	}
	for _, f := range cgroupFiles("memory.max", "memory.limit_in_bytes") {
		if b, err := os.ReadFile(f); err == nil {
			k, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64) // "max" is no number
			smaller(k)
		}
	}
	return least
}

// cgroupFiles are the files of that name in this process's control groups and those above them, of version 2 and 1. In a
// container the process's path may be that outside; then the root's stands for it.
func cgroupFiles(v2, v1 string) (files []string) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		root, name := "", ""
		switch {
		case parts[0] == "0" && parts[1] == "":
			root, name = "/sys/fs/cgroup", v2
		case strings.Contains(","+parts[1]+",", ",memory,"):
			root, name = "/sys/fs/cgroup/memory", v1
		default:
			continue
		}
		for dir := filepath.Clean("/" + parts[2]); ; dir = filepath.Dir(dir) {
			files = append(files, filepath.Join(root, dir, name))
			if dir == "/" {
				break
			}
		}
	}
	return files
}
