//go:build !unix

package interp

import "syscall"

func ownGroup(user *syscall.SysProcAttr) (*syscall.SysProcAttr, bool) { return user, false }

func killGroup(int) {}

func killTree(int) {}
