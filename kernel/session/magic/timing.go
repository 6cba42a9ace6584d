package magic

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/session/cell"
)

const timeHelp = `run a statement once and say how long it took and what it allocated
As %%time it times the whole cell, magics and commands too. What it declares stays.`

const timeItHelp = `run a statement many times and say how long one run takes
Seven rounds (-r) of N runs (-n) each: the median of the rounds, with the fastest and the slowest. Without -n, N is chosen so that
a round takes a tenth of a second. The loop itself is part of what is timed. -o NAME puts the time of a run in each round into a
variable, a []time.Duration in ascending order; -q says nothing. As %%timeit it times the cell below it; a statement on its own
line is run once before, without being timed.`

func timeOnce(ctx context.Context, c *Call) error {
	if strings.TrimSpace(c.Args+c.Body) == "" {
		return errors.New("%time: time what? %time STATEMENT")
	}
	if c.Whole && c.Args != "" {
		return errors.New("%%time takes no argument; the cell below it is timed")
	}
	what := func() ([]reflect.Value, error) { return c.Eval(ctx, c.Source()) }
	if c.Whole && notGo(c.Body) {
		what = func() ([]reflect.Value, error) { return nil, c.Run(ctx, c.Source()) }
	} else if !c.Whole && notGo(c.Args) {
		what = func() ([]reflect.Value, error) { return nil, c.Run(ctx, c.Args) }
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	values, err := what()
	wall := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return err
	}
	c.Result(values)
	fmt.Fprintf(c.Stdout, "wall %s, %s allocated\n", digits(wall), size(after.TotalAlloc-before.TotalAlloc))
	return nil
}

// notGo tells whether a text has magics or commands in it.
func notGo(text string) bool {
	return slices.ContainsFunc(cell.Split(text), func(p cell.Piece) bool { return p.Kind != cell.Go })
}

const (
	timeItRounds = 7
	timeItRound  = 100 * time.Millisecond // of one round, when N is chosen here
)

func timeIt(ctx context.Context, c *Call) error {
	t, err := readTimeIt(c)
	if err != nil {
		return err
	}
	if t.setup != "" {
		if _, err := c.Eval(ctx, t.setup); err != nil {
			return err
		}
	}
	round := func(n int) (time.Duration, error) {
		start := time.Now()
		_, err := c.Eval(ctx, t.loop(n))
		return time.Since(start), err
	}
	empty, err := round(0) // what compiling the loop takes
	if err != nil {
		return err
	}
	n := t.n
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
	for range t.rounds {
		d, err := round(n)
		if err != nil {
			return err
		}
		per = append(per, max(0, d-empty)/time.Duration(n))
	}
	slices.Sort(per)
	if t.to != "" {
		if err := c.Set(t.to, per); err != nil {
			return fmt.Errorf("%%timeit: %w", err)
		}
	}
	if !t.quiet {
		fmt.Fprintf(c.Stdout, "%s a run (median of %d rounds of %d; %s to %s)\n",
			digits(per[len(per)/2]), t.rounds, n, digits(per[0]), digits(per[len(per)-1]))
	}
	return nil
}

// timed is what %timeit has to do.
type timed struct {
	n, rounds int // n is 0 where it is to be chosen
	to        string
	quiet     bool
	setup     string
	loop      func(n int) string // the source that runs the statement n times
}

func readTimeIt(c *Call) (t timed, err error) {
	f, rest, err := cutFlags(c.sign()+"timeit", c.Args, "-n N", "-r N", "-q", "-o NAME")
	if err != nil {
		return t, err
	}
	if t.n, err = f.number("timeit", "-n", 0, 1e9); err != nil {
		return t, err
	}
	if t.rounds, err = f.number("timeit", "-r", timeItRounds, 10_000); err != nil {
		return t, err
	}
	t.to, t.quiet = f["-o"], f.has("-q")
	if f.has("-o") && !token.IsIdentifier(t.to) {
		return t, fmt.Errorf("%%timeit: -o wants the name of a variable, not %q", t.to)
	}
	col := c.Column + len(c.Args) - len(rest)
	stmt := rest
	if c.Whole {
		stmt = c.Body
		if rest != "" {
			t.setup = strings.Repeat("\n", c.Line-1) + strings.Repeat(" ", max(0, col-1)) + rest
		}
	}
	if strings.TrimSpace(stmt) == "" {
		return t, errors.New("%timeit: time what? %timeit STATEMENT")
	}
	if notGo(stmt) {
		return t, errors.New("%timeit times Go alone, neither magics nor commands; %time takes them")
	}
	if e, err := parser.ParseExpr(stmt); err == nil {
		if _, call := e.(*ast.CallExpr); !call {
			stmt = "_ = " + stmt // an expression is no statement of Go, but what a reader wants timed
			col = max(1, col-len("_ = "))
		}
	}
	if c.Whole {
		t.loop = func(n int) string {
			return strings.Repeat("\n", c.Line-1) + fmt.Sprintf("for range %d {\n%s\n}", n, stmt)
		}
		return t, nil
	}
	t.loop = func(n int) string {
		return strings.Repeat("\n", c.Line-1) + fmt.Sprintf("for range %d { /*line :%d:%d*/%s\n}", n, c.Line, col, stmt)
	}
	return t, nil
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
