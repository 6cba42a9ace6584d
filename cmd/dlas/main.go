// Command dlas is the Deep Learning Acceleration Stack in one binary: it runs stacks on the command line and is the Go
// kernel of Jupyter. A sub-command is a row of the table.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitBadInput    = 2
	exitInterrupted = 130
)

// command is a row of the table.
type command struct {
	name, usage, help string
	run               func(ctx context.Context, c *call) error
	internal          bool // started by this program or by Jupyter, not by a person
	signals           bool // handles signals itself, or leaves them to what it runs
}

// call is one use of a sub-command.
type call struct {
	*command
	args   []string
	stdout io.Writer
	stderr io.Writer
}

func main() {
	absoluteFolders()
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

// absoluteFolders keeps the folders that the environment names where they are when a cell changes the working folder.
func absoluteFolders() {
	for _, name := range []string{"DLAS_DATA", "DLAS_CACHE", "DLAS_STORE"} {
		dir := os.Getenv(name)
		if dir == "" || filepath.IsAbs(dir) {
			continue
		}
		if abs, err := filepath.Abs(dir); err == nil {
			os.Setenv(name, abs)
		}
	}
}

func dispatch(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"help"}
	}
	name := args[0]
	switch name {
	case "-h", "--help", "-help":
		name = "help"
	case "-v", "--version", "-version":
		name = "version"
	}
	var names []string
	for _, row := range commands() {
		if row.name != name {
			if !row.internal {
				names = append(names, row.name)
			}
			continue
		}
		ctx, stop := context.Background(), context.CancelFunc(func() {})
		if !row.signals {
			ctx, stop = signal.NotifyContext(ctx, interrupts...)
		}
		defer stop()
		return report(ctx, row.run(ctx, &call{command: &row, args: args[1:], stdout: stdout, stderr: stderr}), stderr)
	}
	return report(context.Background(), ir.Unknown("", "command", name, names), stderr)
}

// report prints an error in one line and returns the exit code.
func report(ctx context.Context, err error, stderr io.Writer) int {
	var bad *ir.Error
	var u usageError
	var failed failure
	var code status
	switch {
	case err == nil || errors.Is(err, errHelp):
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))):
		fmt.Fprintln(stderr, "dlas: interrupted")
		return exitInterrupted
	case errors.As(err, &failed):
		fmt.Fprintln(stderr, "dlas: "+oneLine(err.Error()))
		return exitFailed
	case errors.As(err, &u) || errors.As(err, &bad):
		fmt.Fprintln(stderr, "dlas: "+oneLine(err.Error()))
		return exitBadInput
	}
	fmt.Fprintln(stderr, "dlas: "+oneLine(err.Error()))
	return exitFailed
}

// oneLine keeps a message that carries foreign text to one line without control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }), " ")
}
