package interp

import (
	"fmt"
	"log"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
)

// logging are the functions of package log for a standard logger, and the methods of every logger: where a logger shows file
// and line, those of interpreted code.
func (in *Interp) logging(std *log.Logger, exit func(int)) map[string]any {
	type logger = *log.Logger
	out := func(l logger, s string) { _ = in.output(l, 1, s) }
	fatal := func(l logger, s string) { out(l, s); exit(1) }
	panics := func(l logger, s string) { out(l, s); panic(s) }
	m := map[string]any{
		"log.Default": func() *log.Logger { return std },
		"log.Flags":   std.Flags, "log.SetFlags": std.SetFlags,
		"log.Prefix": std.Prefix, "log.SetPrefix": std.SetPrefix,
		"log.Writer": std.Writer, "log.SetOutput": std.SetOutput,

		// a handler that becomes slog's default gets what is logged here, too
		"log/slog.SetDefault": func(l *slog.Logger) {
			before := log.Writer()
			slog.SetDefault(l)
			if after := log.Writer(); after != before {
				std.SetOutput(after)
				std.SetFlags(log.Flags())
			}
		},

		"log.Output":           func(depth int, s string) error { return in.output(std, depth, s) },
		"log.(*Logger).Output": func(l logger, depth int, s string) error { return in.output(l, depth, s) },
	}
	for name, do := range map[string]func(logger, string){"Print": out, "Fatal": fatal, "Panic": panics} {
		m["log."+name] = func(a ...any) { do(std, fmt.Sprint(a...)) }
		m["log."+name+"f"] = func(f string, a ...any) { do(std, fmt.Sprintf(f, a...)) }
		m["log."+name+"ln"] = func(a ...any) { do(std, fmt.Sprintln(a...)) }
		m["log.(*Logger)."+name] = func(l logger, a ...any) { do(l, fmt.Sprint(a...)) }
		m["log.(*Logger)."+name+"f"] = func(l logger, f string, a ...any) { do(l, fmt.Sprintf(f, a...)) }
		m["log.(*Logger)."+name+"ln"] = func(l logger, a ...any) { do(l, fmt.Sprintln(a...)) }
	}
	return m
}

var logMu sync.Mutex

// output writes a line for the interpreted call at a depth, of which the innermost is 1.
func (in *Interp) output(l *log.Logger, depth int, s string) error {
	flags := l.Flags()
	if flags&(log.Lshortfile|log.Llongfile) == 0 {
		return l.Output(2, s)
	}
	_, file, line, ok := in.caller(depth - 1)
	if !ok {
		file, line = "???", 0
	}
	if flags&log.Lshortfile != 0 {
		file = filepath.Base(file)
	}
	prefix, inner := l.Prefix(), ""
	if flags&log.Lmsgprefix != 0 {
		prefix, inner = "", prefix
	}
	logMu.Lock() // as the logger would keep writes apart
	defer logMu.Unlock()
	return log.New(l.Writer(), prefix, flags&^(log.Lshortfile|log.Llongfile|log.Lmsgprefix)).Output(2, file+":"+strconv.Itoa(line)+": "+inner+s)
}
