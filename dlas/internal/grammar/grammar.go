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

// maxWords bounds the names and values in all points of a layer together, which is what multiplying out takes.
const maxWords = 500_000

// Points multiplies the line out: each point is the choices of one alternative, in order. The first list varies
// slowest. More than MaxPoints is an error.
func (l Line) Points(layer ir.Layer) ([][]ir.Choice, error) {
	if n, words := l.count(); n > MaxPoints || words > maxWords {
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
				for i, b := range terms {
					if i < len(terms)-1 {
						next = append(next, append(slices.Clip(a), b...))
					} else { // the last takes a over, so that a long line is not copied for each of its words
						next = append(next, append(a, b...))
					}
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
		cs = multiply(cs, vs, func(c *ir.Choice, v string) { c.Value = append(c.Value, v) })
	}
	for _, a := range t.Call.Args {
		cs = multiply(cs, a.Values, func(c *ir.Choice, v string) {
			c.Args = append(c.Args, ir.Arg{Key: a.Key, Op: a.Op, Value: v})
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
		for i, v := range vs {
			d := c
			if i < len(vs)-1 { // the last takes c over
				d.Value, d.Args = slices.Clip(c.Value), slices.Clip(c.Args)
			}
			set(&d, v)
			out = append(out, d)
		}
	}
	return out
}

// count is the number of points and of the words in them, or some number above the most there may be.
func (l Line) count() (points, words int64) {
	for _, s := range l {
		n, w := int64(1), int64(0)
		for _, t := range s {
			n, w = product(n, w, t)
		}
		points, words = capped(points+n), capped(words+w)
	}
	return points, words
}

// product is the count of n points with w words, each followed by each of t's.
func product(n, w int64, t Term) (points, words int64) {
	var m, v int64
	if t.Group != nil {
		m, v = t.Group.count()
	} else {
		m, v = t.Call.count()
	}
	return capped(n * m), capped(w*m + v*n)
}

func (c Call) count() (points, words int64) {
	n := int64(1)
	for _, vs := range c.Values {
		n = capped(n * int64(len(vs)))
	}
	for _, a := range c.Args {
		n = capped(n * int64(len(a.Values)))
	}
	return n, capped(n * int64(1+len(c.Values)+len(c.Args)))
}

func capped(n int64) int64 { return min(n, maxWords+1) }
