package system

import "syscall"

// yield lets another thread of the machine have this processor, if one waits for it.
func yield() { _, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
