package magic

import (
	"slices"
	"strings"
)

// Nearest returns up to three of names that a reader may have meant by name: those that begin with it, else those fewest edits
// away, which are two at most (one, for a name of up to three letters).
func Nearest(name string, names []string) []string {
	type near struct {
		name string
		d    int
	}
	limit := 2
	if len(name) <= 3 {
		limit = 1
	}
	var found []near
	for _, n := range names {
		if len(name) > 1 && strings.HasPrefix(n, name) {
			found = append(found, near{n, 0})
		} else if d := distance(strings.ToLower(name), strings.ToLower(n)); d <= limit {
			found = append(found, near{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.d - b.d })
	var out []string
	for _, f := range found[:min(3, len(found))] {
		if f.d == found[0].d {
			out = append(out, f.name)
		}
	}
	return out
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}
