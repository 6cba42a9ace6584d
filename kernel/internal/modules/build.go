package modules

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// BuildCommand makes a go command that builds: as for Find it downloads nothing, changes nothing and uses no C.
func (w Workspace) BuildCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	return w.command(ctx, false, args...)
}

// Explain is what the go command says of a package that a cell imports as one line for the user, with the way out.
func Explain(path, msg string) error { return explain(path, path, msg) }

// Version is that of the go command, as in go1.26.8, or an error that says that there is none.
func Version(ctx context.Context) (string, error) {
	out, err := Workspace{}.output(ctx, "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	v := string(bytes.TrimSpace(out))
	if !strings.HasPrefix(v, "go") && !strings.HasPrefix(v, "devel") {
		return "", fmt.Errorf("the go command has an unknown version %q", v)
	}
	return v, nil
}
