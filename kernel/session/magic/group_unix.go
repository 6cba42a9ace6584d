//go:build unix

package magic

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// groups are those that may still have a process: a command can leave some running in the background.
var groups struct {
	sync.Mutex
	ids map[int]bool
}

// EndCommands kills what commands of the shell have left running; a session calls it at its end.
func EndCommands() {
	groups.Lock()
	defer groups.Unlock()
	for id := range groups.ids {
		syscall.Kill(-id, syscall.SIGKILL)
	}
}

// runGroupThen runs cmd in a process group of its own. When its context ends the group gets SIGINT, and SIGKILL
// if it is still there after the grace.
func runGroupThen(cmd *exec.Cmd, started func()) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	diesWithParent(cmd.SysProcAttr)
	ended := make(chan struct{})
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		err := syscall.Kill(group, syscall.SIGINT)
		go func() {
			select {
			case <-ended:
			case <-time.After(grace):
			}
			syscall.Kill(group, syscall.SIGKILL)
		}()
		return err
	}
	done := make(chan error)
	go func() {
		// The signal at the parent's death is sent when the thread that started the child ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			done <- err
			return
		}
		id := cmd.Process.Pid
		keepGroup(id, true)
		if started != nil {
			started()
		}
		err := cmd.Wait()
		keepGroup(id, syscall.Kill(-id, 0) == nil)
		done <- err
	}()
	err := <-done
	close(ended)
	return err
}

func keepGroup(id int, keep bool) {
	groups.Lock()
	defer groups.Unlock()
	if !keep {
		delete(groups.ids, id)
		return
	}
	if groups.ids == nil {
		groups.ids = map[int]bool{}
	}
	groups.ids[id] = true
}
