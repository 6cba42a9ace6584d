// Package kernel is the front of a Jupyter kernel: the process that owns the five sockets and the signing key.
//
// It keeps requests in order, runs them in a session (a child process that it starts, and starts again when it dies),
// and turns what the session sends into Jupyter's messages. It speaks protocol 5.5: docs/jupyter.md says what of it, and with which test.
package kernel

import (
	"io"
	"log/slog"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// Options say what Run runs.
type Options struct {
	ConnectionFile string // as Jupyter writes it

	Argv  []string                // the command that is a session; it speaks frames on the pipes that StartProcess gives it
	Start func() (Session, error) // starts a session; nil stands for StartProcess(Argv)

	Name    string // of the implementation in kernel_info
	Version string // of the implementation
	Banner  string // what consoles show at their start
	Links   []Link // help links of the front end's menu

	Debugger bool // the session answers debug requests, and clients are told so

	History string        // file of the history across runs; "" is history.jsonl in the folder godlas of the user's cache
	Grace   time.Duration // time a cell has to stop after an interrupt, before a second one ends the session; 0 is 5 s
	Output  int64         // bytes of text that cells may print at once, and again every 8 s, before some is left out; 0 is 2 MB, -1 no limit
	Log     *slog.Logger  // nil logs warnings to stderr

	Alone bool             // the process is this kernel's alone: what cells have started ends with their session, even if that is killed (Linux)
	Now   func() time.Time // the clock of the dates in messages; nil is time.Now. What waits goes by the monotonic clock
}

// Link is an entry of the help menu.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// Session is a process that runs cells, as the front needs it.
type Session interface {
	// Send gives it a frame. It may be called from many goroutines.
	Send(pipe.Frame) error
	// Receive returns its next frame, or an error when there will be none.
	Receive() (pipe.Frame, error)
	// Stdout and Stderr are what its file descriptors 1 and 2 are connected to. Both end when the session ends. They may be
	// pipe.Waiter: then the session takes its own output from there too.
	Stdout() io.Reader
	Stderr() io.Reader
	// Close tells it to end: it will see the end of its pipe.
	Close()
	// Kill ends it at once.
	Kill()
	// Wait returns when it has ended, and says how. It may be called more than once.
	Wait() Exit
}

// Exit says how a session ended.
type Exit struct {
	Code   int    // exit code; -1 after a signal
	Signal string // name of the signal that ended it; "" for none
	Peak   int64  // bytes of memory that it has used at most; 0 if unknown
	NoRoom bool   // meanwhile the system has ended a process for want of memory
}
