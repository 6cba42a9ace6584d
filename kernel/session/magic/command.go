package magic

import "os/exec"

// RunCommand runs a command made by exec.CommandContext in a process group of its own, as Shell does: when its context ends
// the group is interrupted, and killed where it does not end by itself; it dies with the session where the system can do
// that. What it returns is what cmd.Run would; started, unless nil, is called once the command runs.
func RunCommand(cmd *exec.Cmd, started func()) error {
	cmd.WaitDelay = grace
	return runGroupThen(cmd, started)
}

func runGroup(cmd *exec.Cmd) error { return runGroupThen(cmd, nil) }
