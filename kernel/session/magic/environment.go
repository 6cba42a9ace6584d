package magic

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

const envHelp = `show or set environment variables, for cells and commands
%env lists all, %env NAME shows one, %env NAME=VALUE and %env NAME VALUE set one, %env -u NAME removes it. In VALUE, $NAME is
another variable.`

const cdHelp = `change the working directory of cells and commands; without one, to the home directory
%cd - goes back to where it was before.`

func env(_ context.Context, c *Call) error {
	f, rest, err := cutFlags("env", c.Args, "-u NAME")
	if err != nil {
		return err
	}
	if name, ok := f["-u"]; ok {
		if rest != "" {
			return fmt.Errorf("%%env: -u takes one name, not %q too", rest)
		}
		return os.Unsetenv(name)
	}
	if rest == "" {
		all := os.Environ()
		slices.Sort(all)
		fmt.Fprintln(c.Stdout, strings.Join(all, "\n"))
		return nil
	}
	end := strings.IndexAny(rest, "= \t")
	if end < 0 {
		v, ok := os.LookupEnv(rest)
		if !ok {
			return fmt.Errorf("%%env: %s is not set; %%env %s=VALUE sets it", rest, rest)
		}
		fmt.Fprintln(c.Stdout, v)
		return nil
	}
	name, value := rest[:end], strings.TrimSpace(rest[end:])
	value = strings.TrimSpace(strings.TrimPrefix(value, "="))
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		quoted := value[0] == '\''
		value = value[1 : n-1]
		if quoted {
			return setenv(name, value)
		}
	}
	return setenv(name, os.Expand(value, os.Getenv))
}

func setenv(name, value string) error {
	if err := os.Setenv(name, value); err != nil {
		return fmt.Errorf("%%env: %q is no name for a variable; %%env NAME=VALUE sets one", name)
	}
	return nil
}

// before is the working directory that %cd - goes to.
var before struct {
	sync.Mutex
	dir string
}

func cd(_ context.Context, c *Call) error {
	from, _ := os.Getwd() // "" where it was removed
	args := c.Args
	if args == "-" {
		before.Lock()
		args = before.dir
		before.Unlock()
		if args == "" {
			return errors.New("%cd: there was no %cd before this one")
		}
	}
	dir, err := expand(args)
	if err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("%%cd: %s: %w", dir, reason(err))
	}
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("%%cd: %w", err)
	}
	before.Lock()
	before.dir = from
	before.Unlock()
	// A command of the shell believes these if they are right.
	os.Setenv("OLDPWD", from)
	os.Setenv("PWD", wd)
	fmt.Fprintln(c.Stdout, wd)
	return nil
}

func pwd(_ context.Context, c *Call) error {
	if c.Args != "" {
		return fmt.Errorf("%%pwd takes no argument; %%cd %s changes the working directory", c.Args)
	}
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("%%pwd: %w", err)
	}
	fmt.Fprintln(c.Stdout, wd)
	return nil
}

// args sets os.Args, and reads those of the command line's flags that cells have declared.
func args(_ context.Context, c *Call) error {
	words, err := Fields(c.Args)
	if err != nil {
		return fmt.Errorf("%%args: %w", err)
	}
	if s, ok := c.Session.(interface{ SetArgs(args []string) error }); ok {
		return s.SetArgs(words)
	}
	os.Args = append(os.Args[:1:1], words...)
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	if err := flag.CommandLine.Parse(words); err != nil && !strings.HasPrefix(err.Error(), "flag provided but not defined") {
		return fmt.Errorf("%%args: %w", err)
	}
	return nil
}

func version(_ context.Context, c *Call) error {
	if c.Args != "" {
		return errors.New("%version takes no argument; it shows the version of Go")
	}
	fmt.Fprintf(c.Stdout, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// expand reads a path as the shell would: ~ is the home directory, and so is no path at all; $NAME is a variable.
func expand(path string) (string, error) {
	if n := len(path); n > 1 && (path[0] == '"' || path[0] == '\'') && path[n-1] == path[0] {
		path = path[1 : n-1]
	}
	path = strings.TrimPrefix(path, `"`) // while it is typed
	if strings.Contains(path, "$") {
		path = os.Expand(path, os.Getenv)
	}
	if path == "" || path == "~" || strings.HasPrefix(path, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no home directory: %w", err)
		}
		path = filepath.Join(home, strings.TrimPrefix(path, "~"))
	}
	return path, nil
}

// reason is what went wrong, without the operation and path that os puts in front.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func completeEnv(c Completing) ([]Match, int) {
	var names []string
	for _, e := range os.Environ() {
		n, _, _ := strings.Cut(e, "=")
		names = append(names, n)
	}
	slices.Sort(names)
	return Words(c.Text, " ", names...)
}
