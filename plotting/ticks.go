package plotting

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// niceTicks labels an axis with four to eight round numbers, 1, 2, 2.5 or 5
// times a power of ten apart.
type niceTicks struct{}

// Ticks implements plot.Ticker.
func (niceTicks) Ticks(low, high float64) []plot.Tick {
	if !(high > low) {
		return []plot.Tick{{Value: low, Label: number(low)}}
	}
	step := niceStep((high - low) / 5)
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: decimal(i*step, step)})
	}
	return ticks
}

// niceStep is the round number nearest above x, give or take.
func niceStep(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if x <= m*unit*1.2 {
			return m * unit
		}
	}
	return 10 * unit
}

// decimal writes a multiple of step with the digits that step needs.
func decimal(v, step float64) string {
	digits := 0
	for s := step; digits < 12 && math.Abs(s-math.Round(s)) > 1e-9*s; digits++ {
		s = step * math.Pow(10, float64(digits+1))
	}
	if math.Abs(v) < step/2 {
		v = 0
	}
	if math.Abs(v) >= 1e6 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return grouped(strconv.FormatFloat(v, 'f', digits, 64))
}

// logTicks labels a logarithmic axis at 1, 2 and 5 times the powers of ten, at
// the powers alone if there are many, and at round numbers if there are few.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(low, high float64) []plot.Tick {
	if low <= 0 || !(high > low) {
		return niceTicks{}.Ticks(low, high)
	}
	decades := math.Log10(high / low)
	steps := []float64{1, 2, 5}
	switch {
	case decades > 4:
		steps = steps[:1]
	case decades < 0.7:
		if high/low < 1.5 {
			return niceTicks{}.Ticks(low, high)
		}
		steps = []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8}
	}
	ticks := ticksAt(steps, low, high)
	if len(ticks) < 3 && decades < 1 { // less than a decade may hold two of 1, 2 and 5 only
		ticks = ticksAt([]float64{1, 1.5, 2, 3, 4, 6, 8}, low, high)
	}
	if len(ticks) < 2 {
		return niceTicks{}.Ticks(low, high)
	}
	return ticks
}

// ticksAt are the steps times the powers of ten that lie between two numbers.
func ticksAt(steps []float64, low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		unit := math.Pow(10, e)
		for _, m := range steps {
			if v := m * unit; v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: v, Label: number(v)})
			}
		}
	}
	return ticks
}

// number writes a number for a reader: three significant digits, thousands
// apart.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	if a := math.Abs(v); a >= 1e9 || a < 1e-4 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return grouped(s)
}

// grouped sets the thousands of a written number apart.
func grouped(s string) string {
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}

// fixed returns how the values beside the bars of a figure are written: all
// with the decimals that give the largest three significant digits.
func fixed(largest float64) func(v float64) string {
	digits := 0
	if largest > 1e-9 {
		digits = max(0, 2-int(math.Floor(math.Log10(largest))))
	}
	return func(v float64) string {
		if digits == 0 {
			return number(math.Round(v))
		}
		return strconv.FormatFloat(v, 'f', digits, 64)
	}
}
