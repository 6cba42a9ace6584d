package magic

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Fields cuts arguments into words as a shell does: at blanks outside quotes; a backslash takes what follows as it is, but in
// single quotes.
func Fields(s string) ([]string, error) {
	var out []string
	var b strings.Builder
	word := false
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s) && os.PathSeparator != '\\':
			i++
			b.WriteByte(s[i])
			word = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				b.WriteByte(c)
			}
		case c == '"' || c == '\'':
			quote, word = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if word {
				out = append(out, b.String())
				b.Reset()
				word = false
			}
		default:
			b.WriteByte(c)
			word = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	if word {
		out = append(out, b.String())
	}
	return out, nil
}

// flags are those that were given, with their values; "" for one that takes none.
type flags map[string]string

func (f flags) has(name string) bool { _, ok := f[name]; return ok }

// number is the value of a flag that counts, or def where it is not given.
func (f flags) number(magic, name string, def, most int) (int, error) {
	v, ok := f[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%%%s: %s takes a number from 1 to %d, not %q", magic, name, most, v)
	}
	return n, nil
}

// cutFlags takes the flags off the beginning of arguments; rest is what follows them, as it was written. A flag is listed as
// "-a", or "-n N" if it takes a value, which may also follow it at once or behind an equals sign. Behind -- there is none.
func cutFlags(magic, args string, known ...string) (f flags, rest string, err error) {
	f, rest = flags{}, args
	for strings.HasPrefix(rest, "-") && rest != "-" {
		word, after, _ := strings.Cut(rest, " ")
		after = strings.TrimLeft(after, " \t")
		if word == "--" {
			return f, after, nil
		}
		name, value, given := strings.Cut(word, "=")
		i := slices.IndexFunc(known, func(k string) bool { k, _, _ = strings.Cut(k, " "); return k == name })
		if i < 0 && len(word) > 2 && !strings.HasPrefix(word, "--") { // -n5
			name, value, given = word[:2], word[2:], true
			i = slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, name+" ") })
		}
		if i < 0 {
			return nil, "", unknownFlag(magic, word, known)
		}
		_, takes, _ := strings.Cut(known[i], " ")
		switch {
		case takes == "" && given:
			return nil, "", fmt.Errorf("%%%s: %s takes no value", magic, name)
		case takes != "" && !given:
			if value, after, _ = strings.Cut(after, " "); value == "" {
				return nil, "", fmt.Errorf("%%%s: %s wants a value: %s", magic, name, known[i])
			}
			after = strings.TrimLeft(after, " \t")
		}
		f[name] = value
		rest = after
	}
	return f, rest, nil
}

func unknownFlag(magic, word string, known []string) error {
	var names []string
	for _, k := range known {
		k, _, _ = strings.Cut(k, " ")
		names = append(names, k)
	}
	if near := Nearest(word, names); len(near) > 0 && strings.HasPrefix(word, "--") { // letters are near each other by chance
		return fmt.Errorf("%%%s has no flag %s; did you mean %s?", magic, word, strings.Join(near, " or "))
	}
	if len(known) == 0 {
		return fmt.Errorf("%%%s has no flags, so none %s", magic, word)
	}
	return fmt.Errorf("%%%s has no flag %s; it has %s", magic, word, strings.Join(known, ", "))
}

// span is numbers from first to last.
type span struct{ first, last int }

var errRange = errors.New("a range is 3, 3-7, 3- or -7")

// spans reads ranges between blanks or commas; with none, all numbers from 1.
func spans(s string) ([]span, error) {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	if len(words) == 0 {
		return []span{{1, 1 << 30}}, nil
	}
	var out []span
	for _, w := range words {
		a, b, ranged := strings.Cut(strings.Replace(w, ":", "-", 1), "-")
		r := span{1, 1 << 30}
		var err1, err2 error
		if a != "" {
			r.first, err1 = strconv.Atoi(a)
		}
		switch {
		case !ranged:
			r.last = r.first
		case b != "":
			r.last, err2 = strconv.Atoi(b)
		}
		if err1 != nil || err2 != nil || w == "-" || r.first < 1 || r.last < r.first {
			return nil, fmt.Errorf("%q: %w", w, errRange)
		}
		out = append(out, r)
	}
	return out, nil
}

func within(n int, in []span) bool {
	return slices.ContainsFunc(in, func(s span) bool { return s.first <= n && n <= s.last })
}
