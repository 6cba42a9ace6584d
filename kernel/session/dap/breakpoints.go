package dap

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/kernel/interp"
)

// mostPoints is how many breakpoints a cell can have.
const mostPoints = 1000

// point is a breakpoint that is set.
type point struct{ line int }

// source of the protocol.
type source struct {
	Name string `json:"name,omitempty"`
	Path string `json:"path"`
}

func (a *Adapter) cell(path string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.sources[path]
	return c, ok
}

func (a *Adapter) dumpCell(args struct{ Code string }) (any, error) {
	return body{"sourcePath": a.path(args.Code)}, nil
}

func (a *Adapter) source(args struct{ Source source }) (any, error) {
	c, ok := a.cell(args.Source.Path)
	if !ok {
		return nil, errors.New("source unavailable")
	}
	return body{"content": c, "mimeType": "text/x-go"}, nil
}

// statements lists where a cell can be stopped.
func (a *Adapter) statements(cell string) ([]interp.Span, error) {
	g, err := a.host.Debuggee()
	if err != nil {
		return nil, err
	}
	var out []interp.Span
	parsed := true
	for _, src := range a.host.Go(cell) {
		spans := g.Statements(src)
		parsed = parsed && spans != nil
		out = append(out, spans...)
	}
	if !parsed && len(out) == 0 {
		return nil, errors.New("the cell does not parse")
	}
	slices.SortStableFunc(out, func(a, b interp.Span) int { return a.Line - b.Line })
	return out, nil
}

// nearest is the line at which a breakpoint at another one is: that of a statement which begins there, else of the
// innermost one that goes on there and has none after the line, else of the next one.
func nearest(spans []interp.Span, line int) (int, bool) {
	within, next := 0, 0
	for _, s := range spans {
		switch {
		case s.Line == line:
			return line, true
		case s.Line < line && line <= s.End:
			within = s.Line
		case s.Line > line && next == 0:
			next = s.Line
		}
	}
	if within > 0 {
		for _, s := range spans {
			if s.Line == within && s.End >= line && (next == 0 || next > s.End) {
				return within, true
			}
		}
	}
	return next, next > 0
}

func (a *Adapter) setBreakpoints(args struct {
	Source      source
	Breakpoints []struct {
		Line                                int
		Condition, HitCondition, LogMessage string
	}
	Lines []int
},
) (any, error) {
	path := args.Source.Path
	if n := max(len(args.Breakpoints), len(args.Lines)); n > mostPoints {
		return nil, fmt.Errorf("a cell can have %d breakpoints, not %d", mostPoints, n)
	}
	list := []body{}
	var points []point
	var set []interp.Breakpoint
	cell, known := a.cell(path)
	spans, err := a.statements(cell)
	if !known {
		err = errors.New("no cell has this source")
	}
	if args.Breakpoints == nil { // the older form
		for _, l := range args.Lines {
			args.Breakpoints = append(args.Breakpoints, struct {
				Line                                int
				Condition, HitCondition, LogMessage string
			}{Line: l})
		}
	}
	for i, p := range args.Breakpoints {
		b := body{"id": i + 1, "verified": false, "line": p.Line, "source": source{Path: path}}
		list = append(list, b)
		line, ok := nearest(spans, p.Line)
		switch {
		case err != nil:
			b["message"] = err.Error()
			continue
		case !ok:
			b["message"] = fmt.Sprintf("there is no statement at line %d or after it", p.Line)
			continue
		}
		if x := (interp.Breakpoint{Line: line, Condition: p.Condition, Hits: p.HitCondition, Log: p.LogMessage}); true {
			if err := x.Check(); err != nil {
				b["message"] = err.Error()
				continue
			}
			set = append(set, x)
		}
		b["verified"], b["line"] = true, line
		points = append(points, point{line})
	}
	if err := a.now().SetBreakpoints(path, set); err != nil {
		return nil, err
	}
	if a.points[path] = points; len(points) == 0 {
		delete(a.points, path)
	}
	return body{"breakpoints": list}, nil
}

// locations lists where in some lines a breakpoint can be.
func (a *Adapter) locations(args struct {
	Source  source
	Line    int
	EndLine int
},
) (any, error) {
	cell, ok := a.cell(args.Source.Path)
	if !ok {
		return nil, errors.New("no cell has this source")
	}
	spans, err := a.statements(cell)
	if err != nil {
		return nil, err
	}
	out := []body{}
	for _, s := range spans {
		if args.Line <= s.Line && s.Line <= max(args.Line, args.EndLine) && (len(out) == 0 || out[len(out)-1]["line"] != s.Line) {
			out = append(out, body{"line": s.Line})
		}
	}
	return body{"breakpoints": out}, nil
}

func (a *Adapter) setExceptions(args struct{ Filters []string }) (any, error) {
	a.filters = args.Filters
	a.now().StopOnPanic(slices.Contains(args.Filters, "panic"))
	return body{}, nil
}
