package awaits

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const known = true

// reading is the number of the system call read.
var reading = map[string]string{"amd64": "0", "arm64": "63", "riscv64": "63", "loong64": "63", "386": "3", "arm": "3", "s390x": "3", "ppc64le": "3"}[runtime.GOARCH]

// most bounds how many processes are looked at.
const most = 64

func input(pid int) bool {
	todo := []int{pid}
	for seen := 0; seen < len(todo) && seen < most; seen++ {
		pid := todo[seen]
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return false
		}
		for _, t := range threads {
			if b, err := os.ReadFile(t + "/syscall"); err == nil && strings.HasPrefix(string(b), reading+" 0x0 ") {
				return true
			}
			b, _ := os.ReadFile(t + "/children") // a kernel may be built without
			for _, f := range strings.Fields(string(b)) {
				var child int
				if _, err := fmt.Sscan(f, &child); err == nil {
					todo = append(todo, child)
				}
			}
		}
	}
	return false
}
