package magic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// An interrupted command has this long to end by itself; it is also how long output is awaited from what a command that
// has ended left running in the background.
const grace = 2 * time.Second

// Shell runs a command line of the system's shell with its output in the cell; begun with *, in the folder of the notebook's
// go.mod. It runs in a process group of its own, which an interrupt reaches and which dies with the session where the system
// can do that. It asks the user for input when it waits for it, see
// ask. Another exit status than 0 is an error.
func Shell(ctx context.Context, c *Call) error {
	line, inModule := strings.CutPrefix(c.Args, "*")
	line = strings.TrimSpace(line)
	if line == "" {
		return errors.New("! runs a command of the shell: !COMMAND")
	}
	name, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		name, flag = "cmd", "/C"
	}
	cmd, err := c.command(ctx, "!"+command(line), name, flag, line)
	if err != nil {
		return err
	}
	if inModule {
		cmd.Dir = moduleFolder(c.Folder())
	}
	started, ended, err := c.ask(ctx, cmd)
	if err != nil {
		return err
	}
	defer ended()
	return c.run(ctx, "!"+command(line), cmd, started)
}

// moduleFolder is that of the go.mod that counts for a folder, or else the folder itself.
func moduleFolder(folder string) string {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if st, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && st.Mode().IsRegular() {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return folder
		}
	}
}

// command is the first word of a command line, to name it by: the whole may hold a password.
func command(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return oneLine(word, 40)
}

const (
	scriptFlags = "[--out NAME] [--err NAME] [--no-raise-error]"
	scriptArgs  = scriptFlags + " [ARGS]"
)

const scriptHelp = `--out NAME and --err NAME put what it prints into a variable instead of showing it. It ends the cell with an error if it exits with
another status than 0, unless --no-raise-error is given. -s A B hands arguments to a script of the shell: $1 is A.`

// script runs a program, or with "" the one that its arguments name, with the cell as its input.
func script(program string) func(context.Context, *Call) error {
	return func(ctx context.Context, c *Call) error {
		f, rest, err := scriptFlagsOf(c)
		if err != nil {
			return err
		}
		words, err := Fields(rest)
		if err != nil {
			return fmt.Errorf("%%%%%s: %w", c.Name, err)
		}
		name := program
		if name == "" {
			if len(words) == 0 {
				return errors.New("%%script: which program? %%script PROGRAM")
			}
			name, words = words[0], words[1:]
		}
		if strings.TrimSpace(c.Body) == "" {
			return fmt.Errorf("%%%%%s: the cell below it is empty", c.Name)
		}
		cmd, err := c.command(ctx, "%%"+c.Name, name, words...)
		if err != nil {
			return err
		}
		cmd.Stdin = strings.NewReader(strings.TrimSuffix(c.Body, "\n") + "\n") // programs that read lines want the last one ended
		kept := map[string]*bytes.Buffer{}
		for flag, to := range map[string]*io.Writer{"--out": &cmd.Stdout, "--err": &cmd.Stderr} {
			if f.has(flag) {
				b := &bytes.Buffer{}
				kept[f[flag]], *to = b, b
			}
		}
		err = c.run(ctx, "%%"+c.Name, cmd, nil)
		for name, b := range kept {
			if e := c.Set(name, b.String()); e != nil {
				return fmt.Errorf("%%%%%s: %w", c.Name, e)
			}
		}
		var exit *exec.ExitError
		if f.has("--no-raise-error") && errors.As(err, &exit) {
			fmt.Fprintln(c.Stderr, err)
			return nil
		}
		return err
	}
}

// scriptFlagsOf takes our own flags off the arguments: those with two dashes; all others are the program's.
func scriptFlagsOf(c *Call) (f flags, rest string, err error) {
	if !strings.HasPrefix(c.Args, "--") {
		return flags{}, c.Args, nil
	}
	n := len(c.Args)
	for i := range c.Args { // up to the first word that is neither a flag with two dashes nor the value of one
		if (i == 0 || c.Args[i-1] == ' ') && c.Args[i] == '-' && !strings.HasPrefix(c.Args[i:], "--") {
			n = i
			break
		}
	}
	f, rest, err = cutFlags("%"+c.Name, c.Args[:n], "--out NAME", "--err NAME", "--no-raise-error")
	for _, name := range []string{"--out", "--err"} {
		if v, ok := f[name]; ok && !token.IsIdentifier(v) {
			return nil, "", fmt.Errorf("%%%%%s: %s wants the name of a variable, not %q", c.Name, name, v)
		}
	}
	if f.has("--out") && f["--out"] == f["--err"] {
		return nil, "", fmt.Errorf("%%%%%s: --out and --err want different names", c.Name)
	}
	return f, rest + c.Args[n:], err
}

// command makes a command whose output is the cell's.
func (c *Call) command(ctx context.Context, title, program string, args ...string) (*exec.Cmd, error) {
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("%s: %s is not installed", title, program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	// As GoNB calls the working directory and the folder of the go.mod.
	dir, _ := os.Getwd()
	cmd.Env = append(os.Environ(), "GONB_DIR="+dir, "GONB_TMP_DIR="+moduleFolder(c.Folder()))
	return cmd, nil
}

// run runs a command and says how it ended unless that is well.
func (c *Call) run(ctx context.Context, title string, cmd *exec.Cmd, started func()) error {
	cmd.WaitDelay = grace
	err := runGroupThen(cmd, started)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // the latter: it left something running that holds its output
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %w", title, exit)
	}
	return fmt.Errorf("%s: %w", title, err)
}

// isProgram tells whether a program of this name can be run.
func isProgram(name string) bool {
	if name == "" || strings.ContainsAny(name, "./") {
		return false
	}
	_, err := exec.LookPath(name)
	return err == nil
}
