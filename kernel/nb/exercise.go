package nb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An exercise is two cells: one with a blank to fill in, whose metadata holds the solution as `"solution": "source"`, and
// after it one tagged `check` that prints *right*, *not yet: hint* or *not tried*, and never fails.

// Checked is what a check cell said with the exercise blank, and with its solution.
type Checked struct {
	Place         int // of the check cell among all cells, from 1
	ID            string
	Blank, Solved string // the first line that it printed
	Fault         string // what is wrong; empty: nothing
	Kept          bool   // a cell of a notebook that keeps its outputs, whose outputs are not of the kinds that it shows
}

// Solution is the source that solves an exercise; false for a cell that is none.
func (c *Cell) Solution() (string, bool) {
	s, ok := c.Metadata["solution"].(string)
	return s, ok && c.Kind == "code"
}

// Exercises runs a notebook twice, as it is and with the solutions in place of the blanks, and returns what its check
// cells say. The first form must say not tried, the second right. start begins a session for each; the error is of a run
// and not of a cell.
func Exercises(ctx context.Context, n *Notebook, start func(context.Context) (Runner, func(), error), o Options) ([]Checked, error) {
	var said [2]map[int]string
	var out []Checked
	for form := range said {
		c, err := again(n)
		if err != nil {
			return nil, err
		}
		if form == 1 {
			for _, cell := range c.Cells {
				if s, ok := cell.Solution(); ok {
					cell.Source = s
				}
			}
		}
		r, end, err := start(ctx)
		if err != nil {
			return nil, err
		}
		err = Run(ctx, c, r, o)
		end()
		var failed *CellError
		if err != nil && !errors.As(err, &failed) {
			return nil, err
		}
		said[form] = map[int]string{}
		for i, cell := range c.Cells {
			if cell.Kind == "code" && cell.tagged("check") {
				said[form][i] = firstPrinted(cell.Outputs)
			}
		}
		if form == 0 && failed == nil && n.Keeps() {
			out = stale(n, c)
		}
		if failed != nil {
			return []Checked{{Place: failed.Place, Fault: "the cell fails: " + failed.EName + ": " + failed.EValue}}, nil
		}
	}
	blanks := 0
	for i, cell := range n.Cells {
		if _, ok := cell.Solution(); ok {
			blanks++
		}
		if cell.Kind != "code" || !cell.tagged("check") {
			continue
		}
		c := Checked{Place: i + 1, ID: cell.ID, Blank: said[0][i], Solved: said[1][i]}
		switch {
		case blanks == 0:
			c.Fault = "no cell before it has a solution in its metadata"
		case c.Blank != "not tried":
			c.Fault = "with the blank it prints " + quoted(c.Blank) + ", not \"not tried\""
		case !strings.HasPrefix(c.Solved, "right"):
			c.Fault = "with the solution it prints " + quoted(c.Solved) + ", not \"right\""
		}
		blanks = 0
		out = append(out, c)
	}
	if blanks > 0 {
		out = append(out, Checked{Place: len(n.Cells), Fault: "an exercise has no check cell after it"})
	}
	return out, nil
}

// stale are the cells whose kept outputs are not of the kinds that a run shows.
func stale(kept, ran *Notebook) (out []Checked) {
	for i, c := range kept.Cells {
		if c.Kind != "code" {
			continue
		}
		was, is := kinds(c), kinds(ran.Cells[i])
		if was != is {
			out = append(out, Checked{Place: i + 1, ID: c.ID, Kept: true, Fault: "the notebook keeps " + was + " of it, and it shows " + is + ": dlas nb run --write"})
		}
	}
	return out
}

// kinds is what a cell has shown, without what changes with each run: its place among those that ran, the types of its
// outputs and how many lines it printed.
func kinds(c *Cell) string {
	words := []string{"no run"}
	if c.Count > 0 {
		words[0] = "run " + strconv.Itoa(c.Count)
	}
	for _, o := range c.Outputs {
		switch o.Type {
		case "stream":
			words = append(words, fmt.Sprintf("%d lines of %s", len(textLines(o.Text)), o.Name))
		case "error":
			words = append(words, o.EName)
		default:
			words = append(words, strings.Join(slices.Sorted(maps.Keys(o.Data)), " "))
		}
	}
	return quoted(strings.Join(words, ", "))
}

func quoted(s string) string { return `"` + s + `"` }

// again is a copy of a notebook.
func again(n *Notebook) (*Notebook, error) {
	var b bytes.Buffer
	if err := n.Write(&b); err != nil {
		return nil, err
	}
	return Read(&b)
}

// firstPrinted is the first line that a cell printed.
func firstPrinted(outputs []Output) string {
	for _, o := range outputs {
		if o.Type == "stream" && o.Name == "stdout" {
			line, _, _ := strings.Cut(strings.TrimSpace(o.Text), "\n")
			return strings.TrimSpace(line)
		}
		if o.Type == "error" {
			return o.EName + ": " + o.EValue
		}
	}
	return ""
}
