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
	case strings.Contains(text, "goroutine stack exceeds"):
		return "stack overflow (a recursion without end?)"
	case text != "":
		return crashLine(text)
	case l.broken != nil: // and then the kernel has ended it
		return "it sent what the kernel could not read: " + l.broken.Error()
	case l.exit.Signal == "killed":
		return "it was killed by the system (signal: killed); most often the machine had no memory left"
	case l.exit.Signal != "":
		return "it was ended by a signal: " + l.exit.Signal
	case inCell:
		return fmt.Sprintf("os.Exit(%d)", l.exit.Code)
	}
	return fmt.Sprintf("exit code %d", l.exit.Code)
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
