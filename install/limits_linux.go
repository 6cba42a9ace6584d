package install

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func readLimits() limits {
	var l limits
	for what, to := range map[int]*uint64{unix.RLIMIT_NOFILE: &l.files, unix.RLIMIT_AS: &l.address} {
		var r unix.Rlimit
		if unix.Getrlimit(what, &r) == nil && r.Cur != unix.RLIM_INFINITY {
			*to = r.Cur
		}
	}
	membership, _ := os.ReadFile("/proc/self/cgroup")
	l.memory = groupMemory("/sys/fs/cgroup", string(membership))
	_, l.pss = os.ReadFile("/proc/self/smaps_rollup")
	return l
}

// groupMemory is the least limit of memory among a process's control groups, version 2 or 1; 0 for none.
func groupMemory(root, membership string) uint64 {
	var least uint64
	note := func(path string) {
		b, err := os.ReadFile(path)
		n, perr := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		// Version 1 says no limit with a number near the largest.
		if err == nil && perr == nil && n < 1<<60 && (least == 0 || n < least) {
			least = n
		}
	}
	for line := range strings.Lines(membership) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for group := filepath.Clean("/" + parts[2]); ; group = filepath.Dir(group) {
			switch parts[1] {
			case "":
				note(filepath.Join(root, group, "memory.max"))
			case "memory":
				note(filepath.Join(root, "memory", group, "memory.limit_in_bytes"))
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}
