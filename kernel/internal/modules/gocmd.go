package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// NoToolchain is why nothing but what is built in can be imported.
type NoToolchain struct{}

func (NoToolchain) Error() string {
	return "there is no go command on the PATH (go.dev/dl has it)"
}

// goPath is the go command.
func goPath() (string, error) {
	p, err := exec.LookPath("go")
	if err != nil {
		return "", NoToolchain{}
	}
	return p, nil
}

// command makes a go command that runs in the workspace. Unless it may change things it neither downloads nor writes.
func (w Workspace) command(ctx context.Context, change bool, args ...string) (*exec.Cmd, error) {
	path, err := goPath()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = w.Dir
	cmd.Env = append(os.Environ(), "PWD="+w.Dir, "CGO_ENABLED=0", "GO111MODULE=on", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if os.Getenv("GOWORK") == "" {
		cmd.Env = append(cmd.Env, "GOWORK=off")
	}
	if !change {
		cmd.Env = append(cmd.Env, "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local")
	}
	cmd.WaitDelay = time.Second
	return cmd, nil
}

// output runs a go command that changes nothing and returns what it prints. Its error is what it says on standard error.
func (w Workspace) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd, err := w.command(ctx, false, args...)
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && errs.Len() > 0 {
			return nil, errors.New(strings.TrimSpace(errs.String()))
		}
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}
