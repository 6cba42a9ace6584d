package kernel

import (
	"os"
	"strconv"

	"golang.org/x/sys/windows"
)

// watchParent closes the channel it returns when the process that Jupyter says has launched the kernel is gone. On
// Windows JPY_PARENT_PID is a handle of that process. Without it, it never does.
func watchParent(<-chan struct{}) <-chan struct{} {
	gone := make(chan struct{})
	h, err := strconv.ParseUint(os.Getenv("JPY_PARENT_PID"), 10, 64)
	if err != nil || h == 0 {
		return gone
	}
	go func() {
		if e, err := windows.WaitForSingleObject(windows.Handle(h), windows.INFINITE); err == nil && e == windows.WAIT_OBJECT_0 {
			close(gone)
		}
	}()
	return gone
}
