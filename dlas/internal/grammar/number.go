package grammar

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	numberForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	timeForm   = regexp.MustCompile(`^(.*[0-9.])(ns|us|ms|s)$`)
)

func isNumber(s string) bool { return numberForm.MatchString(s) }

// canonical fixes the spelling of a value: a number is its shortest decimal (.50 is 0.5), a time is in milliseconds
// (300us is 0.3ms), a vector in quotes is spelt like one without; anything else stays.
func (p *parser) canonical(s string) (string, error) {
	if isNumber(s) {
		return p.number(s)
	}
	if m := timeForm.FindStringSubmatch(s); m != nil && isNumber(m[1]) {
		v, err := strconv.ParseFloat(m[1], 64)
		v *= map[string]float64{"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}[m[2]]
		if err != nil || math.IsInf(v, 0) {
			return "", p.errorf("the number %s is out of range", s)
		}
		return spell(v) + "ms", nil
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") && len(s) > 2 {
		ws := strings.Fields(s[1 : len(s)-1])
		for i, w := range ws {
			if !isNumber(w) {
				continue
			}
			var err error
			if ws[i], err = p.number(w); err != nil {
				return "", err
			}
		}
		if len(ws) > 0 {
			return "[" + strings.Join(ws, " ") + "]", nil
		}
	}
	return s, nil
}

func (p *parser) number(s string) (string, error) {
	// A whole number keeps all its digits: a seed may be larger than a float64 can tell apart.
	if digits := strings.TrimPrefix(s, "+"); strings.Trim(digits, "0123456789") == "" {
		if digits = strings.TrimLeft(digits, "0"); digits == "" {
			digits = "0"
		}
		if len(digits) <= 20 {
			return digits, nil
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", p.errorf("the number %s is out of range", s)
	}
	return spell(v), nil
}

// spell is the shortest decimal that reads back as v, without an exponent where that is readable.
func spell(v float64) string {
	if a := max(v, -v); a == 0 {
		return "0"
	} else if a >= 1e-6 && a < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Number is the canonical spelling of a number. NaN and infinities are spelt as Go does; no layer takes them.
func Number(v float64) string { return spell(v) }
