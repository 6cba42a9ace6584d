package dlas

import (
	"math"
	"strconv"
	"strings"
)

// The numbers of cards and tables: milliseconds with three digits that count, MB of 10^6 bytes, percentages.

// millis is a time with its unit, three significant digits.
func millis(ms float64) string {
	switch {
	case ms >= 1000:
		return significant(ms/1000) + " s"
	case ms >= 0.1 || ms == 0:
		return significant(ms) + " ms"
	}
	return significant(ms*1000) + " us"
}

// millisRange is two times, with the unit once where it is the same.
func millisRange(low, high float64) string {
	a, b := millis(low), millis(high)
	number, unit, _ := strings.Cut(a, " ")
	if strings.HasSuffix(b, " "+unit) {
		a = number
	}
	return a + " to " + b
}

// significant is v with three significant digits and no exponent.
func significant(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	_, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e") // of the rounded number: 9.999 is 10.0
	e, _ := strconv.Atoi(exponent)
	return strconv.FormatFloat(v, 'f', max(0, min(2-e, 12)), 64)
}

// bytesText is a size with its decimal unit.
func bytesText(n int64) string { return scaled(n, "B") }

// scaled is a count with an SI prefix.
func scaled(n int64, unit string) string {
	v := float64(n)
	for _, p := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= p.size {
			return significant(v/p.size) + " " + p.name + unit
		}
	}
	if unit == "" {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

// thousands writes a count in full, with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := n < 0
	if neg {
		s = s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}

// percent is a fraction as a percentage with two decimals.
func percent(f float64) string { return strconv.FormatFloat(100*f, 'f', 2, 64) + " %" }

func percentBare(f float64) string { return strconv.FormatFloat(100*f, 'f', 2, 64) }
