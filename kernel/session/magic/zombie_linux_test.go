package magic

import (
	"fmt"
	"os"
	"strings"
)

// isZombie says that a process is dead but not yet waited for: in a container nobody may be there to do it.
func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(after, "Z")
}
