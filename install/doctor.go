package install

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Status is how grave a finding is.
type Status string

// The statuses, least first.
const (
	OK   Status = "ok"   // as it should be
	Warn Status = "warn" // something does not work, or not as well as it could, that a notebook can do without
	Fail Status = "fail" // notebooks will not run, or not the ones that are meant
)

// Finding is one thing that a check saw.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	What   string `json:"what"`           // one line
	Mend   string `json:"mend,omitempty"` // the command that mends it; "" where it is ok, or where no command can
}

// Check looks at one side of the machine. Each has at least one finding.
type Check struct {
	Name string
	Run  func(ctx context.Context) []Finding
}

// checkTime bounds one check, on a machine that is slow or stuck.
const checkTime = 60 * time.Second

// Examine runs checks one after another and gives every finding to each as it comes. It returns how many warn and how
// many fail. A check that panics or does not end in a minute is itself a failure; the others run all the same.
func Examine(ctx context.Context, checks []Check, each func(Finding)) (warned, failed int) {
	for _, c := range checks {
		for _, f := range examine(ctx, c, checkTime) {
			f.Check = c.Name
			f.What = oneLine(f.What)
			switch f.Status {
			case Warn:
				warned++
			case Fail:
				failed++
			}
			each(f)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return warned, failed
}

func examine(ctx context.Context, c Check, limit time.Duration) []Finding {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	found := make(chan []Finding, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				found <- []Finding{{Status: Fail, What: fmt.Sprintf("the check itself failed: %v", p)}}
			}
		}()
		found <- c.Run(ctx)
	}()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
		return []Finding{{Status: Fail, What: "the check did not come to its end: " + context.Cause(ctx).Error()}}
	}
}

// oneLine keeps what programs and files say to one line without control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }), " ")
}

// WriteText writes a finding as a row of a table: status, check, what, and below it what mends it.
func (f Finding) WriteText(out io.Writer) {
	fmt.Fprintf(out, "%-5s %-11s %s\n", f.Status, f.Check, f.What)
	if f.Mend != "" {
		fmt.Fprintf(out, "      %-11s -> %s\n", "", f.Mend)
	}
}

// WriteJSON writes a finding as one line of JSON.
func (f Finding) WriteJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(f)
}

// ok, warning and failing make the findings of a check that has one.
func ok(format string, args ...any) []Finding {
	return []Finding{{Status: OK, What: fmt.Sprintf(format, args...)}}
}

func warning(mend, format string, args ...any) []Finding {
	return []Finding{{Status: Warn, What: fmt.Sprintf(format, args...), Mend: mend}}
}

func failing(mend, format string, args ...any) []Finding {
	return []Finding{{Status: Fail, What: fmt.Sprintf(format, args...), Mend: mend}}
}
