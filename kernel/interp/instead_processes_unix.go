//go:build unix && !linux

package interp

import "syscall"

// ownGroup asks for a process group of its own, unless the cell has asked for
// something itself. It reports whether there will be one.
func ownGroup(user *syscall.SysProcAttr) (*syscall.SysProcAttr, bool) {
	var a syscall.SysProcAttr
	if user != nil {
		a = *user
	}
	if a.Setsid || a.Foreground || a.Pgid != 0 {
		return user, a.Setsid
	}
	a.Setpgid = true
	return &a, true
}

// killGroup kills all processes of a group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func killTree(int) {}
