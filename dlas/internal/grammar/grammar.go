// Package grammar reads the text of one layer: words in order, `|` between alternatives, brackets for products, calls
// with lists. A Line is what was written; Points multiplies its lists and alternatives out.
package grammar

import (
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// MaxPoints bounds what one layer may multiply out to: a slip of the keyboard must not ask for a week of measuring.
const MaxPoints = 10_000

// Line is the alternatives of a layer, each a sequence of terms. A Line from Parse is never empty.
type Line []Seq

// Seq is terms applied in order.
type Seq []Term

// Term is a call, or a bracketed Line where Group is not nil.
type Term struct {
	Call  Call
	Group Line
}

// Call is a name with its arguments before lists are multiplied out.
type Call struct {
	Name   string
	Values [][]string // positional: the plain numbers as one list, first; every other one on its own
	Args   []Arg      // sorted by key, then operator
}

// Arg is a named argument; several values are a list.
type Arg struct {
	Key, Op string
	Values  []string
}

// String is the canonical spelling; Parse of it gives the same Line.
func (l Line) String() string {
	alts := make([]string, len(l))
	for i, s := range l {
		alts[i] = s.String()
	}
	return strings.Join(alts, "|")
}

func (s Seq) String() string {
	terms := make([]string, len(s))
	for i, t := range s {
		if t.Group != nil {
			terms[i] = "(" + t.Group.String() + ")"
		} else {
			terms[i] = t.Call.String()
		}
	}
	return strings.Join(terms, " ")
}

// String is the call's canonical spelling.
func (c Call) String() string {
	var parts []string
	for i, vs := range c.Values {
		sep := "|"
		if i == 0 && allNumbers(vs) {
			sep = ", "
		}
		parts = append(parts, quoteAll(vs, sep))
	}
	for _, a := range c.Args {
		parts = append(parts, a.Key+a.Op+quoteAll(a.Values, "|"))
	}
	if len(parts) == 0 {
		return ir.QuoteName(c.Name)
	}
	return ir.QuoteName(c.Name) + "(" + strings.Join(parts, ", ") + ")"
}

func quoteAll(vs []string, sep string) string {
	q := make([]string, len(vs))
	for i, v := range vs {
		q[i] = ir.Quote(v)
	}
	return strings.Join(q, sep)
}

// Points multiplies the line out: each point is the choices of one alternative, in order. The first list varies
// slowest. More than MaxPoints is an error.
func (l Line) Points(layer ir.Layer) ([][]ir.Choice, error) {
	if n := l.count(); n > MaxPoints {
		return nil, &ir.Error{Layer: layer, What: "the lists multiply out to too many points", Try: "at most 10000 a layer"}
	}
	return l.points(), nil
}

func (l Line) points() [][]ir.Choice {
	var out [][]ir.Choice
	for _, s := range l {
		seq := [][]ir.Choice{nil}
		for _, t := range s {
			var next [][]ir.Choice
			terms := t.points()
			for _, a := range seq {
				for _, b := range terms {
					next = append(next, append(slices.Clip(slices.Clone(a)), b...))
				}
			}
			seq = next
		}
		out = append(out, seq...)
	}
	return out
}

func (t Term) points() [][]ir.Choice {
	if t.Group != nil {
		return t.Group.points()
	}
	cs := []ir.Choice{{Name: t.Call.Name}}
	for _, vs := range t.Call.Values {
		cs = multiply(cs, vs, func(c *ir.Choice, v string) { c.Value = append(slices.Clip(c.Value), v) })
	}
	for _, a := range t.Call.Args {
		cs = multiply(cs, a.Values, func(c *ir.Choice, v string) {
			c.Args = append(slices.Clip(c.Args), ir.Arg{Key: a.Key, Op: a.Op, Value: v})
		})
	}
	out := make([][]ir.Choice, len(cs))
	for i, c := range cs {
		out[i] = []ir.Choice{c}
	}
	return out
}

func multiply(cs []ir.Choice, vs []string, set func(*ir.Choice, string)) []ir.Choice {
	var out []ir.Choice
	for _, c := range cs {
		for _, v := range vs {
			d := c
			set(&d, v)
			out = append(out, d)
		}
	}
	return out
}

// count is the number of points, or some number above MaxPoints.
func (l Line) count() int {
	sum := 0
	for _, s := range l {
		n := 1
		for _, t := range s {
			n = capped(n * t.count())
		}
		sum = capped(sum + n)
	}
	return sum
}

func (t Term) count() int {
	if t.Group != nil {
		return t.Group.count()
	}
	n := 1
	for _, vs := range t.Call.Values {
		n = capped(n * len(vs))
	}
	for _, a := range t.Call.Args {
		n = capped(n * len(a.Values))
	}
	return n
}

func capped(n int) int { return min(n, MaxPoints+1) }
