package magic

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func timeOnce(ctx context.Context, c *Call) error {
	if strings.TrimSpace(c.Args+c.Body) == "" {
		return errors.New("%time: time what? %time STATEMENT")
	}
	if c.Whole && c.Args != "" {
		return errors.New("%%time takes no argument; the cell below it is timed")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	values, err := c.Eval(ctx, c.Source())
	wall := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return err
	}
	c.Result(values)
	fmt.Fprintf(c.Stdout, "wall %s, %s allocated\n", digits(wall), size(after.TotalAlloc-before.TotalAlloc))
	return nil
}

const (
	timeItRounds = 7
	timeItRound  = 100 * time.Millisecond // of one round, when N is chosen here
)

func timeIt(ctx context.Context, c *Call) error {
	n, loop, err := timeItLoop(c)
	if err != nil {
		return err
	}
	round := func(n int) (time.Duration, error) {
		start := time.Now()
		_, err := c.Eval(ctx, loop(n))
		return time.Since(start), err
	}
	empty, err := round(0) // what compiling the loop takes
	if err != nil {
		return err
	}
	for given := n > 0; !given; {
		n = max(1, n*10)
		d, err := round(n)
		if err != nil {
			return err
		}
		if d -= empty; d >= timeItRound/10 {
			n = max(1, int(float64(n)*float64(timeItRound)/float64(d)))
			break
		}
		if n >= 1e9 {
			break
		}
	}
	var per []time.Duration
	for range timeItRounds {
		d, err := round(n)
		if err != nil {
			return err
		}
		per = append(per, max(0, d-empty)/time.Duration(n))
	}
	slices.Sort(per)
	fmt.Fprintf(c.Stdout, "%s a run (median of %d rounds of %d; %s to %s)\n",
		digits(per[timeItRounds/2]), timeItRounds, n, digits(per[0]), digits(per[timeItRounds-1]))
	return nil
}

// timeItLoop reads the arguments; loop(n) is the source that runs the statement n times.
func timeItLoop(c *Call) (n int, loop func(n int) string, err error) {
	args, col := c.Args, c.Column
	if rest, ok := strings.CutPrefix(args, "-n"); ok {
		word, stmt, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if n, err = strconv.Atoi(word); err != nil || n < 1 || n > 1e9 {
			return 0, nil, fmt.Errorf("%%timeit: -n takes a number from 1 to 1000000000, not %q", word)
		}
		stmt = strings.TrimLeft(stmt, " ")
		col += len(args) - len(stmt)
		args = stmt
	}
	stmt := args
	if c.Whole {
		if args != "" {
			return 0, nil, fmt.Errorf("%%%%timeit takes -n N alone; the cell below it is timed, not %q", args)
		}
		stmt = c.Body
	}
	if strings.TrimSpace(stmt) == "" {
		return 0, nil, errors.New("%timeit: time what? %timeit STATEMENT")
	}
	if e, err := parser.ParseExpr(stmt); err == nil {
		if _, call := e.(*ast.CallExpr); !call {
			stmt = "_ = " + stmt // an expression is no statement of Go, but what a reader wants timed
			col = max(1, col-len("_ = "))
		}
	}
	if c.Whole {
		return n, func(n int) string {
			return strings.Repeat("\n", c.Line-1) + fmt.Sprintf("for range %d {\n%s\n}", n, stmt)
		}, nil
	}
	return n, func(n int) string {
		return strings.Repeat("\n", c.Line-1) + fmt.Sprintf("for range %d { /*line :%d:%d*/%s\n}", n, c.Line, col, stmt)
	}, nil
}

// digits writes a duration with three digits, as in 1.23ms.
func digits(d time.Duration) string {
	unit := time.Duration(1)
	for unit*1000 <= d && unit < time.Second {
		unit *= 1000
	}
	if d >= 1000*time.Second {
		return d.Round(time.Second).String()
	}
	name := map[time.Duration]string{1: "ns", time.Microsecond: "µs", time.Millisecond: "ms", time.Second: "s"}[unit]
	return fmt.Sprintf("%.3g %s", float64(d)/float64(unit), name)
}

// size writes bytes in units of powers of ten.
func size(n uint64) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	for len(units) > 1 && f >= 1000 {
		f, units = f/1000, units[1:]
	}
	return fmt.Sprintf("%.3g %s", f, units[0])
}
