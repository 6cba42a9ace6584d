//go:build unix

package kernel

import (
	"os"
	"strconv"
	"time"
)

// watchParent closes the channel it returns when the process that Jupyter says has launched the kernel is gone. Without
// JPY_PARENT_PID it never does.
func watchParent(stop <-chan struct{}) <-chan struct{} {
	gone := make(chan struct{})
	pid, err := strconv.Atoi(os.Getenv("JPY_PARENT_PID"))
	if err != nil || pid <= 1 {
		return gone
	}
	parent := os.Getppid()
	seen := alive(pid) // not where the number is of another container
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			// The launcher may have started a script that started the kernel, so both are looked at.
			if os.Getppid() != parent || seen && !alive(pid) {
				close(gone)
				return
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return gone
}
