package compiled

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// awaitsInput reports whether a thread of a process is in the system call that reads its file descriptor 0.
func awaitsInput(pid int) bool {
	number := map[string]string{"amd64": "0", "arm64": "63", "riscv64": "63", "loong64": "63", "386": "3", "arm": "3", "s390x": "3", "ppc64le": "3"}[runtime.GOARCH]
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil {
		return false
	}
	for _, t := range threads {
		if b, err := os.ReadFile(t); err == nil && strings.HasPrefix(string(b), number+" 0x0 ") {
			return true
		}
	}
	return false
}
