package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/cells"
	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/install"
	"github.com/godlas/godlas/kernel"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session"
)

// prelude is what a cell has without an import.
var prelude = []string{"github.com/godlas/godlas/dlas", "github.com/godlas/godlas/plotting", "github.com/godlas/godlas/kernel/display", "github.com/godlas/godlas/kernel/display/widget"}

// runKernel is the process that Jupyter starts.
func runKernel(ctx context.Context, c *call) error {
	f := c.flags()
	file := f.String("connection-file", "", "`file` that names the ports and the key")
	verbose := f.Bool("verbose", false, "log to stderr what the kernel does")
	memory := f.size("memory", "stop cells that make the session use more than `SIZE` of memory, such as 4GiB")
	output := f.size("output", "leave out what cells print beyond `SIZE` at once, such as 20MB; none for no limit")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	if *file == "" {
		return usageError("kernel: Jupyter starts this command, with --connection-file; dlas install tells it how")
	}
	if *memory > 0 && *memory < leastMemory {
		return usageError(fmt.Sprintf("kernel: --memory %d is too little: a session that has run no cell yet uses some 40 MiB; 256MiB is the least", *memory))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	defer install.HoldBinary()()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // the front holds little, and then half as much garbage beside it
	}
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	return kernel.Run(ctx, kernel.Options{
		ConnectionFile: *file,
		Argv:           sessionCommand(self, *memory),
		Output:         *output,
		Alone:          true,
		Name:           "godlas",
		Version:        dlas.Version,
		Banner:         "godlas " + dlas.Version + ": Go with the Deep Learning Acceleration Stack; %dlas shows the stack, %lsmagic the magics",
		Debugger:       true,
		History:        historyFile(),
		Links:          []kernel.Link{{Text: "Go", URL: "https://go.dev/doc/"}, {Text: "Go packages", URL: "https://pkg.go.dev/std"}},
		Log:            slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: level})),
	})
}

// historyFile is beside everything else that DLAS_CACHE moves; empty leaves the choice to the kernel.
func historyFile() string {
	cache := data.EnvFromOS().Cache
	if cache == "" {
		return ""
	}
	return filepath.Join(cache, "history.jsonl")
}

// leastMemory is the smallest limit that leaves room for cells, in bytes.
const leastMemory = 256 << 20

// sessionCommand is the command line of a session.
func sessionCommand(self string, memory int64) []string {
	if memory <= 0 {
		return []string{self, "session"}
	}
	return []string{self, "session", "--memory", strconv.FormatInt(memory, 10)}
}

// runSession is the process in which cells run. The kernel starts it.
func runSession(_ context.Context, c *call) error {
	f := c.flags()
	memory := f.size("memory", "`SIZE` of the memory that cells may use")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	var interpreter []string
	if self, err := os.Executable(); err == nil {
		interpreter = []string{self, "exec"}
	}
	programs := ""
	if cache := data.EnvFromOS().Cache; cache != "" {
		programs = filepath.Join(cache, "compiled")
	}
	return session.Main(session.Options{
		Interpreter: interpreter,
		Programs:    programs,

		Memory:    *memory,
		Libraries: append([]interp.Library{interp.Std()}, cells.Libraries()...),
		Prelude:   prelude,
		Magics:    cells.Magics(),
		Message:   message,
	})
}

// message says that an error of DLAS is for the user to read, in one line, and no fault of the program.
func message(v any) (ename string, ok bool) {
	err, ok := v.(error)
	var e *ir.Error
	if !ok || !errors.As(err, &e) {
		return "", false
	}
	return "DLAS", true
}
