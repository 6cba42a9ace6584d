package magic

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// An interrupted command has this long to end by itself; it is also how long output is awaited from what a command that
// has ended left running in the background.
const grace = 2 * time.Second

// Shell runs a command line of the system's shell with its output in the cell. It runs in a process group of its own,
// which an interrupt reaches and which dies with the session where the system can do that. Another exit
// status than 0 is an error.
func Shell(ctx context.Context, c *Call) error {
	if c.Args == "" {
		return errors.New("! runs a command of the shell: !COMMAND")
	}
	name, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		name, flag = "cmd", "/C"
	}
	return run(ctx, c, "!"+command(c.Args), name, []string{flag, c.Args}, "")
}

// command is the first word of a command line, to name it by: the whole may hold a password.
func command(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return oneLine(word, 40)
}

func script(program string) func(context.Context, *Call) error {
	return func(ctx context.Context, c *Call) error {
		if strings.TrimSpace(c.Body) == "" {
			return fmt.Errorf("%%%%%s: the cell below it is empty", program)
		}
		return run(ctx, c, "%%"+program, program, strings.Fields(c.Args), c.Body)
	}
}

func run(ctx context.Context, c *Call, title, program string, args []string, stdin string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s: %s is not installed", title, program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	cmd.WaitDelay = grace
	err := runGroup(cmd)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // the latter: it left something running that holds its output
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %s", title, exit)
	}
	return fmt.Errorf("%s: %w", title, err)
}
