package interp

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ownGroup leaves a process in the session's group, which ends with the session
// whatever ends that.
func ownGroup(user *syscall.SysProcAttr) (*syscall.SysProcAttr, bool) { return user, false }

func killGroup(int) {}

// killTree kills a process and all that descend from it. They are halted first,
// so that none starts another meanwhile.
func killTree(pid int) {
	var all []int
	seen := map[int]bool{}
	var halt func(pid int)
	halt = func(pid int) {
		if syscall.Kill(pid, syscall.SIGSTOP) != nil {
			return
		}
		if !seen[pid] {
			seen[pid] = true
			all = append(all, pid)
		}
		for _, c := range childrenOf(pid) {
			if !seen[c] {
				halt(c)
			}
		}
	}
	halt(pid)
	for _, p := range all {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}

// childrenOf lists the children of a process, started by any of its threads.
func childrenOf(pid int) (out []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for s := range strings.FieldsSeq(string(b)) {
			if c, err := strconv.Atoi(s); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}
