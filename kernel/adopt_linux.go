package kernel

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// own are the sessions that this process has started and not waited for. Starting one holds the lock: what has no entry
// here was adopted.
var own struct {
	sync.Mutex
	pids map[int]bool
}

var adopting atomic.Bool

// adopt makes this process the parent of what its sessions leave behind when they end, so that nothing a cell has started
// outlives them even if a session had no time to end it. It reaps what ends meanwhile.
func adopt(stop <-chan struct{}) {
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return
	}
	adopting.Store(true)
	go func() {
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				eachAdopted(func(pid int) { syscall.Wait4(pid, nil, syscall.WNOHANG, nil) })
			case <-stop:
				return
			}
		}
	}()
}

// politeTime is what adopted processes have to end by themselves: the go command then removes its temporary folder.
const politeTime = 300 * time.Millisecond

// endAdopted ends what was adopted, and in turn what that leaves. A process that has made itself the leader of a
// terminal session, as setsid does, wants to outlive the kernel and is spared.
func endAdopted() {
	self, err := unix.Getsid(0)
	if err != nil || !adopting.Load() {
		return
	}
	begun, told := time.Now(), map[int]bool{}
	for ; time.Since(begun) < politeTime+time.Second; time.Sleep(2 * time.Millisecond) {
		left := false
		eachAdopted(func(pid int) {
			if sid, err := unix.Getsid(pid); err == nil && sid == self {
				left = true
				switch {
				case time.Since(begun) > politeTime:
					syscall.Kill(pid, syscall.SIGKILL)
				case !told[pid]:
					told[pid] = true
					syscall.Kill(pid, syscall.SIGTERM)
				}
			}
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		})
		if !left {
			return
		}
	}
}

func eachAdopted(do func(pid int)) {
	own.Lock()
	defer own.Unlock()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(word); err == nil && !own.pids[pid] {
				do(pid)
			}
		}
	}
}

// startOwn starts a session so that it is not taken for an adopted process.
func startOwn(start func() (pid int, err error)) error {
	own.Lock()
	defer own.Unlock()
	pid, err := start()
	if err == nil {
		if own.pids == nil {
			own.pids = map[int]bool{}
		}
		own.pids[pid] = true
	}
	return err
}

// forgetOwn is told of a session that was waited for.
func forgetOwn(pid int) {
	own.Lock()
	delete(own.pids, pid)
	own.Unlock()
}
