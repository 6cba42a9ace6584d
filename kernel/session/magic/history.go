package magic

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const historyHelp = `show what cells of this session have run
%history 3-7 9 shows these cells. -n puts their numbers in front, -o adds their results, -l N shows the last N, -g TEXT those with
the text in them, -u each text once, -f FILE writes them to a file.`

// Input is a cell that has run.
type Input struct {
	N      int // the number in front of it
	Code   string
	Result string // what it resulted in, as text
}

func showHistory(_ context.Context, c *Call) error {
	f, rest, err := cutFlags("history", c.Args, "-n", "-o", "-u", "-l N", "-g TEXT", "-f FILE")
	if err != nil {
		return err
	}
	last, err := f.number("history", "-l", 0, 1<<30)
	if err != nil {
		return err
	}
	if g, ok := f["-g"]; ok && rest != "" { // the text may have blanks
		f["-g"], rest = strings.Trim(g+" "+rest, `"'`), ""
	}
	in, err := spans(rest)
	if err != nil {
		return fmt.Errorf("%%history: %w", err)
	}
	var found []Input
	for _, i := range c.Inputs() {
		if within(i.N, in) && strings.Contains(strings.ToLower(i.Code), strings.ToLower(f["-g"])) {
			found = append(found, i)
		}
	}
	if f.has("-u") {
		seen := map[string]bool{}
		for i, x := range slices.Backward(found) {
			if seen[x.Code] {
				found = slices.Delete(found, i, i+1)
			}
			seen[x.Code] = true
		}
	}
	if last > 0 && len(found) > last {
		found = found[len(found)-last:]
	}
	var b strings.Builder
	for _, i := range found {
		code := strings.TrimRight(i.Code, "\n") + "\n"
		if f.has("-n") {
			fmt.Fprintf(&b, "%4d: ", i.N)
			code = strings.ReplaceAll(strings.TrimRight(code, "\n"), "\n", "\n      ") + "\n"
		}
		b.WriteString(code)
		if f.has("-o") && i.Result != "" {
			b.WriteString("→ " + strings.TrimRight(i.Result, "\n") + "\n")
		}
	}
	if path, ok := f["-f"]; ok {
		return write(c, "history", path, []byte(b.String()), false, false)
	}
	if len(found) == 0 {
		fmt.Fprintln(c.Stderr, "there is no such cell among those that have run")
	}
	fmt.Fprint(c.Stdout, b.String())
	return nil
}
