package session

import (
	"errors"
	"io"
	"os"
	"os/signal"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/trim"
	"github.com/godlas/godlas/kernel/session/magic"
)

var errNotStarted = errors.New("a session is started by a kernel, not by hand: it has no pipe to one")

// Main serves the pipe that the process inherited from the front, until its end. On Unix systems these are the
// file descriptors 3 (to read) and 4 (to write); on Windows DLAS_PIPE holds the numbers of two handles, "r,w".
// An interrupt from the terminal is not for the session: the front has its own way to say it.
func Main(o Options) error {
	r, w, err := inherited()
	if err != nil {
		return err
	}
	// Caught and dropped, not ignored: a command that a cell starts would inherit that.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	if o.Memory > 0 {
		limitMemory(o.Memory)
	}
	if o.own = natives(); o.own == nil {
		o.Native = []io.Writer{os.Stdout, os.Stderr}
	}
	o.slate = pipe.OpenSlate(7)
	trim.Later()
	defer magic.EndCommands()
	o.Exit = func(code int) {
		magic.EndCommands()
		os.Exit(code)
	}
	return Run(pipe.NewConn(r, w), o)
}
