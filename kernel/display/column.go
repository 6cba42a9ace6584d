package display

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Widest cell of a table, in characters: as HTML, and as text.
const (
	maxCell     = 100
	maxTextCell = 50
)

// column is a column of a table: its head and the text of the cells that are shown.
type column struct {
	head  string
	about string // of its cells: their type
	cells []string
	right bool // as numbers stand
}

// columnOf formats cells together: floats get one number of decimals. An invalid cell stays empty.
func columnOf(head string, values []reflect.Value) column {
	c := column{head: head, cells: make([]string, len(values))}
	var floats []float64
	numbers, single := true, true
	for i, v := range values {
		for v.IsValid() && v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		values[i] = v
		if !v.IsValid() {
			continue
		}
		if c.about == "" {
			c.about = v.Type().String()
		} else if c.about != v.Type().String() {
			single = false
		}
		switch {
		case hasText(v.Type()):
			numbers = false
		case v.CanFloat():
			floats = append(floats, v.Float())
		case v.CanInt(), v.CanUint(), v.CanComplex():
		default:
			numbers = false
		}
	}
	if !single {
		c.about = ""
	}
	c.right = numbers && c.about != "" || numbers && len(floats) > 0
	if !numbers {
		floats = nil
	}
	as := formatOf(floats)
	for i, v := range values {
		switch {
		case !v.IsValid():
		case as != nil && v.CanFloat():
			c.cells[i] = as(v.Float())
		default:
			c.cells[i] = inline(v, maxCell)
		}
	}
	return c
}

// floatsColumn is columnOf for numbers that lie in no Go value.
func floatsColumn(head string, fs []float64) column {
	c := column{head: head, about: "float64", cells: make([]string, len(fs)), right: true}
	as := formatOf(fs)
	for i, f := range fs {
		c.cells[i] = as(f)
	}
	return c
}

// digits is how many significant ones a float in a table has.
const digits = 6

// formatOf is how floats that stand below each other are written: with as many decimals as the one that needs most of them, of
// six digits each, and in scientific notation where that would be wide. It is nil for none.
func formatOf(fs []float64) func(float64) string {
	if len(fs) == 0 {
		return nil
	}
	decimals, largest, smallest := 0, 0.0, math.Inf(1)
	for _, f := range fs {
		a := math.Abs(f)
		if f == 0 || math.IsNaN(a) || math.IsInf(a, 0) {
			continue
		}
		largest, smallest = max(largest, a), min(smallest, a)
		s := strconv.FormatFloat(a, 'e', digits-1, 64) // d.ddddde±xx
		mantissa, exponent, _ := strings.Cut(s, "e")
		x, _ := strconv.Atoi(exponent)
		_, fraction, _ := strings.Cut(strings.TrimRight(mantissa, "0"), ".")
		decimals = max(decimals, len(fraction)-x)
	}
	fixed := largest < 1e15 && smallest >= 1e-5 && decimals <= 9
	if largest >= 1e7 && decimals > 3 {
		fixed = false
	}
	if fixed {
		decimals = min(decimals, digits)
	}
	return func(f float64) string {
		switch {
		case math.IsNaN(f):
			return "NaN"
		case math.IsInf(f, 0):
			return strconv.FormatFloat(f, 'f', -1, 64)
		case fixed:
			return strconv.FormatFloat(f, 'f', decimals, 64)
		case f == 0:
			return "0"
		}
		return strconv.FormatFloat(f, 'e', digits-2, 64)
	}
}
