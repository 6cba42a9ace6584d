package trim

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// pages unmaps the pages of the program's file that are in memory. They are only read, so that nothing can be lost.
func pages() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasSuffix(strings.TrimSpace(line), " "+exe) {
			continue
		}
		if strings.HasPrefix(mode, "r") && mode[1] == '-' {
			syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}
