package history

import (
	"slices"
	"unicode/utf8"
)

// Tail returns the last n entries of all runs, oldest first; n < 1 is all.
func (l *Log) Tail(n int) ([]Entry, error) {
	es, _, err := l.all()
	return last(es, n), err
}

// Range returns the entries of a run with start <= Line < stop; stop 0 is no end. Session 0 is the current run,
// negative ones count back from it, others are its number. They are in the order of their lines, which is not that in which
// cells of different shells have ended.
func (l *Log) Range(session, start, stop int) ([]Entry, error) {
	es, current, err := l.all()
	if session <= 0 {
		session += current
	}
	var out []Entry
	for _, e := range es {
		if e.Session == session && e.Line >= start && (stop == 0 || e.Line < stop) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return a.Line - b.Line })
	return out, err
}

// Search returns the last n entries (n < 1: all) whose input matches a glob pattern as a whole, oldest first. With
// unique, only the last of those with the same input is returned.
func (l *Log) Search(pattern string, n int, unique bool) ([]Entry, error) {
	es, _, err := l.all()
	var out []Entry
	seen := map[string]bool{}
	for i := len(es) - 1; i >= 0 && (n < 1 || len(out) < n); i-- {
		e := es[i]
		if !glob(pattern, e.Input) || unique && seen[e.Input] {
			continue
		}
		seen[e.Input] = true
		out = append(out, e)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, err
}

func last(es []Entry, n int) []Entry {
	if n < 1 || n >= len(es) {
		return es
	}
	return es[len(es)-n:]
}

// glob matches as SQLite's GLOB does, which is what Jupyter's own history search uses: * is any text, ? one character,
// [abc], [a-z] and [^a-z] one of a set. It goes back to the last * only, so its time is at most the product of the
// lengths.
func glob(p, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			star, mark = i, j
			i++
			continue
		}
		if i < len(p) {
			if pi, sj, ok := one(p[i:], s[j:]); ok {
				i, j = i+pi, j+sj
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, w := utf8.DecodeRuneInString(s[mark:])
		mark += w
		i, j = star+1, mark
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// one matches the first character of s with the first element of p, and returns the lengths of both.
func one(p, s string) (pn, sn int, ok bool) {
	r, sn := utf8.DecodeRuneInString(s)
	c, pn := utf8.DecodeRuneInString(p)
	switch c {
	case '?':
		return pn, sn, true
	case '[':
		if n, ok, closed := set(p, r); closed {
			return n, sn, ok
		}
	}
	return pn, sn, c == r
}

// set matches r with the [...] at the start of p.
func set(p string, r rune) (n int, ok, closed bool) {
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	for first := true; i < len(p); first = false {
		if p[i] == ']' && !first {
			return i + 1, ok != not, true
		}
		lo, w := utf8.DecodeRuneInString(p[i:])
		i += w
		hi := lo
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			hi, w = utf8.DecodeRuneInString(p[i+1:])
			i += 1 + w
		}
		ok = ok || lo <= r && r <= hi
	}
	return 0, false, false
}
