package kernel

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// gone is what a user is told about a session that has ended.
const gone = "The session has ended and a fresh one was started: what cells had declared is gone."

// cause says in a few words how a session came to its end; inCell, that a cell was running.
func cause(l *life, inCell bool) string {
	text := l.stderr.CrashText()
	switch {
	case l.killed.Load():
		return "it was ended by the second interrupt"
	case text == "" && l.broken != nil: // and then the kernel has ended it
		return "it sent what the kernel could not read: " + l.broken.Error()
	case text == "" && l.exit.Signal == "" && !inCell:
		return fmt.Sprintf("exit code %d", l.exit.Code)
	}
	return l.exit.Cause(text)
}

// Cause says in a few words how a session came to its end within a cell; crash is what the Go runtime has written then.
func (e Exit) Cause(crash string) string {
	switch {
	// The line before that one may be read, and passed on, by a session that is just about to be stopped.
	case strings.Contains(crash, "goroutine stack exceeds"), strings.Contains(crash, "fatal error: stack overflow"):
		return "stack overflow (a recursion without end?)" + e.peak()
	case strings.Contains(crash, "out of memory") || strings.Contains(crash, "cannot allocate memory"):
		return crashLine(crash) + e.peak() + ": it asked for more memory than there is, or than dlas kernel --memory allows"
	case crash != "":
		return crashLine(crash) + e.peak()
	case e.Signal == "killed":
		return "it was killed by the system (signal: killed)" + e.peak() + e.whyKilled()
	case e.Signal != "":
		return "it was ended by a signal: " + e.Signal + e.peak()
	}
	return fmt.Sprintf("os.Exit(%d)", e.Code)
}

// smallPeak is what a session uses before cells do anything, in bytes: not worth a word.
const smallPeak = 256 << 20

func (e Exit) peak() string {
	if e.Peak < smallPeak && e.Signal != "killed" || e.Peak == 0 {
		return ""
	}
	return ", peak memory " + pipe.Bytes(e.Peak)
}

// whyKilled guesses at what is behind a kill that nobody here has sent.
func (e Exit) whyKilled() string {
	all := machineMemory()
	switch {
	case e.NoRoom:
		return ": the system had no memory left. Use less at once, or set a limit below that of the machine with dlas kernel --memory, which stops the cell instead"
	case all > 0 && e.Peak > all/2:
		return fmt.Sprintf(": most likely for want of memory, of which there are %s. dlas kernel --memory sets a limit that stops the cell instead", pipe.Bytes(all))
	case all == 0:
		return "; most often that is for want of memory"
	}
	return "; not for want of memory, as it seems"
}

// crashLine is the line of a crash text that says what happened.
func crashLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") {
			return line
		}
	}
	return strings.TrimSpace(first)
}

// crashExcerpt bounds the lines of a crash text that a cell shows.
const crashExcerpt = 8

// crashError is the error of a cell whose session has ended. Of a crash text it shows what the runtime says before its
// stacks: these are of the session's own functions, and may have thousands of lines.
func crashError(l *life) *pipe.Error {
	why := cause(l, true)
	e := &pipe.Error{Name: "SessionEnded", Value: why + ". " + gone}
	if l.killed.Load() {
		e.Name = "Interrupted"
	}
	e.Traceback = []string{"\x1b[31m" + e.Name + "\x1b[0m: " + why}
	for line := range strings.Lines(l.stderr.CrashText()) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "runtime stack:") || len(e.Traceback) > crashExcerpt {
			break
		}
		if line != "" && line != why {
			e.Traceback = append(e.Traceback, line)
		}
	}
	e.Traceback = append(e.Traceback, gone)
	return e
}
