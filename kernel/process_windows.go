package kernel

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

func inherit(cmd *exec.Cmd, r, w *os.File) error {
	for _, f := range []*os.File{r, w} {
		if err := windows.SetHandleInformation(windows.Handle(f.Fd()), windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
			return err
		}
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("DLAS_PIPE=%d,%d", r.Fd(), w.Fd()))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags:              windows.CREATE_NEW_PROCESS_GROUP,
		AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(r.Fd()), syscall.Handle(w.Fd())},
	}
	return nil
}

// share is of Unix: here the front alone reads what the session writes.
func share(_ *exec.Cmd, ends []*os.File) ([]io.ReadCloser, func(), error) {
	return []io.ReadCloser{ends[0], ends[1]}, func() {}, nil
}

func killTree(cmd *exec.Cmd) { cmd.Process.Kill() }

func endSignal(*os.ProcessState) string { return "" }

func peakMemory(*os.ProcessState) int64 { return 0 }
